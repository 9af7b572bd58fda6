//! What vendors really do, and must pass: long chains, old names, either string type, long lives.

use issuer::certificate::ParsedCertificate;
use issuer::csr::Csr;
use issuer::issue::{Terms, issue};
use issuer::output::SingleFiles;
use issuer::profile::Profile;
use issuer::public_key_text::PublicKeyForm;
use touchmark_tests::forge::{Forge, oid, tag};
use touchmark_tests::line::{DAK_EXTENSIONS, DEVICE_TYPE, Line, Setup, request};

/// As the vendor's console makes them: long authority key identifiers, no cRLSign in the DAK.
fn long_identifiers() -> String {
    format!("{DAK_EXTENSIONS}authorityKeyIdentifier=keyid:always,issuer:always\n")
}

#[test]
fn a_dak_file_of_four_certificates_with_its_root_issues_what_openssl_verifies() {
    let line =
        Line::with(&Setup { chain: true, extensions: long_identifiers(), ..Setup::default() });
    assert_eq!(line.issuer.above().len(), 3);
    let identifier = line
        .issuer
        .certificate()
        .extensions()
        .iter()
        .find(|one| one.extn_id.to_string() == "2.5.29.35");
    assert!(identifier.unwrap().extn_value.as_bytes().len() > 50, "keyid, name and serial");
    let release = line.issue(&line.csr("device"), &mut line.ledger());
    line.judge("device", &release.certificate);
    let files = SingleFiles { chain: Some(line.path("chain.pem")), ..SingleFiles::default() };
    files.write(&release.certificate, &line.issuer, PublicKeyForm::Compressed).unwrap();
    let chain = line.read("chain.pem");
    assert_eq!(chain, line.read("device.pem") + &line.read("dak.pem"));
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 5);
    // A verifier that has the root alone takes everything else from the chain file.
    line.openssl("verify -x509_strict -CAfile root.pem -untrusted chain.pem chain.pem");
}

#[test]
fn an_issuer_file_without_the_root_or_of_one_certificate_issues_too() {
    let line = Line::with(&Setup { chain: true, ..Setup::default() });
    for (name, parts) in
        [("three", &["own.pem", "product.pem", "manufacturer.pem"][..]), ("one", &["own.pem"])]
    {
        let file: String = parts.iter().map(|part| line.read(part)).collect();
        let issuer = line.issuer_of(&file);
        let terms = Terms { issuer: &issuer, ..line.terms() };
        let release = issue(&terms, request(&line.csr(name)), &mut line.ledger()).unwrap();
        line.judge(name, &release.certificate);
    }
}

#[test]
fn text_around_the_certificates_of_a_dak_file_and_windows_lines_do_no_harm() {
    let line = Line::with(&Setup { chain: true, ..Setup::default() });
    let noisy = line.read("dak.pem").replace("-----BEGIN", "Bag Attributes\n-----BEGIN");
    let issuer = line.issuer_of(&noisy.replace('\n', "\r\n"));
    assert_eq!(issuer.above(), line.issuer.above());
    let terms = Terms { issuer: &issuer, ..line.terms() };
    let release = issue(&terms, request(&line.csr("device")), &mut line.ledger()).unwrap();
    line.judge("device", &release.certificate);
}

#[test]
fn an_old_style_dak_subject_issues_for_its_device_type() {
    let line = Line::with(&Setup {
        subject: Some(
            "[dn]\nC=US\nST=Washington\nL=Seattle\nO=Example Inc.\nOU=Device Management\n\
             CN=DAK CA for A25PYKXH7D1LXS\n",
        ),
        chain: true,
        ..Setup::default()
    });
    assert_eq!(line.issuer.device_type(), Some(DEVICE_TYPE));
    let release = line.issue(&line.csr("device"), &mut line.ledger());
    line.judge("device", &release.certificate);
}

