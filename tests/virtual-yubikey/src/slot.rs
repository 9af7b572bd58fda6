//! Where keys live on the card.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reference of an asymmetric key (SP 800-73-5 part 1, table 4b; F9 is Yubico's).
///
/// One of 9A, 9C, 9D, 9E, 82 to 95, F9.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot(u8);

impl Slot {
    /// PIV authentication.
    pub const AUTHENTICATION: Self = Self(0x9A);
    /// Digital signature.
    pub const SIGNATURE: Self = Self(0x9C);
    /// Key management.
    pub const KEY_MANAGEMENT: Self = Self(0x9D);
    /// Card authentication.
    pub const CARD_AUTHENTICATION: Self = Self(0x9E);
    /// The key that signs attestations.
    pub const ATTESTATION: Self = Self(0xF9);

    /// The slot of a key reference; none for a reference that is no asymmetric key.
    pub fn from_reference(reference: u8) -> Option<Self> {
        matches!(reference, 0x9A | 0x9C | 0x9D | 0x9E | 0x82..=0x95 | 0xF9)
            .then_some(Self(reference))
    }

    /// Its key reference.
    pub fn reference(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({self})")
    }
}
