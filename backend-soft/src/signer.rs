//! Signing with a key that was read from a file.

use signer_core::{Result, Signature, SignatureAlgorithm, Signer, SubjectPublicKeyInfoOwned};

use crate::private_key::PrivateKey;

/// A key from a file, ready to sign.
#[derive(Debug)]
pub(crate) struct SoftSigner {
    origin: String,
    key: PrivateKey,
    algorithm: SignatureAlgorithm,
}

impl SoftSigner {
    /// `algorithm` fits `key`.
    pub(crate) fn new(origin: String, key: PrivateKey, algorithm: SignatureAlgorithm) -> Self {
        Self { origin, key, algorithm }
    }
}

impl Signer for SoftSigner {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        self.key.sign(self.algorithm, message, &self.origin)
    }
}
