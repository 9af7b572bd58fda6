//! Commands by name, for faults and counts.

use std::str::FromStr;

/// The first words of the names of commands, as [`Transcript`](crate::Transcript) gives them.
///
/// `GENERAL AUTHENTICATE` is any of these, `GENERAL AUTHENTICATE sign` any that signs, `GENERAL
/// AUTHENTICATE sign 9c` one with that key. `VERIFY` shows a PIN; `VERIFY status` and `VERIFY
/// logout` are others. Case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandName(String);

/// A name that no command has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no command is called `{name}`; they are called {}", KNOWN.join(", "))]
pub struct UnknownCommand {
    /// What was asked for.
    pub name: String,
}

/// How all names begin.
const KNOWN: &[&str] = &[
    "SELECT",
    "VERIFY",
    "VERIFY status",
    "VERIFY logout",
    "CHANGE REFERENCE DATA",
    "RESET RETRY COUNTER",
    "SET RETRIES",
    "RESET",
    "GENERAL AUTHENTICATE",
    "SET MANAGEMENT KEY",
    "GENERATE",
    "IMPORT",
    "ATTEST",
    "METADATA",
    "MOVE",
    "DELETE",
    "GET DATA",
    "PUT DATA",
    "GET RESPONSE",
    "VERSION",
    "SERIAL",
    "READ CONFIG",
    "OTP SERIAL",
    "unknown",
    "malformed",
];

impl CommandName {
    /// Whether a command of this name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        // Asking for the tries left costs none: who counts VERIFYs does not mean it.
        let family = self.0 != "verify" && self.0 != "reset";
        match name.strip_prefix(&self.0) {
            Some("") => true,
            Some(rest) => family && rest.starts_with(' '),
            None => false,
        }
    }
}

impl FromStr for CommandName {
    type Err = UnknownCommand;

    fn from_str(name: &str) -> Result<Self, UnknownCommand> {
        let lower = name.to_lowercase();
        let known = KNOWN.iter().any(|known| {
            let rest = lower.strip_prefix(&known.to_lowercase());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        if known { Ok(Self(lower)) } else { Err(UnknownCommand { name: name.to_owned() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::{CommandName, KNOWN};
    use crate::Transcript;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<CommandName>().unwrap().matches(name)
    }

    #[test]
    fn names_match_by_their_first_words() {
        let name = "GENERAL AUTHENTICATE sign 9c";
        for pattern in [
            "GENERAL AUTHENTICATE",
            "general authenticate",
            "GENERAL AUTHENTICATE sign",
            "General Authenticate Sign 9C",
        ] {
            assert!(matches(pattern, name), "{pattern}");
        }
        assert!(!matches("GENERAL AUTHENTICATE agree", name));
        assert!(!matches("GENERAL AUTHENTICATE sign 9", name));
    }

    #[test]
    fn a_question_for_the_tries_left_is_no_verify() {
        assert!(matches("VERIFY", "VERIFY"));
        assert!(!matches("VERIFY", "VERIFY status"));
        assert!(!matches("VERIFY", "VERIFY logout"));
        assert!(matches("verify status", "VERIFY status"));
        assert!(!matches("RESET", "RESET RETRY COUNTER"));
    }

    #[test]
    fn every_command_has_a_name_that_is_known() {
        let mut transcript = Transcript::new();
        let mut names = vec![transcript.command(&[0]).name];
        for ins in 0..=255 {
            for p1 in [0, 0xFF] {
                for body in [&b""[..], b"\x01\x07", b"\x00\x05\x07"] {
                    names.push(transcript.command(&[&[0, ins, p1, 0x80], body].concat()).name);
                }
            }
        }
        for name in &names {
            assert!(name.parse::<CommandName>().is_ok(), "{name}");
        }
        for known in KNOWN {
            assert!(names.iter().any(|name| matches(known, name)), "{known}");
        }
    }

    #[test]
    fn a_name_that_no_command_has_is_refused() {
        for name in ["", "VERIFI", "VERIFYING", "GENERAL"] {
            assert!(name.parse::<CommandName>().is_err(), "{name}");
        }
    }
}
