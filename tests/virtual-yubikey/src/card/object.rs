//! Data objects by their tags (SP 800-73-5 part 1, table 3; the 5FFFxx are Yubico's).

use std::fmt;

use super::tlv::number;
use crate::Slot;

/// The tag of a data object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct DataObject(u32);

impl DataObject {
    /// The certificate of slot F9.
    pub(super) const ATTESTATION_CERTIFICATE: Self = Self(0x5F_FF01);
    /// That there is an applet and what PIN it has; part of the card, not stored.
    pub(super) const DISCOVERY: Self = Self(0x7E);

    /// The object of a tag; none when the tag has not one to three octets.
    pub(crate) fn from_tag(tag: &[u8]) -> Option<Self> {
        (1..=3).contains(&tag.len()).then(|| Self(number(tag)))
    }

    /// The octets of its tag as a number.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// PUT DATA takes it.
    pub(super) fn is_writable(self) -> bool {
        matches!(self.0, 0x5F_0000..=0x5F_FFFF)
    }

    /// Read with the PIN alone: fingerprints, facial image, printed information, iris images.
    pub(super) fn is_behind_the_pin(self) -> bool {
        matches!(self.0, 0x5F_C103 | 0x5F_C108 | 0x5F_C109 | 0x5F_C121)
    }

    /// Whose certificate it holds.
    fn certificate_of(self) -> Option<Slot> {
        let reference = match self.0 {
            0x5F_C105 => 0x9A,
            0x5F_C10A => 0x9C,
            0x5F_C10B => 0x9D,
            0x5F_C101 => 0x9E,
            retired @ 0x5F_C10D..=0x5F_C120 => 0x82 + u8::try_from(retired - 0x5F_C10D).ok()?,
            0x5F_FF01 => 0xF9,
            _ => return None,
        };
        Slot::from_reference(reference)
    }
}

impl fmt::Display for DataObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(slot) = self.certificate_of() {
            return write!(f, "certificate {slot}");
        }
        f.write_str(match self.0 {
            0x7E => "discovery",
            0x7F61 => "biometric templates",
            0x5F_C102 => "CHUID",
            0x5F_C103 => "fingerprints",
            0x5F_C106 => "security object",
            0x5F_C107 => "CCC",
            0x5F_C108 => "facial image",
            0x5F_C109 => "printed",
            0x5F_C10C => "key history",
            0x5F_C121 => "iris images",
            0x5F_C122 => "secure messaging signer",
            0x5F_C123 => "pairing code",
            0x5F_FF00 => "admin data",
            _ => return write!(f, "{:x}", self.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_one_certificate() {
        let mut of: Vec<Slot> =
            (0x5F_0000..=0x5F_FFFF).filter_map(|tag| DataObject(tag).certificate_of()).collect();
        of.sort();
        let all: Vec<Slot> = (0..=0xFF).filter_map(Slot::from_reference).collect();
        assert_eq!(of, all);
        assert_eq!(DataObject(0x5F_C120).to_string(), "certificate 95");
        assert_eq!(DataObject(0x5F_C102).to_string(), "CHUID");
        assert_eq!(DataObject(0x5F_0001).to_string(), "5f0001");
    }
}
