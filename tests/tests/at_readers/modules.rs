//! The same key behind the PKCS#11 modules of others: a signer like every other.

use touchmark_tests::modules::Maker;

use crate::desk::{Desk, PIN};

const WRONG_PIN: &str = "654321";
const ANOTHER_WRONG_PIN: &str = "765432";

pub(crate) fn a_key_behind_ykcs11_is_a_signer_like_others(model: &str) {
    a_key_behind_a_module(&Desk::new(model), Maker::Ykcs11);
}

pub(crate) fn a_key_behind_opensc_is_a_signer_like_others(model: &str) {
    a_key_behind_a_module(&Desk::new(model), Maker::OpenSc);
}

/// The signer with this CKA_ID, which says which slot.
fn signer(maker: Maker, id: &str) -> String {
    let module = maker.module();
    format!("pkcs11:id=%{id}?module-path={}&pin-source=file:pin", module.display())
}

fn a_key_behind_a_module(desk: &Desk, maker: Maker) {
    found_keys(desk);
    for (id, slot) in [("01", "9a"), ("02", "9c"), ("04", "9e")] {
        let at = signer(maker, id);
        // Keys and certificates are the ones that Touchmark sees without the module.
        let list = desk.touchmark_as(&at, "key list").done();
        assert!(list.contains(&desk.fingerprint(slot)), "{slot}: {list}");
        desk.touchmark_as(&at, "cert export --out read.crt").done();
        assert_eq!(desk.pem("read.crt"), desk.pem(&format!("{slot}.crt")));
        desk.touchmark_as(&at, "sign message --out signature").done();
        desk.judge_signature(&format!("{slot}.pem"), "signature", "sha256");
        std::fs::remove_file(desk.file("signature")).unwrap();
    }
    issues_device_certificates(desk, maker);
    a_wrong_pin_costs_one_try(desk, maker);
}

/// P-256 in slots 9a and 9c, which asks for the PIN each time, and RSA in 9e. Each is certified to
/// issue certificates, and its public key is in `SLOT.pem`.
fn found_keys(desk: &Desk) {
    desk.found_authority();
    desk.write("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
    desk.openssl("genrsa -out rsa.key 2048");
    desk.keep("own.key", &String::from_utf8(desk.read("rsa.key")).unwrap());
    for (slot, made) in
        [("9a", "key generate"), ("9c", "key generate"), ("9e", "key import own.key")]
    {
        desk.touchmark(slot, made).done();
        match slot {
            // Without metadata a key that was brought is not seen before its certificate is.
            "9e" => {
                desk.openssl("req -new -key rsa.key -subj /CN=dak -out 9e.csr");
                let sign =
                    "x509 -req -in 9e.csr -CA ca.crt -CAkey ca.key -extfile ca.ext -out 9e.crt";
                desk.openssl(sign);
                desk.openssl("pkey -in rsa.key -pubout -out 9e.pem");
            }
            _ => {
                desk.certify(slot, &format!("{slot}.crt"), "-extfile ca.ext");
                desk.public_key(slot, &format!("{slot}.pem"));
            }
        }
        desk.touchmark(slot, &format!("cert import {slot}.crt")).done();
    }
}

/// One from slot 9a, and a batch from 9c, where each signature takes the PIN.
fn issues_device_certificates(desk: &Desk, maker: Maker) {
    desk.write("device.conf", "[req_ext]\nbasicConstraints=critical,CA:FALSE\n");
    std::fs::create_dir(desk.file("csrs")).unwrap();
    for name in ["device", "csrs/one", "csrs/two", "csrs/three"] {
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out device.key");
        desk.openssl(&format!("req -new -key device.key -subj /CN=device -out {name}.csr"));
    }
    let how =
        "--extfile device.conf --extensions req_ext --days 20 --profile plain --partial-chain";
    let one = format!("issue --csr device.csr --out device.pem {how}");
    desk.touchmark_as(&signer(maker, "01"), &one).done();
    desk.openssl("verify -x509_strict -partial_chain -trusted 9a.crt device.pem");

    let signed = "GENERAL AUTHENTICATE sign 9c";
    let count = |name: &str| desk.device().log().count(name);
    let before = (count(signed), count("VERIFY"));
    let batch = format!("issue --batch csrs --out-dir out {how}");
    desk.touchmark_as(&signer(maker, "02"), &batch).done();
    for name in ["one", "two", "three"] {
        desk.openssl(&format!("verify -x509_strict -partial_chain -trusted 9c.crt out/{name}.pem"));
    }
    assert_eq!(count(signed) - before.0, 3, "one signature for each certificate");
    // The login, and then the PIN before each signature.
    assert_eq!(count("VERIFY") - before.1, 4, "the PIN for each signature");
}

/// The card itself counts.
fn a_wrong_pin_costs_one_try(desk: &Desk, maker: Maker) {
    let at = signer(maker, "02");
    let tries = || {
        let said = desk.touchmark("9a", "pin status").done();
        let line = said.lines().find_map(|line| line.strip_prefix("PIN "));
        line.and_then(|line| line.split_whitespace().next()).unwrap().to_owned()
    };
    assert_eq!(tries(), "3");
    desk.keep("pin", WRONG_PIN);
    let before = desk.device().log().count("VERIFY");
    let said = desk.touchmark_as(&at, "sign message --out none").refused_with(4, "wrong PIN");
    assert!(!said.contains("so it was not sent again"), "{said}");
    for _ in 0..3 {
        let again = desk.touchmark_as(&at, "sign message --out none");
        again.refused_with(4, "so it was not sent again");
    }
    assert_eq!(desk.device().log().count("VERIFY") - before, 1);
    assert_eq!(tries(), "2");

    // The flags of the module tell of the last try, and it is kept, for the right PIN too.
    desk.piv_tool(&format!("-a verify-pin -P {ANOTHER_WRONG_PIN}"));
    desk.keep("pin", PIN);
    desk.touchmark_as(&at, "pin status").done_saying(&["1 try left"]);
    desk.touchmark_as(&at, "sign message --out none").refused_with(5, "last try");
    assert_eq!(tries(), "1");
    desk.touchmark_as(&at, "pin clear-fault").done();
    desk.touchmark_as(&at, "--use-last-try sign message --out last").done();
    desk.judge_signature("9c.pem", "last", "sha256");
    assert_eq!(tries(), "3");

    for wrong in [WRONG_PIN, ANOTHER_WRONG_PIN, "876543"] {
        desk.piv_tool(&format!("-a verify-pin -P {wrong}"));
    }
    let before = desk.device().log().count("VERIFY");
    desk.touchmark_as(&at, "sign message --out none").refused_with(5, "blocked");
    assert_eq!(desk.device().log().count("VERIFY"), before);
}
