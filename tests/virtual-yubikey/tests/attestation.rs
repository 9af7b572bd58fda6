//! Attestations, verified by the `openssl` program and read by an independent parser.
#![cfg(test)]

#[path = "support/openssl.rs"]
mod openssl;

use std::collections::BTreeMap;

use der::{Decode as _, EncodePem as _, pem::LineEnding};
use openssl::Openssl;
use virtual_yubikey::{
    Algorithm, AttestationError, Attestor, FactoryFacts, KeyError, PinPolicy, PrivateKey,
    ROOT_CERTIFICATE_PEM, Slot, Statement, TouchPolicy, attest,
};
use x509_cert::Certificate;

const YUBICO: &str = "1.3.6.1.4.1.41482.3.";

fn facts() -> FactoryFacts {
    FactoryFacts { firmware: [5, 2, 4], serial: 11_409_403, form_factor: 1, fips: false }
}

fn statement(key: &PrivateKey) -> Statement<'_> {
    Statement {
        slot: Slot::SIGNATURE,
        key,
        pin_policy: PinPolicy::Always,
        touch_policy: TouchPolicy::Never,
        firmware: [5, 2, 4],
        serial: 11_409_403,
        form_factor: 1,
    }
}

#[test]
fn the_chain_verifies_and_says_what_was_said() {
    let attestor = Attestor::manufacture(&facts());
    let slow = [Algorithm::Rsa3072, Algorithm::Rsa4096];
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !slow.contains(algorithm)) {
        let key = PrivateKey::generate(algorithm);
        let certificate = attest(attestor.key(), attestor.certificate(), &statement(&key)).unwrap();
        assert_chain(&certificate, attestor.certificate(), ROOT_CERTIFICATE_PEM);

        let read = Certificate::from_der(&certificate).unwrap();
        let said = read.tbs_certificate();
        assert_eq!(said.subject().to_string(), "CN=YubiKey PIV Attestation 9c");
        assert_eq!(said.issuer().to_string(), "CN=Yubico PIV Attestation");
        assert_eq!(key_of(&certificate), key.spki_der());
        let expected = [
            ("3", vec![5, 2, 4]),
            // A DER INTEGER, the only one that is encoded again.
            ("7", vec![0x02, 0x04, 0x00, 0xAE, 0x17, 0xFB]),
            ("8", vec![3, 1]),
            ("9", vec![1]),
        ];
        assert_eq!(extensions(&certificate), expected.map(owned).into());
    }
}

#[test]
fn validity_is_that_of_the_signers_certificate() {
    let openssl = Openssl::new();
    openssl.write("root.pem", ROOT_CERTIFICATE_PEM.as_bytes());
    let attestor = Attestor::manufacture(&facts());
    let key = PrivateKey::generate(Algorithm::P256);
    let certificate = attest(attestor.key(), attestor.certificate(), &statement(&key)).unwrap();
    for der in [&certificate[..], attestor.certificate()] {
        openssl.write("certificate.der", der);
        let dates = openssl.run("x509 -inform DER -in certificate.der -noout -dates");
        let dates = String::from_utf8(dates).unwrap();
        assert_eq!(
            dates,
            "notBefore=Mar 14 00:00:00 2016 GMT\nnotAfter=Apr 17 00:00:00 2052 GMT\n"
        );
    }
}

#[test]
fn subjects_name_the_slot_in_lower_case() {
    let attestor = Attestor::manufacture(&facts());
    let key = PrivateKey::generate(Algorithm::P256);
    for (reference, name) in [(0x9A, "9a"), (0x9E, "9e"), (0x82, "82"), (0x95, "95")] {
        let slot = Slot::from_reference(reference).unwrap();
        let said = Statement { slot, ..statement(&key) };
        let certificate = attest(attestor.key(), attestor.certificate(), &said).unwrap();
        let read = Certificate::from_der(&certificate).unwrap();
        let subject = read.tbs_certificate().subject().to_string();
        assert_eq!(subject, format!("CN=YubiKey PIV Attestation {name}"));
    }
}

#[test]
fn each_attestation_has_a_serial_number_of_its_own() {
    let attestor = Attestor::manufacture(&facts());
    let key = PrivateKey::generate(Algorithm::P256);
    let serials: std::collections::BTreeSet<Vec<u8>> = (0..20)
        .map(|_| {
            let der = attest(attestor.key(), attestor.certificate(), &statement(&key)).unwrap();
            let read = Certificate::from_der(&der).unwrap();
            let serial = read.tbs_certificate().serial_number().as_bytes().to_vec();
            assert!(serial.len() <= 17);
            serial
        })
        .collect();
    assert_eq!(serials.len(), 20);
    assert!(serials.iter().any(|serial| serial.len() >= 16));
}

