//! The PIN of a token, and the PUK that unblocks it.

use crate::{Result, Secret, SecretKind, SecretRules, Tries};

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

/// What a token told of its counters in the course of other work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of the PIN, when it was read last.
    pub pin: Option<PinStatus>,
    /// Of the PUK, when it was read last.
    pub puk: Option<PinStatus>,
}

/// PIN and PUK counters and changes.
///
/// Where [`PinManager::has_pin_pad`] says so, an empty secret stands for one that is entered at the
/// token.
pub trait PinManager {
    /// The length and characters that the token takes for a PIN.
    fn rules(&self) -> SecretRules;

    /// What unblocks the PIN: the PUK, or a PKCS#11 token's SO PIN. What is said here about the PUK
    /// is meant of that one.
    fn unblocker(&self) -> SecretKind {
        SecretKind::Puk
    }

    /// Whether secrets can be entered at the token itself, so that nobody else learns them.
    fn has_pin_pad(&self) -> bool {
        false
    }

    /// Why the token would not take this for a new secret, beyond [`PinManager::rules`]; seen without
    /// a word to the token, but that it may be asked which model it is.
    ///
    /// # Errors
    /// Whatever the token reports on reading.
    fn objection_to_new(&self, _kind: SecretKind, _secret: &Secret) -> Result<Option<String>> {
        Ok(None)
    }

    /// What the token told when it was last asked, as the guard asks before each secret, so that
    /// nobody has to ask again for the record. Nothing where it is not kept.
    fn seen(&self) -> Option<Seen> {
        None
    }

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
    /// [`crate::Error::WrongSecret`], [`crate::Error::Blocked`], [`crate::Error::LastTryRefused`].
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
