//! Which byte means what in a config file, as OpenSSL's default method classifies them.
//!
//! Bytes above 127 are never part of a name; in values they pass through untouched.

/// White space: blank, tab, CR and LF. Vertical tab and form feed are not.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What the name of a variable is made of.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What the name of a section or a key is made of.
pub(super) fn is_name(byte: u8) -> bool {
    is_word(byte) || b"!%&*+,-./;?@^|~".contains(&byte)
}

/// The three quotes, all alike.
pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// The text without leading white space.
pub(super) fn trim_start(text: &[u8]) -> &[u8] {
    let at = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    text.get(at..).unwrap_or_default()
}

/// The text without trailing white space.
pub(super) fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

/// Splits a name off the front. A backslash takes the next byte into the name, whatever it is;
/// both stay in the name as written.
pub(super) fn split_name(text: &[u8], dollar_in_names: bool) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if *byte == b'\\' {
            at = (at + 2).min(text.len());
        } else if is_name(*byte) || (dollar_in_names && *byte == b'$') {
            at += 1;
        } else {
            break;
        }
    }
    text.split_at_checked(at).unwrap_or((text, &[]))
}

/// The line without its comment: a `#` that stands in no quotes and behind no backslash.
pub(super) fn without_comment(line: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        match byte {
            b'#' => return line.get(..at).unwrap_or_default(),
            b'\\' => at += 2,
            quote if is_quote(*quote) => at = end_of_quoted(line, at, *quote),
            _ => at += 1,
        }
    }
    line
}

/// Where the text behind a quoted part begins; the part may lack its closing quote.
fn end_of_quoted(line: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while let Some(byte) = line.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    at
}
