//! ykman, Yubico's own.

use pcscd_lab::Ykman;
use virtual_yubikey::Algorithm;

use crate::desk::{APPROVED, DEFAULTS, Desk, SERIAL, Said, Secrets, tool};

const CLIENT: &str = "ykman 5.9.2";

/// AES-256 and 3DES.
const AES_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const DES_KEY: &str = "a1b2c3d4e5f60718a1b2c3d4e5f607192a3b4c5d6e7f8091";

impl Desk {
    /// Runs `ykman piv …`.
    pub(crate) fn ykman(&self, arguments: &str) -> Said {
        let arguments = self.words(&format!("--device {SERIAL} piv {arguments}"));
        let start = || {
            Ykman::start(self.command(tool("ykman/bin/python")), self.file("ykman-said")).unwrap()
        };
        let run = self.ykman.borrow_mut().get_or_insert_with(start).run(&arguments).unwrap();
        Said { command: format!("ykman {arguments}"), done: run.code == Some(0), said: run.said }
    }

    /// Makes a key in a slot, with its public key in a file.
    pub(crate) fn ykman_generates(&self, algorithm: &str, slot: &str, file: &str) {
        let command = format!("keys generate -m KEY -a {algorithm} {slot} {file}");
        self.ykman(&command).done();
    }

    /// Changes all secrets: a FIPS key from 5.7 on does nothing before that.
    pub(crate) fn approve(&mut self) {
        let Secrets { pin, puk, key } = APPROVED;
        self.ykman(&format!("access change-pin -P PIN -n {pin}")).done();
        self.ykman(&format!("access change-puk -p PUK -n {puk}")).done();
        let change = "access change-management-key --force -a aes192 -m KEY -n";
        self.ykman(&format!("{change} {key}")).done();
        self.secrets = APPROVED;
    }

    /// Gives the key in a slot a certificate signed by itself.
    pub(crate) fn ykman_certifies(&self, slot: &str, public_key: &str) {
        let command =
            format!("certificates generate -m KEY -P PIN -s CN={slot} {slot} {public_key}");
        self.ykman(&command).done();
    }
}

/// A key's life with ykman.
pub(crate) fn session(model: &str) {
    let mut desk = Desk::new(CLIENT, model);
    let facts = desk.facts;

    whose_key(&mut desk);
    elliptic(&mut desk);
    rsa(&mut desk);
    imported(&mut desk);
    newer_curves(&mut desk);
    moved(&mut desk);
    objects(&mut desk);
    secrets(&mut desk);
    management_key(&mut desk);

    desk.step("piv reset", |desk| {
        desk.ykman("reset --force").done();
        let said = desk.ykman("info").done();
        assert!(!said.contains("Slot 9A"), "{said}");
        let tries =
            if facts.metadata { "PIN tries remaining:      3/3" } else { "remaining:      3" };
        assert!(said.contains(tries), "{said}");
        assert!(!said.contains("CHUID: 3"), "{said}");
        desk.ykman(&format!("access change-pin -P {} -n 86420975", DEFAULTS.pin)).done();
    });
    desk.end();
}

fn whose_key(desk: &mut Desk) {
    let firmware = desk.facts.firmware.map(|number| number.to_string()).join(".");
    desk.step("list", |desk| {
        let said = desk.run(tool("ykman/bin/ykman"), "list --serials").done();
        assert_eq!(said.trim(), SERIAL.to_string());
    });
    desk.step("info", |desk| {
        // A NEO's PIV applet has a version of its own.
        let firmware = if desk.since(4, 0, 0) { firmware.clone() } else { "3.4.0".to_owned() };
        let said = desk.run(tool("ykman/bin/ykman"), "info");
        said.done_saying(&[
            &format!("Serial number: {SERIAL}"),
            &format!("Firmware version: {firmware}"),
        ]);
    });
    desk.step("piv info", |desk| {
        desk.ykman("info").done_saying(&[&format!("PIV version:              {firmware}")]);
    });
}

