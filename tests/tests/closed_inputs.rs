//! What devices and templates say is data: it never makes a file be read, a variable be shown or
//! another value appear.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;

use issuer::certificate::ParsedCertificate;
use issuer::control_log::{ControlLogError, Template};
use issuer::csr::Csr;
use issuer::device_oids::text_of;
use issuer::issue::{Terms, issue};
use issuer::profile::{Attribute, Profile};
use issuer::public_key_text::PublicKeyForm;
use ledger::{CertificateFilter, Ledger};
use serde_json::{Value, json};
use touchmark_tests::forge::{Forge, oid, tag};
use touchmark_tests::line::{DEVICE_TYPE, Line, Setup, entries, request};

/// Text that other readers of configs, templates and shells would act upon. The variable is one that
/// every test has.
fn bait(file: &str) -> Vec<String> {
    vec![
        "$ENV::CARGO_MANIFEST_DIR".into(),
        "${ENV::CARGO_MANIFEST_DIR}".into(),
        "$(ENV::CARGO_MANIFEST_DIR)".into(),
        "${CARGO_MANIFEST_DIR}".into(),
        "{CARGO_MANIFEST_DIR}".into(),
        "{env:CARGO_MANIFEST_DIR}".into(),
        "$(cat bait.txt)".into(),
        "`cat bait.txt`".into(),
        format!(".include {file}"),
        format!("@{file}"),
        format!("file:{file}"),
        format!("{{file:{file}}}"),
        format!("file://{file}"),
        "DER:0c0474657374".into(),
        "ASN1:UTF8String:test".into(),
        "dirName:dn".into(),
        "{certificate}".into(),
        "{{certificate}}".into(),
        "{public-key}".into(),
        "\",\"injected\":\"x".into(),
        "\\u007bcertificate\\u007d".into(),
        "%{certificate}%s%n".into(),
    ]
}

const SECRET: &str = "what stands in the bait file";

fn line_with_bait() -> (Line, String) {
    let line = Line::new();
    line.write("bait.txt", SECRET);
    let file = line.path("bait.txt").display().to_string();
    (line, file)
}

/// The value of the variable in the bait, and what stands in the file.
fn shows_nothing(text: &str) {
    assert!(!text.contains(SECRET), "a file was read: {text}");
    assert!(!text.contains(env!("CARGO_MANIFEST_DIR")), "a variable was shown: {text}");
}

#[test]
fn a_subject_is_copied_and_never_expanded() {
    let (line, file) = line_with_bait();
    let mut ledger = line.ledger();
    let bait = bait(&file);
    for text in &bait {
        let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
        let forged = Forge::new("").subject(&[(oid::DSN, tag::UTF8, text.as_bytes()), kind]);
        let csr = Csr::read(&forged.der()).unwrap();
        let release = line.issue(&csr, &mut ledger);
        assert_eq!(release.device_id.as_deref(), Some(&**text));
        let parsed = ParsedCertificate::from_der(&release.certificate).unwrap();
        assert_eq!(parsed.subject(), csr.subject());
    }
    for entry in entries(&ledger) {
        shows_nothing(&entry.body);
    }
    // And out again, into a control log: each the serial number of its own entry, as it was.
    let template = Template::parse(
        &json!({"controlLogs": [{"serial": "{device-id}", "list": ["{dsn}", 1, null]}]})
            .to_string(),
        BTreeMap::new(),
    )
    .unwrap();
    let log = log_of(&template, &ledger).unwrap();
    shows_nothing(&log);
    let log: Value = serde_json::from_str(&log).unwrap();
    let logged: Vec<Value> = log["controlLogs"].as_array().unwrap().clone();
    let wanted: Vec<Value> =
        bait.iter().map(|text| json!({"serial": text, "list": [text, 1, null]})).collect();
    assert_eq!(logged, wanted);
}

