//! BER-TLV as cards speak it (ISO 7816-4 section 5.2.2): definite lengths, nothing more.

use zeroize::Zeroizing;

/// Octets that are no TLV where one was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// They end inside a tag, a length or a value.
    #[error("the data ends inside an element")]
    Truncated,
    /// A length or tag of a form that no card uses.
    #[error("an element has a tag or length of an unusual form")]
    Form,
    /// An element that has to be there is not.
    #[error("element {tag:02X} is missing")]
    Missing {
        /// Its tag.
        tag: u32,
    },
    /// An element whose value cannot be.
    #[error("element {tag:02X} has an impossible value")]
    Value {
        /// Its tag.
        tag: u32,
    },
}

/// The elements of some octets, one after the other. Nothing is copied, and what is claimed is never
/// more than what is there.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Elements that fill `octets`.
    #[must_use]
    pub fn of(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The value of the first element with this tag.
    ///
    /// # Errors
    /// [`TlvError::Missing`], and whatever is wrong with the octets before it.
    pub fn value(self, tag: u32) -> Result<&'a [u8], TlvError> {
        self.find(tag)?.ok_or(TlvError::Missing { tag })
    }

    /// The value of the first element with this tag, if there is one.
    ///
    /// # Errors
    /// Whatever is wrong with the octets before it.
    pub fn find(self, tag: u32) -> Result<Option<&'a [u8]>, TlvError> {
        for element in self {
            let (found, value) = element?;
            if found == tag {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The value of the first element with this tag, which has exactly `N` octets.
    ///
    /// # Errors
    /// [`TlvError::Value`], and as [`Elements::value`].
    pub fn array<const N: usize>(self, tag: u32) -> Result<[u8; N], TlvError> {
        self.value(tag)?.try_into().map_err(|_| TlvError::Value { tag })
    }

    fn split(&mut self) -> Result<(u32, &'a [u8]), TlvError> {
        let (tag, rest) = split_tag(self.0)?;
        let (length, rest) = split_length(rest)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(TlvError::Truncated)?;
        self.0 = rest;
        Ok((tag, value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<(u32, &'a [u8]), TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let element = self.split();
        if element.is_err() {
            self.0 = &[];
        }
        Some(element)
    }
}

/// One element.
#[must_use]
pub fn element(tag: u32, value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut octets = Vec::with_capacity(value.len() + 8);
    octets.extend(tag.to_be_bytes().into_iter().skip_while(|octet| *octet == 0));
    let length = value.len().to_be_bytes();
    match value.len() {
        0..0x80 => octets.extend(length.last()),
        _ => {
            let start = octets.len();
            octets.extend(length.into_iter().skip_while(|octet| *octet == 0));
            // At most eight octets of length.
            let count = u8::try_from(octets.len() - start).unwrap_or(8);
            octets.insert(start, 0x80 | count);
        }
    }
    octets.extend_from_slice(value);
    Zeroizing::new(octets)
}

/// Several elements, one after the other.
#[must_use]
pub fn elements(list: &[(u32, &[u8])]) -> Zeroizing<Vec<u8>> {
    let parts: Vec<_> = list.iter().map(|(tag, value)| element(*tag, value)).collect();
    // Made in one piece, so that no copy of a secret stays behind in a buffer that grew.
    let mut octets = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| octets.extend_from_slice(part));
    octets
}

/// Tags of one to three octets.
fn split_tag(octets: &[u8]) -> Result<(u32, &[u8]), TlvError> {
    let (first, mut rest) = octets.split_first().ok_or(TlvError::Truncated)?;
    let mut tag = u32::from(*first);
    if first & 0x1f != 0x1f {
        return Ok((tag, rest));
    }
    for _ in 0..2 {
        let (next, after) = rest.split_first().ok_or(TlvError::Truncated)?;
        tag = tag << 8 | u32::from(*next);
        rest = after;
        if next & 0x80 == 0 {
            return Ok((tag, rest));
        }
    }
    Err(TlvError::Form)
}

/// Lengths of one to three octets: no answer is longer than 64 KiB.
fn split_length(octets: &[u8]) -> Result<(usize, &[u8]), TlvError> {
    match octets {
        [short @ 0..=0x7f, rest @ ..] => Ok((usize::from(*short), rest)),
        [0x81, length, rest @ ..] => Ok((usize::from(*length), rest)),
        [0x82, high, low, rest @ ..] => Ok((usize::from(u16::from_be_bytes([*high, *low])), rest)),
        [] | [0x81] | [0x82] | [0x82, _] => Err(TlvError::Truncated),
        _ => Err(TlvError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_as_they_were_written() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 3000] {
            let value = vec![0xa5; length];
            for tag in [0x53, 0x7f49, 0x5fc10a] {
                let octets = element(tag, &value);
                // 5FC10A is the name of an object and no tag of an element: its second octet has no
                // continuation bit to carry the third.
                if tag != 0x5fc10a {
                    assert_eq!(
                        Elements::of(&octets).value(tag).unwrap(),
                        value,
                        "{tag:x} {length}"
                    );
                }
            }
        }
        assert_eq!(element(0x53, &[0; 0x80])[..3], [0x53, 0x81, 0x80]);
        assert_eq!(element(0x7f49, &[0; 0x102])[..5], [0x7f, 0x49, 0x82, 0x01, 0x02]);
    }

    #[test]
    fn damaged_elements_are_errors_and_end_the_walk() {
        for (octets, error) in [
            (&[0x53][..], TlvError::Truncated),
            (&[0x53, 0x02, 0x00], TlvError::Truncated),
            (&[0x53, 0x81], TlvError::Truncated),
            (&[0x53, 0x82, 0x01], TlvError::Truncated),
            (&[0x53, 0x82, 0xff, 0xff, 0x00], TlvError::Truncated),
            (&[0x53, 0x80], TlvError::Form),
            (&[0x53, 0x84, 0xff, 0xff, 0xff, 0xff], TlvError::Form),
            (&[0x7f], TlvError::Truncated),
            (&[0x7f, 0xff, 0xff, 0xff], TlvError::Form),
        ] {
            let walk: Vec<_> = Elements::of(octets).collect();
            assert_eq!(walk, [Err(error)], "{octets:02x?}");
        }
        let missing = Elements::of(&[0x01, 0x00]).value(0x02);
        assert_eq!(missing, Err(TlvError::Missing { tag: 2 }));
    }

    #[test]
    fn any_octets_are_read_without_panic() {
        for octets in 0..=0xffff_u16 {
            let [a, b] = octets.to_be_bytes();
            for c in [0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0x82, 0xff] {
                assert!(Elements::of(&[a, b, c, 0x00]).count() <= 4);
            }
        }
    }
}
