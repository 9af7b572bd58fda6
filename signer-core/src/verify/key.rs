//! Which kind of key a SubjectPublicKeyInfo holds, and how strong it is.

use std::fmt;

use aws_lc_rs::signature::{self as lc, VerificationAlgorithm};
use const_oid::ObjectIdentifier;
use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};
use spki::SubjectPublicKeyInfoOwned;

use super::scheme::{Hash, Padding, Scheme, pss_hash};
use super::{VerifyError, malformed_key, named};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Ec(Curve),
    Rsa {
        bits: usize,
    },
    /// A key that its own algorithm identifier binds to PSS, perhaps to one hash (RFC 4055 section 3.1).
    RsaPss {
        bits: usize,
        hash: Option<Hash>,
    },
    Ed25519,
}

impl KeyKind {
    pub(super) fn of(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, VerifyError> {
        let parameters = spki.algorithm.parameters.as_ref();
        let bits = || rsa_bits(spki.subject_public_key.raw_bytes());
        match spki.algorithm.oid {
            EC_PUBLIC_KEY => {
                let curve = parameters
                    .and_then(|any| any.decode_as::<ObjectIdentifier>().ok())
                    .ok_or_else(|| malformed_key("the curve is not a named one"))?;
                match curve {
                    P256 => Ok(Self::Ec(Curve::P256)),
                    P384 => Ok(Self::Ec(Curve::P384)),
                    P521 => Ok(Self::Ec(Curve::P521)),
                    other => Err(refused_curve(&other)),
                }
            }
            ED25519 if parameters.is_some() => Err(malformed_key("Ed25519 takes no parameters")),
            ED25519 => Ok(Self::Ed25519),
            RSA_ENCRYPTION if parameters.is_some_and(|any| !any.is_null()) => {
                Err(malformed_key("the parameters of an RSA key are not NULL"))
            }
            RSA_ENCRYPTION => Ok(Self::Rsa { bits: bits()? }),
            RSASSA_PSS => {
                let hash = parameters.map(|any| pss_hash(any.into())).transpose()?;
                Ok(Self::RsaPss { bits: bits()?, hash })
            }
            oid => Err(VerifyError::UnsupportedKey { key: unknown_key_name(&oid) }),
        }
    }

    pub(super) fn padding(self) -> Padding {
        match self {
            Self::Ec(_) => Padding::Ecdsa,
            Self::Rsa { .. } => Padding::Pkcs1,
            Self::RsaPss { .. } => Padding::Pss,
            Self::Ed25519 => Padding::Ed25519,
        }
    }

    pub(super) fn pss_hash(self) -> Option<Hash> {
        match self {
            Self::RsaPss { hash, .. } => hash,
            _ => None,
        }
    }

    pub(super) fn accepts(self, scheme: Scheme) -> bool {
        match self {
            Self::Ec(_) => scheme.padding == Padding::Ecdsa,
            Self::Rsa { .. } => matches!(scheme.padding, Padding::Pkcs1 | Padding::Pss),
            Self::RsaPss { hash, .. } => {
                scheme.padding == Padding::Pss && hash.is_none_or(|hash| hash == scheme.hash)
            }
            Self::Ed25519 => scheme.padding == Padding::Ed25519,
        }
    }

    pub(super) fn engine(self, padding: Padding, hash: Hash) -> &'static dyn VerificationAlgorithm {
        match (self, padding, hash) {
            (Self::Ec(Curve::P256), _, Hash::Sha256) => &lc::ECDSA_P256_SHA256_ASN1,
            (Self::Ec(Curve::P256), _, Hash::Sha384) => &lc::ECDSA_P256_SHA384_ASN1,
            (Self::Ec(Curve::P256), _, Hash::Sha512) => &lc::ECDSA_P256_SHA512_ASN1,
            (Self::Ec(Curve::P384), _, Hash::Sha256) => &lc::ECDSA_P384_SHA256_ASN1,
            (Self::Ec(Curve::P384), _, Hash::Sha384) => &lc::ECDSA_P384_SHA384_ASN1,
            (Self::Ec(Curve::P384), _, Hash::Sha512) => &lc::ECDSA_P384_SHA512_ASN1,
            (Self::Ec(Curve::P521), _, Hash::Sha256) => &lc::ECDSA_P521_SHA256_ASN1,
            (Self::Ec(Curve::P521), _, Hash::Sha384) => &lc::ECDSA_P521_SHA384_ASN1,
            (Self::Ec(Curve::P521), _, Hash::Sha512) => &lc::ECDSA_P521_SHA512_ASN1,
            (Self::Ed25519, _, _) => &lc::ED25519,
            (_, Padding::Pss, Hash::Sha256) => &lc::RSA_PSS_2048_8192_SHA256,
            (_, Padding::Pss, Hash::Sha384) => &lc::RSA_PSS_2048_8192_SHA384,
            (_, Padding::Pss, Hash::Sha512) => &lc::RSA_PSS_2048_8192_SHA512,
            (_, _, Hash::Sha256) => &lc::RSA_PKCS1_2048_8192_SHA256,
            (_, _, Hash::Sha384) => &lc::RSA_PKCS1_2048_8192_SHA384,
            (_, _, Hash::Sha512) => &lc::RSA_PKCS1_2048_8192_SHA512,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec(Curve::P256) => f.write_str("P-256"),
            Self::Ec(Curve::P384) => f.write_str("P-384"),
            Self::Ec(Curve::P521) => f.write_str("P-521"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::RsaPss { bits, .. } => write!(f, "RSA-PSS {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// Bits of the modulus of a PKCS#1 RSAPublicKey, refused outside 2048 to 8192.
fn rsa_bits(key: &[u8]) -> Result<usize, VerifyError> {
    let modulus = SliceReader::new(key)
        .and_then(|mut reader| {
            let modulus = reader.sequence(|fields: &mut SliceReader<'_>| {
                let modulus = UintRef::decode(fields)?;
                UintRef::decode(fields)?;
                Ok::<_, der::Error>(modulus)
            })?;
            reader.finish()?;
            Ok(modulus)
        })
        .map_err(|error| malformed_key(&error.to_string()))?;
    let bytes = modulus.as_bytes();
    let top = bytes.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = (bytes.len() * 8).saturating_sub(top);
    match bits {
        bits if RSA_BITS.contains(&bits) => Ok(bits),
        bits if bits < *RSA_BITS.start() => {
            Err(VerifyError::WeakKey { key: format!("RSA {bits}") })
        }
        bits => Err(VerifyError::UnsupportedKey { key: format!("RSA {bits}") }),
    }
}

fn refused_curve(oid: &ObjectIdentifier) -> VerifyError {
    const WEAK: &[(&str, &str)] = &[("1.2.840.10045.3.1.1", "P-192"), ("1.3.132.0.33", "P-224")];
    const OTHER: &[(&str, &str)] = &[
        ("1.3.132.0.10", "secp256k1"),
        ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
        ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
        ("1.2.156.10197.1.301", "SM2"),
    ];
    if let Some(name) = named(WEAK.iter().copied(), oid) {
        return VerifyError::WeakKey { key: name.to_owned() };
    }
    let key = match named(OTHER.iter().copied(), oid) {
        Some(name) => format!("{name} ({oid})"),
        None => format!("EC on curve {oid}"),
    };
    VerifyError::UnsupportedKey { key }
}

fn unknown_key_name(oid: &ObjectIdentifier) -> String {
    const NAMES: &[(&str, &str)] = &[
        ("1.2.840.10040.4.1", "DSA"),
        ("1.3.101.110", "X25519"),
        ("1.3.101.111", "X448"),
        ("1.3.101.113", "Ed448"),
    ];
    match named(NAMES.iter().copied(), oid) {
        Some(name) => format!("{name} ({oid})"),
        None => oid.to_string(),
    }
}