#[test]
fn subjects_pass_in_either_string_type_and_are_copied_byte_for_byte() {
    // The mask `default` makes a PrintableString of the DAK's subject.
    for subject in [
        "string_mask=utf8only\n[dn]\n0.1.3.6.1.4.1.4843.1.3=A25PYKXH7D1LXS\n",
        "string_mask=default\n[dn]\n0.1.3.6.1.4.1.4843.1.3=A25PYKXH7D1LXS\n",
    ] {
        let line = Line::with(&Setup { subject: Some(subject), ..Setup::default() });
        assert_eq!(line.issuer.device_type(), Some(DEVICE_TYPE));
        let mut ledger = line.ledger();
        for (n, tag) in [tag::UTF8, tag::PRINTABLE, tag::IA5, tag::TELETEX].into_iter().enumerate()
        {
            let kind = (oid::DEVICE_TYPE_ID, tag, DEVICE_TYPE.as_bytes());
            let dsn = format!("G3A0PA0{n}");
            // As the vendor's embedded devices send it: DSN, then DeviceTypeId.
            let forged = Forge::new("").subject(&[(oid::DSN, tag, dsn.as_bytes()), kind]);
            let release = line.issue(&Csr::read(&forged.der()).unwrap(), &mut ledger);
            assert_eq!(release.device_id.as_deref(), Some(&*dsn));
            let found = release
                .certificate
                .windows(forged.subject.len())
                .any(|part| part == forged.subject);
            assert!(found, "the subject with tag {tag:02x} was changed");
            line.judge("device", &release.certificate);
        }
    }
}

#[test]
fn lives_of_1825_and_7305_days_are_issued_also_under_an_aged_dak() {
    let line = Line::with(&Setup { days: 7306, ..Setup::default() });
    let mut ledger = line.ledger();
    for days in [1825, 7305] {
        let terms = Terms { days, ..line.terms() };
        let release = issue(&terms, request(&line.csr("device")), &mut ledger).unwrap();
        line.judge("device", &release.certificate);
        let parsed = ParsedCertificate::from_der(&release.certificate).unwrap();
        let validity = *parsed.x509().tbs_certificate().validity();
        let [start, end] = [validity.not_before, validity.not_after].map(|t| t.to_unix_duration());
        assert_eq!((end - start).as_secs(), u64::from(days) * 86_400);
    }
    let aged = Line::with(&Setup { days: 400, ..Setup::default() });
    let terms = Terms { days: 7305, outlive_issuer: Some("aged DAK"), ..aged.terms() };
    let release = issue(&terms, request(&aged.csr("device")), &mut aged.ledger()).unwrap();
    // OpenSSL, like RFC 5280, asks for no nesting of validity.
    aged.judge("device", &release.certificate);
}

#[test]
fn an_end_after_2049_is_written_as_generalized_time() {
    let line = Line::with(&Setup { days: 36_500, ..Setup::default() });
    let profile = Profile { max_days: None, ..line.profile.clone() };
    let terms = Terms { days: 30_000, profile: &profile, ..line.terms() };
    let release = issue(&terms, request(&line.csr("device")), &mut line.ledger()).unwrap();
    line.judge("device", &release.certificate);
    let at = release
        .certificate
        .windows(4)
        .position(|part| part == b"\x18\x0f21" || part == b"\x18\x0f20");
    assert!(at.is_some(), "RFC 5280 section 4.1.2.5");
}

#[test]
fn requests_as_devices_print_them_are_read() {
    let line = Line::new();
    let mut ledger = line.ledger();
    let pem =
        issuer::pem::encode(issuer::pem::Kind::CertificateRequest, &Forge::new(DEVICE_TYPE).der());
    for text in [
        pem.clone(),
        pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        pem.replace('\n', "\r\n"),
        format!("{pem}\0"),
        format!("ace> get_field 0x201\r\n{pem}\r\nOK\r\n"),
        format!("\u{feff}{pem}"),
    ] {
        let csr = Csr::read(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let _ = line.issue(&csr, &mut ledger);
    }
    // It was one request all the time.
    assert_eq!(touchmark_tests::line::count(&ledger, "issued"), 1);
}

#[test]
fn a_request_that_asks_not_to_be_a_ca_passes() {
    let line = Line::new();
    for list in [
        [(oid::BASIC_CONSTRAINTS, b"\x30\x00".as_slice())],
        // Not DER, but what some devices write: FALSE although it is the default.
        [(oid::BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\x00")],
        [(oid::KEY_USAGE, b"\x03\x02\x05\xa0")],
        // Unused bits not counted, as embedded libraries write it.
        [(oid::KEY_USAGE, b"\x03\x02\x00\xa0")],
        [(oid::SUBJECT_ALT_NAME, b"\x30\x05\x82\x03a.b")],
    ] {
        let forged = Forge::new(DEVICE_TYPE).requesting(&list);
        let release = line.issue(&Csr::read(&forged.der()).unwrap(), &mut line.ledger());
        line.judge("device", &release.certificate);
    }
}