/// Keys on NIST's curves, made on the card.
fn elliptic(desk: &mut Desk) {
    let facts = desk.facts;
    desk.step("keys generate P-256", |desk| {
        desk.ykman_generates("eccp256", "9a", "9a.pem");
        desk.judge_public_key("9a.pem", "prime256v1");
    });
    desk.step("certificates generate P-256", |desk| {
        desk.ykman_certifies("9a", "9a.pem");
        desk.ykman("certificates export 9a 9a.crt").done();
        desk.judge_self_signed("9a.crt", "9a.pem");
    });
    desk.step("certificates request P-256", |desk| {
        desk.ykman("certificates request -P PIN -s CN=device 9a 9a.pem 9a.csr").done();
        desk.judge_request("9a.csr", "9a.pem");
    });
    desk.step_where(
        facts.algorithms.contains(&Algorithm::P384),
        "keys and certificates generate P-384, PIN always",
        |desk| {
            desk.ykman_generates("eccp384", "9c", "9c.pem");
            desk.judge_public_key("9c.pem", "secp384r1");
            desk.ykman_certifies("9c", "9c.pem");
            desk.ykman("certificates export 9c 9c.crt").done();
            desk.judge_self_signed("9c.crt", "9c.pem");
        },
        |desk| {
            desk.ykman("keys generate -m KEY -a eccp384 9c 9c.pem").refused("requires YubiKey");
        },
    );
    desk.step_where(
        facts.attestation,
        "keys attest",
        |desk| {
            desk.ykman("keys attest 9a 9a-attestation.pem").done();
            desk.ykman("certificates export f9 f9.crt").done();
            desk.judge_attestation("9a-attestation.pem", "f9.crt", "9a.pem", [2, 1]);
        },
        |desk| desk.ykman("keys attest 9a 9a-attestation.pem").refused("requires YubiKey"),
    );
    desk.step_where(
        facts.metadata,
        "keys info",
        |desk| {
            desk.ykman("keys info 9a").done_saying(&["ECCP256", "GENERATED", "ONCE", "NEVER"]);
        },
        |desk| desk.ykman("keys info 9a").refused("requires YubiKey"),
    );
    desk.step_where(
        facts.policies,
        "keys generate with policies",
        |desk| {
            let policies = "--pin-policy never --touch-policy never";
            let command = format!("keys generate -m KEY -a eccp256 {policies} 9e 9e.pem");
            if facts.fips {
                return desk.ykman(&command).refused("on YubiKey FIPS");
            }
            desk.ykman(&command).done();
            desk.ykman_certifies("9e", "9e.pem");
            desk.ykman("certificates export 9e 9e.crt").done();
            desk.judge_self_signed("9e.crt", "9e.pem");
        },
        |desk| {
            let policies = "--pin-policy never --touch-policy never";
            let command = format!("keys generate -m KEY -a eccp256 {policies} 9e 9e.pem");
            desk.ykman(&command).refused("requires YubiKey");
        },
    );
}

fn rsa(desk: &mut Desk) {
    // Keys made by these are weak (ROCA), and ykman makes none there.
    let roca = desk.since(4, 2, 0) && !desk.since(4, 3, 5);
    desk.step_where(
        !roca,
        "keys and certificates generate RSA-2048",
        |desk| {
            desk.ykman_generates("rsa2048", "9d", "9d.pem");
            desk.judge_public_key("9d.pem", "(2048 bit)");
            desk.ykman_certifies("9d", "9d.pem");
            desk.ykman("certificates export 9d 9d.crt").done();
            desk.judge_self_signed("9d.crt", "9d.pem");
        },
        |desk| {
            desk.ykman("keys generate -m KEY -a rsa2048 9d 9d.pem")
                .refused("RSA key generation not supported");
        },
    );
    desk.step_where(
        desk.facts.algorithms.contains(&Algorithm::Rsa3072),
        "keys and certificates generate RSA-3072",
        |desk| {
            desk.ykman_generates("rsa3072", "94", "94.pem");
            desk.judge_public_key("94.pem", "(3072 bit)");
            desk.ykman_certifies("94", "94.pem");
            desk.ykman("certificates export 94 94.crt").done();
            desk.judge_self_signed("94.crt", "94.pem");
        },
        |desk| {
            desk.ykman("keys generate -m KEY -a rsa3072 94 94.pem").refused(if roca {
                "not supported"
            } else {
                "requires YubiKey"
            });
        },
    );
}

