//! Secret values and what they are for.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

/// A PIN, PUK, management key or passphrase.
///
/// Wiped when dropped, not `Clone`, shown by `Debug` as `Secret(..)`, compared in constant time.
/// There is no `Display` and no serialisation.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over octets; the caller's buffer becomes the secret's.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets, for the one call that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(octets: Zeroizing<Vec<u8>>) -> Self {
        Self(octets)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
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
