//! Text from certificates, made safe to print.
//!
//! Whoever made a certificate chose the text in it. Printed raw it could move the cursor, change colours, or
//! turn the reading direction round so that one name looks like another.

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::Name;

use crate::device_oids::string_value;
use crate::names::display_name;

/// Characters that are printed as escapes besides the control characters: invisible ones, and those that change
/// the direction of reading.
const UNSAFE: &[std::ops::RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{115f}'..='\u{1160}',
    '\u{1680}'..='\u{1680}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2000}'..='\u{200f}',
    '\u{2028}'..='\u{202f}',
    '\u{205f}'..='\u{206f}',
    '\u{3000}'..='\u{3000}',
    '\u{3164}'..='\u{3164}',
    '\u{e000}'..='\u{f8ff}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{110bd}'..='\u{110cd}',
    '\u{13430}'..='\u{1345f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{10ffff}',
];

/// The text with every character that a terminal would act on, or that cannot be seen, written as `\XX` per
/// byte of its UTF-8 form (RFC 4514 section 2.4); a backslash becomes `\5C`.
pub fn terminal_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\\' || is_unsafe(character) {
            push_escaped(&mut safe, character);
        } else {
            safe.push(character);
        }
    }
    safe
}

/// A distinguished name on one line, safe to print: RFC 4514's escapes, in the certificate's own order (which
/// is also the order of `openssl x509`), RDNs parted by `, ` and the attributes of one RDN by `+`.
///
/// An attribute without a short name is dotted; a value that is not text is `#` and the hex of its DER.
pub fn name_text(name: &Name) -> String {
    let rdns = name.iter_rdn().map(|rdn| {
        let attributes: Vec<_> = rdn.iter().map(attribute_text).collect();
        attributes.join("+")
    });
    rdns.collect::<Vec<_>>().join(", ")
}

fn attribute_text(attribute: &AttributeTypeAndValue) -> String {
    let value = value_text(attribute);
    match display_name(&attribute.oid) {
        Some(short) => format!("{short}={value}"),
        None => format!("{}={value}", attribute.oid),
    }
}

/// The value alone, escaped as [`name_text`] does.
pub(super) fn value_text(attribute: &AttributeTypeAndValue) -> String {
    use der::Encode;
    match string_value(&attribute.value) {
        Some(text) => escaped_value(&text),
        None => format!("#{}", super::hex_lower(&attribute.value.to_der().unwrap_or_default())),
    }
}

fn escaped_value(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let edge = character == ' ' && (index == 0 || index == last);
        if matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || edge
            || character == '#' && index == 0
        {
            safe.push('\\');
            safe.push(character);
        } else if is_unsafe(character) {
            push_escaped(&mut safe, character);
        } else {
            safe.push(character);
        }
    }
    safe
}

fn is_unsafe(character: char) -> bool {
    character.is_control() || UNSAFE.iter().any(|range| range.contains(&character))
}

fn push_escaped(safe: &mut String, character: char) {
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        safe.push_str(&format!("\\{byte:02X}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_and_direction_changes_are_escaped() {
        for (text, safe) in [
            ("plain text, with = and é 中", "plain text, with = and é 中"),
            ("\x1b[31mred", "\\1B[31mred"),
            ("a\nb\tc\0d\x7f", "a\\0Ab\\09c\\00d\\7F"),
            ("\u{9b}31m", "\\C2\\9B31m"),
            ("a\u{202e}b\u{2066}", "a\\E2\\80\\AEb\\E2\\81\\A6"),
            ("zero\u{200b}width\u{feff}", "zero\\E2\\80\\8Bwidth\\EF\\BB\\BF"),
            ("back\\slash", "back\\5Cslash"),
        ] {
            assert_eq!(terminal_text(text), safe, "{text:?}");
        }
    }

    #[test]
    fn values_in_names_are_escaped_as_rfc_4514_says() {
        for (text, safe) in [
            ("a,b+c\"d\\e<f>g;h", "a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h"),
            (" edge ", "\\ edge\\ "),
            ("#1 of #2", "\\#1 of #2"),
            ("\u{1b}]0;title\u{7}", "\\1B]0\\;title\\07"),
            ("", ""),
        ] {
            assert_eq!(escaped_value(text), safe, "{text:?}");
        }
    }
}
