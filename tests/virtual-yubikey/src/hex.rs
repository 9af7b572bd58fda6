//! Octets as text: in the state file and in the log.

use std::fmt::Write as _;

/// Lower-case hexadecimal, two digits an octet.
pub(crate) fn encode(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// The octets of a text of hexadecimal digits in either case; none for anything else.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

fn digit(character: u8) -> Option<u8> {
    u8::try_from(char::from(character).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn octets_come_back_from_their_text() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all.clone()));
        assert_eq!(decode(&encode(&all).to_uppercase()), Some(all));
    }

    #[test]
    fn what_is_no_hexadecimal_gives_nothing() {
        for text in ["0", "0g", "+1", " 1", "é", "000"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
