//! Which text may stand in a name.

/// The longest value that is taken, in octets of UTF-8: the ledger's own limit for names.
const LONGEST_VALUE: usize = 1024;

/// A string that a reader cannot be misled by: not empty, of a length that a person can compare, no
/// control characters, nothing that is invisible or turns the direction of reading.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let misleading = |character: char| {
        character.is_control()
            || matches!(
                character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                    | '\u{e0000}'..='\u{e007f}'
            )
    };
    if text.is_empty() {
        Err("is empty")
    } else if text.len() > LONGEST_VALUE {
        Err("is longer than 1024 octets")
    } else if text.chars().any(misleading) {
        Err("has control or invisible characters in it")
    } else {
        Ok(())
    }
}
