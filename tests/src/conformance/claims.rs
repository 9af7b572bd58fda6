//! What a mount says its tokens can do.

use signer_core::{KeyOrigin, KeySpec, ManagementKeyAlgorithm, PinPolicy, TouchPolicy, Tries};

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
    /// How it stores certificates, where it does.
    pub certificates: Option<Shelf>,
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
    /// Whether it tells the policies of keys that are seen of themselves, before any secret.
    pub tells_policies: bool,
    /// Whether it tells where keys came from that are seen of themselves.
    pub tells_origins: bool,
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
    /// How tries of PIN and PUK are told.
    pub counter: Counter,
    /// Whether it tells the total, and whether a secret is still the factory's.
    pub described: bool,
    /// Whether it tells of the PUK.
    pub tells_puk: bool,
    /// Whether a private key is not even found before the PIN was shown.
    pub before_keys: bool,
}

/// How a token tells what became of the tries of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// It tells their number, this one as it leaves the factory.
    Number(u8),
    /// It raises flags, as PKCS#11 has them.
    Flags {
        /// How many wrong ones in a row it takes for "low".
        low: u8,
        /// How many block it, where any number does; the one before raises "last".
        blocked: Option<u8>,
    },
}

/// How certificates lie with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Each place has room for one, whatever key it is for and be there a key or not.
    OnePerPlace,
    /// Any number lie beside a key. One that is for another key is never taken for this key's.
    BesideKeys,
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

impl Counter {
    /// What is told after so many wrong ones in a row.
    #[must_use]
    pub fn after(self, wrong: u8) -> Tries {
        match self {
            Self::Number(tries) => Tries::left(tries.saturating_sub(wrong)),
            Self::Flags { blocked: Some(most), .. } if wrong >= most => Tries::Blocked,
            Self::Flags { blocked: Some(most), .. } if wrong + 1 == most => Tries::Last,
            Self::Flags { low, .. } if wrong >= low => Tries::Low,
            Self::Flags { .. } => Tries::Unknown,
        }
    }

    /// Whether enough wrong ones block it.
    #[must_use]
    pub fn blocks(self) -> bool {
        !matches!(self, Self::Flags { blocked: None, .. })
    }
}

impl Claims {
    /// Whether keys that came from there are not seen until a certificate is stored with them.
    #[must_use]
    pub fn hides(&self, origin: KeyOrigin) -> bool {
        self.keys.hidden.contains(&origin)
    }
}
