//! The policy gate against requests: what it refuses about a request, by which rule.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING,
    EcdsaKeyPair,
};
use issuer::gate::Rule;
use issuer::issue::{Request, Terms, issue};
use issuer::profile::{Attribute, Profile};
use issuer::public_key_text::key_identity;
use issuer::serial::SerialSource;
use ledger::Serial;
use touchmark_tests::forge::{self, Forge, oid, tag};
use touchmark_tests::judgement::refused;
use touchmark_tests::line::{DEVICE_TYPE, Line, Setup, count, request};

/// Refused by the documented terms of the line.
fn refused_here(line: &Line, csr: &[u8], rule: Rule) -> String {
    refused(line, &line.terms(), &mut line.ledger(), csr, rule)
}

#[test]
fn keys_outside_the_profile_are_refused() {
    let line = Line::new();
    let p384 = Forge::on(&ECDSA_P384_SHA384_ASN1_SIGNING, DEVICE_TYPE).der();
    assert!(refused_here(&line, &p384, Rule::KeyType).contains("p384"));
    let p521 = Forge::on(&ECDSA_P521_SHA256_ASN1_SIGNING, DEVICE_TYPE).der();
    assert!(refused_here(&line, &p521, Rule::KeyType).contains("P-521"));
    for (name, make, shown) in [
        ("rsa", "genrsa -out NAME.key 2048", "rsa2048"),
        ("small", "genrsa -out NAME.key 1024", "RSA-1024"),
        ("p224", "ecparam -name secp224r1 -genkey -noout -out NAME.key", "P-224"),
        ("koblitz", "ecparam -name secp256k1 -genkey -noout -out NAME.key", "1.3.132.0.10"),
        (
            "explicit",
            "ecparam -name prime256v1 -param_enc explicit -genkey -noout -out NAME.key",
            "explicit",
        ),
        ("edwards", "genpkey -algorithm ed25519 -out NAME.key", "ed25519"),
    ] {
        line.openssl(&make.replace("NAME", name));
        line.openssl(&format!("req -new -config device.conf -key {name}.key -out {name}.csr"));
        let csr = std::fs::read(line.path(&format!("{name}.csr"))).unwrap();
        let reason = refused_here(&line, &csr, Rule::KeyType);
        assert!(reason.contains(shown), "{name}: {reason}");
    }
}

#[test]
fn a_request_that_another_key_signed_is_refused() {
    let line = Line::new();
    let mut forged = Forge::new(DEVICE_TYPE);
    forged.key = Forge::new(DEVICE_TYPE).key;
    refused_here(&line, &forged.der(), Rule::CsrSignature);
    // One bit of what was signed, and one bit of the signature.
    let good = Forge::new(DEVICE_TYPE).der();
    let at = good.windows(14).position(|part| part == DEVICE_TYPE.as_bytes()).unwrap();
    for index in [at, good.len() - 1] {
        let mut changed = good.clone();
        changed[index] ^= 1;
        refused_here(&line, &changed, Rule::CsrSignature);
    }
}

#[test]
fn a_request_signed_over_sha1_is_refused() {
    let line = Line::new();
    let mut forged = Forge::new(DEVICE_TYPE);
    forged.algorithm = forge::element(tag::SEQUENCE, &forge::element(tag::OID, oid::ECDSA_SHA1));
    assert!(refused_here(&line, &forged.der(), Rule::CsrSignature).contains("SHA1"));
    line.openssl("ecparam -name prime256v1 -genkey -noout -out old.key");
    line.openssl("req -new -config device.conf -key old.key -sha1 -out old.csr");
    let csr = std::fs::read(line.path("old.csr")).unwrap();
    assert!(refused_here(&line, &csr, Rule::CsrSignature).contains("SHA1"));
}

