//! BER-TLV (ISO 8825-1), as far as PIV goes: tags of up to three octets, definite lengths.

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The octets of the tag, read as a number: `0x5C`, `0x7F49`.
    pub(crate) tag: u32,
    pub(crate) value: &'a [u8],
}

/// Reads the first element, and what follows it; none when it is cut short.
pub(crate) fn read(octets: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = read_tag(octets)?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x03))?;
            (usize::try_from(number(length)).ok()?, rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, value }, rest))
}

/// Reads all elements, one after another, to the end.
pub(crate) fn read_all(mut octets: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !octets.is_empty() {
        let (element, rest) = read(octets)?;
        elements.push(element);
        octets = rest;
    }
    Some(elements)
}

/// The value of the only element, when it has this tag.
pub(crate) fn only(octets: &[u8], tag: u32) -> Option<&[u8]> {
    match read(octets)? {
        (element, []) if element.tag == tag => Some(element.value),
        _ => None,
    }
}

/// Writes an element.
pub(crate) fn element(tag: u32, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut out: Vec<u8> = significant(&tag.to_be_bytes()).to_vec();
    if length >= 0x80 {
        let octets = length.to_be_bytes();
        let octets = significant(&octets);
        out.push(0x80 | u8::try_from(octets.len()).unwrap_or(u8::MAX));
        out.extend(octets);
    } else {
        out.extend(u8::try_from(length));
    }
    out.extend(value);
    out
}

/// Up to four octets as a number, the most significant first.
pub(crate) fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet))
}

fn read_tag(octets: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, mut rest) = octets.split_first()?;
    let mut tag = u32::from(first);
    if first & 0x1F == 0x1F {
        loop {
            let (&next, after) = rest.split_first()?;
            (tag, rest) = (tag << 8 | u32::from(next), after);
            if next & 0x80 == 0 {
                break;
            }
            if tag > 0xFFFF {
                return None;
            }
        }
    }
    Some((tag, rest))
}

fn significant(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for tag in [0x53, 0x5C, 0x5F2F, 0x7F49] {
            for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
                let value = vec![7; length];
                let mut octets = element(tag, &value);
                assert_eq!(only(&octets, tag), Some(&value[..]), "{tag:x} {length}");
                octets.push(0);
                assert_eq!(only(&octets, tag), None);
                assert_eq!(read(&octets), Some((Element { tag, value: &value }, &b"\0"[..])));
            }
        }
    }

    #[test]
    fn what_is_cut_short_or_endless_is_none() {
        for octets in [
            &b""[..],
            b"\x53",
            b"\x53\x01",
            b"\x53\x81",
            b"\x53\x82\x01",
            b"\x53\x80\x00\x00",
            b"\x53\x84\x00\x00\x00\x00",
            b"\x5F",
            b"\x5F\xFF\xFF\xFF\xFF\x01\x00",
        ] {
            assert_eq!(read(octets), None, "{octets:02x?}");
        }
    }
}
