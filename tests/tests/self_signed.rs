//! A certificate that a key gives itself, by the whole program: from a key file and from a slot that
//! holds the same key, what `openssl req -x509` makes of the same config.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use issuer::certificate::ParsedCertificate;
use issuer::pem::{Kind, read_all};
use tempfile::TempDir;
use touchmark_tests::drawer::{self, Drawer};
use touchmark_tests::line::openssl;
use touchmark_tests::program::{ended, owner_only};

const SERIAL: u32 = 16_021_234;
/// Older ones do not tell the public half of a key that was imported.
const MODELS: [&str; 2] = ["5.3.0", "5.7.1"];

const CONFIG: &str = "
oid_section = OIDs
[req]
prompt = no
distinguished_name = dn
x509_extensions = own
[OIDs]
DeviceTypeId = 1.3.6.1.4.1.4843.1.3
[dn]
DeviceTypeId = A25PYKXH7D1LXS
CN = Example Root
emailAddress = root@example.com
[own]
basicConstraints = critical, CA:TRUE, pathlen:1
keyUsage = critical, digitalSignature, keyCertSign
authorityKeyIdentifier = keyid:always
subjectAltName = email:copy, DNS:root.example
issuerAltName = issuer:copy
certificatePolicies = 1.2.3.4
DeviceTypeId = ASN1:UTF8String:A25PYKXH7D1LXS
";

/// A folder with a config and a key, which is in slot 9c too.
struct Desk(TempDir);

impl Desk {
    fn new(model: &str) -> Self {
        let desk = Self(TempDir::new().unwrap());
        desk.write("root.conf", CONFIG);
        desk.write("pin", "123456");
        desk.write("key", "010203040506070801020304050607080102030405060708");
        openssl(desk.0.path(), "ecparam -name prime256v1 -genkey -noout -out root.key");
        owner_only(&desk.path("root.key"));
        let folder = desk.path("drawer");
        std::fs::create_dir(&folder).unwrap();
        Drawer::add(&folder, model.parse().unwrap(), SERIAL).unwrap();
        desk.run("9c", "key import root.key --pin-policy once --management-key file:key");
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        owner_only(&self.path(name));
    }

    /// Runs the program for a slot, or for the key file.
    fn run(&self, slot: &str, arguments: &str) -> String {
        let signer = match slot {
            "" => "soft:root.key".to_owned(),
            slot => format!("yubikey:serial={SERIAL};slot={slot}?pin-source=file:pin"),
        };
        let output = Command::new(env!("CARGO_BIN_EXE_touchmark-under-test"))
            .args(["--signer", &signer])
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("TOUCHMARK_OPERATOR", "maria")
            .env(drawer::FOLDER, self.path("drawer"))
            .output()
            .unwrap();
        ended(0, &output, arguments)
    }

    fn certificate(&self, name: &str) -> ParsedCertificate {
        let blocks = read_all(&std::fs::read(self.path(name)).unwrap(), Kind::Certificate, 1 << 16);
        ParsedCertificate::from_der(&blocks.unwrap().remove(0).der).unwrap()
    }
}

#[test]
fn file_and_slot_make_what_openssl_makes_and_openssl_verifies_it() {
    for model in MODELS {
        let desk = Desk::new(model);
        let folder: &Path = desk.0.path();
        openssl(
            folder,
            "req -x509 -new -batch -key root.key -config root.conf -days 7305 -out theirs.pem",
        );
        let theirs = desk.certificate("theirs.pem");
        desk.run("", "cert self-sign --config root.conf --days 7305 --out file.pem");
        desk.run("9c", "cert self-sign --config root.conf --days 7305 --out slot.pem");
        let store =
            "cert self-sign --config root.conf --days 7305 --store --management-key file:key";
        desk.run("9c", store);
        desk.run("9c", "cert export --out stored.pem");
        let mut serials = Vec::new();
        for name in ["file.pem", "slot.pem", "stored.pem"] {
            openssl(folder, &format!("verify -x509_strict -CAfile {name} {name}"));
            let ours = desk.certificate(name);
            assert_eq!(ours.subject(), theirs.subject(), "{model}, {name}");
            assert_eq!(ours.issuer(), theirs.issuer(), "{model}, {name}");
            assert_eq!(ours.extensions(), theirs.extensions(), "{model}, {name}");
            let (ours, theirs) = (ours.x509().tbs_certificate(), theirs.x509().tbs_certificate());
            assert_eq!(ours.version(), theirs.version(), "{model}, {name}");
            let lasts = |tbs: &x509_cert::TbsCertificate| {
                let validity = tbs.validity();
                let (from, to) = (validity.not_before, validity.not_after);
                to.to_unix_duration() - from.to_unix_duration()
            };
            assert_eq!(lasts(ours), lasts(theirs), "{model}, {name}");
            let serial = ours.serial_number().as_bytes().to_vec();
            assert!(serial.len() == 20 && !serials.contains(&serial), "{serial:02x?}");
            serials.push(serial);
        }
    }
}
