//! Kinds of keys, and what is signed with them.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{BitStringRef, Null, UintRef};
use der::{Any, Decode, Sequence, Tag};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::{Error, Result};

/// The kind and size of a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySpec {
    /// Elliptic curve NIST P-256 (secp256r1).
    P256,
    /// Elliptic curve NIST P-384 (secp384r1).
    P384,
    /// Edwards curve 25519 for signatures (RFC 8032).
    Ed25519,
    /// RSA with a modulus of this many bits, 2048 to 4096.
    Rsa(u16),
}

impl KeySpec {
    /// The kind of a public key.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for every other kind and size, named in the error.
    pub fn of(public_key: &SubjectPublicKeyInfoOwned) -> Result<Self> {
        let unsupported = |what: String| Error::Unsupported {
            operation: format!("keys of the kind {what}"),
            needs: "P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits".into(),
        };
        match public_key.algorithm.oid {
            rfc5912::ID_EC_PUBLIC_KEY => {
                let curve: Option<ObjectIdentifier> =
                    public_key.algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
                match curve {
                    Some(rfc5912::SECP_256_R_1) => Ok(Self::P256),
                    Some(rfc5912::SECP_384_R_1) => Ok(Self::P384),
                    Some(rfc5912::SECP_224_R_1) => Err(unsupported("P-224".into())),
                    Some(rfc5912::SECP_521_R_1) => Err(unsupported("P-521".into())),
                    Some(other) => Err(unsupported(format!("elliptic curve {other}"))),
                    None => Err(unsupported("elliptic curve with explicit parameters".into())),
                }
            }
            rfc8410::ID_ED_25519 => Ok(Self::Ed25519),
            rfc5912::RSA_ENCRYPTION => match rsa_modulus_bits(public_key) {
                Some(bits @ 2048..=4096) => Ok(Self::Rsa(bits)),
                Some(bits) => Err(unsupported(format!("RSA-{bits}"))),
                None => Err(unsupported("RSA with an unreadable modulus".into())),
            },
            other => Err(unsupported(format!("{other}"))),
        }
    }

    /// What a key of this kind signs with unless told otherwise.
    #[must_use]
    pub fn default_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::P256 => SignatureAlgorithm::EcdsaP256Sha256,
            Self::P384 => SignatureAlgorithm::EcdsaP384Sha384,
            Self::Ed25519 => SignatureAlgorithm::Ed25519,
            Self::Rsa(_) => SignatureAlgorithm::RsaPkcs1Sha256,
        }
    }
}

impl fmt::Display for KeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("p256"),
            Self::P384 => f.write_str("p384"),
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Rsa(bits) => write!(f, "rsa{bits}"),
        }
    }
}

impl FromStr for KeySpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "p256" => Ok(Self::P256),
            "p384" => Ok(Self::P384),
            "ed25519" => Ok(Self::Ed25519),
            "rsa2048" => Ok(Self::Rsa(2048)),
            "rsa3072" => Ok(Self::Rsa(3072)),
            "rsa4096" => Ok(Self::Rsa(4096)),
            _ => Err(Error::Unsupported {
                operation: format!("key type {text:?}"),
                needs: "one of p256, p384, ed25519, rsa2048, rsa3072, rsa4096".into(),
            }),
        }
    }
}

/// Key type, padding and hash in one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 5758 section 3.2).
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384 (RFC 5758 section 3.2).
    EcdsaP384Sha384,
    /// Ed25519 over the message itself (RFC 8410).
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
    RsaPkcs1Sha256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and 32 octets of salt (RFC 8017 section 8.1).
    RsaPssSha256,
}

impl SignatureAlgorithm {
    const ALL: [Self; 5] = [
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::Ed25519,
        Self::RsaPkcs1Sha256,
        Self::RsaPssSha256,
    ];

    /// Whether a key of this kind can make such signatures.
    #[must_use]
    pub fn fits(self, key: KeySpec) -> bool {
        match self {
            Self::EcdsaP256Sha256 => key == KeySpec::P256,
            Self::EcdsaP384Sha384 => key == KeySpec::P384,
            Self::Ed25519 => key == KeySpec::Ed25519,
            Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => matches!(key, KeySpec::Rsa(_)),
        }
    }