#[test]
fn subjects_outside_the_profile_are_refused() {
    let line = Line::new();
    let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
    let with = |more: (&[u8], u8, &[u8])| Forge::new(DEVICE_TYPE).subject(&[kind, more]).der();
    let reason = refused_here(&line, &with((oid::COMMON_NAME, tag::UTF8, b"x")), Rule::Subject);
    assert!(reason.contains("CN"), "{reason}");
    for (tag, value) in [
        (tag::UTF8, b"G3\0A0".as_slice()),
        (tag::UTF8, b"G3\x1b[2J"),
        (tag::UTF8, b"G3\n"),
        (tag::UTF8, b"G3\x7f"),
        (tag::UTF8, b""),
        (tag::UTF8, b"G3\xff"),
        (tag::UTF8, "G3\u{202e}0A".as_bytes()),
        (tag::UTF8, "G3\u{200b}A0".as_bytes()),
        (tag::UTF8, b"\xc2\x85"),
        (tag::BMP, b"\0G\0\0"),
        (tag::BMP, b"\0G\0"),
        (tag::TELETEX, b"G\x9b2J"),
        (tag::PRINTABLE, b"G\0"),
        (tag::OCTET_STRING, b"G3A0"),
        (tag::INTEGER, b"\x05"),
        (tag::NULL, b""),
    ] {
        let reason = refused_here(&line, &with((oid::DSN, tag, value)), Rule::Subject);
        assert!(reason.contains("DSN"), "{tag:02x} {value:02x?}: {reason}");
    }
    let twice = with((oid::DEVICE_TYPE_ID, tag::PRINTABLE, DEVICE_TYPE.as_bytes()));
    assert!(refused_here(&line, &twice, Rule::Subject).contains("more than one DeviceTypeId"));
    let dsn = (oid::DSN, tag::UTF8, b"G3A0".as_slice());
    let twice = Forge::new(DEVICE_TYPE).subject(&[kind, dsn, dsn]).der();
    assert!(refused_here(&line, &twice, Rule::Subject).contains("more than one DSN"));
}

#[test]
fn a_subject_that_lacks_what_the_profile_requires_is_refused() {
    let line = Line::new();
    let dsn = Attribute::try_from("DSN".to_owned()).unwrap();
    let profile = Profile { subject_required: vec![dsn], ..line.profile.clone() };
    let terms = Terms { profile: &profile, ..line.terms() };
    let csr = Forge::new(DEVICE_TYPE).der();
    let reason = refused(&line, &terms, &mut line.ledger(), &csr, Rule::Subject);
    assert!(reason.contains("no DSN"), "{reason}");
}

#[test]
fn a_certificate_without_any_name_is_refused() {
    // The plain profile has no word on subjects, and a plain CA none on device types.
    let line = Line::with(&Setup { subject: Some("[dn]\nCN=Plain CA\n"), ..Setup::default() });
    let profile = Profile::built_in("plain").unwrap();
    let terms = Terms { profile: &profile, ..line.terms() };
    let csr = Forge::new(DEVICE_TYPE).subject(&[]).der();
    let reason = refused(&line, &terms, &mut line.ledger(), &csr, Rule::Subject);
    assert!(reason.contains("empty"), "{reason}");
}

#[test]
fn a_device_type_other_than_the_issuers_is_refused() {
    let old_style = Setup {
        subject: Some("[dn]\nO=Example\nCN=DAK CA for A25PYKXH7D1LXS\n"),
        ..Setup::default()
    };
    for line in [Line::new(), Line::with(&old_style)] {
        let other = Forge::new("A25PYKXH7D1LXT").der();
        let reason = refused_here(&line, &other, Rule::DeviceType);
        assert!(reason.contains("A25PYKXH7D1LXT") && reason.contains(DEVICE_TYPE), "{reason}");
        let none = Forge::new(DEVICE_TYPE).subject(&[(oid::DSN, tag::UTF8, b"G3A0")]).der();
        assert!(refused_here(&line, &none, Rule::DeviceType).contains("no DeviceTypeId"));
        let empty = Forge::new(DEVICE_TYPE).subject(&[]).der();
        refused_here(&line, &empty, Rule::DeviceType);
        for nearly in ["a25pykxh7d1lxs", "A25PYKXH7D1LXS ", " A25PYKXH7D1LXS", "A25PYKXH7D1LX"] {
            refused_here(&line, &Forge::new(nearly).der(), Rule::DeviceType);
        }
    }
}

#[test]
fn a_request_for_the_issuers_own_key_is_refused() {
    let line = Line::new();
    line.openssl("req -new -config device.conf -key key.pem -out own.csr");
    let csr = std::fs::read(line.path("own.csr")).unwrap();
    refused_here(&line, &csr, Rule::IssuerKey);
}

