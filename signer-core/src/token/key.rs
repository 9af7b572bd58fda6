//! The keys of a token, and what can be done to them.

use std::fmt;

use spki::SubjectPublicKeyInfoOwned;

use super::{Attested, KeyOrigin, KeyPolicy};
use crate::{Error, KeySpec, Result, Secret};

/// Which key of a token is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyRef {
    /// The only key there is; several are ambiguous.
    Sole,
    /// A PIV slot by its key reference in lower-case hex, such as `9c` (SP 800-73-5 part 1, table 4b).
    Slot(String),
    /// A PKCS#11 object by `CKA_LABEL` and `CKA_ID`.
    Object {
        /// The label.
        label: Option<String>,
        /// The id.
        id: Option<Vec<u8>>,
    },
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sole => f.write_str("the only key"),
            Self::Slot(slot) => write!(f, "slot {slot}"),
            Self::Object { label, id } => {
                f.write_str("object")?;
                if let Some(label) = label {
                    write!(f, " {label:?}")?;
                }
                if let Some(id) = id {
                    f.write_str(" id ")?;
                    id.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
                }
                Ok(())
            }
        }
    }
}

/// One key of a token.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// The reference that names it on its token.
    pub key: KeyRef,
    /// Its kind and size.
    pub spec: KeySpec,
    /// Its public half.
    pub public_key: SubjectPublicKeyInfoOwned,
    /// What it asks for before each use, where the token tells.
    pub policy: KeyPolicy,
    /// Where it came from, where the token tells.
    pub origin: Option<KeyOrigin>,
}

/// Generating, importing, deleting, moving and attesting keys. A token that lacks one of these
/// answers [`Error::Unsupported`].
pub trait KeyManager {
    /// Generates a key pair. What is already there is never overwritten.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Unsupported`] (for a policy too that the token cannot
    /// keep), and whatever the token reports.
    fn generate(&mut self, key: &KeyRef, spec: KeySpec, policy: KeyPolicy) -> Result<KeyInfo>;

    /// Imports a private key, given as the DER of PKCS#8 PrivateKeyInfo (RFC 5958).
    ///
    /// # Errors
    /// As [`KeyManager::generate`].
    fn import(
        &mut self,
        _key: &KeyRef,
        _private_key_info: &Secret,
        _policy: KeyPolicy,
    ) -> Result<KeyInfo> {
        Err(unsupported("importing a key"))
    }

    /// Destroys a key.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unsupported`], and whatever the token reports.
    fn delete(&mut self, _key: &KeyRef) -> Result<()> {
        Err(unsupported("deleting a key"))
    }

    /// Moves a key to another place on the same token.
    ///
    /// # Errors
    /// As [`KeyManager::delete`], and [`Error::AlreadyExists`].
    fn relocate(&mut self, _from: &KeyRef, _to: &KeyRef) -> Result<()> {
        Err(unsupported("moving a key"))
    }

    /// The certificates (DER, leaf first) by which the token vouches that it made the key itself.
    ///
    /// # Errors
    /// As [`KeyManager::delete`].
    fn attest(&mut self, _key: &KeyRef) -> Result<Vec<Vec<u8>>> {
        Err(unsupported("attesting a key"))
    }

    /// The same, read and checked. It is believed when it leads to a root that the token's maker
    /// published, or to one of `anchors` (certificates, DER); where it does not, it is returned with
    /// the reason.
    ///
    /// # Errors
    /// As [`KeyManager::attest`], and [`Error::Device`] for what cannot be read at all.
    fn attestation(&mut self, _key: &KeyRef, _anchors: &[Vec<u8>]) -> Result<Attested> {
        Err(unsupported("attesting a key"))
    }
}

fn unsupported(operation: &str) -> Error {
    Error::Unsupported { operation: operation.into(), needs: "another kind of token".into() }
}
