//! One key, four homes, one certificate.

use der::Encode;
use issuer::certificate::ParsedCertificate;
use issuer::pem::{Kind, read_all};
use touchmark_tests::drawer::{Drawer, FOLDER};
use touchmark_tests::line::{Line, count};
use touchmark_tests::modules::{Maker, Tokens};
use touchmark_tests::program::owner_only;

use crate::station::{KEY, Station};

const SERIAL: u32 = 16_021_234;
const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";

/// A certificate without what differs from one issue to the next: serial number, time, signature.
fn constant_part(line: &Line, name: &str) -> Vec<u8> {
    let pem = read_all(line.read(name).as_bytes(), Kind::Certificate, 1 << 20).unwrap();
    let certificate = ParsedCertificate::from_der(&pem[0].der).unwrap();
    let whole = certificate.x509();
    let tbs = whole.tbs_certificate();
    let mut part = certificate.tbs_der().to_vec();
    for changing in [tbs.serial_number().to_der().unwrap(), tbs.validity().to_der().unwrap()] {
        let found: Vec<usize> = (0..part.len() - changing.len())
            .filter(|start| part[*start..].starts_with(&changing))
            .collect();
        assert_eq!(found.len(), 1, "it stands there once");
        part[found[0]..found[0] + changing.len()].fill(0);
    }
    part.extend(whole.signature_algorithm().to_der().unwrap());
    part
}

#[test]
fn the_same_settings_with_only_the_locator_changed_give_the_same_certificate() {
    let line = Line::new();
    let _csr = line.csr("device");
    std::fs::create_dir(line.path("drawer")).unwrap();
    Drawer::add(&line.path("drawer"), "5.7.1".parse().unwrap(), SERIAL).unwrap();
    line.write("management-key", MANAGEMENT_KEY);
    owner_only(&line.path("management-key"));
    let soft = Tokens::new(line.folder(), Maker::SoftHsm);
    let kryoptic = Tokens::new(line.folder(), Maker::Kryoptic);
    let apdus = line.path(&format!("drawer/{SERIAL}.log"));

    let mut made = Vec::new();
    for (name, locator, tokens) in [
        ("file", "soft:key.pem".to_owned(), &soft),
        ("yubikey", format!("yubikey:serial={SERIAL};slot=9c"), &soft),
        ("softhsm", soft.locator(KEY), &soft),
        ("kryoptic", kryoptic.locator(KEY), &kryoptic),
    ] {
        let station = match name {
            "softhsm" | "kryoptic" => Station::with_key(&line, tokens),
            _ => Station::new(&line, tokens),
        };
        station.settings(&locator, "");
        let run = |arguments: &str| {
            let mut command = station.command(arguments);
            let output = command.env(FOLDER, line.path("drawer")).output().unwrap();
            touchmark_tests::program::ended(0, &output, arguments);
        };
        if name == "yubikey" {
            // The policy of slot 9c, but for the factory's own management key.
            line.write("factory-pin", "123456");
            owner_only(&line.path("factory-pin"));
            run("pin change --pin file:factory-pin --new-pin file:pin");
            run("key import key.pem --management-key file:management-key");
            std::fs::write(&apdus, "").unwrap();
        }
        // A ledger of its own.
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(line.path(&format!("touchmark.db{suffix}")));
        }
        tokens.forget_calls();
        run(&format!("issue --csr device.csr --out {name}.pem"));
        line.openssl(&format!("verify -x509_strict -partial_chain -trusted dak.pem {name}.pem"));
        assert_eq!(count(&line.ledger(), "issued"), 1, "{name}");
        let signatures = match name {
            "file" => 1,
            "yubikey" => {
                let log = std::fs::read_to_string(&apdus).unwrap();
                log.lines().filter(|it| it.contains("GENERAL AUTHENTICATE")).count()
            }
            _ => tokens.calls("C_Sign"),
        };
        assert_eq!(signatures, 1, "{name} signs once");
        made.push((name, constant_part(&line, &format!("{name}.pem"))));
    }
    let (_, first) = &made[0];
    for (name, other) in &made {
        assert_eq!(other, first, "{name} makes another certificate than a key file");
    }
}
