//! One open card, session or key file, and what it can do.

mod administration;
mod attested;
mod certificate;
mod empty;
mod key;
mod pin;
mod policy;

use std::fmt::Debug;
use std::sync::Arc;

use crate::{Locator, Result, SignatureAlgorithm, Signer};

pub use administration::{
    Administration, Contents, ManagementKeyAlgorithm, ManagementKeyInfo, ManagementKeyProtection,
    NewManagementKey, Retries,
};
pub use attested::Attested;
pub use certificate::{CertStore, WhenKeysDiffer};
pub use empty::{EmptyToken, NewToken};
pub use key::{KeyInfo, KeyManager, KeyRef, KeyWeakness};
pub use pin::{PinManager, PinStatus, Seen};
pub use policy::{KeyOrigin, KeyPolicy, PinPolicy, TouchPolicy};

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
    /// fit the key; nothing chooses [`crate::KeySpec::default_algorithm`].
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] and [`crate::Error::Ambiguous`] when `key` does not name exactly one key;
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

    /// What is done to the token as a whole: retry limits, PUK, management key, reset.
    fn administration(&mut self) -> Option<&mut dyn Administration> {
        None
    }
}

/// What is known of a token without a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// The locator that names this token and no other.
    pub locator: Locator,
    /// What a person calls this very token, in every message about it.
    pub name: String,
    /// What kind of thing it is, such as `YubiKey 5 NFC` or `key file`; after a brief
    /// [`crate::Introduction`] as far as that goes.
    pub model: String,
    /// The serial number, where there is one.
    pub serial: Option<String>,
    /// The firmware or library version, where there is one and it was asked for.
    pub version: Option<String>,
    /// Whether it counts wrong secrets and blocks. A key file does not.
    pub counts_tries: bool,
}

impl TokenInfo {
    /// What tells this token from all others, whichever way it was opened: its scheme with its
    /// serial number, where it has one. A serial number of PKCS#11 is its maker's affair, so the
    /// token's label belongs to it there. [`crate::PinGuard`] remembers it by this.
    #[must_use]
    pub fn id(&self) -> String {
        let Some(serial) = &self.serial else { return self.locator.to_string() };
        let attributes = self.locator.attributes().ok();
        match attributes.as_ref().and_then(|attributes| attributes.get("token")) {
            Some(label) => format!("{}:{serial}:{label}", self.locator.scheme()),
            None => format!("{}:{serial}", self.locator.scheme()),
        }
    }
}