/// Keys that OpenSSL made.
fn imported(desk: &mut Desk) {
    // The first retired slot, where the firmware has those.
    let slot = if desk.facts.retired_slots { "82" } else { "9d" };
    desk.step("keys import P-256, certificates import", |desk| {
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out import.key");
        desk.openssl("pkey -in import.key -pubout -out import.pem");
        desk.openssl("req -x509 -key import.key -subj /CN=import -out import.crt");
        desk.ykman(&format!("keys import -m KEY {slot} import.key")).done();
        desk.ykman(&format!("certificates import -m KEY -P PIN --verify {slot} import.crt")).done();
        desk.ykman(&format!("certificates export {slot} export.crt")).done();
        assert_eq!(desk.openssl("x509 -in export.crt"), desk.openssl("x509 -in import.crt"));
        desk.ykman(&format!("keys export --verify -P PIN {slot} export.pem")).done();
        assert_eq!(desk.read("export.pem"), desk.read("import.pem"));
    });
    desk.step("certificates import, compressed", |desk| {
        desk.ykman(&format!("certificates import -m KEY --compress {slot} import.crt")).done();
        desk.ykman(&format!("certificates export {slot} export.crt")).done();
        assert_eq!(desk.openssl("x509 -in export.crt"), desk.openssl("x509 -in import.crt"));
    });
    desk.step("keys import RSA-2048, certificates request", |desk| {
        desk.openssl("genrsa -out rsa.key 2048");
        desk.openssl("pkey -in rsa.key -pubout -out rsa.pem");
        desk.ykman(&format!("keys import -m KEY {slot} rsa.key")).done();
        desk.ykman(&format!("certificates request -P PIN -s CN=rsa {slot} rsa.pem rsa.csr")).done();
        desk.judge_request("rsa.csr", "rsa.pem");
    });
}

fn newer_curves(desk: &mut Desk) {
    let has = desk.facts.algorithms.contains(&Algorithm::Ed25519);
    desk.step_where(
        has,
        "keys and certificates generate Ed25519",
        |desk| {
            desk.ykman_generates("ed25519", "90", "90.pem");
            desk.judge_public_key("90.pem", "ED25519");
            desk.ykman_certifies("90", "90.pem");
            desk.ykman("certificates export 90 90.crt").done();
            desk.judge_self_signed("90.crt", "90.pem");
        },
        |desk| {
            desk.ykman("keys generate -m KEY -a ed25519 90 90.pem").refused("requires YubiKey");
        },
    );
    desk.step_where(
        desk.facts.algorithms.contains(&Algorithm::X25519),
        "keys generate X25519",
        |desk| {
            desk.ykman_generates("x25519", "91", "91.pem");
            desk.judge_public_key("91.pem", "X25519");
        },
        |desk| {
            desk.ykman("keys generate -m KEY -a x25519 91 91.pem").refused(if desk.facts.fips {
                "on YubiKey FIPS"
            } else {
                "requires YubiKey"
            });
        },
    );
}

fn moved(desk: &mut Desk) {
    desk.step_where(
        desk.facts.moves,
        "keys move",
        |desk| {
            desk.ykman("keys move -m KEY 9a 92").done();
            desk.ykman("keys info 9a").refused("No key stored in slot 9A");
            desk.ykman("keys export 92 92.pem").done();
            assert_eq!(desk.read("92.pem"), desk.read("9a.pem"));
        },
        |desk| desk.ykman("keys move -m KEY 9a 92").refused("requires YubiKey"),
    );
    desk.step_where(
        desk.facts.moves,
        "keys delete",
        |desk| {
            desk.ykman("keys delete -m KEY 92").done();
            desk.ykman("keys info 92").refused("No key stored in slot 92");
        },
        |desk| desk.ykman("keys delete -m KEY 92").refused("requires YubiKey"),
    );
    desk.step("certificates delete", |desk| {
        desk.ykman("certificates delete -m KEY 9a").done();
        desk.ykman("certificates export 9a 9a.crt").refused("No certificate found");
    });
}

