//! How a module is asked for a signature, and what it answers with.

use aws_lc_rs::digest;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::types::Ulong;
use der::asn1::UintRef;
use der::{Encode, Sequence};
use signer_core::{Error, KeySpec, Result, Signature, SignatureAlgorithm};

use crate::fault::Fault;

/// DigestInfo of SHA-256 up to the hash itself (RFC 8017 section 9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// One way to make the signatures of an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    algorithm: SignatureAlgorithm,
    /// Whether the message is hashed here: not every module hashes and signs in one.
    hashed_here: bool,
}

impl Method {
    /// The way that a module with these mechanisms, and a key that allows these, signs.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when there is none.
    pub(crate) fn choose(
        algorithm: SignatureAlgorithm,
        offered: &[MechanismType],
        allowed: &[MechanismType],
    ) -> Result<Self> {
        let usable = |kind: &MechanismType| {
            offered.contains(kind) && (allowed.is_empty() || allowed.contains(kind))
        };
        [false, true]
            .map(|hashed_here| Self { algorithm, hashed_here })
            .into_iter()
            .find(|method| {
                method.mechanism().is_some_and(|mechanism| usable(&mechanism.mechanism_type()))
            })
            .ok_or_else(|| Error::Unsupported {
                operation: format!("signing by {algorithm} with this token and key"),
                needs: "a module and a key that have the mechanism for it".into(),
            })
    }

    pub(crate) fn mechanism(self) -> Option<Mechanism<'static>> {
        let pss = PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: Ulong::new(32),
        };
        Some(match (self.algorithm, self.hashed_here) {
            (SignatureAlgorithm::EcdsaP256Sha256, false) => Mechanism::EcdsaSha256,
            (SignatureAlgorithm::EcdsaP384Sha384, false) => Mechanism::EcdsaSha384,
            (SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::EcdsaP384Sha384, true) => {
                Mechanism::Ecdsa
            }
            (SignatureAlgorithm::Ed25519, false) => {
                Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
            }
            (SignatureAlgorithm::RsaPkcs1Sha256, false) => Mechanism::Sha256RsaPkcs,
            (SignatureAlgorithm::RsaPkcs1Sha256, true) => Mechanism::RsaPkcs,
            (SignatureAlgorithm::RsaPssSha256, false) => Mechanism::Sha256RsaPkcsPss(pss),
            (SignatureAlgorithm::RsaPssSha256, true) => Mechanism::RsaPkcsPss(pss),
            _ => return None,
        })
    }

    /// Whether the module is given the message itself, in any number of parts.
    pub(crate) fn hashes_in_module(self) -> bool {
        !self.hashed_here && self.algorithm != SignatureAlgorithm::Ed25519
    }

    /// What the module is given for a message. A hash has its exact length by construction:
    /// SoftHSM2 takes one of any length and cuts it in silence.
    pub(crate) fn input(self, message: &[u8]) -> Vec<u8> {
        if !self.hashed_here {
            return message.to_vec();
        }
        match self.algorithm {
            SignatureAlgorithm::EcdsaP384Sha384 => hashed(&digest::SHA384, message),
            SignatureAlgorithm::RsaPkcs1Sha256 => {
                [&SHA256_DIGEST_INFO[..], &hashed(&digest::SHA256, message)].concat()
            }
            _ => hashed(&digest::SHA256, message),
        }
    }

    /// The signature as X.509 writes it. Anything of another length than the key's is refused.
    pub(crate) fn signature(self, octets: Vec<u8>, spec: KeySpec) -> Result<Signature, Fault> {
        let length = match spec {
            KeySpec::P256 | KeySpec::Ed25519 => 64,
            KeySpec::P384 => 96,
            KeySpec::Rsa(bits) => usize::from(bits).div_ceil(8),
            _ => octets.len(),
        };
        if octets.len() != length {
            return Err(Fault::Nonsense(format!(
                "a signature of {} octets, where {length} were expected",
                octets.len()
            )));
        }
        match spec {
            KeySpec::P256 | KeySpec::P384 => ecdsa_sig_value(&octets).map(Signature::new),
            _ => Ok(Signature::new(octets)),
        }
    }
}

fn hashed(algorithm: &'static digest::Algorithm, message: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, message).as_ref().to_vec()
}

/// Ecdsa-Sig-Value of RFC 3279 section 2.2.3.
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// From r‖s, each as long as the curve's order (PKCS#11 3.1 section 6.3.1), to DER.
fn ecdsa_sig_value(octets: &[u8]) -> Result<Vec<u8>, Fault> {
    let (r, s) = octets.split_at(octets.len() / 2);
    UintRef::new(r)
        .and_then(|r| EcdsaSigValue { r, s: UintRef::new(s)? }.to_der())
        .map_err(|error| Fault::Nonsense(format!("a signature that cannot be encoded: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_hashes_where_it_can_and_the_host_where_it_cannot() {
        let p256 = SignatureAlgorithm::EcdsaP256Sha256;
        let (both, one) = (MechanismType::ECDSA_SHA256, MechanismType::ECDSA);
        let choose = |offered: &[_], allowed: &[_]| {
            Method::choose(p256, offered, allowed).map(|method| method.hashed_here)
        };
        assert!(!choose(&[one, both], &[]).unwrap());
        assert!(choose(&[one], &[]).unwrap());
        assert!(choose(&[one, both], &[one]).unwrap());
        assert!(matches!(choose(&[one], &[both]), Err(Error::Unsupported { .. })));
        assert!(matches!(choose(&[MechanismType::RSA_PKCS], &[]), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn hashes_have_the_length_of_their_algorithm() {
        let length = |algorithm| Method { algorithm, hashed_here: true }.input(b"message").len();
        assert_eq!(length(SignatureAlgorithm::EcdsaP256Sha256), 32);
        assert_eq!(length(SignatureAlgorithm::EcdsaP384Sha384), 48);
        assert_eq!(length(SignatureAlgorithm::RsaPkcs1Sha256), 51);
        assert_eq!(length(SignatureAlgorithm::RsaPssSha256), 32);
    }

    #[test]
    fn a_signature_becomes_der_and_one_of_another_length_is_refused() {
        let method = Method { algorithm: SignatureAlgorithm::EcdsaP256Sha256, hashed_here: true };
        // r begins with zeros, which go; s with a high bit, which gets one.
        let mut octets = vec![0; 64];
        octets[31] = 1;
        octets[32] = 0x80;
        let signature = method.signature(octets, KeySpec::P256).unwrap();
        assert_eq!(signature.as_bytes()[..6], [0x30, 38, 2, 1, 1, 2]);
        for length in [0, 63, 65, 70, 96] {
            assert!(method.signature(vec![1; length], KeySpec::P256).is_err(), "{length}");
        }
        assert!(method.signature(vec![1; 255], KeySpec::Rsa(2048)).is_err());
    }
}
