//! ykcs11, Yubico's PKCS#11 module, through `pkcs11-tool`.

use virtual_yubikey::Algorithm;

use crate::{
    desk::{Desk, SERIAL},
    pkcs11::Module,
    table::Fault,
};

const CLIENT: &str = "ykcs11 2.2.0";

/// All that it does with a card's keys.
pub(crate) fn session(model: &str) {
    let mut desk = Desk::new(CLIENT, model);
    let ykcs11 = Module::find("libykcs11.so.2");
    let facts = desk.facts;
    let p384 = facts.algorithms.contains(&Algorithm::P384);
    let as_officer = "--login --login-type so --so-pin KEY";
    let as_user = "--login --pin PIN";

    desk.step("list slots", |desk| {
        ykcs11.tool(desk, "--list-slots").done_saying(&[&format!("YubiKey PIV #{SERIAL}")]);
    });
    let generate = format!("{as_officer} --keypairgen --id 01 --key-type EC:prime256v1");
    let step = "generate with the management key of the factory";
    if desk.since(5, 7, 0) {
        desk.fault(step, Fault::TripleDesOnly, |desk| {
            ykcs11.tool(desk, &generate).refused("CKR_PIN_INCORRECT");
            let change = "access change-management-key --force -a tdes";
            desk.ykman(&format!("{change} -m KEY -n KEY")).done();
        });
    } else {
        desk.step(step, |desk| {
            ykcs11.tool(desk, &generate).done();
        });
    }
    desk.step("generate and sign P-256", |desk| {
        ykcs11.tool(desk, &generate).done();
        ykcs11.tool(desk, "--read-object --type pubkey --id 01 -o 9a.der").done();
        desk.openssl("pkey -pubin -inform DER -in 9a.der -pubout -out 9a.pem");
        desk.judge_public_key("9a.pem", "prime256v1");
        desk.write("message", b"what is signed");
        let sign =
            "--sign -m ECDSA-SHA256 --signature-format openssl --id 01 -i message -o signature";
        ykcs11.tool(desk, &format!("{as_user} {sign}")).done();
        desk.judge_signature("9a.pem", "message", "signature", " -rawin -digest sha256");
    });
    desk.step("ECDH P-256", |desk| {
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out peer.key");
        desk.openssl("pkey -in peer.key -pubout -outform DER -out peer.der");
        let derive = "--derive -m ECDH1-DERIVE --id 01 -i peer.der -o secret";
        ykcs11.tool(desk, &format!("{as_user} {derive}")).done();
        desk.openssl("pkeyutl -derive -inkey peer.key -peerkey 9a.pem -out expected");
        assert_eq!(desk.read("secret"), desk.read("expected"));
    });
    desk.step_where(
        p384,
        "sign P-384, PIN always, on a key that ykman made",
        |desk| {
            desk.ykman_generates("eccp384", "9c", "9c.pem");
            desk.ykman_certifies("9c", "9c.pem");
            let sign =
                "--sign -m ECDSA-SHA384 --signature-format openssl --id 02 -i message -o signature";
            ykcs11.tool(desk, &format!("{as_user} {sign}")).done();
            desk.judge_signature("9c.pem", "message", "signature", " -rawin -digest sha384");
        },
        |desk| {
            ykcs11
                .tool(desk, &format!("{as_officer} --keypairgen --id 02 --key-type EC:secp384r1"))
                .refused("CKR_");
        },
    );
    if p384 {
        desk.fault("read a P-384 public key", Fault::NoP384PublicKey, |desk| {
            ykcs11
                .tool(desk, "--read-object --type pubkey --id 02 -o 9c.der")
                .refused("cannot create EVP_PKEY");
        });
    } else {
        desk.not_offered("read a P-384 public key");
    }
    desk.step("sign and decrypt RSA-2048, on a key that ykman imported", |desk| {
        desk.openssl("genrsa -out rsa.key 2048");
        desk.openssl("pkey -in rsa.key -pubout -out rsa.pem");
        desk.ykman("keys import -m KEY 9d rsa.key").done();
        desk.ykman_certifies("9d", "rsa.pem");
        for (mechanism, options) in
            [("SHA256-RSA-PKCS", ""), ("SHA256-RSA-PKCS-PSS", " -pkeyopt rsa_padding_mode:pss")]
        {
            let sign = format!("--sign -m {mechanism} --id 03 -i message -o signature");
            ykcs11.tool(desk, &format!("{as_user} {sign}")).done();
            let options = format!(" -rawin -digest sha256{options}");
            desk.judge_signature("rsa.pem", "message", "signature", &options);
        }
        desk.openssl("pkeyutl -encrypt -pubin -inkey rsa.pem -in message -out encrypted");
        let decrypt = "--decrypt -m RSA-PKCS --id 03 -i encrypted -o decrypted";
        ykcs11.tool(desk, &format!("{as_user} {decrypt}")).done();
        assert_eq!(desk.read("decrypted"), b"what is signed");
    });
    desk.step("change the PIN", |desk| {
        ykcs11.tool(desk, &format!("{as_user} --change-pin --new-pin 86420975")).done();
        ykcs11.tool(desk, "--login --pin 86420975 --list-objects").done();
    });
    desk.step("block the PIN", |desk| {
        // The try that blocks it answers 63C0 or 6983, and the module has a name for each.
        for said in ["CKR_PIN_INCORRECT", "CKR_PIN_INCORRECT", "CKR_PIN_", "CKR_PIN_LOCKED"] {
            ykcs11.tool(desk, "--login --pin 11223344 --list-objects").refused(said);
        }
        ykcs11.tool(desk, "--list-slots").done_saying(&["user PIN locked"]);
    });
    desk.end();
}
