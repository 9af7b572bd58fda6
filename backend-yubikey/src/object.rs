//! Data objects and their names.

use std::fmt;

/// The name of a data object: three octets (SP 800-73-5 part 1, table 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(u32);

impl ObjectId {
    /// Printed information; it can be read with the PIN only, and keeps a protected management key.
    pub const PRINTED: Self = Self(0x5f_c109);
    /// What Yubico's tools note about PUK and management key.
    pub const ADMIN_DATA: Self = Self(0x5f_ff00);

    /// The object with this name; only the lower 24 bits count.
    #[must_use]
    pub const fn new(name: u32) -> Self {
        Self(name & 0xff_ffff)
    }

    /// The name as commands carry it.
    #[must_use]
    pub fn octets(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object {:06X}", self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({:06X})", self.0)
    }
}
