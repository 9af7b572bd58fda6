//! What the config reader promises beyond being like OpenSSL (that is judged in the crate of tests):
//! what it may touch, how far it goes, and what it tells its caller.

use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use der::{Decode, asn1::BitString};
use issuer::conf::{
    Config, ExtensionContext, Files, IssuerContext, OpenSslCompat, Options, Reason,
};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::{name::Name, serial_number::SerialNumber};

#[cfg(test)]
use self::parts::Parts;

const REQUEST: &str = "[req]\nprompt = no\ndistinguished_name = dn\nreq_extensions = ext\n\
                       [dn]\nCN = x\n[ext]\n";

#[test]
fn closed_options_allow_neither_include_nor_environment() {
    for (text, message) in [
        ("a = 1\n.include /etc/passwd\n", "c:2: .include is not allowed here"),
        ("\n\na = $ENV::HOME\n", "c:3: environment variable `HOME` is not allowed here"),
        ("a = ${ENV::PATH}", "c:1: environment variable `PATH` is not allowed here"),
    ] {
        let error = Config::parse(text.as_bytes(), "c", &Options::closed()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn operator_options_read_files_and_environment() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner.cnf");
    std::fs::write(&inner, "path = $ENV::PATH\n").unwrap();
    let outer = folder.path().join("outer.cnf");
    std::fs::write(&outer, format!(".include {}\nb = $path\n", inner.display())).unwrap();
    let config = Config::load(&outer, &Options::operator()).unwrap();
    let path = std::env::var("PATH").unwrap();
    let value = config.value(b"any section falls back", b"b").unwrap();
    assert_eq!(value.bytes(), path.as_bytes());
    assert_eq!(value.place().to_string(), format!("{}:2", outer.display()));
    let value = config.value(b"default", b"path").unwrap();
    assert_eq!(value.place().to_string(), format!("{}:1", inner.display()));
}

#[test]
fn missing_file_is_an_error_that_names_it() {
    let error = Config::load(Path::new("/nowhere/x.cnf"), &Options::operator()).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/x.cnf: the file cannot be read"), "{error}");
    assert!(matches!(error.reason, Reason::Open(cause) if cause.kind() == io::ErrorKind::NotFound));
}

#[derive(Debug)]
struct NoFiles(io::ErrorKind);

impl Files for NoFiles {
    fn read(&self, _path: &Path, _limit: usize) -> io::Result<Vec<u8>> {
        Err(self.0.into())
    }

    fn list(&self, _path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        Err(self.0.into())
    }
}

#[test]
fn missing_include_is_passed_over_and_reported() {
    let options = Options::closed().with_files(Arc::new(NoFiles(io::ErrorKind::NotFound)));
    let config = Config::parse(b"a = 1\n.include b.cnf\n", "c", &options).unwrap();
    let missing: Vec<_> = config.missing_includes().collect();
    let [(place, path)] = missing.as_slice() else { panic!("{missing:?}") };
    assert_eq!((place.to_string().as_str(), *path), ("c:2", Path::new("b.cnf")));
}

#[test]
fn unreadable_include_is_an_error() {
    let options = Options::closed().with_files(Arc::new(NoFiles(io::ErrorKind::PermissionDenied)));
    let error = Config::parse(b".include b.cnf\n", "c", &options).unwrap_err();
    assert!(error.to_string().starts_with("c:1: included file `b.cnf` cannot be read"), "{error}");
}

#[test]
fn questions_without_answers_are_told() {
    let text = "[req]\ndistinguished_name = dn\n[dn]\nO = Organization\nO_default = x\n\
                CN = Your name\nCN_max = 64\n";
    let config = Config::parse(text.as_bytes(), "c", &Options::closed()).unwrap();
    let request = config.request().unwrap();
    assert_eq!(request.subject().to_string(), "O=x");
    let [question] = request.unanswered() else { panic!("{:?}", request.unanswered()) };
    assert_eq!((question.name.as_str(), question.question.as_str()), ("CN", "Your name"));
    let error = request.require_answers().unwrap_err();
    assert!(error.to_string().starts_with("c:6: `CN` has neither"), "{error}");
}

#[test]
fn digest_and_section_of_extensions_are_told() {
    let text = format!("default_md = sha384\n{REQUEST}");
    let config = Config::parse(text.as_bytes(), "c", &Options::closed()).unwrap();
    let request = config.request().unwrap();
    let digest = request.digest().unwrap();
    assert_eq!((digest.bytes(), digest.place().line()), (&b"sha384"[..], Some(1)));
    assert_eq!(request.extensions_section().as_deref(), Some("ext"));
    assert!(request.require_answers().is_ok());
}

#[test]
fn certificate_section_is_the_named_one_or_the_default() {
    for (text, section) in [("a = 1\n", "default"), ("extensions = x\n", "x")] {
        let config = Config::parse(text.as_bytes(), "c", &Options::closed()).unwrap();
        assert_eq!(config.certificate_section(), section);
    }
}

#[cfg(test)]
mod parts {
    use super::*;

    pub(super) struct Parts {
        subject: Name,
        pub(super) key: SubjectPublicKeyInfoOwned,
        serial: SerialNumber,
    }

    impl Parts {
        pub(super) fn new() -> Self {
            let algorithm = AlgorithmIdentifierOwned::from_der(&[0x30, 3, 6, 1, 0x2A]).unwrap();
            let subject_public_key = BitString::from_bytes(b"key").unwrap();
            Self {
                subject: Name::from_str("emailAddress=a@example.com,CN=x").unwrap(),
                key: SubjectPublicKeyInfoOwned { algorithm, subject_public_key },
                serial: SerialNumber::new(&[7]).unwrap(),
            }
        }

        pub(super) fn extensions(
            &self,
            text: &str,
            compat: OpenSslCompat,
        ) -> issuer::conf::Extensions {
            let config = Config::parse(text.as_bytes(), "c", &Options::closed()).unwrap();
            let context = ExtensionContext {
                subject: &self.subject,
                subject_key: &self.key,
                issuer: IssuerContext {
                    key_identifier: Some(b"issuer"),
                    issuer_name: &self.subject,
                    serial: &self.serial,
                    alternative_names: None,
                },
            };
            config.extensions("ext", &context, compat).unwrap()
        }
    }
}

#[test]
fn identifiers_are_added_as_openssl_3_does_and_not_as_1_1_1() {
    let parts = Parts::new();
    let oids = |text: &str, compat| -> Vec<String> {
        let made = parts.extensions(text, compat);
        made.list.iter().map(|extension| extension.extn_id.to_string()).collect()
    };
    let (usage, subject, authority) = ("2.5.29.15", "2.5.29.14", "2.5.29.35");
    let text = "[ext]\nkeyUsage = cRLSign\n";
    assert_eq!(oids(text, OpenSslCompat::V3), [usage, subject, authority]);
    assert_eq!(oids(text, OpenSslCompat::V1_1_1), [usage]);
    let text = "[ext]\nauthorityKeyIdentifier = keyid\nkeyUsage = cRLSign\n";
    assert_eq!(oids(text, OpenSslCompat::V3), [authority, usage, subject]);
    assert_eq!(oids(text, OpenSslCompat::V1_1_1), [authority, usage]);
    assert!(oids("[ext]\n", OpenSslCompat::V3).is_empty());
    let text = "[ext]\nsubjectKeyIdentifier = none\nauthorityKeyIdentifier = none\n";
    assert!(oids(text, OpenSslCompat::V3).is_empty());
    assert!(oids(text, OpenSslCompat::V1_1_1).is_empty());
}

#[test]
fn moved_addresses_leave_the_subject() {
    let parts = Parts::new();
    let made = parts.extensions("[ext]\nsubjectAltName = email:copy\n", OpenSslCompat::V3);
    assert_eq!(made.moved_subject, None);
    let made = parts.extensions("[ext]\nsubjectAltName = email:move\n", OpenSslCompat::V3);
    assert_eq!(made.moved_subject.map(|name| name.to_string()).as_deref(), Some("CN=x"));
}

/// Each of these would take time or memory out of all proportion to its size.
#[test]
fn hostile_configs_are_refused_with_their_line() {
    let lines =
        |count: usize, line: &dyn Fn(usize) -> String| -> String { (0..count).map(line).collect() };
    let cases = [
        (
            "too long",
            "x".repeat(5 << 20),
            "c: config, or what it asks for, grows larger than 4194304 bytes",
        ),
        (
            "empty variables",
            format!("e =\n{}", lines(60, &|_| format!("a = {}\n", "$e".repeat(30_000)))),
            "c:7: config, or what it asks for, grows larger",
        ),
        (
            "values that fill up",
            format!("e = {}\n{}", "x".repeat(60_000), lines(100, &|at| format!("a{at} = $e\n"))),
            "c:70: config, or what it asks for, grows larger",
        ),
        ("long section name", format!("[{}]\n", "s".repeat(1_025)), "c:1: more than 1024 bytes"),
        (
            "attributes in one RDN",
            REQUEST.replace("CN = x\n", &lines(2_000, &|at| format!("{at}.+O = x{at}\n"))),
            "c:1006: more than 1000 attributes of a name",
        ),
        (
            "extensions",
            REQUEST.to_owned() + &lines(2_000, &|at| format!("1.2.{at} = DER:00\n")),
            "c:1419: config, or what it asks for, grows larger than 1048576 bytes",
        ),
        (
            "sections that double",
            format!(
                "{REQUEST}1.2.3 = ASN1:SET:s0\n{}",
                lines(40, &|at| {
                    let next = at + 1;
                    format!("[s{at}]\na = SET:s{next}\nb = SET:s{next}\n")
                })
            ) + "[s40]\na = NULL\n",
            "c:",
        ),
        (
            "one section named often",
            format!("{REQUEST}crlDistributionPoints = {}p\n[p]\n", "p,".repeat(9_999))
                + &lines(9_999, &|at| format!("a{at} =\n")),
            "c:8: config, or what it asks for, grows larger than 1048576 bytes",
        ),
    ];
    for (name, text, message) in cases {
        let config = Config::parse(text.as_bytes(), "c", &Options::closed());
        let made = config.and_then(|config| config.request()?.info(&Parts::new().key));
        let error = made.map(|_| ()).expect_err(name);
        assert!(error.to_string().starts_with(message), "{name}: {error}");
        let bound = matches!(error.reason, Reason::TooLarge { .. } | Reason::TooMany { .. });
        assert!(bound, "{name}: {error}");
    }
}
