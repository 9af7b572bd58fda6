//! The small syntaxes that values are written in: lists, switches, numbers, hexadecimal.

use super::{
    Config, Section,
    encode::{INTEGER, element},
    error::{Error, Place, Reason, shown},
};

/// OpenSSL has no bound, and decimal numbers cost the square of their length.
const MOST_DIGITS: usize = 512;

/// One part of a list: `name` or `name:value`. Parts of a section are its keys and values.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) place: Place,
}

impl Item {
    /// Whether the part is called this, or this with `.anything` behind it, by which a section can
    /// hold several.
    pub(super) fn is(&self, name: &str) -> bool {
        match self.name.strip_prefix(name.as_bytes()) {
            Some(rest) => rest.is_empty() || rest.starts_with(b"."),
            None => false,
        }
    }

    pub(super) fn error(&self, reason: Reason) -> Error {
        self.place.error(reason)
    }

    /// The value, or an error that names what is missing.
    pub(super) fn value(&self, what: &'static str) -> Result<&[u8], Error> {
        self.value.as_deref().ok_or_else(|| self.error(Reason::Missing { what }))
    }
}

/// The parts of a section.
pub(super) fn section_items(section: &Section) -> Vec<Item> {
    let item = |value: &super::Value| Item {
        name: value.name().to_vec(),
        value: Some(value.bytes().to_vec()),
        place: value.place().clone(),
    };
    section.values().map(item).collect()
}

/// A section that a value names.
pub(super) fn named_section<'a>(
    config: &'a Config,
    name: &[u8],
    place: &Place,
) -> Result<&'a Section, Error> {
    config.section(name).ok_or_else(|| place.error(Reason::NoSection { name: shown(name) }))
}

/// Splits at commas, and each part at its first colon. Neither name nor value may be empty. A line
/// end (from an escape) ends the search for separators, but stays in the last part.
pub(super) fn list(text: &[u8], place: &Place) -> Result<Vec<Item>, Error> {
    let searched = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(text.len());
    let part = |from: usize, to: usize| {
        let part = text.get(from..to).unwrap_or_default();
        let part = strip(part);
        if part.is_empty() {
            Err(place.error(Reason::Missing { what: "name or value" }))
        } else {
            Ok(part.to_vec())
        }
    };
    let mut items = Vec::new();
    let mut name: Option<Vec<u8>> = None;
    let mut from = 0;
    for (at, byte) in text.iter().enumerate().take(searched) {
        match byte {
            b':' if name.is_none() => {
                name = Some(part(from, at)?);
                from = at + 1;
            }
            b',' => {
                items.push(item(name.take(), part(from, at)?, place));
                from = at + 1;
            }
            _ => {}
        }
    }
    items.push(item(name, part(from, text.len())?, place));
    Ok(items)
}

fn item(name: Option<Vec<u8>>, part: Vec<u8>, place: &Place) -> Item {
    match name {
        Some(name) => Item { name, value: Some(part), place: place.clone() },
        None => Item { name: part, value: None, place: place.clone() },
    }
}

/// Without white space at both ends; but behind a single byte it stays (OpenSSL 3.0.19).
fn strip(text: &[u8]) -> &[u8] {
    let inner = c_trim(text);
    let start = text.iter().position(|byte| inner.first() == Some(byte)).unwrap_or(0);
    if inner.len() == 1 { text.get(start..).unwrap_or_default() } else { inner }
}

/// C's `isspace`, both ends.
pub(super) fn c_trim(text: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | 9..=13);
    let start = text.iter().position(|byte| !space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !space(byte)).map_or(start, |at| at + 1);
    text.get(start..end).unwrap_or_default()
}

/// The spellings of yes and no.
pub(super) fn switch(text: &[u8]) -> Result<bool, Reason> {
    match text {
        b"TRUE" | b"true" | b"Y" | b"y" | b"YES" | b"yes" => Ok(true),
        b"FALSE" | b"false" | b"N" | b"n" | b"NO" | b"no" => Ok(false),
        _ => Err(Reason::invalid("yes or no", text)),
    }
}

/// A whole number, decimal or `0x` hexadecimal, with any number of digits: an INTEGER.
pub(super) fn integer(text: &[u8]) -> Result<Vec<u8>, Reason> {
    Ok(element(INTEGER, &integer_content(text)?))
}

/// The content octets of [`integer`].
pub(super) fn integer_content(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let invalid = || Reason::invalid("number", text);
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix(b"0x").or(digits.strip_prefix(b"0X")) {
        Some(rest) => (16, rest),
        None => (10, digits),
    };
    if digits.is_empty() || digits.len() > MOST_DIGITS {
        return Err(invalid());
    }
    // Little-endian magnitude.
    let mut magnitude: Vec<u8> = Vec::new();
    for digit in digits {
        let mut carry = char::from(*digit).to_digit(radix).ok_or_else(invalid)?;
        for byte in &mut magnitude {
            carry += u32::from(*byte) * radix;
            *byte = low_byte(carry);
            carry >>= 8;
        }
        if carry != 0 {
            magnitude.push(low_byte(carry));
        }
    }
    if magnitude.is_empty() {
        return Ok(vec![0]);
    }
    if negative {
        let mut carry = true;
        for byte in &mut magnitude {
            let (sum, overflow) = (!*byte).overflowing_add(u8::from(carry));
            *byte = sum;
            carry = overflow;
        }
    }
    let sign = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0x80 != 0);
    if sign(magnitude.last()) != negative {
        magnitude.push(if negative { 0xFF } else { 0 });
    }
    magnitude.reverse();
    // Two's complement of a power of two can have one octet too many (-128 is FF80 before this).
    while let [0xFF, second, ..] = magnitude.as_slice()
        && second & 0x80 != 0
    {
        magnitude.remove(0);
    }
    Ok(magnitude)
}

fn low_byte(value: u32) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

/// Pairs of hexadecimal digits; colons may stand between pairs. A text of one byte or none is too
/// short, though lone colons are not.
pub(super) fn hex(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let invalid = || Reason::invalid("hexadecimal value", text);
    let nibble = |byte: u8| {
        char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or_else(invalid)
    };
    if text.len() < 2 {
        return Err(invalid());
    }
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut bytes = text.iter().copied();
    while let Some(high) = bytes.next() {
        if high == b':' {
            continue;
        }
        let low = bytes.next().ok_or_else(invalid)?;
        out.push(nibble(high)? << 4 | nibble(low)?);
    }
    Ok(out)
}
