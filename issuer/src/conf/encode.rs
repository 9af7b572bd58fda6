//! DER by hand, for what config values can make and the types of `x509-cert` cannot hold: IA5 strings
//! with any byte in them, integers of any size, tags of every class.

/// Class and form bits of an identifier octet (X.690, 8.1.2).
pub(super) const CONSTRUCTED: u8 = 0x20;
pub(super) const CONTEXT: u8 = 0x80;

pub(super) const BOOLEAN: u8 = 1;
pub(super) const INTEGER: u8 = 2;
pub(super) const BIT_STRING: u8 = 3;
pub(super) const OCTET_STRING: u8 = 4;
pub(super) const NULL: u8 = 5;
pub(super) const OBJECT_IDENTIFIER: u8 = 6;
pub(super) const ENUMERATED: u8 = 10;
pub(super) const UTF8_STRING: u8 = 12;
pub(super) const SEQUENCE: u8 = 16;
pub(super) const SET: u8 = 17;
pub(super) const NUMERIC_STRING: u8 = 18;
pub(super) const PRINTABLE_STRING: u8 = 19;
pub(super) const T61_STRING: u8 = 20;
pub(super) const IA5_STRING: u8 = 22;
pub(super) const UTC_TIME: u8 = 23;
pub(super) const GENERALIZED_TIME: u8 = 24;
pub(super) const VISIBLE_STRING: u8 = 26;
pub(super) const GENERAL_STRING: u8 = 27;
pub(super) const UNIVERSAL_STRING: u8 = 28;
pub(super) const BMP_STRING: u8 = 30;

/// One element whose identifier fits one octet.
pub(super) fn element(identifier: u8, content: &[u8]) -> Vec<u8> {
    tagged(identifier & 0xE0, u32::from(identifier & 0x1F), content)
}

/// One element; `form` holds class and form bits, `number` may be of any size.
pub(super) fn tagged(form: u8, number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 8);
    match u8::try_from(number) {
        Ok(small) if small < 31 => out.push(form | small),
        _ => {
            out.push(form | 31);
            out.extend(base_128(u128::from(number)));
        }
    }
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let skip = length.iter().take_while(|byte| **byte == 0).count();
            let count = length.len() - skip;
            out.push(0x80 | u8::try_from(count).unwrap_or(8));
            out.extend(length.iter().skip(skip));
        }
    }
    out.extend_from_slice(content);
    out
}

pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
    element(SEQUENCE | CONSTRUCTED, content)
}

/// SET OF in DER order (X.690, 11.6).
pub(super) fn set_of(mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    element(SET | CONSTRUCTED, &members.concat())
}

/// Named bits: those set, without trailing zeros (X.690, 11.2.2).
pub(super) fn named_bits(bits: &[usize]) -> Vec<u8> {
    let mut content = vec![0];
    if let Some(last) = bits.iter().max() {
        content.resize(2 + last / 8, 0);
        for bit in bits {
            if let Some(byte) = content.get_mut(1 + bit / 8) {
                *byte |= 0x80 >> (bit % 8);
            }
        }
        if let Some(unused) = content.first_mut() {
            *unused = u8::try_from(7 - last % 8).unwrap_or(0);
        }
    }
    content
}

/// The content octets of an element made here. (The readers of the crate `der` know neither
/// UniversalString nor elements of a universal type in the wrong form.)
pub(super) fn content(element: &[u8]) -> &[u8] {
    let mut rest = element;
    if let Some((identifier, behind)) = rest.split_first() {
        rest = behind;
        if identifier & 0x1F == 31 {
            let more = rest.iter().take_while(|octet| **octet & 0x80 != 0).count();
            rest = rest.get(more + 1..).unwrap_or_default();
        }
    }
    match rest.split_first() {
        Some((length, behind)) if length & 0x80 == 0 => behind,
        Some((length, behind)) => behind.get(usize::from(length & 0x7F)..).unwrap_or_default(),
        None => &[],
    }
}

/// Base 128, high bit on all but the last octet: parts of OIDs, tag numbers above 30.
pub(super) fn base_128(mut value: u128) -> Vec<u8> {
    let mut out = Vec::new();
    let mut more = 0;
    loop {
        out.push(u8::try_from(value & 0x7F).unwrap_or(0) | more);
        value >>= 7;
        if value == 0 {
            break;
        }
        more = 0x80;
    }
    out.reverse();
    out
}
