//! yubico-piv-tool, as Debian has it.

use virtual_yubikey::Algorithm;

use crate::desk::{Desk, SERIAL, Said};
use crate::table::Fault;

const CLIENT: &str = "yubico-piv-tool 2.2.0";
const DES_KEY: &str = "a1b2c3d4e5f60718a1b2c3d4e5f607192a3b4c5d6e7f8091";

impl Desk {
    pub(crate) fn piv_tool(&self, arguments: &str) -> Said {
        self.run("yubico-piv-tool", arguments)
    }
}

/// All that it can do with a key.
pub(crate) fn session(model: &str) {
    let mut desk = Desk::new(CLIENT, model);

    whose_key(&mut desk);
    elliptic(&mut desk);
    rsa(&mut desk);
    objects(&mut desk);
    secrets(&mut desk);
    desk.end();
}

fn whose_key(desk: &mut Desk) {
    let firmware = desk.facts.firmware.map(|number| number.to_string()).join(".");
    desk.step("version", |desk| {
        desk.piv_tool("-a version")
            .done_saying(&[&format!("Application version {firmware} found")]);
    });
    desk.step("status", |desk| {
        let said = desk.piv_tool("-a status");
        said.done_saying(&[
            &format!("Version:\t{firmware}"),
            &SERIAL.to_string(),
            "PIN tries left:\t3",
        ]);
    });
    let generate = "-a generate -s 9a -A ECCP256 -o 9a.pem";
    let step = "generate with the management key of the factory";
    if desk.since(5, 7, 0) {
        desk.fault(step, Fault::TripleDesOnly, |desk| {
            desk.piv_tool(generate).refused("Failed authentication with the application");
            let change = "access change-management-key --force -a tdes";
            desk.ykman(&format!("{change} -m KEY -n KEY")).done();
        });
    } else {
        desk.step(step, |desk| {
            desk.piv_tool(generate).done();
            desk.judge_public_key("9a.pem", "prime256v1");
        });
    }
}

fn elliptic(desk: &mut Desk) {
    let facts = desk.facts;
    desk.step("generate P-256", |desk| {
        desk.piv_tool("-a generate -s 9a -A ECCP256 -o 9a.pem").done();
        desk.judge_public_key("9a.pem", "prime256v1");
    });
    desk.fault("request-certificate", Fault::NoSigningWithOpenSsl3, |desk| {
        let request = "request-certificate -s 9a -S /CN=device/ -i 9a.pem -o 9a.csr";
        desk.piv_tool(&format!("-a verify-pin -P PIN -a {request}"))
            .refused("Failed signing request.");
    });
    desk.fault("selfsign-certificate", Fault::NoSigningWithOpenSsl3, |desk| {
        let certify = "selfsign-certificate -s 9a -S /CN=device/ -i 9a.pem -o 9a.crt";
        desk.piv_tool(&format!("-a verify-pin -P PIN -a {certify}"))
            .refused("Failed signing certificate.");
    });
    desk.step_where(
        facts.algorithms.contains(&Algorithm::P384),
        "generate P-384, PIN always, test-signature",
        |desk| {
            desk.piv_tool("-a generate -s 9c -A ECCP384 -o 9c.pem").done();
            desk.judge_public_key("9c.pem", "secp384r1");
            // What it left is understood by the other.
            desk.ykman_certifies("9c", "9c.pem");
            desk.piv_tool("-a read-certificate -s 9c -o 9c.crt").done();
            desk.judge_self_signed("9c.crt", "9c.pem");
            desk.piv_tool("-a verify-pin -P PIN -a test-signature -H SHA384 -s 9c -i 9c.crt")
                .done_saying(&["Successful ECDSA verification."]);
        },
        |desk| {
            desk.piv_tool("-a generate -s 9c -A ECCP384 -o 9c.pem")
                .refused("Key generation failed.");
        },
    );
    desk.step_where(
        facts.attestation,
        "attest",
        |desk| {
            desk.piv_tool("-a attest -s 9a -o 9a-attestation.pem").done();
            desk.piv_tool("-a read-certificate -s f9 -o f9.crt").done();
            desk.judge_attestation("9a-attestation.pem", "f9.crt", "9a.pem", [2, 1]);
        },
        |desk| {
            desk.piv_tool("-a attest -s 9a -o 9a-attestation.pem").refused("Failed to attest data.")
        },
    );
    desk.step("import-certificate, read-certificate, delete-certificate", |desk| {
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out ca.key");
        desk.openssl("req -x509 -key ca.key -subj /CN=ca -out ca.crt");
        desk.ykman("certificates request -P PIN -s CN=device 9a 9a.pem 9a.csr").done();
        desk.openssl("x509 -req -in 9a.csr -CA ca.crt -CAkey ca.key -out 9a.crt");
        desk.piv_tool("-a import-certificate -s 9a -i 9a.crt").done();
        desk.piv_tool("-a read-certificate -s 9a -o 9a-back.crt").done();
        assert_eq!(desk.openssl("x509 -in 9a-back.crt"), desk.openssl("x509 -in 9a.crt"));
        desk.openssl("verify -CAfile ca.crt 9a-back.crt");
        // What it left is understood by the other.
        desk.ykman("certificates export 9a 9a-ykman.crt").done();
        assert_eq!(desk.openssl("x509 -in 9a-ykman.crt"), desk.openssl("x509 -in 9a.crt"));
        desk.piv_tool("-a verify-pin -P PIN -a test-signature -s 9a -i 9a.crt")
            .done_saying(&["Successful ECDSA verification."]);
        desk.piv_tool("-a delete-certificate -s 9a").done();
        desk.piv_tool("-a read-certificate -s 9a").refused("Failed fetching certificate");
    });
    desk.step("import-key P-256, test-decipher", |desk| {
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out ec.key");
        desk.openssl("req -x509 -key ec.key -subj /CN=ec -out ec.crt");
        desk.piv_tool("-a import-key -s 9d -i ec.key").done();
        desk.piv_tool("-a verify-pin -P PIN -a test-decipher -s 9d -i ec.crt")
            .done_saying(&["Successfully performed ECDH exchange with card."]);
    });
}