fn objects(desk: &mut Desk) {
    desk.step("objects import, export and generate", |desk| {
        desk.write("object", [0xA5; 2000]);
        desk.ykman("objects import -m KEY 0x5f0001 object").done();
        desk.ykman("objects export 0x5f0001 object-back").done();
        assert_eq!(desk.read("object-back"), [0xA5; 2000]);
        desk.ykman("objects generate -m KEY chuid").done();
        desk.ykman("objects generate -m KEY ccc").done();
        desk.ykman("info").done_saying(&["CHUID: 3019d4e739", "CCC:   f015a000000116"]);
    });
}

/// PIN and PUK. A FIPS key from 5.7 on wants eight characters.
fn secrets(desk: &mut Desk) {
    let (new_pin, new_puk) = ("86420975", "97531864");
    desk.step("access change-pin", |desk| {
        desk.ykman(&format!("access change-pin -P PIN -n {new_pin}")).done();
        desk.ykman(&format!("access change-pin -P PIN -n {new_pin}")).refused("2 tries left");
    });
    desk.step("access change-puk", |desk| {
        desk.ykman(&format!("access change-puk -p PUK -n {new_puk}")).done();
        desk.ykman(&format!("access change-puk -p PUK -n {new_puk}")).refused("2 tries left");
    });
    desk.step("access unblock-pin", |desk| {
        // One wrong PIN was given above.
        for left in ["1 tries left", "blocked"] {
            desk.ykman(&format!("access change-pin -P 11223344 -n {new_pin}")).refused(left);
        }
        desk.ykman(&format!("access change-pin -P {new_pin} -n {new_pin}")).refused("blocked");
        desk.ykman(&format!("access unblock-pin -p {new_puk} -n {new_pin}")).done();
        desk.ykman(&format!("access change-pin -P {new_pin} -n {new_pin}")).done();
    });
    let retries = "access set-retries --force -m KEY -P 86420975 5 4";
    desk.step_where(
        !desk.facts.fips,
        "access set-retries",
        |desk| {
            desk.ykman(retries).done();
            let tries = if desk.facts.metadata { "5/5" } else { "5" };
            desk.ykman("info").done_saying(&[&format!("PIN tries remaining:      {tries}")]);
            desk.ykman(&format!("access change-pin -P PIN -n {new_pin}")).done();
        },
        // Only as long as PIN and PUK are those of the factory.
        |desk| {
            let old = !desk.since(5, 0, 0);
            let said = if old { "Setting PIN retries failed" } else { "before PIN/PUK have been" };
            desk.ykman(retries).refused(said);
        },
    );
}

fn management_key(desk: &mut Desk) {
    let change = "access change-management-key --force";
    let kind = if desk.since(5, 7, 0) { "aes192" } else { "tdes" };
    desk.step_where(
        desk.since(5, 4, 0),
        "access change-management-key to AES-256",
        |desk| {
            desk.ykman(&format!("{change} -m KEY -a aes256 -n {AES_KEY}")).done();
            desk.ykman("info").done_saying(&["AES256"]);
            desk.ykman("objects generate -m KEY chuid").refused("uthenticat");
            desk.ykman(&format!("objects generate -m {AES_KEY} chuid")).done();
            desk.ykman(&format!("{change} -m {AES_KEY} -a {kind} -n KEY")).done();
        },
        |desk| {
            desk.ykman(&format!("{change} -m KEY -a aes256 -n {AES_KEY}"))
                .refused("requires YubiKey");
        },
    );
    desk.step_where(
        !(desk.facts.fips && desk.since(5, 7, 0)),
        "access change-management-key to 3DES",
        |desk| {
            desk.ykman(&format!("{change} -m KEY -a tdes -n {DES_KEY}")).done();
            desk.ykman("objects generate -m KEY chuid").refused("uthenticat");
            desk.ykman(&format!("objects generate -m {DES_KEY} chuid")).done();
            desk.ykman(&format!("{change} -m {DES_KEY} -a {kind} -n KEY")).done();
        },
        |desk| {
            desk.ykman(&format!("{change} -m KEY -a tdes -n {DES_KEY}"))
                .refused("TDES not supported on YubiKey FIPS");
        },
    );
    desk.step("access change-management-key, protected by the PIN", |desk| {
        desk.ykman(&format!("{change} --protect -m KEY -P 86420975")).done();
        desk.ykman("objects generate -P 86420975 chuid").done();
        desk.ykman("info")
            .done_saying(&["Management key is stored on the YubiKey, protected by PIN"]);
    });
}
