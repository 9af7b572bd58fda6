//! What a signature's AlgorithmIdentifier asks for.

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Reader, SliceReader, Tag, TagMode, TagNumber};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};

use super::{VerifyError, is, named};

const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

type Wanted = Option<(Padding, Hash)>;

/// Signature algorithms: OID, what it asks for, name. `None` marks one that is known by name and refused.
const ALGORITHMS: &[(&str, Wanted, &str)] = &[
    ("1.2.840.10045.4.3.2", Some((Padding::Ecdsa, Hash::Sha256)), "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", Some((Padding::Ecdsa, Hash::Sha384)), "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", Some((Padding::Ecdsa, Hash::Sha512)), "ecdsa-with-SHA512"),
    ("1.2.840.113549.1.1.11", Some((Padding::Pkcs1, Hash::Sha256)), "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", Some((Padding::Pkcs1, Hash::Sha384)), "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", Some((Padding::Pkcs1, Hash::Sha512)), "sha512WithRSAEncryption"),
    ("1.3.101.112", Some((Padding::Ed25519, Hash::Sha512)), "Ed25519"),
    // The hash of RSASSA-PSS stands in its parameters; the one here is never used.
    ("1.2.840.113549.1.1.10", Some((Padding::Pss, Hash::Sha256)), "RSASSA-PSS"),
    ("1.2.840.10045.4.1", None, "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", None, "ecdsa-with-SHA224"),
    ("1.2.840.113549.1.1.2", None, "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", None, "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", None, "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", None, "sha224WithRSAEncryption"),
    ("1.2.840.10040.4.3", None, "dsa-with-SHA1"),
    ("2.16.840.1.101.3.4.3.2", None, "dsa-with-SHA256"),
    ("1.3.101.113", None, "Ed448"),
];

const HASHES: &[(&str, Option<Hash>, &str)] = &[
    ("2.16.840.1.101.3.4.2.1", Some(Hash::Sha256), "SHA-256"),
    ("2.16.840.1.101.3.4.2.2", Some(Hash::Sha384), "SHA-384"),
    ("2.16.840.1.101.3.4.2.3", Some(Hash::Sha512), "SHA-512"),
    ("1.3.14.3.2.26", None, "SHA-1"),
    ("2.16.840.1.101.3.4.2.4", None, "SHA-224"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    Ecdsa,
    Pkcs1,
    Pss,
    Ed25519,
}

/// The discriminant is the slot in [`VerifyingKey::parsed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256 = 0,
    Sha384 = 1,
    Sha512 = 2,
}

