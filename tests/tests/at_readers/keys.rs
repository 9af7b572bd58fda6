//! Keys: made by one, seen and used by the other.

use virtual_yubikey::Algorithm;

use crate::desk::{Desk, KEY, PIN};

/// Touchmark makes keys and stores their certificates; whoever else can sign with them does.
pub(crate) fn a_key_that_touchmark_made_is_used_by_others(model: &str) {
    let desk = Desk::new(model);
    desk.found_authority();
    for slot in ["9a", "9c"] {
        desk.touchmark(slot, "key generate").done();
        desk.public_key(slot, &format!("{slot}.pem"));
        desk.certify(slot, &format!("{slot}.crt"), "");
        desk.touchmark(slot, &format!("cert import {slot}.crt")).done();
        desk.ykman(&format!("keys export {slot} {slot}-ykman.pem")).done();
        assert_eq!(desk.read(&format!("{slot}-ykman.pem")), desk.read(&format!("{slot}.pem")));
        let check = format!("-a verify-pin -P {PIN} -a test-signature -s {slot} -i {slot}.crt");
        desk.piv_tool(&check).done_saying(&["Successful ECDSA verification."]);
    }
    // 9c asks for the PIN each time.
    for (id, slot) in [("01", "9a"), ("02", "9c")] {
        let sign = format!(
            "--login --pin {PIN} --sign -m ECDSA-SHA256 --signature-format openssl --id {id} \
             -i message -o signature"
        );
        desk.ykcs11(&sign).done();
        desk.judge_signature(&format!("{slot}.pem"), "signature", "sha256");
        std::fs::remove_file(desk.file("signature")).unwrap();
        let objects = desk.opensc("--list-objects").done();
        assert!(objects.contains(&format!("ID:         {id}")), "{objects}");
        desk.openssl("dgst -sha256 -binary -out digest message");
        let sign = format!(
            "--login --pin {PIN} --sign -m ECDSA --signature-format openssl --id {id} -i digest \
             -o signature"
        );
        desk.opensc(&sign).done();
        desk.judge_signature(&format!("{slot}.pem"), "signature", "sha256");
    }
    if desk.facts.metadata {
        let policies = "key generate --pin-policy never --touch-policy cached";
        desk.touchmark("82", policies).done();
        desk.ykman("keys info 82").done_saying(&["ECCP256", "GENERATED", "NEVER", "CACHED"]);
        desk.ykman("keys info 9c").done_saying(&["ECCP256", "GENERATED", "ALWAYS", "NEVER"]);
    }
    desk.openssl("ecparam -name secp384r1 -genkey -noout -out import.key");
    desk.openssl("pkey -in import.key -pubout -out import.pem");
    desk.openssl("req -x509 -key import.key -subj /CN=import -out import.crt");
    let key = String::from_utf8(desk.read("import.key")).unwrap();
    desk.keep("own.key", &key);
    desk.touchmark("83", "key import own.key").done();
    desk.touchmark("83", "cert import import.crt").done();
    let proved = format!("keys export --verify -P {PIN} 83 import-ykman.pem");
    desk.ykman(&proved).done();
    assert_eq!(desk.read("import-ykman.pem"), desk.read("import.pem"));
    let sign = format!(
        "--login --pin {PIN} --sign -m ECDSA-SHA384 --signature-format openssl --id 06 -i message \
         -o signature"
    );
    desk.ykcs11(&sign).done();
    desk.judge_signature("import.pem", "signature", "sha384");
    if desk.facts.moves {
        desk.touchmark("83", "key move 9d").done();
        desk.ykman("keys info 9d").done_saying(&["ECCP384", "IMPORTED"]);
        let fingerprint = desk.fingerprint("9d");
        desk.touchmark("9d", &format!("key delete --key-confirm {fingerprint}")).done();
        desk.ykman("keys info 9d").refused("No key stored in slot 9D");
    }
}

/// Others make and import keys; Touchmark lists them and signs with them.
pub(crate) fn a_key_that_others_made_is_used_by_touchmark(model: &str) {
    let desk = Desk::new(model);
    desk.ykman(&format!("keys generate -m {KEY} -a eccp256 9a 9a.pem")).done();
    desk.ykman(&format!("keys generate -m {KEY} -a eccp384 9c 9c.pem")).done();
    if desk.since(5, 7, 0) {
        // What yubico-piv-tool 2.2 and its PKCS#11 module prove themselves with is 3DES.
        let change = "access change-management-key --force -a tdes";
        desk.ykman(&format!("{change} -m {KEY} -n {KEY}")).done();
    }
    desk.piv_tool("-a generate -s 9e -A ECCP256 -o 9e.pem").done();
    let generate = "--keypairgen --id 05 --key-type EC:prime256v1";
    desk.ykcs11(&format!("--login --login-type so --so-pin {KEY} {generate}")).done();
    desk.ykcs11("--read-object --type pubkey --id 05 -o 82.der").done();
    desk.openssl("pkey -pubin -inform DER -in 82.der -pubout -out 82.pem");
    desk.openssl("genrsa -out rsa.key 2048");
    desk.openssl("pkey -in rsa.key -pubout -out 9d.pem");
    desk.ykman(&format!("keys import -m {KEY} 9d rsa.key")).done();
    desk.ykman(&format!("certificates generate -m {KEY} -P {PIN} -s CN=rsa 9d 9d.pem")).done();

    let mut slots = vec![("9a", "p256"), ("9c", "p384"), ("9d", "rsa2048"), ("9e", "p256")];
    slots.push(("82", "p256"));
    if desk.facts.algorithms.contains(&Algorithm::Ed25519) {
        desk.ykman(&format!("keys generate -m {KEY} -a ed25519 83 83.pem")).done();
        slots.push(("83", "ed25519"));
    }
    let list = desk.touchmark("9a", "key list").done();
    for (slot, kind) in slots {
        let line = list.lines().find(|line| line.starts_with(&format!("slot {slot} ")));
        assert!(line.is_some_and(|line| line.contains(kind)), "{slot} {kind}: {list}");
        desk.public_key(slot, &format!("{slot}-read.pem"));
        assert_eq!(desk.read(&format!("{slot}-read.pem")), desk.read(&format!("{slot}.pem")));
        desk.touchmark(slot, &format!("sign message --out {slot}.sig")).done();
        match kind {
            "ed25519" => drop(desk.openssl(&format!(
                "pkeyutl -verify -pubin -inkey {slot}.pem -rawin -in message -sigfile {slot}.sig"
            ))),
            "p384" => {
                desk.judge_signature(&format!("{slot}.pem"), &format!("{slot}.sig"), "sha384")
            }
            _ => desk.judge_signature(&format!("{slot}.pem"), &format!("{slot}.sig"), "sha256"),
        }
    }
}