    /// This algorithm, or the key's default, checked to fit the key.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it does not fit.
    pub fn for_key(wanted: Option<Self>, key: KeySpec) -> Result<Self> {
        let algorithm = wanted.unwrap_or_else(|| key.default_algorithm());
        if algorithm.fits(key) {
            return Ok(algorithm);
        }
        Err(Error::Unsupported {
            operation: format!("signing by {algorithm} with a {key} key"),
            needs: format!("{} or another key", key.default_algorithm()),
        })
    }

    /// The AlgorithmIdentifier that X.509 writes for it (RFC 3279, RFC 4055, RFC 5758, RFC 8410).
    #[must_use]
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::EcdsaP256Sha256 => (rfc5912::ECDSA_WITH_SHA_256, None),
            Self::EcdsaP384Sha384 => (rfc5912::ECDSA_WITH_SHA_384, None),
            Self::Ed25519 => (rfc8410::ID_ED_25519, None),
            Self::RsaPkcs1Sha256 => (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, Some(Any::from(Null))),
            Self::RsaPssSha256 => (
                rfc5912::ID_RSASSA_PSS,
                // A constant that is checked by a test; an invalid one would show as no parameters.
                Any::new(Tag::Sequence, PSS_SHA256_PARAMETERS).ok(),
            ),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::EcdsaP384Sha384 => "ecdsa-p384-sha384",
            Self::Ed25519 => "ed25519",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPssSha256 => "rsa-pss-sha256",
        })
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.to_string() == text).ok_or_else(|| {
            Error::Unsupported {
                operation: format!("signature algorithm {text:?}"),
                needs: format!("one of {}", Self::ALL.map(|a| a.to_string()).join(", ")),
            }
        })
    }
}

/// The contents of RSASSA-PSS-params (RFC 4055 section 3.1): [0] SHA-256, [1] MGF1 with SHA-256,
/// [2] 32. The trailer field is left at its default, as DER demands.
#[rustfmt::skip]
const PSS_SHA256_PARAMETERS: &[u8] = &[
    0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0xa2, 0x03, 0x02, 0x01, 0x20,
];

/// RSAPublicKey of RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

fn rsa_modulus_bits(public_key: &SubjectPublicKeyInfoOwned) -> Option<u16> {
    let bits = BitStringRef::from(&public_key.subject_public_key);
    let RsaPublicKey { modulus, public_exponent: _ } =
        RsaPublicKey::from_der(bits.as_bytes()?).ok()?;
    let modulus = modulus.as_bytes();
    let first = modulus.first()?;
    u16::try_from(modulus.len() * 8).ok()?.checked_sub(u16::try_from(first.leading_zeros()).ok()?)
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    #[test]
    fn names_round_trip() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(algorithm.to_string().parse::<SignatureAlgorithm>().unwrap(), algorithm);
        }
        for name in ["p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"] {
            assert_eq!(name.parse::<KeySpec>().unwrap().to_string(), name);
        }
        assert!("rsa1024".parse::<KeySpec>().is_err());
    }

    #[test]
    fn an_algorithm_fits_its_own_keys_only() {
        assert!(SignatureAlgorithm::for_key(None, KeySpec::P384).is_ok());
        let error =
            SignatureAlgorithm::for_key(Some(SignatureAlgorithm::EcdsaP256Sha256), KeySpec::P384)
                .unwrap_err();
        assert!(error.to_string().contains("p384"), "{error}");
    }

    #[test]
    fn pss_parameters_are_well_formed() {
        let identifier = SignatureAlgorithm::RsaPssSha256.identifier();
        let der = identifier.to_der().unwrap();
        let parameters = identifier.parameters.expect("PSS needs its parameters");
        // RFC 4055: 30 34 with exactly three explicitly tagged fields.
        assert_eq!(parameters.value(), PSS_SHA256_PARAMETERS);
        assert_eq!(AlgorithmIdentifierOwned::from_der(&der).unwrap().to_der().unwrap(), der);
    }
}
