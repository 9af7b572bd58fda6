//! Private keys, and what the card does with them.

mod curve25519;
mod error;
mod parts;
mod rsa_key;
mod stored;
mod weierstrass;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Algorithm, asn1};
use parts::Parts;
use stored::Stored;

pub use error::KeyError;

/// A private key with the raw operations of GENERAL AUTHENTICATE.
///
/// A clone is cheap: it shares the key. `Debug` shows only the algorithm. Serialised, it is the key
/// in clear: a state file is as secret as the keys in it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct PrivateKey(Arc<Material>);

enum Material {
    Rsa(Algorithm, rsa_key::Key),
    P256(weierstrass::P256),
    P384(weierstrass::P384),
    Ed25519(curve25519::Ed25519),
    X25519(curve25519::X25519),
}

impl PrivateKey {
    /// A new key from the system's randomness; RSA with the exponent 65537.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    #[must_use]
    pub fn generate(algorithm: Algorithm) -> Self {
        Self::from(match algorithm {
            Algorithm::Rsa1024 | Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
                Material::Rsa(algorithm, rsa_key::Key::generate(algorithm))
            }
            Algorithm::P256 => Material::P256(weierstrass::P256::generate()),
            Algorithm::P384 => Material::P384(weierstrass::P384::generate()),
            Algorithm::Ed25519 => Material::Ed25519(curve25519::Ed25519::generate()),
            Algorithm::X25519 => Material::X25519(curve25519::X25519::generate()),
        })
    }

    /// The key of an IMPORT command.
    ///
    /// Parts are tags and values as sent, in any order: for RSA 01 to 05 (p, q, dP, dQ, qInv, each
    /// of half the modulus' octets, for the exponent 65537), for P-256 and P-384 06 (the scalar, 32
    /// or 48 octets), for Ed25519 07 (the seed), for X25519 08 (the scalar), each of 32 octets.
    ///
    /// # Errors
    /// A part is missing, stands twice, belongs to another algorithm or has another length; the
    /// scalar is zero or not below the order; the RSA parts do not belong together.
    pub fn import(algorithm: Algorithm, parts: &[(u8, &[u8])]) -> Result<Self, KeyError> {
        let parts = Parts::new(parts);
        let material = match algorithm {
            Algorithm::Rsa1024 | Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
                Material::Rsa(algorithm, rsa_key::Key::import(algorithm, &parts)?)
            }
            Algorithm::P256 => Material::P256(weierstrass::P256::new(parts.only(0x06)?, 0x06)?),
            Algorithm::P384 => Material::P384(weierstrass::P384::new(parts.only(0x06)?, 0x06)?),
            Algorithm::Ed25519 => {
                Material::Ed25519(curve25519::Ed25519::new(parts.only(0x07)?, 0x07)?)
            }
            Algorithm::X25519 => {
                Material::X25519(curve25519::X25519::new(parts.only(0x08)?, 0x08)?)
            }
        };
        Ok(Self::from(material))
    }

    /// A key of 2048 bits from PKCS#8.
    pub(crate) fn rsa_2048_from_pem(pem: &str) -> Result<Self, rsa::pkcs8::Error> {
        let key = rsa_key::Key::from_pem(pem)?;
        Ok(Self::from(Material::Rsa(Algorithm::Rsa2048, key)))
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &*self.0 {
            Material::Rsa(algorithm, _) => *algorithm,
            Material::P256(_) => Algorithm::P256,
            Material::P384(_) => Algorithm::P384,
            Material::Ed25519(_) => Algorithm::Ed25519,
            Material::X25519(_) => Algorithm::X25519,
        }
    }

    /// The public key as it stands inside 7F49 and in metadata tag 04: `81` modulus, `82` exponent
    /// for RSA; `86` and the point (uncompressed, or 32 octets) for the others.
    #[must_use]
    pub fn public_key_tlvs(&self) -> Vec<u8> {
        match &*self.0 {
            Material::Rsa(_, key) => {
                [asn1::value(0x81, &[&key.modulus()]), asn1::value(0x82, &[&key.exponent()])]
                    .concat()
            }
            Material::P256(key) => asn1::value(0x86, &[&key.point()]),
            Material::P384(key) => asn1::value(0x86, &[&key.point()]),
            Material::Ed25519(key) => asn1::value(0x86, &[&key.public()]),
            Material::X25519(key) => asn1::value(0x86, &[&key.public()]),
        }
    }

    /// The public key as DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1; RFC 8410).
    #[must_use]
    pub fn spki_der(&self) -> Vec<u8> {
        /// 1.2.840.113549.1.1.1 with its NULL.
        const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
        /// 1.2.840.10045.2.1 on 1.2.840.10045.3.1.7.
        const P256: &[u8] =
            b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
        /// 1.2.840.10045.2.1 on 1.3.132.0.34.
        const P384: &[u8] =
            b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
        /// 1.3.101.112
        const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
        /// 1.3.101.110
        const X25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x6e";

        let (algorithm, key) = match &*self.0 {
            Material::Rsa(_, key) => {
                let numbers = [asn1::integer(&key.modulus()), asn1::integer(&key.exponent())];
                (RSA, asn1::value(asn1::SEQUENCE, &[&numbers.concat()]))
            }
            Material::P256(key) => (P256, key.point()),
            Material::P384(key) => (P384, key.point()),
            Material::Ed25519(key) => (ED25519, key.public().to_vec()),
            Material::X25519(key) => (X25519, key.public().to_vec()),
        };
        asn1::value(asn1::SEQUENCE, &[algorithm, &asn1::bit_string(&key)])
    }

    /// What the card answers to tag 81.
    ///
    /// RSA: the private operation on one block as long as the modulus, whatever stands in it; the
    /// answer is as long. P-256 and P-384: ECDSA over a digest of 1 to 32 or 48 octets, padded with
    /// zeros on the left; the answer is DER. Ed25519: the message itself; 64 octets.
    ///
    /// # Errors
    /// An X25519 key; data of another length; an RSA block not below the modulus.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &*self.0 {
            Material::Rsa(_, key) => key.apply(data),
            Material::P256(key) => key.sign(data),
            Material::P384(key) => key.sign(data),
            Material::Ed25519(key) => Ok(key.sign(data).to_vec()),
            Material::X25519(_) => Err(KeyError::CannotSign(Algorithm::X25519)),
        }
    }

    /// What the card answers to tag 85: the shared secret with a peer, the x coordinate for P-256
    /// and P-384 (peer: 04, X, Y), 32 octets for X25519.
    ///
    /// # Errors
    /// A key of another kind; a peer that is no point of the curve, or for X25519 one of small
    /// order.
    pub fn agree(&self, peer: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &*self.0 {
            Material::P256(key) => key.agree(peer),
            Material::P384(key) => key.agree(peer),
            Material::X25519(key) => Ok(key.agree(peer)?.to_vec()),
            Material::Rsa(algorithm, _) => Err(KeyError::CannotAgree(*algorithm)),
            Material::Ed25519(_) => Err(KeyError::CannotAgree(Algorithm::Ed25519)),
        }
    }
}

impl From<Material> for PrivateKey {
    fn from(material: Material) -> Self {
        Self(Arc::new(material))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.algorithm())
    }
}
