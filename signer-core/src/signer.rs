//! One private key that signs.

use std::fmt::Debug;

use spki::SubjectPublicKeyInfoOwned;

use crate::{Result, SignatureAlgorithm};

/// One private key, wherever it lives.
///
/// Object safe and shareable: a batch signs from several threads through one `Arc<dyn Signer>`.
pub trait Signer: Debug + Send + Sync {
    /// The public half, as a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned;

    /// Key type, padding and hash of every signature this signer makes.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs a message of any length; hashing is implied by [`Signer::algorithm`].
    ///
    /// # Errors
    /// Whatever the key's home reports; see [`crate::Error`].
    fn sign(&self, message: &[u8]) -> Result<Signature>;

    /// Opens a run of signatures. What is costly to set up (a card transaction, a PKCS#11 session)
    /// is set up once for all of them.
    ///
    /// # Errors
    /// Whatever the key's home reports on opening.
    fn session(&self) -> Result<Box<dyn SigningSession + '_>> {
        Ok(Box::new(EachTime(self)))
    }
}

/// A run of signatures with one key.
pub trait SigningSession: Debug {
    /// Signs a message, as [`Signer::sign`] does.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    fn sign(&mut self, message: &[u8]) -> Result<Signature>;

    /// Signs messages in order, up to the first that fails. Where reaching the key costs time of
    /// its own, several of them share it.
    ///
    /// # Errors
    /// As [`Signer::sign`]; signatures that were made before are lost.
    fn sign_all(&mut self, messages: &[&[u8]]) -> Result<Vec<Signature>> {
        messages.iter().map(|message| self.sign(message)).collect()
    }
}

/// A signature in the encoding that X.509 puts into `signatureValue`: ECDSA as the DER of
/// `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3), RSA and Ed25519 as raw octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Wraps octets that already have X.509's encoding.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The octets, owned.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[derive(Debug)]
struct EachTime<'a, S: ?Sized>(&'a S);

impl<S: Signer + ?Sized> SigningSession for EachTime<'_, S> {
    fn sign(&mut self, message: &[u8]) -> Result<Signature> {
        self.0.sign(message)
    }
}
