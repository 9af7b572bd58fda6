//! Secret values and what they are for.

mod memory;

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use memory::Memory;

pub use memory::memory_was_not_locked;

/// A PIN, PUK, management key or passphrase.
///
/// Held in memory of its own that is locked against swapping on Unix and, on Linux, left out of core
/// dumps and of child processes; wiped when dropped, not `Clone`, shown by `Debug` as `Secret(..)`,
/// compared in constant time. There is no `Display` and no serialisation. Where the system refuses
/// to lock memory (`RLIMIT_MEMLOCK`) the secret is held all the same, and
/// [`memory_was_not_locked`] says so.
pub struct Secret {
    memory: Memory,
    used: Range<usize>,
}

impl Secret {
    /// Takes octets; the caller's buffer is wiped.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self::from(Zeroizing::new(octets))
    }

    /// Has octets written where they are to stay: `fill` is given `most` octets of zeros and answers
    /// how many of them it used.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn filled<E>(
        most: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Self, E> {
        let mut memory = Memory::new(most);
        let octets = memory.octets_mut();
        let length = octets.len().min(most);
        let used = fill(octets.get_mut(..length).unwrap_or_default())?;
        Ok(Self { memory, used: 0..used.min(length) })
    }

    /// Reads to the end, or up to `most` octets.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn read(from: &mut dyn Read, most: usize) -> io::Result<Self> {
        Self::filled(most, |space| {
            let mut used = 0;
            while let Some(rest) = space.get_mut(used..).filter(|rest| !rest.is_empty()) {
                match from.read(rest) {
                    Ok(0) => break,
                    Ok(count) => used += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(used)
        })
    }

    /// The octets, for the one call that needs them. What is sent to a token that counts tries is
    /// taken from [`crate::pin_guard::Admitted`] instead.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.memory.octets().get(self.used.clone()).unwrap_or_default()
    }

    /// Leaves away octets at both ends.
    pub(crate) fn trim(&mut self, front: usize, back: usize) {
        let start = self.used.start.saturating_add(front).min(self.used.end);
        self.used = start..self.used.end.saturating_sub(back).max(start);
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(octets: Zeroizing<Vec<u8>>) -> Self {
        let mut memory = Memory::new(octets.len());
        let used = 0..octets.len();
        if let Some(space) = memory.octets_mut().get_mut(used.clone()) {
            space.copy_from_slice(&octets);
        }
        Self { memory, used }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.expose(), other.expose()).is_ok()
    }
}

impl Eq for Secret {}

/// Which secret is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SecretKind {
    /// What lets the key be used on a token.
    Pin,
    /// What unblocks a PIN.
    Puk,
    /// What initialises a PKCS#11 token and unblocks its PIN.
    SoPin,
    /// What administers a PIV token.
    ManagementKey,
    /// What decrypts a key file.
    Passphrase,
    /// The PIN that is to be set.
    NewPin,
    /// The PUK that is to be set.
    NewPuk,
    /// The security officer's PIN that is to be set.
    NewSoPin,
    /// The management key that is to be set.
    NewManagementKey,
    /// The passphrase that a new key file is to be encrypted under.
    NewPassphrase,
}

impl SecretKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pin,
        Self::Puk,
        Self::SoPin,
        Self::ManagementKey,
        Self::Passphrase,
        Self::NewPin,
        Self::NewPuk,
        Self::NewSoPin,
        Self::NewManagementKey,
        Self::NewPassphrase,
    ];

    /// Whether it is being chosen now: asked twice at a prompt, and `random` may stand for it.
    #[must_use]
    pub fn is_new(self) -> bool {
        matches!(
            self,
            Self::NewPin
                | Self::NewPuk
                | Self::NewSoPin
                | Self::NewManagementKey
                | Self::NewPassphrase
        )
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pin => "PIN",
            Self::Puk => "PUK",
            Self::SoPin => "SO PIN",
            Self::ManagementKey => "management key",
            Self::Passphrase => "passphrase",
            Self::NewPin => "new PIN",
            Self::NewPuk => "new PUK",
            Self::NewSoPin => "new SO PIN",
            Self::NewManagementKey => "new management key",
            Self::NewPassphrase => "new passphrase",
        })
    }
}

/// The length and characters that a token takes, checked before anything is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretRules {
    /// Fewest octets.
    pub min_length: usize,
    /// Most octets.
    pub max_length: usize,
    /// What a `random` secret is made of.
    pub alphabet: &'static [u8],
}

impl SecretRules {
    /// Decimal digits.
    pub const DIGITS: &'static [u8] = b"0123456789";
    /// Letters and digits that cannot be taken for one another.
    pub const READABLE: &'static [u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

    /// The rules of a key file's passphrase. OpenSSL's own prompt takes 4 to 1024 characters.
    pub const PASSPHRASE: Self = Self { min_length: 4, max_length: 1024, alphabet: Self::READABLE };

    /// Why these octets cannot be right, or nothing. The reason names offsets and never values.
    #[must_use]
    pub fn objection(&self, octets: &[u8]) -> Option<String> {
        if octets.is_empty() {
            return Some("it is empty".into());
        }
        if let Some(offset) = unprintable(octets) {
            return Some(format!("octet {offset} is not printable text"));
        }
        let (min, max, length) = (self.min_length, self.max_length, octets.len());
        if length < min {
            return Some(format!("it has {length} octets, and {min} are the fewest"));
        }
        if length > max {
            return Some(format!("it has {length} octets, and {max} are the most"));
        }
        None
    }
}

/// The offset of the first octet that is a control character or no UTF-8.
fn unprintable(octets: &[u8]) -> Option<usize> {
    match std::str::from_utf8(octets) {
        Ok(text) => text.char_indices().find(|(_, c)| c.is_control()).map(|(offset, _)| offset),
        Err(error) => Some(error.valid_up_to()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new(b"123456".to_vec())), "Secret(..)");
    }

    #[test]
    fn secrets_compare_by_value() {
        assert_eq!(Secret::new(b"abc".to_vec()), Secret::new(b"abc".to_vec()));
        assert_ne!(Secret::new(b"abc".to_vec()), Secret::new(b"abd".to_vec()));
        assert_ne!(Secret::new(b"abc".to_vec()), Secret::new(b"abcd".to_vec()));
    }

    #[test]
    fn objections_name_offsets_and_not_values() {
        let rules = SecretRules { min_length: 6, max_length: 8, alphabet: SecretRules::DIGITS };
        for (octets, objection) in [
            (&b""[..], Some("it is empty")),
            (b"12345", Some("it has 5 octets, and 6 are the fewest")),
            (b"123456789", Some("it has 9 octets, and 8 are the most")),
            (b"1234\n56", Some("octet 4 is not printable text")),
            (b"1234\xff6", Some("octet 4 is not printable text")),
            (b"12\x0034567", Some("octet 2 is not printable text")),
            (b"123456", None),
            ("pässwd".as_bytes(), None),
        ] {
            assert_eq!(rules.objection(octets).as_deref(), objection, "{octets:?}");
        }
    }
}
