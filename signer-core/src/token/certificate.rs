//! Certificates that a token stores.

use super::KeyRef;
use crate::{Error, Result, Signer, SigningSession};

/// What happens to a certificate whose key is not the one that it is stored with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenKeysDiffer {
    /// It is refused.
    #[default]
    Refuse,
    /// It is stored nevertheless.
    Store,
}

/// Certificates that the token itself stores.
pub trait CertStore {
    /// The certificate (DER) stored with a key.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], and whatever the token reports.
    fn read(&mut self, key: &KeyRef) -> Result<Vec<u8>>;

    /// Stores a certificate (DER) with a key, in place of one that is there.
    ///
    /// # Errors
    /// [`crate::Error::AnotherKey`] when the certificate is for another key and that is refused,
    /// and whatever the token reports.
    fn write(&mut self, key: &KeyRef, certificate: &[u8], differ: WhenKeysDiffer) -> Result<()>;

    /// Stores a certificate (DER) that the key itself is to sign: `make` makes it, with a run of
    /// signatures by `signer`, which is that key of this token. Where reaching the token costs time of
    /// its own, both are done in one go. Nothing is stored where `make` makes none, for a reason that
    /// it keeps.
    ///
    /// # Errors
    /// As [`Signer::session`] and [`CertStore::write`], where a certificate of another key is refused.
    fn write_made(
        &mut self,
        key: &KeyRef,
        signer: &dyn Signer,
        make: &mut dyn FnMut(&mut dyn SigningSession) -> Option<Vec<u8>>,
    ) -> Result<()> {
        let made = make(&mut *signer.session()?);
        match made {
            Some(certificate) => self.write(key, &certificate, WhenKeysDiffer::Refuse),
            None => Ok(()),
        }
    }

    /// Removes the certificate stored with a key.
    ///
    /// # Errors
    /// As [`CertStore::read`].
    fn remove(&mut self, key: &KeyRef) -> Result<()>;

    /// Whether there is a place for the certificates above the one that is stored with a key.
    fn keeps_chains(&self) -> bool {
        false
    }

    /// The certificates (DER) above the one that is stored with a key, each issued by the next.
    /// Empty where the token stores none.
    ///
    /// # Errors
    /// As [`CertStore::read`].
    fn read_chain(&mut self, _key: &KeyRef) -> Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }

    /// Stores the certificates (DER) above the one that is stored with a key. Those that are there
    /// already are left as they are.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there is no place for them, and whatever the token reports.
    fn write_chain(&mut self, _key: &KeyRef, _chain: &[Vec<u8>]) -> Result<()> {
        Err(Error::Unsupported {
            operation: "storing a certificate chain".into(),
            needs: "another kind of token".into(),
        })
    }
}