#[test]
fn a_key_is_the_same_key_however_its_point_is_written() {
    let line = Line::new();
    line.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der");
    let octets = std::fs::read(line.path("key.der")).unwrap();
    let own = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &octets).unwrap();
    let own = Forge::by(own, DEVICE_TYPE).with_compressed_point();
    refused_here(&line, &own.der(), Rule::IssuerKey);

    let mut ledger = line.ledger();
    let device = Forge::new(DEVICE_TYPE);
    let csr = issuer::csr::Csr::read(&device.der()).unwrap();
    let entry = line.issue(&csr, &mut ledger).entry;
    let again = device.with_compressed_point().der();
    let reason = refused(&line, &line.terms(), &mut ledger, &again, Rule::SubjectKey);
    assert!(reason.contains(&format!("entry {entry}")), "{reason}");

    // Left out or NULL: RSA's parameters say nothing.
    line.openssl("genrsa -out rsa.key 2048");
    line.openssl("rsa -in rsa.key -pubout -outform DER -out rsa.der");
    let octets = std::fs::read(line.path("rsa.der")).unwrap();
    let mut spki = signer_core::SubjectPublicKeyInfoOwned::try_from(octets.as_slice()).unwrap();
    let whole = key_identity(&spki).unwrap();
    assert_eq!(whole, ledger::Digest::of(&octets));
    spki.algorithm.parameters = None;
    assert_eq!(key_identity(&spki).unwrap(), whole);
}

#[test]
fn a_request_that_asks_to_become_a_ca_is_refused() {
    let line = Line::new();
    let ca = b"\x30\x03\x01\x01\xff".as_slice();
    // keyCertSign alone, and among others; the last one has its unused bits counted wrongly.
    let usages = [b"\x03\x02\x02\x04".as_slice(), b"\x03\x02\x01\x06", b"\x03\x03\x00\x04\x80"];
    let asking = |list: &[(&[u8], &[u8])]| Forge::new(DEVICE_TYPE).requesting(list).der();
    refused_here(&line, &asking(&[(oid::BASIC_CONSTRAINTS, ca)]), Rule::CaRequested);
    for usage in usages {
        refused_here(&line, &asking(&[(oid::KEY_USAGE, usage)]), Rule::CaRequested);
    }
    // Hidden behind a harmless one, in the older attribute, and in a second attribute.
    let harmless = (oid::BASIC_CONSTRAINTS, b"\x30\x00".as_slice());
    refused_here(&line, &asking(&[harmless, (oid::BASIC_CONSTRAINTS, ca)]), Rule::CaRequested);
    let list = [(oid::BASIC_CONSTRAINTS, ca)];
    let old = forge::extension_request(oid::MICROSOFT_EXTENSIONS, &list);
    let mut forged = Forge::new(DEVICE_TYPE);
    forged.attributes = Some(old.clone());
    refused_here(&line, &forged.der(), Rule::CaRequested);
    let first = forge::extension_request(oid::EXTENSION_REQUEST, &[harmless]);
    forged.attributes = Some([first, old].concat());
    refused_here(&line, &forged.der(), Rule::CaRequested);
    // What cannot be read might ask for anything.
    for (kind, value) in [
        (oid::BASIC_CONSTRAINTS, b"\x30\x80\x00\x00".as_slice()),
        (oid::BASIC_CONSTRAINTS, b""),
        (oid::KEY_USAGE, b"\x04\x01\x06"),
    ] {
        refused_here(&line, &asking(&[(kind, value)]), Rule::CaRequested);
    }
}

#[test]
fn a_list_of_extensions_that_cannot_be_read_is_refused() {
    let line = Line::new();
    for value in [b"\x05\x00".as_slice(), b"\x30\x02\x05\x00", b"\x30\x80\x00\x00", b"\x0c\x01x"] {
        let mut forged = Forge::new(DEVICE_TYPE);
        let kind = forge::element(tag::OID, oid::EXTENSION_REQUEST);
        let set = forge::element(tag::SET, value);
        forged.attributes = Some(forge::element(tag::SEQUENCE, &[kind, set].concat()));
        let csr = forged.der();
        // Octets that no DER reader gets past are no request at all.
        if issuer::csr::Csr::read(&csr).is_ok() {
            refused_here(&line, &csr, Rule::RequestedExtensions);
        }
    }
}

