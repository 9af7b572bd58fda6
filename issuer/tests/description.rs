//! Certificates made to be hard to describe: every extension, and text that a terminal would act on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a fixture that cannot be made fails the test"
)]

use std::process::Command;

use issuer::certificate::ParsedCertificate;
use issuer::describe::{Description, dak_suffix};
use issuer::pem::{self, Kind};

fn self_signed(subject: &str, extensions: &str, extra: &[&str]) -> ParsedCertificate {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.conf");
    let text = format!(
        "oid_section=oids\n[oids]\nDeviceTypeId=1.3.6.1.4.1.4843.1.3\nOdd=1.2.3.4.5\n[req]\nprompt=no\ndistinguished_name=dn\n[dn]\nCN=x\n[ext]\n{extensions}"
    );
    std::fs::write(&config, text).unwrap();
    let output = Command::new("openssl")
        .args(["req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-noenc", "-keyout", "/dev/null", "-utf8", "-subj", subject, "-extensions", "ext"])
        .args(["-days", "30", "-config"])
        .arg(&config)
        .args(extra)
        .output()
        .expect("the openssl program is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let block = pem::read_one(&output.stdout, Kind::Certificate, 1 << 20).unwrap();
    ParsedCertificate::from_der(&block.der).unwrap()
}

#[test]
fn every_known_extension_is_told_in_words_and_others_as_hex() {
    let certificate = self_signed(
        "/CN=words",
        "basicConstraints=critical,CA:TRUE,pathlen:3\n\
         keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyAgreement,keyCertSign,cRLSign,encipherOnly,decipherOnly\n\
         extendedKeyUsage=clientAuth,1.2.3.4\n\
         subjectKeyIdentifier=a1b2c3d4\n\
         subjectAltName=DNS:a.example.com,email:a@example.com,URI:https://example.com/,IP:10.0.0.1,IP:2001:db8::1,RID:1.2.3,dirName:dn,otherName:1.2.3;UTF8:other\n\
         certificatePolicies=1.2.3.4,@policy\n\
         crlDistributionPoints=URI:http://example.com/a.crl\n\
         authorityInfoAccess=OCSP;URI:http://ocsp.example.com,caIssuers;URI:http://example.com/ca\n\
         nameConstraints=permitted;DNS:example.com,excluded;IP:10.0.0.0/255.0.0.0\n\
         policyConstraints=requireExplicitPolicy:1,inhibitPolicyMapping:0\n\
         inhibitAnyPolicy=2\n\
         nsComment=hello\n\
         1.2.3.4.5=ASN1:INTEGER:5\n\
         [policy]\npolicyIdentifier=anyPolicy\nCPS.1=http://example.com/cps\n",
        &[],
    );
    let description = Description::of(&certificate);
    let value = |name: &str| {
        let found = description.extensions.iter().find(|e| e.name.unwrap_or(&e.oid) == name);
        found.unwrap_or_else(|| panic!("no {name}")).value.clone()
    };
    for (name, expected) in [
        ("basicConstraints", vec!["CA:TRUE", "pathlen:3"]),
        (
            "keyUsage",
            vec![
                "digitalSignature",
                "nonRepudiation",
                "keyEncipherment",
                "dataEncipherment",
                "keyAgreement",
                "keyCertSign",
                "cRLSign",
                "encipherOnly",
                "decipherOnly",
            ],
        ),
        ("extendedKeyUsage", vec!["clientAuth", "1.2.3.4"]),
        ("subjectKeyIdentifier", vec!["A1B2C3D4"]),
        (
            "subjectAltName",
            vec![
                "DNS:a.example.com",
                "email:a@example.com",
                "URI:https://example.com/",
                "IP:10.0.0.1",
                "IP:2001:db8::1",
                "RID:1.2.3",
                "dirName:CN=x",
                "otherName:1.2.3;#0c056f74686572",
            ],
        ),
        ("certificatePolicies", vec!["1.2.3.4", "anyPolicy", "CPS:http://example.com/cps"]),
        ("crlDistributionPoints", vec!["URI:http://example.com/a.crl"]),
        (
            "authorityInfoAccess",
            vec!["OCSP;URI:http://ocsp.example.com", "caIssuers;URI:http://example.com/ca"],
        ),
        ("nameConstraints", vec!["permitted;DNS:example.com", "excluded;IP:10.0.0.0/255.0.0.0"]),
        ("policyConstraints", vec!["requireExplicitPolicy:1", "inhibitPolicyMapping:0"]),
        ("inhibitAnyPolicy", vec!["2"]),
        ("nsComment", vec!["hello"]),
        ("1.2.3.4.5", vec!["#020105"]),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    assert_eq!(dak_suffix(&certificate).as_deref(), Some("A1B2C3"));
}

#[test]
fn certificates_that_are_no_ca_have_no_dak_suffix() {
    let leaf =
        self_signed("/CN=leaf", "subjectKeyIdentifier=hash\nbasicConstraints=CA:FALSE\n", &[]);
    assert_eq!(dak_suffix(&leaf), None);
}

#[test]
fn nothing_in_a_certificate_reaches_the_terminal_raw() {
    let evil = "\x1b]0;owned\x07\x1b[2J\u{202e}gnp.exe\u{200b}\u{9b}31m\ttab";
    let certificate = self_signed(
        &format!("/DeviceTypeId={evil}/CN={evil}/Odd={evil}"),
        &format!(
            "nsComment=DER:16:05:1b:5b:32:4a:0a\n\
             subjectAltName=DER:30:09:82:07:61:1b:5b:32:4a:0a:62\n\
             keyUsage=DER:1b:5b:32\n\
             certificatePolicies=@p\n[p]\npolicyIdentifier=1.2.3\nCPS.1=\"http://x/{}\"\n",
            "\u{1b}[2J"
        ),
        &[],
    );
    let description = Description::of(&certificate);
    let text = description.to_text();
    let json = serde_json::to_string(&description).unwrap();
    let error = issuer::path::validate(
        std::slice::from_ref(&certificate),
        &issuer::path::TrustAnchors::none(),
        std::time::UNIX_EPOCH,
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("owned"), "the subject is not named: {error}");
    for (what, output) in [("text", text.as_str()), ("json", &json), ("error", &error)] {
        for character in output.chars().filter(|c| *c != '\n' || what != "text") {
            let visible = !character.is_control()
                && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
            assert!(visible, "{character:?} in {what}: {output:?}");
        }
    }
    // One line for each fact: no text can make a line of its own.
    assert_eq!(text.lines().filter(|line| line.starts_with("DeviceTypeId")).count(), 1);
    assert!(text.contains("\\1B]0;owned\\07\\1B[2J\\E2\\80\\AEgnp.exe\\E2\\80\\8B"), "{text}");
    assert!(text.contains("DNS:a\\1B[2J\\0Ab"), "{text}");
    assert!(text.contains("keyUsage: malformed #1b5b32"), "{text}");
}

#[test]
fn multi_valued_and_strange_names_are_kept_apart() {
    let certificate = self_signed("/O=a, b/CN=x+OU=y", "", &["-multivalue-rdn"]);
    let description = Description::of(&certificate);
    assert_eq!(description.subject.text, "O=a\\, b, CN=x+OU=y");
    let negative = self_signed("/CN=n", "", &["-set_serial", "-5"]);
    assert_eq!(Description::of(&negative).serial, "-05");
    let long = self_signed("/CN=n", "", &["-set_serial", "0x7F969B04"]);
    assert_eq!(Description::of(&long).serial, "7F969B04");
}

#[test]
fn serial_fingerprint_and_dates_are_openssls() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tuya-2020-chain.pem", "microchip-2021-chain.pem"] {
        let chain = format!("{}/../tests/data/chains/{name}", env!("CARGO_MANIFEST_DIR"));
        let input = std::fs::read(chain).unwrap();
        for block in pem::read_all(&input, Kind::Certificate, 1 << 20).unwrap() {
            let file = folder.path().join("one.der");
            std::fs::write(&file, &block.der).unwrap();
            let output = Command::new("openssl")
                .args(["x509", "-inform", "DER", "-noout", "-serial", "-dates", "-dateopt"])
                .args(["iso_8601", "-fingerprint", "-sha256", "-in"])
                .arg(&file)
                .output()
                .expect("the openssl program is needed");
            let description = Description::of(&ParsedCertificate::from_der(&block.der).unwrap());
            let date = |text: &str| text.replace('T', " ");
            let fingerprint = description.to_text();
            let fingerprint =
                fingerprint.lines().find_map(|line| line.strip_prefix("SHA-256         ")).unwrap();
            let expected = format!(
                "serial={}\nnotBefore={}\nnotAfter={}\nsha256 Fingerprint={fingerprint}\n",
                description.serial,
                date(&description.not_before),
                date(&description.not_after),
            );
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}");
        }
    }
}