fn rsa(desk: &mut Desk) {
    desk.step("generate RSA-2048", |desk| {
        // Where keys made on the card are weak (ROCA), it says so and makes one.
        desk.piv_tool("-a generate -s 9e -A RSA2048 -o 9e.pem").done();
        desk.judge_public_key("9e.pem", "(2048 bit)");
        desk.ykman("certificates request -P PIN -s CN=device 9e 9e.pem 9e.csr").done();
        desk.judge_request("9e.csr", "9e.pem");
    });
    desk.step("import-key RSA-2048, test-signature, test-decipher", |desk| {
        desk.openssl("genrsa -out rsa.key 2048");
        desk.openssl("req -x509 -key rsa.key -subj /CN=rsa -out rsa.crt");
        desk.piv_tool("-a import-key -s 9d -i rsa.key").done();
        desk.piv_tool("-a verify-pin -P PIN -a test-signature -s 9d -i rsa.crt")
            .done_saying(&["Successful RSA verification."]);
        desk.piv_tool("-a verify-pin -P PIN -a test-decipher -s 9d -i rsa.crt")
            .done_saying(&["Successfully performed RSA decryption!"]);
    });
}

fn objects(desk: &mut Desk) {
    desk.step("set-chuid, set-ccc", |desk| {
        desk.piv_tool("-a set-chuid -a set-ccc").done();
        desk.piv_tool("-a status").done_saying(&["CHUID:\t3019d4e739", "CCC:\tf015a00000"]);
        desk.ykman("info").done_saying(&["CHUID: 3019d4e739", "CCC:   f015a00000"]);
    });
    desk.step("write-object, read-object", |desk| {
        desk.write("object", [0x5A; 1500]);
        desk.piv_tool("-a write-object --id 0x5f0002 -f binary -i object").done();
        desk.piv_tool("-a read-object --id 0x5f0002 -f binary -o object-back").done();
        assert_eq!(desk.read("object-back"), [0x5A; 1500]);
    });
}

fn secrets(desk: &mut Desk) {
    let (new_pin, new_puk) = ("86420975", "97531864");
    desk.step("verify-pin", |desk| {
        desk.piv_tool("-a verify-pin -P PIN").done_saying(&["Successfully verified PIN."]);
        desk.piv_tool("-a verify-pin -P 654321").refused("2 tries left");
        desk.piv_tool("-a verify-pin -P PIN").done();
    });
    desk.step("change-pin", |desk| {
        desk.piv_tool(&format!("-a change-pin -P PIN -N {new_pin}")).done();
        desk.piv_tool(&format!("-a verify-pin -P {new_pin}")).done();
    });
    desk.step("change-puk", |desk| {
        desk.piv_tool(&format!("-a change-puk -P PUK -N {new_puk}")).done();
    });
    desk.step("unblock-pin", |desk| {
        for _ in 0..3 {
            desk.piv_tool("-a verify-pin -P 11223344").refused("");
        }
        desk.piv_tool(&format!("-a verify-pin -P {new_pin}")).refused("blocked");
        desk.piv_tool(&format!("-a unblock-pin -P {new_puk} -N {new_pin}")).done();
        desk.piv_tool(&format!("-a verify-pin -P {new_pin}")).done();
    });
    desk.step("set-mgm-key", |desk| {
        desk.piv_tool(&format!("-a set-mgm-key -n {DES_KEY}")).done();
        desk.piv_tool("-a set-chuid").refused("Failed authentication with the application");
        desk.piv_tool(&format!("-k{DES_KEY} -a set-chuid")).done();
        desk.ykman(&format!("objects generate -m {DES_KEY} chuid")).done();
    });
    let retries = "-a verify-pin -P 86420975 -a pin-retries --pin-retries 6 --puk-retries 2";
    desk.step_where(
        !desk.facts.fips,
        "pin-retries",
        |desk| {
            desk.piv_tool(&format!("-k{DES_KEY} {retries}")).done();
            desk.piv_tool("-a status").done_saying(&["PIN tries left:\t6"]);
            desk.piv_tool("-a verify-pin -P PIN").done();
        },
        // Only as long as PIN and PUK are those of the factory.
        |desk| {
            desk.piv_tool(&format!("-k{DES_KEY} {retries}"))
                .refused("Failed changing pin retries.");
        },
    );
    desk.step("reset", |desk| {
        desk.piv_tool("-a reset").refused("Reset failed");
        for _ in 0..6 {
            desk.piv_tool("-a verify-pin -P 11223344").refused("");
        }
        for _ in 0..3 {
            desk.piv_tool("-a change-puk -P 11223344 -N 11223345").refused("");
        }
        desk.piv_tool("-a reset").done();
        desk.piv_tool("-a status")
            .done_saying(&["PIN tries left:\t3", "CHUID:\tNo data available"]);
    });
}