#[test]
fn the_factorys_certificate_says_fips_where_it_is_true() {
    for (fips, arcs) in [(false, vec!["3"]), (true, vec!["3", "10"])] {
        let attestor = Attestor::manufacture(&FactoryFacts { fips, ..facts() });
        let found = extensions(attestor.certificate());
        let mut expected: Vec<String> = arcs.into_iter().map(String::from).collect();
        expected.sort();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), expected);
        assert_eq!(key_of(attestor.certificate()), attestor.key().spki_der());
        assert_eq!(attestor.key().algorithm(), Algorithm::Rsa2048);
    }
}

#[test]
fn a_form_factor_that_is_not_known_is_not_attested() {
    let attestor = Attestor::manufacture(&facts());
    let key = PrivateKey::generate(Algorithm::P256);
    let said = Statement { form_factor: 0, ..statement(&key) };
    let certificate = attest(attestor.key(), attestor.certificate(), &said).unwrap();
    assert_eq!(extensions(&certificate).into_keys().collect::<Vec<_>>(), ["3", "7", "8"]);
}

#[test]
fn a_key_brought_to_f9_signs_attestations_under_its_own_certificate() {
    for (algorithm, option) in [
        (Algorithm::P256, "ec -pkeyopt ec_paramgen_curve:P-256"),
        (Algorithm::P384, "ec -pkeyopt ec_paramgen_curve:P-384"),
    ] {
        let openssl = Openssl::new();
        openssl.run(&format!(
            "req -x509 -newkey {option} -nodes -keyout own.key -out own.pem -days 100 -subj /O=Ours/CN=Own"
        ));
        let der = openssl.run("x509 -in own.pem -outform DER");
        let sec1 = openssl.run("ec -in own.key -outform DER");
        let start = sec1.windows(5).position(|at| at[..4] == [2, 1, 1, 4]).unwrap() + 5;
        let size = usize::from(sec1[start - 1]);
        let own = PrivateKey::import(algorithm, &[(6, &sec1[start..start + size])]).unwrap();

        let key = PrivateKey::generate(Algorithm::P256);
        let certificate = attest(&own, &der, &statement(&key)).unwrap();
        openssl.write("attestation.der", &certificate);
        openssl.run("x509 -inform DER -in attestation.der -out attestation.pem");
        openssl.run("verify -CAfile own.pem attestation.pem");
        let read = Certificate::from_der(&certificate).unwrap();
        assert_eq!(read.tbs_certificate().issuer().to_string(), "CN=Own,O=Ours");
    }
}

#[test]
fn without_a_usable_signer_there_is_no_attestation() {
    let attestor = Attestor::manufacture(&facts());
    let key = PrivateKey::generate(Algorithm::P256);
    let whole = attestor.certificate();
    for cut in [0, 1, 4, 20, 60, 100] {
        let refusal = attest(attestor.key(), &whole[..cut], &statement(&key)).unwrap_err();
        assert_eq!(refusal, AttestationError::BadCertificate, "{cut}");
    }
    for algorithm in [Algorithm::Ed25519, Algorithm::X25519] {
        let signer = PrivateKey::generate(algorithm);
        let refusal = attest(&signer, whole, &statement(&key)).unwrap_err();
        assert_eq!(refusal, AttestationError::Key(KeyError::CannotSign(algorithm)));
    }
}

fn assert_chain(leaf: &[u8], intermediate: &[u8], root: &str) {
    let openssl = Openssl::new();
    let pem = |der| Certificate::from_der(der).unwrap().to_pem(LineEnding::LF).unwrap();
    openssl.write("root.pem", root.as_bytes());
    openssl.write("f9.pem", pem(intermediate).as_bytes());
    openssl.write("leaf.pem", pem(leaf).as_bytes());
    openssl.run("verify -CAfile root.pem -untrusted f9.pem leaf.pem");
}

/// Yubico's extensions by their last arc.
fn extensions(certificate: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let read = Certificate::from_der(certificate).unwrap();
    let extensions = read.tbs_certificate().extensions().unwrap();
    extensions
        .iter()
        .filter_map(|extension| {
            let arc = extension.extn_id.to_string().strip_prefix(YUBICO)?.to_owned();
            assert!(!extension.critical);
            Some((arc, extension.extn_value.as_bytes().to_vec()))
        })
        .collect()
}

fn key_of(certificate: &[u8]) -> Vec<u8> {
    use der::Encode as _;
    let read = Certificate::from_der(certificate).unwrap();
    read.tbs_certificate().subject_public_key_info().to_der().unwrap()
}

fn owned((arc, value): (&str, Vec<u8>)) -> (String, Vec<u8>) {
    (arc.to_owned(), value)
}
