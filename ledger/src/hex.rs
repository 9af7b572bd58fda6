//! Lower-case hexadecimal, as digests and serial numbers are written.

/// The text of `bytes`, two lower-case digits a byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).map(char::from).collect()
}

/// Hands the text of at most 32 `bytes` to `work`, without allocating: an intent has four of them.
pub(crate) fn with_text<T>(bytes: &[u8], work: impl FnOnce(&str) -> T) -> T {
    let mut buffer = [0; 64];
    let (pairs, _) = buffer.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 0x0f)];
    }
    // Digits are ASCII; longer input would be cut, and nothing here has any.
    let text = buffer.get(..2 * bytes.len()).and_then(|text| str::from_utf8(text).ok());
    work(text.unwrap_or_default())
}

/// Reads pairs of digits of either case; `None` on anything else.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(value(high)? << 4 | value(low)?)).collect()
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_goes_there_and_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode(&bytes);
        assert_eq!(decode(&text).unwrap(), bytes);
        assert_eq!(decode(&text.to_uppercase()).unwrap(), bytes);
    }

    #[test]
    fn the_text_on_the_stack_is_the_text_on_the_heap() {
        let bytes: Vec<u8> = (200..232).collect();
        for length in 0..=bytes.len() {
            with_text(&bytes[..length], |text| assert_eq!(text, encode(&bytes[..length])));
        }
    }

    #[test]
    fn odd_length_and_other_characters_are_refused() {
        for text in ["0", "0g", " 0", "0:", "ä"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
