//! What is done to a token as a whole.

use std::fmt;
use std::str::FromStr;

use super::TouchPolicy;
use super::policy::words;
use crate::{Error, Result, Secret, SecretRules};

/// What the holder of the PUK and of the management key does to a token as a whole. PIN and
/// management key are asked of the secrets that the token was opened with.
///
/// These are single steps; keeping them together, journalling them and escrowing what they set is
/// for the caller.
pub trait Administration {
    /// The length and characters that the token takes for a PUK.
    fn puk_rules(&self) -> SecretRules;

    /// Changes the PUK.
    ///
    /// # Errors
    /// [`crate::Error::WrongSecret`], [`crate::Error::Blocked`],
    /// [`crate::Error::LastTryRefused`], for the PUK.
    fn change_puk(&mut self, puk: &Secret, new_puk: &Secret) -> Result<()>;

    /// Presents PIN and management key, which [`Administration::set_retries`] wants, and keeps them at
    /// hand for it: nobody is asked twice. So a wrong one shows before anything is begun.
    ///
    /// # Errors
    /// As [`Administration::set_retries`].
    fn verify_for_retries(&mut self) -> Result<()> {
        Err(Error::Unsupported {
            operation: "setting how many tries PIN and PUK have".into(),
            needs: "another kind of token".into(),
        })
    }

    /// Sets how many tries PIN and PUK have. **The token falls back to factory PIN and PUK**, so
    /// [`Administration::replace_factory_secrets`] has to follow at once.
    ///
    /// # Errors
    /// As [`super::PinManager::verify`], and for a wrong management key.
    fn set_retries(&mut self, retries: Retries) -> Result<()>;

    /// Replaces factory PIN and PUK, the PIN first. Of the two, one that is no longer the factory's is
    /// left alone; where the token does not tell, finding out costs each a try at most.
    ///
    /// # Errors
    /// As [`super::PinManager::change`].
    fn replace_factory_secrets(&mut self, new_pin: &Secret, new_puk: &Secret) -> Result<()>;

    /// What the token says about its management key.
    ///
    /// # Errors
    /// Whatever the token reports on reading.
    fn management_key(&mut self) -> Result<ManagementKeyInfo>;

    /// Checks that the token has such management keys, without a word to it: a new one is put away
    /// before [`Administration::set_management_key`], and would be for nothing.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] for what the firmware lacks.
    fn check_management_key(
        &self,
        algorithm: ManagementKeyAlgorithm,
        touch: TouchPolicy,
    ) -> Result<()>;

    /// Presents the management key; on return it was right.
    ///
    /// # Errors
    /// [`crate::Error::WrongSecret`] with [`crate::Tries::Unknown`]: it has no counter.
    fn verify_management_key(&mut self) -> Result<()>;

    /// Sets a new management key, in place of the one that the token's secrets name, and presents
    /// it once: on return it is known to work.
    ///
    /// # Errors
    /// As [`Administration::check_management_key`] and [`Administration::verify_management_key`].
    fn set_management_key(&mut self, new: &NewManagementKey<'_>) -> Result<()>;

    /// What is on the token, a line each.
    ///
    /// # Errors
    /// Whatever the token reports on reading.
    fn contents(&mut self, what: Contents) -> Result<Vec<String>>;

    /// Whether there is such a thing as a reset, for who shows first what it would destroy.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`].
    fn check_reset(&self) -> Result<()>;

    /// Puts the token back to its factory state: keys, certificates and objects are destroyed, PIN,
    /// PUK and management key are the factory's. Spends all tries of PIN and PUK on purpose.
    ///
    /// # Errors
    /// Whatever the token reports.
    fn reset(&mut self) -> Result<()>;
}

/// How much of a token is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contents {
    /// Keys, and the certificates that are stored with them. A token may show more where that costs
    /// nothing.
    Keys,
    /// All that a reset would destroy.
    All,
}

/// How many tries PIN and PUK have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Of the PIN, 1 to 255.
    pub pin: u8,
    /// Of the PUK, 1 to 255.
    pub puk: u8,
}

/// The cipher of a management key (SP 800-78-5, table 6-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum ManagementKeyAlgorithm {
    TripleDes,
    Aes128,
    Aes192,
    Aes256,
}

impl ManagementKeyAlgorithm {
    /// The length of its keys, in octets.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

words!(ManagementKeyAlgorithm:
    TripleDes = "3des", Aes128 = "aes128", Aes192 = "aes192", Aes256 = "aes256");

/// What a token says about its management key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementKeyInfo {
    /// Its cipher.
    pub algorithm: ManagementKeyAlgorithm,
    /// The best cipher that the token has for one.
    pub best_algorithm: ManagementKeyAlgorithm,
    /// When it wants a touch, where the token tells.
    pub touch: Option<TouchPolicy>,
    /// Whether it is still the factory's, where the token tells.
    pub is_default: Option<bool>,
    /// Whether the token keeps it, readable with the PIN.
    pub protection: ManagementKeyProtection,
}

/// Whether the token keeps its own management key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ManagementKeyProtection {
    /// No.
    #[default]
    None,
    /// Yes: whoever has the PIN can read it.
    Pin,
}

words!(ManagementKeyProtection: None = "none", Pin = "pin");

/// A management key that is to be set.
#[derive(Clone, Copy, Debug)]
pub struct NewManagementKey<'a> {
    /// The key, as hexadecimal digits.
    pub key: &'a Secret,
    /// Its cipher.
    pub algorithm: ManagementKeyAlgorithm,
    /// When it wants a touch: never or always or cached.
    pub touch: TouchPolicy,
    /// Whether the token shall keep it.
    pub protection: ManagementKeyProtection,
}
