//! Key slots.

use std::fmt;
use std::str::FromStr;

use signer_core::{Error, KeyRef, PinPolicy, Result};

use crate::object::ObjectId;

/// A place for a key and its certificate (SP 800-73-5 part 1, table 4b).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// 9a: PIV authentication.
    pub const AUTHENTICATION: Self = Self(0x9a);
    /// 9c: digital signature.
    pub const SIGNATURE: Self = Self(0x9c);
    /// 9d: key management.
    pub const KEY_MANAGEMENT: Self = Self(0x9d);
    /// 9e: card authentication.
    pub const CARD_AUTHENTICATION: Self = Self(0x9e);
    /// f9: the key that attests others. It signs nothing else and is not listed.
    pub const ATTESTATION: Self = Self(0xf9);

    /// The slots that keys are put into, the usual ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        [0x9a, 0x9c, 0x9d, 0x9e].into_iter().chain(0x82..=0x95).map(Self)
    }

    /// The octet that names it in commands.
    #[must_use]
    pub fn reference(self) -> u8 {
        self.0
    }

    /// Where its certificate is kept.
    #[must_use]
    pub fn certificate(self) -> ObjectId {
        ObjectId::new(match self.0 {
            0x9a => 0x5f_c105,
            0x9c => 0x5f_c10a,
            0x9d => 0x5f_c10b,
            0x9e => 0x5f_c101,
            retired @ 0x82..=0x95 => 0x5f_c10d + u32::from(retired - 0x82),
            _ => 0x5f_ff01,
        })
    }

    /// The PIN policy of keys that were made without naming one.
    #[must_use]
    pub fn default_pin_policy(self) -> PinPolicy {
        match self {
            Self::SIGNATURE => PinPolicy::Always,
            Self::CARD_AUTHENTICATION => PinPolicy::Never,
            _ => PinPolicy::Once,
        }
    }

    /// The slot that a key reference names.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what names no slot.
    pub fn of(key: &KeyRef) -> Result<Self> {
        match key {
            KeyRef::Slot(name) => name.parse().map_err(|reason| Error::NotFound { what: reason }),
            other => Err(Error::NotFound { what: format!("{other} of a YubiKey") }),
        }
    }

    /// The key reference that names it.
    #[must_use]
    pub fn key_ref(self) -> KeyRef {
        KeyRef::Slot(format!("{:02x}", self.0))
    }
}

impl FromStr for Slot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let slot = match u8::from_str_radix(text, 16) {
            Ok(reference) if text.len() == 2 => Self(reference),
            _ => return Err(format!("slot {text:?} (slots are 9a, 9c, 9d, 9e and 82 to 95)")),
        };
        match Self::all().any(|known| known == slot) {
            true => Ok(slot),
            false => Err(format!("slot {text:?} (slots are 9a, 9c, 9d, 9e and 82 to 95)")),
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {:02x}", self.0)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({:02x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_their_slots() {
        assert_eq!(Slot::all().count(), 24);
        for slot in Slot::all() {
            assert_eq!(Slot::of(&slot.key_ref()).unwrap(), slot);
        }
        assert_eq!("9C".parse(), Ok(Slot::SIGNATURE));
        for text in ["", "9", "9b", "f9", "81", "96", "+9c", "09c", "sole"] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_slot_has_a_certificate_object_of_its_own() {
        let mut objects: Vec<_> = Slot::all().map(Slot::certificate).collect();
        objects.push(Slot::ATTESTATION.certificate());
        objects.sort();
        objects.dedup();
        assert_eq!(objects.len(), 25);
        assert_eq!("95".parse::<Slot>().unwrap().certificate(), ObjectId::new(0x5f_c120));
    }
}
