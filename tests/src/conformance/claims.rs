//! What a mount says its tokens can do.

use signer_core::{KeyOrigin, KeySpec, ManagementKeyAlgorithm, PinPolicy, TouchPolicy};

/// What the tokens of a mount can do. Everything else is checked to be refused.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Whether a token that is there is listed.
    pub listed: bool,
    /// Whether a token has a serial number and a version.
    pub numbered: bool,
    /// Keys.
    pub keys: KeyClaims,
    /// The PIN, where there is one that is counted.
    pub pins: Option<PinClaims>,
    /// Whether it stores certificates.
    pub certificates: bool,
    /// What is done to the token as a whole, where anything can be.
    pub administration: Option<AdministrationClaims>,
}

/// What can be done with keys.
#[derive(Clone, Debug)]
pub struct KeyClaims {
    /// The kinds that it makes.
    pub makes: Vec<KeySpec>,
    /// The kinds that can be brought to it.
    pub imports: Vec<KeySpec>,
    /// When a key can be told to want the PIN; empty where it cannot be told.
    pub pin_policies: Vec<PinPolicy>,
    /// When a key can be told to want a touch; empty where it cannot be told.
    pub touch_policies: Vec<TouchPolicy>,
    /// Keys that are not seen until a certificate is stored with them, by where they came from.
    pub hidden: Vec<KeyOrigin>,
    /// Whether it tells policies and origin of the keys that are seen of themselves.
    pub described: bool,
    /// Whether a key can be destroyed.
    pub deletes: bool,
    /// Whether a key can be moved.
    pub relocates: bool,
    /// Whether it vouches for keys that it made.
    pub attests: bool,
}

/// What is told of PIN and PUK.
#[derive(Clone, Debug)]
pub struct PinClaims {
    /// Tries of PIN and PUK as they leave the factory.
    pub tries: u8,
    /// Whether it tells the total, and whether a secret is still the factory's.
    pub described: bool,
    /// Whether it tells of the PUK.
    pub tells_puk: bool,
}

/// What can be done to the token as a whole.
#[derive(Clone, Debug)]
pub struct AdministrationClaims {
    /// Whether tries can be set.
    pub retries: bool,
    /// The ciphers that a management key can have.
    pub management_keys: Vec<ManagementKeyAlgorithm>,
    /// When a management key can be told to want a touch, besides never.
    pub management_touches: Vec<TouchPolicy>,
    /// Whether it goes back to its factory state.
    pub resets: bool,
}

impl Claims {
    /// Whether keys that came from there are not seen until a certificate is stored with them.
    #[must_use]
    pub fn hides(&self, origin: KeyOrigin) -> bool {
        self.keys.hidden.contains(&origin)
    }
}
