//! DER (X.690), written by hand: attestation certificates carry octets that no builder makes.

/// `SEQUENCE`, `SET` and the string types, by their tag octet.
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const UTF8_STRING: u8 = 0x0C;

/// A value with tag and length; the parts stand in it one after the other.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut encoded = vec![tag];
    if content.len() < 0x80 {
        encoded.extend(content.len().to_be_bytes().last());
    } else {
        let octets = content.len().to_be_bytes();
        let octets = without_leading_zeros(&octets);
        // A length has at most eight octets.
        encoded.push(0x80 | u8::try_from(octets.len()).unwrap_or(0x08));
        encoded.extend_from_slice(octets);
    }
    encoded.extend(content);
    encoded
}

/// An `INTEGER` that is not negative, from its big-endian octets.
pub(crate) fn integer(octets: &[u8]) -> Vec<u8> {
    let octets = without_leading_zeros(octets);
    // The top bit is the sign; zero has one octet.
    let sign: &[u8] = if octets.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    value(INTEGER, &[sign, octets])
}

/// A `BIT STRING` of whole octets.
pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], octets])
}

fn without_leading_zeros(mut octets: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = octets {
        octets = rest;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::{integer, value};

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, header) in [
            (0, vec![0x04, 0x00]),
            (127, vec![0x04, 0x7F]),
            (128, vec![0x04, 0x81, 0x80]),
            (256, vec![0x04, 0x82, 0x01, 0x00]),
            (65_536, vec![0x04, 0x83, 0x01, 0x00, 0x00]),
        ] {
            let encoded = value(0x04, &[&vec![7; length]]);
            assert_eq!(encoded.len(), header.len() + length);
            assert!(encoded.starts_with(&header), "{length}");
        }
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        for (octets, encoded) in [
            (&[][..], vec![2, 1, 0]),
            (&[0, 0], vec![2, 1, 0]),
            (&[0x7F], vec![2, 1, 0x7F]),
            (&[0x80], vec![2, 2, 0, 0x80]),
            (&[0, 0x00, 0xAE, 0x17, 0xFB], vec![2, 4, 0, 0xAE, 0x17, 0xFB]),
        ] {
            assert_eq!(integer(octets), encoded);
        }
    }
}