#[test]
fn requested_extensions_are_ignored_unless_the_profile_lists_them() {
    let line = Line::new();
    let mut ledger = line.ledger();
    let alternative = b"\x30\x05\x82\x03a.b".as_slice();
    let list = [(oid::SUBJECT_ALT_NAME, alternative), (oid::KEY_USAGE, b"\x03\x02\x06\x40")];
    let forged = Forge::new(DEVICE_TYPE).requesting(&list);
    let csr = issuer::csr::Csr::read(&forged.der()).unwrap();
    let plain = line.issue(&csr, &mut ledger).certificate;
    assert!(!plain.windows(3).any(|part| part == b"a.b"));
    let listed = ["subjectAltName", "keyUsage"].map(|n| Attribute::try_from(n.to_owned()).unwrap());
    let profile = Profile { accept_requested_extensions: listed.to_vec(), ..line.profile.clone() };
    let terms = Terms { profile: &profile, reissue: Some("names"), ..line.terms() };
    let release = issue(&terms, request(&csr), &mut ledger).unwrap();
    let parsed = issuer::certificate::ParsedCertificate::from_der(&release.certificate).unwrap();
    let of = |id: &[u8]| {
        let found = parsed.extensions().iter().filter(|one| one.extn_id.as_bytes() == id);
        found.map(|one| one.extn_value.as_bytes().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(of(oid::SUBJECT_ALT_NAME), [alternative]);
    assert_eq!(of(oid::KEY_USAGE), [b"\x03\x02\x05\xa0"], "the configuration's own stays");
}

#[test]
fn a_device_id_that_another_device_has_is_refused() {
    let line = Line::new();
    let mut ledger = line.ledger();
    let with_dsn = |tag: u8, dsn: &[u8]| {
        let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
        Forge::new(DEVICE_TYPE).subject(&[(oid::DSN, tag, dsn), kind]).der()
    };
    let first = issuer::csr::Csr::read(&with_dsn(tag::UTF8, b"G3A0")).unwrap();
    let entry = line.issue(&first, &mut ledger).entry;
    let other = with_dsn(tag::PRINTABLE, b"G3A0");
    let reason = refused(&line, &line.terms(), &mut ledger, &other, Rule::DeviceId);
    assert!(reason.contains(&format!("entry {entry}")) && reason.contains("G3A0"), "{reason}");
    assert_eq!(count(&ledger, "issued"), 1);
}

#[test]
fn a_key_that_another_certificate_has_is_refused() {
    let line = Line::new();
    let mut ledger = line.ledger();
    let csr = line.csr("device");
    let entry = line.issue(&csr, &mut ledger).entry;
    let terms = Terms { days: 1824, ..line.terms() };
    let reason = refused(&line, &terms, &mut ledger, csr.der(), Rule::SubjectKey);
    assert!(reason.contains(&format!("entry {entry}")), "{reason}");
}

#[test]
fn a_serial_number_that_was_given_out_is_refused() {
    #[derive(Debug)]
    struct Same;
    impl SerialSource for Same {
        fn serial(&self) -> std::io::Result<Serial> {
            Ok(Serial::new(&[0x55; 16]).unwrap())
        }
    }
    let line = Line::new();
    let mut ledger = line.ledger();
    let terms = Terms { serials: &Same, ..line.terms() };
    let first = issue(&terms, request(&line.csr("first")), &mut ledger).unwrap();
    assert_eq!(first.serial, Serial::new(&[0x55; 16]).unwrap());
    let second = line.csr("second");
    let reason = refused(&line, &terms, &mut ledger, second.der(), Rule::Serial);
    assert!(reason.contains("55555555"), "{reason}");
    // Not even a reissue frees a number.
    let reissue = Terms { reissue: Some("again"), ..terms };
    let _ = refused(&line, &reissue, &mut ledger, second.der(), Rule::Serial);
}

#[test]
fn names_too_long_for_the_ledger_are_refused_and_the_batch_goes_on() {
    let line = Line::new();
    let long = "X".repeat(1025);
    let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
    let dsn = Forge::new(DEVICE_TYPE).subject(&[(oid::DSN, tag::UTF8, long.as_bytes()), kind]);
    refused_here(&line, &dsn.der(), Rule::Subject);
    // Sixty thousand octets of name, each four in a terminal's escape.
    let huge = "\u{ad}".repeat(30_000);
    let dsn = Forge::new(DEVICE_TYPE).subject(&[(oid::DSN, tag::UTF8, huge.as_bytes()), kind]);
    refused_here(&line, &dsn.der(), Rule::Subject);
    let plain = Line::with(&Setup { subject: Some("[dn]\nCN=Plain CA\n"), ..Setup::default() });
    let profile = Profile::built_in("plain").unwrap();
    let terms = Terms { profile: &profile, ..plain.terms() };
    let kind = Forge::new(&long).der();
    let _ = refused(&plain, &terms, &mut plain.ledger(), &kind, Rule::Subject);
}

#[test]
fn an_operators_device_id_must_be_clean_text_too() {
    let line = Line::new();
    let csr = line.csr("device");
    for id in ["", " ", "G3 ", "\u{3000}G3", "G3\n", "G3\u{202e}", &"X".repeat(2000)] {
        let mut ledger = line.ledger();
        let asked = Request { device_id: Some(id.to_owned()), ..request(&csr) };
        let error = issue(&line.terms(), asked, &mut ledger).unwrap_err();
        assert!(error.to_string().contains("rule device-id"), "{id:?}: {error}");
        assert_eq!(count(&ledger, "intent"), 0);
    }
}
