//! Fuzzing of the config reader: it must neither panic, nor hang, nor grow.

use std::str::FromStr;

use der::{Decode, asn1::BitString};
use issuer::conf::{Config, ExtensionContext, IssuerContext, OpenSslCompat, Options};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::{name::Name, serial_number::SerialNumber};

/// Reads the bytes as an OpenSSL config, without includes and environment; makes a request from it,
/// and the extensions of a request and of a certificate from every section.
pub fn conf(data: &[u8]) {
    let Ok(config) = Config::parse(data, "fuzz.conf", &Options::closed()) else { return };
    let Some(subject) = Subject::new() else { return };
    let context = ExtensionContext {
        subject: &subject.name,
        subject_key: &subject.key,
        issuer: IssuerContext {
            key_identifier: Some(b"issuer"),
            issuer_name: &subject.name,
            serial: &subject.serial,
            alternative_names: None,
        },
    };
    let request = config.request();
    if let Ok(request) = &request {
        // A refusal is as good as a result; only a panic is not.
        drop(request.info(&subject.key));
    }
    // Each section may cost as much as the bound on work allows, so few of them must do.
    for section in config.sections().take(32) {
        let Ok(name) = std::str::from_utf8(section.name()) else { continue };
        drop(config.extensions(name, &context, OpenSslCompat::V3));
        if let Ok(request) = &request {
            drop(request.extensions_of(name, &subject.key));
        }
    }
}

struct Subject {
    name: Name,
    key: SubjectPublicKeyInfoOwned,
    serial: SerialNumber,
}

impl Subject {
    fn new() -> Option<Self> {
        let algorithm = AlgorithmIdentifierOwned::from_der(&[0x30, 3, 6, 1, 0x2A]).ok()?;
        let subject_public_key = BitString::from_bytes(b"key").ok()?;
        Some(Self {
            name: Name::from_str("emailAddress=a@example.com,CN=device").ok()?,
            key: SubjectPublicKeyInfoOwned { algorithm, subject_public_key },
            serial: SerialNumber::new(&[7]).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dummy_subject_can_be_made() {
        assert!(Subject::new().is_some());
    }

    #[test]
    fn every_kept_config_is_read_without_panic() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz-corpus/conf");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            conf(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 60, "only {count} files in {folder}");
    }
}
