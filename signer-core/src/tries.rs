//! How many more wrong secrets a token will take.

use std::fmt;

/// What a token says about the tries that are left for one of its secrets.
///
/// PIV knows the number (SP 800-73-5 part 2, section 3.2.1); PKCS#11 knows only the flags
/// `CKF_USER_PIN_COUNT_LOW`, `CKF_USER_PIN_FINAL_TRY` and `CKF_USER_PIN_LOCKED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// Exactly this many tries are left; zero is spelled [`Tries::Blocked`] by [`Tries::left`].
    Left(u8),
    /// At least one wrong try was made since the last right one.
    Low,
    /// One wrong try more blocks the secret.
    Last,
    /// No try is left.
    Blocked,
    /// The token keeps no counter, or does not tell.
    Unknown,
}

impl Tries {
    /// The tries of a counter that stands at `count`.
    #[must_use]
    pub fn left(count: u8) -> Self {
        match count {
            0 => Self::Blocked,
            1 => Self::Last,
            n => Self::Left(n),
        }
    }

    /// The counter, where the token tells it: 1 for the last try, 0 for a blocked secret.
    #[must_use]
    pub fn count(self) -> Option<u8> {
        match self {
            Self::Left(count) => Some(count),
            Self::Last => Some(1),
            Self::Blocked => Some(0),
            Self::Low | Self::Unknown => None,
        }
    }

    /// Whether automation may spend a try: never the last one, and never one that is not there.
    #[must_use]
    pub fn may_be_spent(self) -> bool {
        !matches!(self, Self::Left(0 | 1) | Self::Last | Self::Blocked)
    }
}

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(1) | Self::Last => f.write_str("1 try left"),
            Self::Left(0) | Self::Blocked => f.write_str("blocked"),
            Self::Left(n) => write!(f, "{n} tries left"),
            Self::Low => f.write_str("few tries left"),
            Self::Unknown => f.write_str("number of tries unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automation_never_spends_the_last_try() {
        let spendable: Vec<bool> = [
            Tries::left(3),
            Tries::Low,
            Tries::Unknown,
            Tries::left(1),
            Tries::left(0),
            Tries::Left(1),
            Tries::Left(0),
        ]
        .into_iter()
        .map(Tries::may_be_spent)
        .collect();
        assert_eq!(spendable, [true, true, true, false, false, false, false]);
    }
}
