//! Firmware versions, and what came with which.

use std::fmt;
use std::str::FromStr;

/// A firmware version. What is newer than all that is known here is treated as the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
    /// Patch.
    pub patch: u8,
}

impl Version {
    /// From the three octets in which the card tells it.
    #[must_use]
    pub const fn new(major: u8, minor: u8, patch: u8) -> Self {
        Self { major, minor, patch }
    }

    /// Whether it is this version or a later one. Development keys call themselves 0.x and have
    /// everything.
    #[must_use]
    pub fn is_at_least(self, major: u8, minor: u8, patch: u8) -> bool {
        self.major == 0 || self.parts() >= (major, minor, patch)
    }

    /// Whether it lies in `from..to`.
    #[must_use]
    pub fn is_within(self, from: Self, to: Self) -> bool {
        self.parts() >= from.parts() && self.parts() < to.parts()
    }

    /// PIN and touch policies, P-384, retired slots.
    #[must_use]
    pub fn has_policies(self) -> bool {
        self.is_at_least(4, 0, 0)
    }

    /// The command ATTEST.
    #[must_use]
    pub fn has_attestation(self) -> bool {
        self.is_at_least(4, 3, 0)
    }

    /// The command GET SERIAL. Older keys tell it in the OTP applet.
    #[must_use]
    pub fn has_serial_command(self) -> bool {
        self.is_at_least(5, 0, 0)
    }

    /// The command GET METADATA.
    #[must_use]
    pub fn has_metadata(self) -> bool {
        self.is_at_least(5, 3, 0)
    }

    /// AES management keys.
    #[must_use]
    pub fn has_aes_management_keys(self) -> bool {
        self.is_at_least(5, 4, 2)
    }

    /// Moving and deleting keys, RSA-3072 and -4096, Ed25519, X25519, rules for secrets.
    #[must_use]
    pub fn has_fifth_series_extras(self) -> bool {
        self.is_at_least(5, 7, 0)
    }

    /// The longest extended command that it takes, in octets; none where it takes none.
    #[must_use]
    pub fn longest_command(self) -> Option<usize> {
        if !self.is_at_least(4, 0, 0) {
            None
        } else if self.is_at_least(4, 3, 0) {
            Some(3062)
        } else {
            Some(2038)
        }
    }

    fn parts(self) -> (u8, u8, u8) {
        (self.major, self.minor, self.patch)
    }
}

impl From<[u8; 3]> for Version {
    fn from([major, minor, patch]: [u8; 3]) -> Self {
        Self::new(major, minor, patch)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('.').map(str::parse);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => {
                Ok(Self::new(major, minor, patch))
            }
            _ => Err(format!("{text:?} is no version such as 5.7.1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_the_firmware_brings_its_own() {
        // Policies, attestation, serial, metadata, AES, the fifth series' extras.
        for (text, steps) in [
            ("1.0.4", [false; 6]),
            ("4.2.6", [true, false, false, false, false, false]),
            ("4.3.5", [true, true, false, false, false, false]),
            ("5.2.7", [true, true, true, false, false, false]),
            ("5.3.0", [true, true, true, true, false, false]),
            ("5.4.3", [true, true, true, true, true, false]),
            ("5.7.1", [true; 6]),
            ("6.0.0", [true; 6]),
            ("0.0.1", [true; 6]),
        ] {
            let version: Version = text.parse().unwrap();
            assert_eq!(version.to_string(), text);
            let found = [
                version.has_policies(),
                version.has_attestation(),
                version.has_serial_command(),
                version.has_metadata(),
                version.has_aes_management_keys(),
                version.has_fifth_series_extras(),
            ];
            assert_eq!(found, steps, "{text}");
        }
        assert!("5.7".parse::<Version>().is_err());
        assert!("5.7.1.2".parse::<Version>().is_err());
    }
}
