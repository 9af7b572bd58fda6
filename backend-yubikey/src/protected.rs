//! What Yubico's tools note on the card about PUK and management key.

use signer_core::Result;
use zeroize::Zeroizing;

use crate::card::Transaction;
use crate::object::ObjectId;
use crate::tlv::{Elements, element};

/// The admin data object: `80 { 81 flags, 82 salt, 83 time }`. What is damaged counts as empty; the
/// card itself does not look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminData {
    flags: u8,
    /// When the PIN was last changed. Tools disagree about its byte order, so it is only kept.
    time: Option<Vec<u8>>,
}

impl AdminData {
    /// Reads it from the card.
    ///
    /// # Errors
    /// [`signer_core::Error::Device`].
    pub fn read(transaction: &mut Transaction<'_>) -> Result<Self> {
        let object = transaction.object(ObjectId::ADMIN_DATA)?;
        Ok(object.map(|object| Self::decode(&object)).unwrap_or_default())
    }

    /// Whether the card keeps its management key, readable with the PIN.
    #[must_use]
    pub fn keeps_management_key(&self) -> bool {
        self.flags & KEEPS_MANAGEMENT_KEY != 0
    }

    /// With the note that the card keeps its management key.
    #[must_use]
    pub fn keeping_management_key(self) -> Self {
        Self { flags: self.flags | KEEPS_MANAGEMENT_KEY, ..self }
    }

    /// Without the note that the card keeps its management key.
    #[must_use]
    pub fn without_management_key(self) -> Self {
        Self { flags: self.flags & !KEEPS_MANAGEMENT_KEY, ..self }
    }

    /// Reads the object's content.
    #[must_use]
    pub fn decode(object: &[u8]) -> Self {
        let Ok(parts) = Elements::of(object).value(0x80).map(Elements::of) else {
            return Self::default();
        };
        let flags = parts.find(0x81).ok().flatten().and_then(|flags| flags.first()).copied();
        let time = parts.find(0x83).ok().flatten().map(<[u8]>::to_vec);
        Self { flags: flags.unwrap_or_default(), time }
    }

    /// The object's content. A salt, by which a key was once derived from the PIN, is left out: it
    /// never fits the new key.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut parts = element(0x81, &[self.flags]).to_vec();
        if let Some(time) = &self.time {
            parts.extend_from_slice(&element(0x83, time));
        }
        element(0x80, &parts).to_vec()
    }
}

/// The management key in the printed information object: `88 { 89 key }`.
pub(crate) fn read_protected_key(printed: &[u8]) -> Option<&[u8]> {
    let outer = Elements::of(printed).value(0x88).ok()?;
    Elements::of(outer).value(0x89).ok()
}

/// The content of the printed information object that keeps a management key.
pub(crate) fn protected_key(key: &[u8]) -> Zeroizing<Vec<u8>> {
    element(0x88, &element(0x89, key))
}

const KEEPS_MANAGEMENT_KEY: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_noted_is_kept_but_for_the_salt() {
        let mut object = vec![0x80, 0x1b, 0x81, 0x01, 0x01, 0x82, 0x10];
        object.extend([7; 16]);
        object.extend([0x83, 0x04, 1, 2, 3, 4]);
        let noted = AdminData::decode(&object);
        assert!(!noted.keeps_management_key());
        let changed = noted.keeping_management_key();
        assert_eq!(changed.encode(), [0x80, 9, 0x81, 1, 3, 0x83, 4, 1, 2, 3, 4]);
        assert_eq!(AdminData::decode(&changed.encode()), changed);
        assert_eq!(changed.without_management_key().encode()[4], 1);
    }

    #[test]
    fn damaged_notes_count_as_none() {
        for object in [&[][..], &[0x80], &[0x80, 0x05, 0x81], &[0x53, 0x00]] {
            assert_eq!(AdminData::decode(object), AdminData::default());
        }
    }

    #[test]
    fn a_kept_key_is_read_back() {
        assert_eq!(read_protected_key(&protected_key(&[7; 24])), Some(&[7; 24][..]));
        assert_eq!(read_protected_key(&[0x88, 0x01]), None);
    }
}
