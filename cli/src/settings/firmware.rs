//! Firmware versions, as settings compare them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version of numbers and dots, such as `5.7.0`. What is left out at the end is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Firmware(Vec<u32>);

impl Firmware {
    /// Whether a token that tells this version has at least this one. One that cannot be read is not
    /// taken for new enough.
    pub(crate) fn is_met_by(&self, version: &str) -> bool {
        version.parse::<Self>().is_ok_and(|found| found.compared_to(self) != Ordering::Less)
    }

    fn compared_to(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        let part = |version: &Self, at: usize| version.0.get(at).copied().unwrap_or_default();
        let parts = (0..length).map(|at| part(self, at).cmp(&part(other, at)));
        parts.fold(Ordering::Equal, Ordering::then)
    }
}

impl FromStr for Firmware {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        parts.map(Self).map_err(|_| format!("{text:?} is no version such as 5.7.0"))
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let wanted: Firmware = "5.7.0".parse().unwrap();
        for (version, met) in [
            ("5.7.0", true),
            ("5.7", true),
            ("5.10.0", true),
            ("6.0.0", true),
            ("5.6.9", false),
            ("4.3.5", false),
            ("", false),
            ("five", false),
        ] {
            assert_eq!(wanted.is_met_by(version), met, "{version}");
        }
        assert_eq!(wanted.to_string(), "5.7.0");
        assert!("5.7.".parse::<Firmware>().is_err());
    }
}
