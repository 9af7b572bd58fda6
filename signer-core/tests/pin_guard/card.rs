//! A token that counts tries, as the guard sees one.

use std::cell::RefCell;

use signer_core::pin_guard::{Admitted, Attempt, PinGuard};
use signer_core::{Error, PinStatus, Result, Secret, SecretKind, SecretRules, Tries};

pub(crate) const RULES: SecretRules =
    SecretRules { min_length: 6, max_length: 8, alphabet: SecretRules::DIGITS };

pub(crate) const PIN: Attempt<'static> = Attempt {
    id: "yubikey:16021234",
    token: "YubiKey 16021234",
    kind: SecretKind::Pin,
    rules: RULES,
};

/// How a token tells of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// Both numbers, as PIV metadata does.
    Numbers,
    /// One number up to 15, as a status word does.
    StatusWord,
    /// Flags, as PKCS#11 does.
    Flags,
    /// Nothing.
    Nothing,
}

/// What happens to one exchange with the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Holds,
    /// The command never arrives.
    LostBefore,
    /// The command is obeyed, and the answer never arrives.
    LostAfter,
}

#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) pin: &'static str,
    pub(crate) left: u8,
    pub(crate) total: u8,
    pub(crate) tells: Tells,
    /// Every secret that was compared, with the tries that were left before.
    pub(crate) compared: RefCell<Vec<(String, u8)>>,
}

impl Card {
    pub(crate) fn new(total: u8, tells: Tells) -> Self {
        Self { pin: "123456", left: total, total, tells, compared: RefCell::default() }
    }

    pub(crate) fn status(&self) -> PinStatus {
        let (tries, total) = match self.tells {
            Tells::Numbers => (Tries::left(self.left), Some(self.total)),
            _ => (self.tries(), None),
        };
        PinStatus { tries, total, is_default: None }
    }

    /// As an answer to a wrong secret tells it.
    pub(crate) fn tries(&self) -> Tries {
        match self.tells {
            Tells::Numbers | Tells::StatusWord => Tries::left(self.left.min(15)),
            Tells::Flags if self.left == self.total => Tries::Unknown,
            Tells::Flags if self.left > 1 => Tries::Low,
            Tells::Flags => Tries::left(self.left),
            Tells::Nothing => Tries::Unknown,
        }
    }

    /// Compares, as VERIFY does. Nothing when blocked.
    pub(crate) fn verify(&mut self, octets: &[u8]) -> Option<bool> {
        if self.left == 0 {
            return None;
        }
        let right = octets == self.pin.as_bytes();
        let text = String::from_utf8(octets.to_vec()).unwrap();
        self.compared.borrow_mut().push((text, self.left));
        self.left = if right { self.total } else { self.left - 1 };
        Some(right)
    }

    /// What a backend does with a PIN.
    pub(crate) fn present(&mut self, guard: &PinGuard, pin: &str, link: Link) -> Result<()> {
        let secret = Secret::new(pin.as_bytes().to_vec());
        let admitted = guard.admit(&PIN, &secret, || Ok(self.status()))?;
        self.send(admitted, link)
    }

    pub(crate) fn send(&mut self, admitted: Admitted<'_>, link: Link) -> Result<()> {
        let lost = || Error::Device { doing: "VERIFY".into(), source: "the link is lost".into() };
        if link == Link::LostBefore {
            return Err(lost());
        }
        let answer = self.verify(admitted.octets());
        if link == Link::LostAfter {
            return Err(lost());
        }
        match answer {
            Some(true) => {
                drop(admitted.accepted());
                Ok(())
            }
            Some(false) => Err(admitted.wrong(self.tries())),
            None => panic!("a blocked token was sent a secret"),
        }
    }
}
