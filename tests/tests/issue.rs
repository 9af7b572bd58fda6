//! From real configurations to certificates that OpenSSL accepts: one at a time and in batches.

use issuer::issue::Origin;
use issuer::output::{DeviceFiles, SingleFiles};
use issuer::public_key_text::PublicKeyForm;
use touchmark_tests::line::Line;

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
    line.judge("judged", &release.certificate);
    let chain = std::fs::read_to_string(line.path("certificate.pem")).unwrap();
    let own = std::fs::read_to_string(line.path("device-certificate.pem")).unwrap();
    let above = std::fs::read_to_string(line.path("dak.pem")).unwrap();
    assert_eq!(chain, format!("{own}{above}"), "what `cat device dak > chain` makes");

    let again = line.issue(&csr, &mut ledger);
    assert_eq!(again.origin, Origin::Ledger);
    assert_eq!(again.certificate, release.certificate);
    assert!(ledger.verify().unwrap().is_sound());
}

#[test]
fn a_batch_is_finished_by_running_it_again() {
    let line = Line::new();
    std::fs::create_dir(line.path("csrs")).unwrap();
    for n in 0..30 {
        let _csr = line.csr(&format!("csrs/{n:03}"));
    }
    std::fs::copy(line.path("csrs/003.csr"), line.path("csrs/003-twin.csr")).unwrap();
    std::fs::write(line.path("csrs/zz.csr"), "no request").unwrap();
    std::fs::copy(line.path("dak.pem"), line.path("csrs/other.pem")).unwrap();
    let mut ledger = line.ledger();
    let mut issued = Vec::new();
    let summary = line.batch(&line.terms(), &mut ledger, &mut issued).unwrap();
    assert_eq!((summary.signed, summary.existing, summary.refused), (30, 1, 0));
    assert_eq!((summary.malformed, summary.skipped), (1, 1));
    for stem in ["000", "029", "003-twin"] {
        for name in DeviceFiles::names(stem) {
            assert!(line.path("out").join(&name).metadata().unwrap().len() > 0, "{name}");
        }
    }
    std::fs::remove_file(line.path("out/007.chain.pem")).unwrap();
    let summary = line.batch(&line.terms(), &mut ledger, &mut issued).unwrap();
    assert_eq!((summary.signed, summary.existing), (0, 31));
    assert!(line.path("out/007.chain.pem").exists());
    assert_eq!(std::fs::read_dir(line.path("out")).unwrap().count(), 31 * 3);
    assert!(ledger.verify().unwrap().is_sound());
}
