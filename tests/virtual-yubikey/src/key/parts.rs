//! The tagged parts of an imported key.

use super::KeyError;

/// Tags and values as IMPORT sends them.
pub(super) struct Parts<'a>(&'a [(u8, &'a [u8])]);

impl<'a> Parts<'a> {
    pub(super) fn new(parts: &'a [(u8, &'a [u8])]) -> Self {
        Self(parts)
    }

    /// The value of a tag when it is the only part there is.
    pub(super) fn only(&self, tag: u8) -> Result<&'a [u8], KeyError> {
        self.none_but(&[tag])?;
        self.value(tag)
    }

    /// The value of a tag.
    pub(super) fn value(&self, tag: u8) -> Result<&'a [u8], KeyError> {
        self.0
            .iter()
            .find_map(|(other, value)| (*other == tag).then_some(*value))
            .ok_or(KeyError::MissingPart { tag })
    }

    /// Refuses tags outside the list, and a tag that stands twice.
    pub(super) fn none_but(&self, tags: &[u8]) -> Result<(), KeyError> {
        let mut left = tags.to_vec();
        for (tag, _) in self.0 {
            let Some(place) = left.iter().position(|other| other == tag) else {
                return Err(KeyError::UnexpectedPart { tag: *tag });
            };
            left.remove(place);
        }
        Ok(())
    }
}

/// A value as an array of the length that its part must have.
pub(super) fn fixed<const N: usize>(value: &[u8], tag: u8) -> Result<[u8; N], KeyError> {
    value.try_into().map_err(|_| KeyError::PartLength { tag, expected: N, actual: value.len() })
}
