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

    /// What a thief of the token's PIN could do with a key beside signing. Nothing where the token
    /// does not tell.
    ///
    /// # Errors
    /// As [`KeyManager::delete`].
    fn weaknesses(&mut self, _key: &KeyRef) -> Result<Option<Vec<KeyWeakness>>> {
        Ok(None)
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

/// What a signing key should not be able to do (PKCS#11 3.1 sections 4.9 and 4.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyWeakness {
    /// Its value can be read in the clear: `CKA_SENSITIVE` is false.
    Readable,
    /// It can leave the token wrapped under another key: `CKA_EXTRACTABLE` is true.
    Extractable,
    /// It can wrap other keys: `CKA_WRAP` is true.
    Wraps,
    /// It can unwrap other keys: `CKA_UNWRAP` is true.
    Unwraps,
    /// It can decrypt: `CKA_DECRYPT` is true.
    Decrypts,
    /// It can be used without the PIN: `CKA_PRIVATE` is false.
    Public,
}

impl fmt::Display for KeyWeakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Readable => "can be read in the clear",
            Self::Extractable => "can leave the token",
            Self::Wraps => "can wrap other keys",
            Self::Unwraps => "can unwrap other keys",
            Self::Decrypts => "can decrypt",
            Self::Public => "can be used without the PIN",
        })
    }
}

fn unsupported(operation: &str) -> Error {
    Error::Unsupported { operation: operation.into(), needs: "another kind of token".into() }
}
