//! Status words: the last two octets of every answer.

use std::fmt;

use signer_core::Tries;

/// A status word (ISO 7816-4 section 5.6, SP 800-73-5 part 2 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Done.
    pub const OK: Self = Self(0x9000);

    /// What it means, wherever it comes from. Only who sent the command knows more.
    #[must_use]
    pub fn meaning(self) -> Meaning {
        let [high, low] = self.0.to_be_bytes();
        match (high, low) {
            (0x90, 0x00) => Meaning::Done,
            (0x61, _) => Meaning::MoreData,
            (0x6c, _) => Meaning::WrongLe,
            // The NEO counts in the last digit of 63 0x.
            (0x63, 0xc0..=0xcf | 0x00..=0x0f) => Meaning::Wrong(Tries::left(low & 0x0f)),
            (0x65, 0x81) | (0x6f, _) => Meaning::Fault,
            (0x67, 0x00) => Meaning::TooLong,
            (0x69, 0x82) => Meaning::Unauthorised,
            (0x69, 0x83) => Meaning::Blocked,
            (0x69, 0x85) => Meaning::Refused,
            (0x69, 0x84) | (0x6a, 0x80) => Meaning::BadData,
            (0x6a, 0x81) | (0x68, 0x82) | (0x69, 0x86) => Meaning::Unsupported,
            (0x6a, 0x82 | 0x88) | (0x69, 0x99) => Meaning::NotFound,
            (0x6a, 0x84) => Meaning::NoSpace,
            (0x6a, 0x86) | (0x6b, 0x00) => Meaning::BadReference,
            (0x6d | 0x6e, 0x00) => Meaning::UnknownCommand,
            _ => Meaning::Other,
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a status word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// Done.
    Done,
    /// Done, and there is more of the answer.
    MoreData,
    /// The length that was asked for is wrong.
    WrongLe,
    /// Wrong PIN or PUK. The card counts no further than 15 here.
    Wrong(Tries),
    /// The card failed.
    Fault,
    /// The command or the object is too long.
    TooLong,
    /// A PIN, the management key or a touch is missing.
    Unauthorised,
    /// The PIN or PUK is blocked.
    Blocked,
    /// The state of the card, or its rules for secrets, do not allow it.
    Refused,
    /// The data is not what the command takes.
    BadData,
    /// There is no such function.
    Unsupported,
    /// There is no such applet, object, key or secret.
    NotFound,
    /// The card is full.
    NoSpace,
    /// P1 or P2 names nothing.
    BadReference,
    /// The applet knows no such command: the firmware is older, or another applet is selected.
    UnknownCommand,
    /// Something else.
    Other,
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::MoreData => "more data waits",
            Self::WrongLe => "wrong length",
            Self::Wrong(_) => "wrong PIN or PUK",
            Self::Fault => "the card failed",
            Self::TooLong => "too long",
            Self::Unauthorised => "a PIN, the management key or a touch is missing",
            Self::Blocked => "blocked",
            Self::Refused => "not allowed in this state, or against the rules for secrets",
            Self::BadData => "the card cannot use the data",
            Self::Unsupported => "no such function",
            Self::NotFound => "no such thing",
            Self::NoSpace => "the card is full",
            Self::BadReference => "no such slot or reference",
            Self::UnknownCommand => {
                "unknown command: firmware too old, or another program selected another applet"
            }
            Self::Other => "unexpected status",
        })
    }
}

/// A command that the card did not carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command {:02X} answered {status}: {}", .header[0], .status.meaning())]
pub struct StatusError {
    /// INS, P1 and P2 of the command.
    pub header: [u8; 3],
    /// What the card said.
    pub status: StatusWord,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_word_of_the_fact_sheet_has_its_meaning() {
        for (word, meaning) in [
            (0x9000, Meaning::Done),
            (0x61ff, Meaning::MoreData),
            (0x6c10, Meaning::WrongLe),
            (0x6285, Meaning::Other),
            (0x63c3, Meaning::Wrong(Tries::Left(3))),
            (0x63c1, Meaning::Wrong(Tries::Last)),
            (0x63c0, Meaning::Wrong(Tries::Blocked)),
            (0x6302, Meaning::Wrong(Tries::Left(2))),
            (0x6581, Meaning::Fault),
            (0x6700, Meaning::TooLong),
            (0x6882, Meaning::Unsupported),
            (0x6982, Meaning::Unauthorised),
            (0x6983, Meaning::Blocked),
            (0x6984, Meaning::BadData),
            (0x6985, Meaning::Refused),
            (0x6986, Meaning::Unsupported),
            (0x6a80, Meaning::BadData),
            (0x6a81, Meaning::Unsupported),
            (0x6a82, Meaning::NotFound),
            (0x6a84, Meaning::NoSpace),
            (0x6a86, Meaning::BadReference),
            (0x6a88, Meaning::NotFound),
            (0x6999, Meaning::NotFound),
            (0x6b00, Meaning::BadReference),
            (0x6d00, Meaning::UnknownCommand),
            (0x6e00, Meaning::UnknownCommand),
            (0x6f00, Meaning::Fault),
        ] {
            assert_eq!(StatusWord(word).meaning(), meaning, "{word:04X}");
        }
    }
}
