//! A PIN or PUK: its value and its tries.

use serde::{Deserialize, Serialize};

use crate::model::PinRules;

pub(super) const DEFAULT_PIN: [u8; 8] = *b"123456\xFF\xFF";
pub(super) const DEFAULT_PUK: [u8; 8] = *b"12345678";
pub(super) const DEFAULT_TRIES: u8 = 3;

/// Refused where complexity is asked for, besides the same octet again and again (Yubico, "PIN
/// complexity policy").
const COMMON: [&[u8]; 18] = [
    b"123456",
    b"123123",
    b"654321",
    b"123321",
    b"112233",
    b"121212",
    b"520520",
    b"123654",
    b"159753",
    b"qwerty",
    b"abc123",
    b"1234567",
    b"7654321",
    b"password",
    b"12345678",
    b"87654321",
    b"qwerty12",
    b"1q2w3e4r",
];

/// A secret of 8 octets that has a limited number of tries.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Reference {
    value: [u8; 8],
    left: u8,
    total: u8,
}

/// Which of the two it is to become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pin,
    Puk,
}

impl Reference {
    pub(super) fn new(value: [u8; 8], total: u8) -> Self {
        Self { value, left: total, total }
    }

    pub(super) fn left(&self) -> u8 {
        self.left
    }

    pub(super) fn total(&self) -> u8 {
        self.total
    }

    /// Whether that is its value; free of charge, for the card's own questions.
    pub(super) fn is(&self, value: [u8; 8]) -> bool {
        self.value == value
    }

    /// Whether all tries are left.
    pub(super) fn is_full(&self) -> bool {
        self.left == self.total
    }

    /// Takes a try for a wrong value; those left.
    pub(super) fn spend(&mut self) -> u8 {
        self.left = self.left.saturating_sub(1);
        self.left
    }

    /// Gives all tries back.
    pub(super) fn refill(&mut self) {
        self.left = self.total;
    }

    /// Gives it a new value, and all tries back.
    pub(super) fn set(&mut self, value: [u8; 8]) {
        *self = Self::new(value, self.total);
    }
}

/// Whether a value may become a PIN or PUK.
pub(super) fn acceptable(kind: Kind, value: [u8; 8], rules: PinRules, complexity: bool) -> bool {
    let padding = value.iter().rev().take_while(|octet| **octet == 0xFF).count();
    let Some(value) = value.get(..value.len() - padding) else { return false };
    let characters = match std::str::from_utf8(value) {
        Ok(text) if kind == Kind::Pin || text.is_ascii() => Some(text.chars().count()),
        _ => None,
    };
    let shaped = match (rules, characters) {
        (PinRules::Any, _) => true,
        (PinRules::Characters, Some(characters)) => (6..=8).contains(&characters),
        (PinRules::EightCharacters, Some(characters)) => characters == 8,
        (PinRules::Characters | PinRules::EightCharacters, None) => false,
    };
    shaped && !(complexity && easy(value))
}

fn easy(value: &[u8]) -> bool {
    COMMON.contains(&value) || value.windows(2).all(|pair| pair.first() == pair.last())
}
