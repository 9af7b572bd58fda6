//! One failure, as it is told and as it is written down.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::counter;
use crate::{PinStatus, SecretKind, Tries};

/// A secret that failed at a token, and was not presented again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which secret.
    pub kind: SecretKind,
    /// How it failed.
    pub outcome: FaultOutcome,
    /// The counter after it. Where no answer came, the try is counted as spent.
    pub after: Tries,
    /// When.
    pub since: SystemTime,
}

/// How a secret failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// The token took it for wrong.
    Wrong,
    /// It was sent, or was about to be, and no answer came: the token was lost, or the process.
    Unknown,
}

impl Fault {
    /// Whether the counter as it stands now shows that the right secret was used since, or that
    /// nothing was spent. The next attempt then goes through.
    #[must_use]
    pub fn is_lifted_by(&self, now: &PinStatus) -> bool {
        counter::shows_success(self.after, now)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            FaultOutcome::Wrong => write!(f, "was wrong before ({} then)", self.after),
            FaultOutcome::Unknown => f.write_str(
                "was sent before and no answer came, which counts as one that was wrong",
            ),
        }
    }
}

/// A fault with what tells its secret from 255 in 256 others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Low 8 bits of the secret's HMAC; unknown when the key that made them is lost.
    pub(super) tag: Option<u8>,
    pub(super) fault: Fault,
}

impl Entry {
    /// Whether a secret with this tag may be the one that failed.
    pub(super) fn is_of(&self, tag: u8) -> bool {
        self.tag.is_none_or(|own| own == tag)
    }

    /// One line without its end: tag, outcome, counter, seconds since 1970.
    pub(super) fn to_line(&self) -> String {
        let tag = self.tag.map_or_else(|| "--".to_owned(), |tag| format!("{tag:02x}"));
        let outcome = match self.fault.outcome {
            FaultOutcome::Wrong => "wrong",
            FaultOutcome::Unknown => "unknown",
        };
        let counter = match self.fault.after {
            Tries::Low => "low".to_owned(),
            Tries::Unknown => "unknown".to_owned(),
            Tries::Last => "1".to_owned(),
            Tries::Blocked => "0".to_owned(),
            Tries::Left(count) => count.to_string(),
        };
        let since = self.fault.since.duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{tag} {outcome} {counter} {}", since.as_secs())
    }

    /// Reads such a line.
    pub(super) fn from_line(line: &str, kind: SecretKind) -> Option<Self> {
        let mut words = line.split(' ');
        let tag = match words.next()? {
            "--" => None,
            hex if hex.len() == 2 => Some(u8::from_str_radix(hex, 16).ok()?),
            _ => return None,
        };
        let outcome = match words.next()? {
            "wrong" => FaultOutcome::Wrong,
            "unknown" => FaultOutcome::Unknown,
            _ => return None,
        };
        let after = match words.next()? {
            "low" => Tries::Low,
            "unknown" => Tries::Unknown,
            count => Tries::left(count.parse().ok()?),
        };
        let since = UNIX_EPOCH.checked_add(Duration::from_secs(words.next()?.parse().ok()?))?;
        match words.next() {
            None => Some(Self { tag, fault: Fault { kind, outcome, after, since } }),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_round_trips_and_others_are_not_taken() {
        for line in
            ["7f wrong 2 1795342797", "00 unknown low 0", "-- wrong unknown 1", "ff wrong 0 5"]
        {
            let entry = Entry::from_line(line, SecretKind::Pin).unwrap();
            assert_eq!(entry.to_line(), line);
        }
        for line in [
            "",
            "7f",
            "7f wrong",
            "7f wrong 2",
            "7f wrong 2 x",
            "7f wrong 2 1 1",
            "7ff wrong 2 1",
            "7f right 2 1",
            "7f wrong 256 1",
            "é wrong 2 1",
            "7f wrong 2 18446744073709551615",
        ] {
            assert_eq!(Entry::from_line(line, SecretKind::Pin), None, "{line:?}");
        }
    }
}
