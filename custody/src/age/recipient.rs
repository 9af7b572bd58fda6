//! Whom a file is encrypted to.

use std::fmt;
use std::str::FromStr;

use super::bech32;

const PREFIX: &str = "age";

/// The public key of somebody who can decrypt: `age1…`, as `age-keygen` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recipient([u8; 32]);

/// Why a text is no recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no age recipient: {reason}")]
#[non_exhaustive]
pub struct RecipientError {
    /// The text; an identity, which is a secret, is left out.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Recipient {
    /// Reads a file of recipients as `age -R` does: one a line, without empty lines and those that
    /// begin with `#`.
    ///
    /// # Errors
    /// [`RecipientError`] for the first line that is none.
    pub fn list(text: &str) -> Result<Vec<Self>, RecipientError> {
        let lines = text.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::parse).collect()
    }

    /// The X25519 public key.
    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let refuse = |text: &str, reason| RecipientError { text: text.to_owned(), reason };
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(refuse(
                "AGE-SECRET-KEY-…",
                "it is an identity, which decrypts and belongs into a safe; its recipient is the \
                 line `public key` above it",
            ));
        }
        match text.rsplit_once('1') {
            Some((PREFIX, _)) => {}
            // age1NAME1… is for a plug-in, or of a kind that came later.
            Some((prefix, _)) if prefix.starts_with("age1") => {
                return Err(refuse(text, "recipients of plug-ins are not known here"));
            }
            _ => return Err(refuse(text, "age1… is needed, as `age-keygen` prints it")),
        }
        bech32::decode(text, PREFIX).map(Self).map_err(|reason| refuse(text, reason))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(&self.0, PREFIX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the documentation of age.
    const KNOWN: [&str; 2] = [
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
        "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
    ];

    #[test]
    fn recipients_round_trip() {
        for text in KNOWN {
            assert_eq!(text.parse::<Recipient>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn one_changed_character_is_always_found() {
        for at in 4..KNOWN[0].len() {
            for replacement in "qpzry9x8gf2tvdw0s3jn54khce6mua7l".chars() {
                let mut text: Vec<char> = KNOWN[0].chars().collect();
                if text[at] == replacement {
                    continue;
                }
                text[at] = replacement;
                let text: String = text.into_iter().collect();
                assert!(text.parse::<Recipient>().is_err(), "{text}");
            }
        }
    }

    #[test]
    fn other_texts_are_refused_and_an_identity_is_not_repeated() {
        for (text, reason) in [
            ("", "age1"),
            ("age1", "too short"),
            ("age1qq", "too short"),
            ("AGE1QL3Z7HJY54PW3HYWW5AYYFG7ZQGVC7W3J2ELW8ZMRJ2KG5SFN9AQMCAC8P", "age1"),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "age1"),
            ("age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt", "plug-ins"),
            ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8pq", "length"),
            ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8b", "character"),
        ] {
            let error = text.parse::<Recipient>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        let error = identity.parse::<Recipient>().unwrap_err().to_string();
        assert!(!error.contains("GFPYY"), "{error}");
        let error = identity.to_lowercase().parse::<Recipient>().unwrap_err().to_string();
        assert!(!error.contains("gfpyy"), "{error}");
    }

    #[test]
    fn a_file_of_recipients_is_read_as_age_reads_it() {
        let text = format!("# safe\n{}\n\n  {}\r\n#\n", KNOWN[0], KNOWN[1]);
        assert_eq!(Recipient::list(&text).unwrap().len(), 2);
        assert!(Recipient::list("# x\nage1x\n").is_err());
        assert_eq!(Recipient::list("").unwrap(), []);
    }
}
