//! Tokens that are not in use yet.

use crate::{Secret, SecretRules};

/// A token that holds nothing and has no PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyToken {
    /// What a person calls it.
    pub name: String,
    /// The length and characters that it takes for its PINs.
    pub rules: SecretRules,
}

/// What an empty token is made into.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// Its label.
    pub label: &'a str,
    /// The security officer's PIN, which stands where a YubiKey has its PUK.
    pub so_pin: &'a Secret,
    /// The user's PIN.
    pub pin: &'a Secret,
}