impl Hash {
    fn octets(self) -> u32 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Scheme {
    pub(super) padding: Padding,
    pub(super) hash: Hash,
}

impl Scheme {
    pub(super) fn of(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, VerifyError> {
        let oid = algorithm.oid;
        let known = ALGORITHMS.iter().find(|(dotted, ..)| is(&oid, dotted));
        let Some((_, Some((padding, hash)), name)) = known else {
            return Err(unsupported(&oid));
        };
        let malformed = |reason: &str| VerifyError::MalformedParameters {
            algorithm: (*name).to_owned(),
            reason: reason.to_owned(),
        };
        let parameters = algorithm.parameters.as_ref();
        let hash = match (padding, parameters) {
            (Padding::Pss, Some(any)) => pss_hash(any.into())?,
            (Padding::Pss, None) => return Err(malformed("they are missing")),
            (Padding::Pkcs1, Some(any)) if !any.is_null() => return Err(malformed("not NULL")),
            // RFC 5758 section 3.2 and RFC 8410 section 3: absent, and not NULL either.
            (Padding::Ecdsa | Padding::Ed25519, Some(_)) => {
                return Err(malformed("there should be none"));
            }
            _ => *hash,
        };
        Ok(Self { padding: *padding, hash })
    }
}

/// The hash of RSASSA-PSS-params (RFC 4055 section 3.1), when MGF1 uses the same and the salt is as long.
pub(super) fn pss_hash(parameters: AnyRef<'_>) -> Result<Hash, VerifyError> {
    let malformed = |reason: String| VerifyError::MalformedParameters {
        algorithm: "RSASSA-PSS".to_owned(),
        reason,
    };
    let fields = PssFields::read(parameters).map_err(|error| malformed(error.to_string()))?;
    // Everything absent means SHA-1.
    let sha1 = || VerifyError::UnsupportedAlgorithm { algorithm: "RSASSA-PSS with SHA-1".into() };
    let hash = hash_of(&fields.hash.ok_or_else(sha1)?, "RSASSA-PSS")?;
    let mgf = fields.mgf.ok_or_else(sha1)?;
    if mgf.oid != MGF1 {
        return Err(unsupported(&mgf.oid));
    }
    let inner = mgf.parameters.ok_or_else(|| malformed("MGF1 names no hash".into()))?;
    let inner: AlgorithmIdentifierRef<'_> =
        decode_any(inner).map_err(|e| malformed(e.to_string()))?;
    if hash_of(&inner, "MGF1")? != hash {
        return Err(malformed("MGF1 uses another hash".into()));
    }
    let salt = fields.salt.unwrap_or(20);
    if salt != hash.octets() {
        return Err(malformed(format!("salt of {salt} bytes, not {}", hash.octets())));
    }
    if fields.trailer.is_some_and(|trailer| trailer != 1) {
        return Err(malformed("trailer field is not 1".into()));
    }
    Ok(hash)
}

struct PssFields<'a> {
    hash: Option<AlgorithmIdentifierRef<'a>>,
    mgf: Option<AlgorithmIdentifierRef<'a>>,
    salt: Option<u32>,
    trailer: Option<u32>,
}

impl<'a> PssFields<'a> {
    fn read(parameters: AnyRef<'a>) -> der::Result<Self> {
        if parameters.header().tag() != Tag::Sequence {
            return Err(parameters.header().tag().value_error().into());
        }
        let mut reader = SliceReader::new(parameters.value())?;
        let fields = Self {
            hash: reader.context_specific(TagNumber(0), TagMode::Explicit)?,
            mgf: reader.context_specific(TagNumber(1), TagMode::Explicit)?,
            salt: reader.context_specific(TagNumber(2), TagMode::Explicit)?,
            trailer: reader.context_specific(TagNumber(3), TagMode::Explicit)?,
        };
        reader.finish()?;
        Ok(fields)
    }
}

fn decode_any(any: AnyRef<'_>) -> der::Result<AlgorithmIdentifierRef<'_>> {
    any.decode_as()
}

fn hash_of(algorithm: &AlgorithmIdentifierRef<'_>, user: &str) -> Result<Hash, VerifyError> {
    let known = HASHES.iter().find(|(dotted, ..)| is(&algorithm.oid, dotted));
    match known {
        Some((_, Some(_), _)) if algorithm.parameters.is_some_and(|any| !any.is_null()) => {
            Err(VerifyError::MalformedParameters {
                algorithm: user.to_owned(),
                reason: "the hash has parameters".to_owned(),
            })
        }
        Some((_, Some(hash), _)) => Ok(*hash),
        Some((_, None, name)) => {
            Err(VerifyError::UnsupportedAlgorithm { algorithm: format!("{user} with {name}") })
        }
        None => Err(VerifyError::UnsupportedAlgorithm {
            algorithm: format!("{user} with hash {}", algorithm.oid),
        }),
    }
}

/// The usual name of a signature algorithm, or its dotted OID.
pub(super) fn name(oid: &ObjectIdentifier) -> String {
    named(ALGORITHMS.iter().map(|(dotted, _, name)| (*dotted, *name)), oid)
        .map_or_else(|| oid.to_string(), str::to_owned)
}

fn unsupported(oid: &ObjectIdentifier) -> VerifyError {
    let name = name(oid);
    let dotted = oid.to_string();
    let algorithm = if name == dotted { name } else { format!("{name} ({dotted})") };
    VerifyError::UnsupportedAlgorithm { algorithm }
}