#[test]
fn values_that_extensions_take_from_a_subject_are_not_expanded() {
    let line = Line::with(&Setup { subject: Some("[dn]\nCN=Plain CA\n"), ..Setup::default() });
    line.write("bait.txt", SECRET);
    let profile = Profile::built_in("plain").unwrap();
    let extensions = line.extensions_of("[ext]\nsubjectAltName=email:copy\n");
    let terms = Terms { profile: &profile, extensions: &extensions, ..line.terms() };
    let mut ledger = line.ledger();
    for text in bait(&line.path("bait.txt").display().to_string()) {
        let forged = Forge::new("").subject(&[(oid::EMAIL, tag::IA5, text.as_bytes())]);
        let csr = Csr::read(&forged.der()).unwrap();
        let release = issue(&terms, request(&csr), &mut ledger).unwrap();
        let parsed = ParsedCertificate::from_der(&release.certificate).unwrap();
        let found = parsed.extensions().iter().find(|one| one.extn_id.to_string() == "2.5.29.17");
        let found = found.unwrap().extn_value.as_bytes();
        assert!(found.ends_with(text.as_bytes()), "{text}: {found:02x?}");
        let email = Attribute::try_from("emailAddress".to_owned()).unwrap();
        assert_eq!(text_of(parsed.subject(), &email.0), Some(text));
    }
    entries(&ledger).iter().for_each(|entry| shows_nothing(&entry.body));
}

#[test]
fn a_control_log_template_can_name_nothing_but_what_the_operator_gave() {
    let (line, file) = line_with_bait();
    let mut ledger = line.ledger();
    let dsn = (oid::DSN, tag::UTF8, b"G3A0".as_slice());
    let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
    let forged = Forge::new("").subject(&[dsn, kind]);
    let _ = line.issue(&Csr::read(&forged.der()).unwrap(), &mut ledger);
    let mut refused = 0;
    for text in bait(&file) {
        for document in [
            json!({"controlLogs": [{"value": text}]}),
            json!({"controlLogs": [{"value": "{dsn}"}], "outside": text}),
            json!({"controlLogs": [{"$ref": text, "include": text}]}),
        ] {
            let template = Template::parse(&document.to_string(), BTreeMap::new()).unwrap();
            match log_of(&template, &ledger) {
                Ok(log) => shows_nothing(&log),
                Err(ControlLogError::NoValue { .. } | ControlLogError::Brace { .. }) => {
                    refused += 1
                }
                Err(other) => panic!("{document}: {other}"),
            }
        }
    }
    assert!(refused >= 6 * 3, "only {refused}");
    // The names of members are nobody's placeholders.
    let document = json!({"controlLogs": [{"{dsn}": "{dsn}", "$ENV::HOME": 1}]});
    let template = Template::parse(&document.to_string(), BTreeMap::new()).unwrap();
    let log: Value = serde_json::from_str(&log_of(&template, &ledger).unwrap()).unwrap();
    assert_eq!(log, json!({"controlLogs": [{"{dsn}": "G3A0", "$ENV::HOME": 1}]}));
}

#[test]
fn an_operators_own_values_are_not_looked_at_again_either() {
    let (line, file) = line_with_bait();
    let mut ledger = line.ledger();
    let dsn = (oid::DSN, tag::UTF8, b"G3A0".as_slice());
    let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
    let forged = Forge::new("").subject(&[dsn, kind]);
    let _ = line.issue(&Csr::read(&forged.der()).unwrap(), &mut ledger);
    for text in bait(&file) {
        // A name that the ledger has a value for stays the ledger's.
        let values = BTreeMap::from([
            ("product-id".to_owned(), text.clone()),
            ("device-id".to_owned(), "forged".to_owned()),
        ]);
        let document =
            json!({"controlLogs": [["{product-id}", "{device-id}"]], "x": "{product-id}"});
        let template = Template::parse(&document.to_string(), values).unwrap();
        let log: Value = serde_json::from_str(&log_of(&template, &ledger).unwrap()).unwrap();
        assert_eq!(log, json!({"controlLogs": [[text, "G3A0"]], "x": text}));
    }
}

fn log_of(template: &Template, ledger: &Ledger) -> Result<String, ControlLogError> {
    let mut log = Vec::new();
    let all = ledger.certificates(CertificateFilter::default());
    template.write(all, PublicKeyForm::Compressed, &mut log)?;
    Ok(String::from_utf8(log).unwrap())
}
