//! Fuzzing of requests: whatever parses goes through the gate and into words, and never gets past it
//! with anything that a certificate must not have.

#![expect(clippy::unwrap_used, reason = "what is built in must be right")]

use std::sync::{Arc, OnceLock};

use issuer::csr::Csr;
use issuer::describe::name_text;
use issuer::device_oids;
use issuer::gate;
use issuer::issuer::Issuer;
use issuer::pem::{Kind, encode};
use issuer::profile::Profile;
use issuer::public_key_text::{PublicKeyForm, key_identity, public_key_text};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};

use super::printable;
use crate::fleet::DeviceKey;

/// Reads the bytes as a request, asks the gate about it under both built-in profiles, and checks that
/// what the gate lets pass keeps its promises.
pub fn csr(data: &[u8]) {
    let csr = match Csr::read(data) {
        Ok(csr) => csr,
        Err(error) => return printable(&error.to_string()),
    };
    assert!(csr.der().len() <= Csr::MOST_OCTETS, "a request larger than the limit");
    let again = Csr::read(encode(Kind::CertificateRequest, csr.der()).as_bytes());
    assert!(again.is_ok_and(|again| again.der() == csr.der()), "not read back as written");
    printable(&name_text(csr.subject()));
    if let Ok(text) = public_key_text(csr.public_key(), PublicKeyForm::Uncompressed) {
        printable(&text);
    }
    for name in Profile::BUILT_IN {
        let profile = Profile::built_in(name).unwrap();
        let key = gate::check_key_type(&csr, &profile).map(|_| ());
        let signature = gate::check_signature(&csr);
        if key.is_ok() && signature.is_ok() {
            assert!(key_identity(csr.public_key()).is_ok(), "a key that signs has an identity");
        }
        let content = gate::check_content(&csr, &profile, issuer());
        if content.is_ok() {
            passed(&csr, &profile);
        }
        for refusal in [key.err(), signature.err(), content.err()].into_iter().flatten() {
            printable(&refusal.to_string());
        }
    }
}

/// What a request that passed the gate must be.
fn passed(csr: &Csr, profile: &Profile) {
    let subject = csr.subject();
    let kind = device_oids::device_type_id(subject);
    assert_eq!(kind.as_deref(), issuer().device_type(), "another device type");
    for attribute in subject.iter() {
        let text = device_oids::string_value(&attribute.value).unwrap();
        printable(&text);
        assert!(!text.contains('\n') && !text.is_empty(), "a misleading name: {text:?}");
    }
    if let Some(allowed) = &profile.subject_allowed {
        let known = |oid| allowed.iter().any(|one| one.0 == oid);
        assert!(subject.iter().all(|attribute| known(attribute.oid)), "outside the profile");
    }
    for one in csr.requested_extensions().unwrap() {
        let octets = one.extn_value.as_bytes();
        let ca = read::<BasicConstraints>(octets).is_some_and(|constraints| constraints.ca);
        assert!(!ca || one.extn_id.to_string() != "2.5.29.19", "asks for CA:TRUE");
        let signs = read::<KeyUsage>(octets).is_some_and(|u| u.0.contains(KeyUsages::KeyCertSign));
        assert!(!signs || one.extn_id.to_string() != "2.5.29.15", "asks for keyCertSign");
    }
}

fn read<'a, T: der::Decode<'a>>(octets: &'a [u8]) -> Option<T> {
    T::from_der(octets).ok()
}

/// A vendor's real DAK. Its key is another's, which the parts of the gate that are used here do not
/// ask about.
fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let file = include_bytes!("../../data/chains/microchip-2021-dak-certificate.pem");
        Issuer::read(Arc::new(DeviceKey::generate()), file).unwrap()
    })
}
