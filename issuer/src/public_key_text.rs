//! The public key as one piece of base64 text, for control logs, barcodes and the vendor's console.
//!
//! Two forms are in use. The documented command prints the SubjectPublicKeyInfo with the uncompressed point in
//! lines of 64 characters; the console and the 2D barcode want the compressed point, on one line.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{self as lc, ParsedPublicKey, VerificationAlgorithm};
use base64ct::{Base64, Encoding as _};
use const_oid::ObjectIdentifier;
use der::Encode;
use der::asn1::{Any, BitString};
use ledger::Digest;
use spki::SubjectPublicKeyInfoOwned;

use crate::pem::base64_lines;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const CURVES: &[(ObjectIdentifier, &dyn VerificationAlgorithm)] = &[
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), &lc::ECDSA_P256_SHA256_ASN1),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), &lc::ECDSA_P384_SHA384_ASN1),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), &lc::ECDSA_P521_SHA512_ASN1),
];

/// How the public key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PublicKeyForm {
    /// The documented command's output: lines of 64 characters, the uncompressed point of an EC key.
    #[default]
    Uncompressed,
    /// One line, the compressed point; EC keys only.
    Compressed,
}

impl FromStr for PublicKeyForm {
    type Err = PublicKeyTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "uncompressed" => Ok(Self::Uncompressed),
            "compressed" => Ok(Self::Compressed),
            other => Err(PublicKeyTextError::UnknownForm { form: other.to_owned() }),
        }
    }
}

impl fmt::Display for PublicKeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uncompressed => "uncompressed",
            Self::Compressed => "compressed",
        })
    }
}

/// Why there is no text of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyTextError {
    /// Only points on a curve can be compressed.
    #[error("a key of type {key} has no compressed form")]
    NotCompressible {
        /// The key's type.
        key: String,
    },
    /// The point is not on its curve, or of no known shape.
    #[error("the point of the {key} key is malformed")]
    BadPoint {
        /// The key's type.
        key: String,
    },
    /// The point of a key on this curve cannot be turned from one form into the other.
    #[error("a key of type {key} cannot be brought into this form: its curve is not supported")]
    UnsupportedCurve {
        /// The key's type.
        key: String,
    },
    /// A form that has no such name.
    #[error("public key form {form:?} is neither \"uncompressed\" nor \"compressed\"")]
    UnknownForm {
        /// What was asked for.
        form: String,
    },
    /// The key cannot be encoded.
    #[error("the public key cannot be encoded")]
    Encoding(#[from] der::Error),
}

/// The key as text that ends in a newline.
///
/// `Uncompressed` is base64 in lines of 64 characters: for a P-256 key two lines, 124 characters in all.
/// `Compressed` is one line: 80 characters for P-256.
///
/// # Errors
/// [`PublicKeyTextError::NotCompressible`] for keys that are not EC; [`PublicKeyTextError::BadPoint`];
/// [`PublicKeyTextError::UnsupportedCurve`] for curves other than P-256, P-384 and P-521.
pub fn public_key_text(
    spki: &SubjectPublicKeyInfoOwned,
    form: PublicKeyForm,
) -> Result<String, PublicKeyTextError> {
    match form {
        PublicKeyForm::Uncompressed => Ok(base64_lines(&uncompressed_der(spki)?)),
        PublicKeyForm::Compressed => Ok(Base64::encode_string(&compressed_der(spki)?) + "\n"),
    }
}

/// The SubjectPublicKeyInfo with the uncompressed point; keys that are not EC stay as they are.
///
/// # Errors
/// [`PublicKeyTextError::BadPoint`].
pub fn uncompressed_der(spki: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, PublicKeyTextError> {
    // An uncompressed point, of a curve known here or not, needs no arithmetic.
    if spki.algorithm.oid != EC_PUBLIC_KEY
        || spki.subject_public_key.raw_bytes().first() == Some(&4)
    {
        return Ok(spki.to_der()?);
    }
    Ok(with_point(spki, decompressed_point(spki)?)?)
}

/// SHA-256 of the SubjectPublicKeyInfo as OpenSSL writes it. One key has one identity, whether its
/// point is compressed or not, and whether RSA's parameters are NULL or left out: else a device
/// could have its key certified twice.
///
/// # Errors
/// [`PublicKeyTextError::BadPoint`].
pub fn key_identity(spki: &SubjectPublicKeyInfoOwned) -> Result<Digest, PublicKeyTextError> {
    if spki.algorithm.oid == RSA_ENCRYPTION && spki.algorithm.parameters.is_none() {
        let mut whole = spki.clone();
        whole.algorithm.parameters = Some(Any::null());
        return Ok(Digest::of(&whole.to_der()?));
    }
    Ok(Digest::of(&uncompressed_der(spki)?))
}

/// The SubjectPublicKeyInfo with the compressed point (SEC 1 section 2.3.3).
///
/// # Errors
/// [`PublicKeyTextError::NotCompressible`] for keys that are not EC; [`PublicKeyTextError::BadPoint`];
/// [`PublicKeyTextError::UnsupportedCurve`] for curves other than P-256, P-384 and P-521.
pub fn compressed_der(spki: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, PublicKeyTextError> {
    if spki.algorithm.oid != EC_PUBLIC_KEY {
        let key = signer_core::verify::key_name(spki);
        return Err(PublicKeyTextError::NotCompressible { key });
    }
    let point = decompressed_point(spki)?;
    let (x, last) = match point.as_slice() {
        [4, coordinates @ ..] => (coordinates.get(..coordinates.len() / 2), coordinates.last()),
        _ => (None, None),
    };
    let (Some(x), Some(last)) = (x, last) else { return Err(bad_point(spki)) };
    let mut compressed = vec![2 + (last & 1)];
    compressed.extend_from_slice(x);
    Ok(with_point(spki, compressed)?)
}

/// `04 || x || y`, checked to be on the curve by aws-lc.
fn decompressed_point(spki: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, PublicKeyTextError> {
    let curve = spki.algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
    let known = CURVES.iter().find(|(oid, _)| Some(*oid) == curve);
    let (_, algorithm) = known.ok_or_else(|| PublicKeyTextError::UnsupportedCurve {
        key: signer_core::verify::key_name(spki),
    })?;
    let parsed = ParsedPublicKey::new(*algorithm, spki.subject_public_key.raw_bytes())
        .map_err(|_| bad_point(spki))?;
    let der = parsed.as_der().map_err(|_| bad_point(spki))?;
    let normal = SubjectPublicKeyInfoOwned::try_from(der.as_ref()).map_err(|_| bad_point(spki))?;
    Ok(normal.subject_public_key.raw_bytes().to_vec())
}

fn with_point(spki: &SubjectPublicKeyInfoOwned, point: Vec<u8>) -> der::Result<Vec<u8>> {
    SubjectPublicKeyInfoOwned {
        algorithm: spki.algorithm.clone(),
        subject_public_key: BitString::from_bytes(&point)?,
    }
    .to_der()
}

fn bad_point(spki: &SubjectPublicKeyInfoOwned) -> PublicKeyTextError {
    PublicKeyTextError::BadPoint { key: signer_core::verify::key_name(spki) }
}
