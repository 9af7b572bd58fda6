//! Checks signatures as X.509 names them: a SubjectPublicKeyInfo, an AlgorithmIdentifier, a message.
//!
//! RFC 5758 (ECDSA), RFC 4055 (RSA, with PKCS#1 v1.5 and PSS) and RFC 8410 (Ed25519). SHA-1, MD5 and the
//! curves and key sizes below 112 bits of strength are refused: nothing this project signs or trusts needs them.

mod key;
mod scheme;

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::signature::ParsedPublicKey;
use const_oid::ObjectIdentifier;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use key::KeyKind;
use scheme::{Hash, Padding, Scheme};

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature algorithm, or the hash inside its parameters, is not one that is accepted.
    #[error("signature algorithm {algorithm} is not supported")]
    UnsupportedAlgorithm {
        /// Name and dotted OID, or the OID alone when it has no known name.
        algorithm: String,
    },
    /// The kind of key is not one that is known here.
    #[error("public key of type {key} is not supported")]
    UnsupportedKey {
        /// Name and dotted OID, or the OID alone when it has no known name.
        key: String,
    },
    /// The key is too short to be trusted (RSA below 2048 bits, P-192, P-224).
    #[error("public key is too weak: {key}")]
    WeakKey {
        /// For example `RSA 1024`.
        key: String,
    },
    /// An EC signature algorithm with an RSA key, and the like.
    #[error("signature algorithm {algorithm} does not fit a key of type {key}")]
    AlgorithmMismatch {
        /// The algorithm's name.
        algorithm: String,
        /// The key's name.
        key: String,
    },
    /// The public key's bytes are not what its algorithm asks for.
    #[error("public key is malformed: {reason}")]
    MalformedKey {
        /// What is wrong.
        reason: String,
    },
    /// The algorithm's parameters are not what the algorithm asks for.
    #[error("parameters of signature algorithm {algorithm} are malformed: {reason}")]
    MalformedParameters {
        /// The algorithm's name.
        algorithm: String,
        /// What is wrong.
        reason: String,
    },
    /// The signature was not made by this key over this message.
    #[error("signature does not verify")]
    BadSignature,
}

/// Checks one signature. For many by one key, keep a [`VerifyingKey`].
///
/// `signature` is the content of the BIT STRING: a DER `Ecdsa-Sig-Value` for ECDSA, raw bytes otherwise.
///
/// # Errors
/// As [`VerifyingKey::new`] and [`VerifyingKey::verify`].
pub fn verify_signature(
    spki: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    VerifyingKey::new(spki)?.verify(algorithm, message, signature)
}

/// A public key that has been parsed and found strong enough, ready for many checks from many threads.
pub struct VerifyingKey {
    kind: KeyKind,
    /// What aws-lc parses: the EC point, the PKCS#1 RSAPublicKey, or the 32 bytes of Ed25519.
    bytes: Vec<u8>,
    /// aws-lc binds a parsed key to one hash and padding; each is parsed when first used.
    parsed: [OnceLock<ParsedPublicKey>; 6],
}

impl VerifyingKey {
    /// Reads the key out of a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// [`VerifyError::UnsupportedKey`], [`VerifyError::WeakKey`] or [`VerifyError::MalformedKey`].
    pub fn new(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, VerifyError> {
        let kind = KeyKind::of(spki)?;
        let bytes = spki
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| malformed_key("the bit string is not whole bytes"))?
            .to_vec();
        let key = Self { kind, bytes, parsed: Default::default() };
        // One parse now, so that a bad key is reported as such and not as a bad signature later.
        key.parsed(kind.padding(), kind.pss_hash().unwrap_or(Hash::Sha256))?;
        Ok(key)
    }

    /// Checks `signature` over `message`; hashing is part of it.
    ///
    /// # Errors
    /// [`VerifyError::BadSignature`], or what is wrong with the algorithm or its fit to the key.
    pub fn verify(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let scheme = Scheme::of(algorithm)?;
        if !self.kind.accepts(scheme) {
            return Err(VerifyError::AlgorithmMismatch {
                algorithm: algorithm_name(&algorithm.oid),
                key: self.kind.to_string(),
            });
        }
        self.parsed(scheme.padding, scheme.hash)?
            .verify_sig(message, signature)
            .map_err(|_| VerifyError::BadSignature)
    }

    fn parsed(&self, padding: Padding, hash: Hash) -> Result<&ParsedPublicKey, VerifyError> {
        let slot = hash as usize + if padding == Padding::Pss { 3 } else { 0 };
        let slot = self.parsed.get(slot).ok_or_else(|| malformed_key("no such scheme"))?;
        if let Some(parsed) = slot.get() {
            return Ok(parsed);
        }
        let parsed = ParsedPublicKey::new(self.kind.engine(padding, hash), &self.bytes)
            .map_err(|rejected| malformed_key(&rejected.to_string()))?;
        Ok(slot.get_or_init(|| parsed))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyingKey").field(&self.kind).finish()
    }
}

/// The key's type and size in words, for example `P-256`, `RSA 2048` or `Ed25519`; also for keys that
/// [`VerifyingKey`] refuses.
pub fn key_name(spki: &SubjectPublicKeyInfoOwned) -> String {
    match KeyKind::of(spki) {
        Ok(kind) => kind.to_string(),
        Err(VerifyError::UnsupportedKey { key } | VerifyError::WeakKey { key }) => key,
        Err(_) => spki.algorithm.oid.to_string(),
    }
}

/// The usual name of a signature algorithm, or its dotted OID.
pub fn algorithm_name(oid: &ObjectIdentifier) -> String {
    scheme::name(oid)
}

fn malformed_key(reason: &str) -> VerifyError {
    VerifyError::MalformedKey { reason: reason.to_owned() }
}

fn named<'a>(
    mut table: impl Iterator<Item = (&'a str, &'a str)>,
    oid: &ObjectIdentifier,
) -> Option<&'a str> {
    table.find(|(dotted, _)| is(oid, dotted)).map(|(_, name)| name)
}

fn is(oid: &ObjectIdentifier, dotted: &str) -> bool {
    ObjectIdentifier::new(dotted).is_ok_and(|known| known == *oid)
}
