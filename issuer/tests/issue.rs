//! From real configurations to certificates that OpenSSL accepts: one at a time and in batches.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use backend_soft::SoftBackend;
use issuer::batch::{DeviceIds, Inputs, Outcome, issue_batch};
use issuer::conf::{Config, OpenSslCompat, Options};
use issuer::csr::Csr;
use issuer::extension_plan::ExtensionPlan;
use issuer::issue::{Origin, Request, Terms, issue};
use issuer::issuer::Issuer;
use issuer::output::{DeviceFiles, SingleFiles};
use issuer::profile::Profile;
use issuer::public_key_text::PublicKeyForm;
use issuer::serial::RandomSerials;
use ledger::{Ledger, Location, OpenOptions};
use signer_core::{Backend, KeyRef, Locator, OpenContext, SystemClock};
use tempfile::TempDir;

#[test]
fn one_request_becomes_a_certificate_that_openssl_verifies_strictly() {
    let line = Line::new();
    let csr = line.csr("device");
    let mut ledger = line.ledger();
    let release = line.issue(&csr, &mut ledger);
    assert_eq!(release.origin, Origin::Signed);
    let files = SingleFiles {
        certificate: Some(line.path("device-certificate.pem")),
        chain: Some(line.path("certificate.pem")),
        public_key: Some(line.path("device.pub.txt")),
    };
    files.write(&release.certificate, &line.issuer, PublicKeyForm::Uncompressed).unwrap();
    line.openssl("verify -x509_strict -partial_chain -trusted dak.pem device-certificate.pem");
    let chain = std::fs::read_to_string(line.path("certificate.pem")).unwrap();
    let own = std::fs::read_to_string(line.path("device-certificate.pem")).unwrap();
    let above = std::fs::read_to_string(line.path("dak.pem")).unwrap();
    assert_eq!(chain, format!("{own}{above}"), "what `cat device dak > chain` makes");

    let again = line.issue(&csr, &mut ledger);
    assert_eq!(again.origin, Origin::Ledger);
    assert_eq!(again.certificate, release.certificate);
    ledger.verify().unwrap();
}

#[test]
fn a_batch_is_finished_by_running_it_again() {
    let line = Line::new();
    std::fs::create_dir(line.path("csrs")).unwrap();
    std::fs::create_dir(line.path("out")).unwrap();
    for n in 0..30 {
        line.csr(&format!("csrs/{n:03}"));
    }
    std::fs::copy(line.path("csrs/003.csr"), line.path("csrs/003-twin.csr")).unwrap();
    std::fs::write(line.path("csrs/zz.csr"), "no request").unwrap();
    std::fs::copy(line.path("dak.pem"), line.path("csrs/other.pem")).unwrap();
    let mut ledger = line.ledger();
    let mut issued = Vec::new();
    let summary = line.batch(&mut ledger, &mut issued);
    assert_eq!((summary.signed, summary.existing, summary.refused), (30, 1, 0));
    assert_eq!((summary.malformed, summary.skipped), (1, 1));
    for stem in ["000", "029", "003-twin"] {
        for name in DeviceFiles::names(stem) {
            assert!(line.path("out").join(&name).metadata().unwrap().len() > 0, "{name}");
        }
    }
    std::fs::remove_file(line.path("out/007.chain.pem")).unwrap();
    let summary = line.batch(&mut ledger, &mut issued);
    assert_eq!((summary.signed, summary.existing), (0, 31));
    assert!(line.path("out/007.chain.pem").exists());
    assert_eq!(std::fs::read_dir(line.path("out")).unwrap().count(), 31 * 3);
    ledger.verify().unwrap();
}

/// A folder with a DAK made by OpenSSL, and the real device.conf.
struct Line {
    folder: TempDir,
    issuer: Issuer,
    extensions: ExtensionPlan,
    profile: Profile,
}

impl Line {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
        for name in ["dak.conf", "device.conf"] {
            std::fs::copy(data.join(name), folder.path().join(name)).unwrap();
        }
        std::fs::write(
            folder.path().join("ca.conf"),
            "[ca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\n\
             keyUsage=critical,digitalSignature,keyCertSign\nsubjectKeyIdentifier=hash\n",
        )
        .unwrap();
        let run = |line: &str| openssl(folder.path(), line);
        run("ecparam -name prime256v1 -genkey -out key.pem");
        run("req -new -config dak.conf -key key.pem -out dak.csr");
        run(
            "x509 -req -in dak.csr -signkey key.pem -days 7305 -extfile ca.conf -extensions ca -out dak.pem",
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let owner_only = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(folder.path().join("key.pem"), owner_only).unwrap();
        }
        let locator = Locator::of_file("soft", &folder.path().join("key.pem"));
        let mut token = SoftBackend.open(&locator, &OpenContext::default()).unwrap();
        let signer = token.signer(&KeyRef::Sole, None).unwrap();
        let issuer =
            Issuer::read(signer, &std::fs::read(folder.path().join("dak.pem")).unwrap()).unwrap();
        let config =
            Config::load(&folder.path().join("device.conf"), &Options::operator()).unwrap();
        let extensions = ExtensionPlan::new(config, "req_ext".into(), OpenSslCompat::V3);
        Self { folder, issuer, extensions, profile: Profile::built_in("dha").unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, line: &str) {
        openssl(self.folder.path(), line);
    }

    fn csr(&self, name: &str) -> Csr {
        self.openssl(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
        self.openssl(&format!("req -new -config device.conf -key {name}.key -out {name}.csr"));
        Csr::read(&std::fs::read(self.path(&format!("{name}.csr"))).unwrap()).unwrap()
    }

    fn ledger(&self) -> Ledger {
        let location: Location =
            format!("sqlite:{}", self.path("touchmark.db").display()).parse().unwrap();
        Ledger::open(&location, OpenOptions::new("operator", "bench")).unwrap()
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            issuer: &self.issuer,
            profile: &self.profile,
            extensions: &self.extensions,
            days: 1825,
            reissue: None,
            outlive_issuer: None,
            accept_clock: None,
            serials: &RandomSerials,
            clock: &SystemClock,
            patience: Duration::from_secs(10),
        }
    }

    fn issue(&self, csr: &Csr, ledger: &mut Ledger) -> issuer::issue::Release {
        let request = Request { origin: "device.csr".into(), csr: csr.clone(), device_id: None };
        issue(&self.terms(), request, ledger).unwrap()
    }

    fn batch(&self, ledger: &mut Ledger, issued: &mut Vec<PathBuf>) -> issuer::batch::Summary {
        let inputs = Inputs::read(&self.path("csrs"), DeviceIds::default()).unwrap();
        let out = self.path("out");
        inputs.check_output(&out).unwrap();
        let files = DeviceFiles::new(&out, &self.issuer, PublicKeyForm::Compressed);
        issue_batch(&self.terms(), &inputs, Some(&files), ledger, &mut |item| {
            if matches!(item.outcome, Outcome::Issued(_)) {
                issued.push(item.input.to_owned());
            }
        })
        .unwrap()
    }
}

fn openssl(folder: &Path, line: &str) {
    let output =
        Command::new("openssl").args(line.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
}
