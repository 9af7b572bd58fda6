//! OpenSC's PKCS#11 module, through `pkcs11-tool`, on keys that ykman made.

use virtual_yubikey::Algorithm;

use crate::{desk::Desk, pkcs11::Module, table::Fault};

const CLIENT: &str = "OpenSC 0.23 pkcs11-tool";

/// All that it does with a card's keys.
pub(crate) fn session(model: &str) {
    let mut desk = Desk::new(CLIENT, model);
    let opensc = Module::find("opensc-pkcs11.so");
    let facts = desk.facts;
    let p384 = facts.algorithms.contains(&Algorithm::P384);
    let digest = [0x5C; 32];

    desk.step("list a key that ykman made", |desk| {
        desk.ykman_generates("eccp256", "9a", "9a.pem");
        desk.ykman_certifies("9a", "9a.pem");
        let said =
            opensc.tool(desk, "--list-slots").done_saying(&["Yubico YubiKey OTP+FIDO+CCID 00 00"]);
        assert!(said.contains("piv_II"), "{said}");
        opensc
            .tool(desk, "--list-objects")
            .done_saying(&["PIV AUTH pubkey", "Certificate for PIV Authentication"]);
        opensc.tool(desk, "--read-object --type cert --id 01 -o 9a.der").done();
        desk.ykman("certificates export 9a 9a.crt").done();
        assert_eq!(desk.openssl("x509 -inform DER -in 9a.der"), desk.openssl("x509 -in 9a.crt"));
    });
    desk.step("login, wrong PIN and right", |desk| {
        opensc.tool(desk, "--login --pin 654321 --list-objects").refused("CKR_PIN_INCORRECT");
        opensc.tool(desk, "--login --pin PIN --list-objects").done();
    });
    desk.step("sign P-256", |desk| {
        desk.write("digest", digest);
        let sign = "--sign -m ECDSA --signature-format openssl --id 01 -i digest -o signature";
        opensc.tool(desk, &format!("--login --pin PIN {sign}")).done();
        desk.judge_signature("9a.pem", "digest", "signature", "");
    });
    desk.step_where(
        p384,
        "sign P-384, PIN always",
        |desk| {
            desk.ykman_generates("eccp384", "9c", "9c.pem");
            desk.ykman_certifies("9c", "9c.pem");
            let sign = "--sign -m ECDSA --signature-format openssl --id 02 -i digest -o signature";
            opensc.tool(desk, &format!("--login --pin PIN {sign}")).done();
            desk.judge_signature("9c.pem", "digest", "signature", "");
        },
        |desk| assert!(!facts.algorithms.contains(&Algorithm::P384), "{desk:?}"),
    );
    desk.step("ECDH P-256", |desk| {
        desk.ykman_generates("eccp256", "9d", "9d.pem");
        desk.ykman_certifies("9d", "9d.pem");
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out peer.key");
        desk.openssl("pkey -in peer.key -pubout -outform DER -out peer.der");
        let derive = "--derive -m ECDH1-COFACTOR-DERIVE --id 03 -i peer.der -o secret";
        opensc.tool(desk, &format!("--login --pin PIN {derive}")).done();
        desk.openssl("pkeyutl -derive -inkey peer.key -peerkey 9d.pem -out expected");
        assert_eq!(desk.read("secret"), desk.read("expected"));
    });
    desk.fault("sign P-256 in slot 9d", Fault::KeyManagementOnlyAgrees, |desk| {
        let sign = "--sign -m ECDSA --id 03 -i digest -o signature";
        opensc
            .tool(desk, &format!("--login --pin PIN {sign}"))
            .refused("CKR_KEY_TYPE_INCONSISTENT");
    });
    desk.step("sign and decrypt RSA-2048", |desk| {
        desk.openssl("genrsa -out rsa.key 2048");
        desk.openssl("pkey -in rsa.key -pubout -out rsa.pem");
        for slot in ["9a", "9d"] {
            desk.ykman(&format!("keys import -m KEY {slot} rsa.key")).done();
            desk.ykman_certifies(slot, "rsa.pem");
        }

        desk.write("message", b"what is signed");
        let sign = "--sign -m SHA256-RSA-PKCS --id 01 -i message -o signature";
        opensc.tool(desk, &format!("--login --pin PIN {sign}")).done();
        desk.judge_signature("rsa.pem", "message", "signature", " -rawin -digest sha256");

        desk.openssl("pkeyutl -encrypt -pubin -inkey rsa.pem -in message -out encrypted");
        let decrypt = "--decrypt -m RSA-PKCS --id 03 -i encrypted -o decrypted";
        opensc.tool(desk, &format!("--login --pin PIN {decrypt}")).done();
        assert_eq!(desk.read("decrypted"), b"what is signed");
    });
    desk.step("change the PIN", |desk| {
        let change = "--login --pin PIN --change-pin --new-pin 86420975";
        opensc.tool(desk, change).done();
        opensc.tool(desk, "--login --pin 86420975 --list-objects").done();
        desk.ykman("access change-pin -P 86420975 -n 86420975").done();
    });
    desk.step("block the PIN", |desk| {
        // The try that blocks it answers 63C0 or 6983, and OpenSC has a name for each.
        for said in ["CKR_PIN_INCORRECT", "CKR_PIN_INCORRECT", "CKR_PIN_", "CKR_PIN_LOCKED"] {
            opensc.tool(desk, "--login --pin 11223344 --list-objects").refused(said);
        }
        opensc.tool(desk, "--login --pin 86420975 --list-objects").refused("CKR_PIN_LOCKED");
    });
    desk.end();
}
