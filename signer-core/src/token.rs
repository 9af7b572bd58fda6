//! One open card, session or key file, and what it can do.

use std::fmt;
use std::fmt::Debug;
use std::sync::Arc;

use spki::SubjectPublicKeyInfoOwned;

use crate::{Error, KeySpec, Locator, Result, Secret, SignatureAlgorithm, Signer, Tries};

/// One open card, session or key file.
///
/// What a token can do beyond signing is asked for by the accessors, not tried.
pub trait Token: Debug + Send {
    /// What is known of the token without a secret.
    fn info(&self) -> &TokenInfo;

    /// The keys on it. No secret is used where the token shows public keys without one.
    ///
    /// # Errors
    /// Whatever the token reports on reading.
    fn keys(&mut self) -> Result<Vec<KeyInfo>>;

    /// One key of it, ready to sign; it outlives this borrow. `algorithm` chooses among those that
    /// fit the key; nothing chooses [`KeySpec::default_algorithm`].
    ///
    /// # Errors
    /// [`Error::NotFound`] and [`Error::Ambiguous`] when `key` does not name exactly one key;
    /// otherwise whatever the token reports, wrong secrets included.
    fn signer(
        &mut self,
        key: &KeyRef,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Arc<dyn Signer>>;

    /// Generating, importing, deleting, moving and attesting keys.
    fn key_manager(&mut self) -> Option<&mut dyn KeyManager> {
        None
    }

    /// PIN and PUK counters and changes.
    fn pin_manager(&mut self) -> Option<&mut dyn PinManager> {
        None
    }

    /// Certificates that the token itself stores.
    fn cert_store(&mut self) -> Option<&mut dyn CertStore> {
        None
    }
}

/// What is known of a token without a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// The locator that names this token and no other.
    pub locator: Locator,
    /// What a person calls it, such as `YubiKey 5 NFC` or `key file`.
    pub model: String,
    /// The serial number, where there is one.
    pub serial: Option<String>,
    /// The firmware or library version, where there is one.
    pub version: Option<String>,
    /// Whether it counts wrong secrets and blocks. A key file does not.
    pub counts_tries: bool,
}

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
}

/// Generating, importing, deleting, moving and attesting keys. A token that lacks one of these
/// answers [`Error::Unsupported`].
pub trait KeyManager {
    /// Generates a key pair. What is already there is never overwritten.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Unsupported`], and whatever the token reports.
    fn generate(&mut self, key: &KeyRef, spec: KeySpec) -> Result<KeyInfo>;

    /// Imports a private key, given as the DER of PKCS#8 PrivateKeyInfo (RFC 5958).
    ///
    /// # Errors
    /// As [`KeyManager::generate`].
    fn import(&mut self, _key: &KeyRef, _private_key_info: &Secret) -> Result<KeyInfo> {
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
}

fn unsupported(operation: &str) -> Error {
    Error::Unsupported { operation: operation.into(), needs: "another kind of token".into() }
}

/// What a token says about one of its secrets. Reading it never spends a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinStatus {
    /// Tries left.
    pub tries: Tries,
    /// Tries after a right one, where the token tells.
    pub total: Option<u8>,
    /// Whether it is still the factory's; unknown where the token does not tell, and never probed.
    pub is_default: Option<bool>,
}

/// PIN and PUK counters and changes.
pub trait PinManager {
    /// The length and characters that the token takes for a PIN.
    fn rules(&self) -> crate::SecretRules;

    /// The state of the PIN, without spending a try.
    ///
    /// # Errors
    /// Whatever the token reports on reading.
    fn pin_status(&mut self) -> Result<PinStatus>;

    /// The state of the PUK (or security officer's PIN), where the token tells.
    ///
    /// # Errors
    /// Whatever the token reports on reading.
    fn puk_status(&mut self) -> Result<Option<PinStatus>>;

    /// Presents the PIN.
    ///
    /// # Errors
    /// [`Error::WrongSecret`], [`Error::Blocked`], [`Error::LastTryRefused`].
    fn verify(&mut self, pin: &Secret) -> Result<()>;

    /// Changes the PIN.
    ///
    /// # Errors
    /// As [`PinManager::verify`].
    fn change(&mut self, pin: &Secret, new_pin: &Secret) -> Result<()>;

    /// Sets a new PIN by means of the PUK.
    ///
    /// # Errors
    /// As [`PinManager::verify`], for the PUK.
    fn unblock(&mut self, puk: &Secret, new_pin: &Secret) -> Result<()>;
}

/// Certificates that the token itself stores.
pub trait CertStore {
    /// The certificate (DER) stored with a key.
    ///
    /// # Errors
    /// [`Error::NotFound`], and whatever the token reports.
    fn read(&mut self, key: &KeyRef) -> Result<Vec<u8>>;

    /// Stores a certificate (DER) with a key.
    ///
    /// # Errors
    /// [`Error::AnotherKey`] when the certificate is for another key, and whatever the token
    /// reports.
    fn write(&mut self, key: &KeyRef, certificate: &[u8]) -> Result<()>;

    /// Removes the certificate stored with a key.
    ///
    /// # Errors
    /// As [`CertStore::read`].
    fn remove(&mut self, key: &KeyRef) -> Result<()>;
}
