//! A signer that is watched: what the gate refuses must never reach the key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use signer_core::{Result, Signature, SignatureAlgorithm, Signer, SubjectPublicKeyInfoOwned};

/// Counts the signatures that are asked of another signer.
#[derive(Debug)]
pub struct CountingSigner {
    inner: Arc<dyn Signer>,
    count: AtomicU64,
}

impl CountingSigner {
    /// Watches `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Signer>) -> Self {
        Self { inner, count: AtomicU64::new(0) }
    }

    /// How many signatures were asked for so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

impl Signer for CountingSigner {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.inner.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.inner.sign(message)
    }
}
