//! The one door for PIN and PUK: every VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER that
//! carries a secret somebody gave goes through here, and so through the PIN guard.

use signer_core::pin_guard::{Admitted, Attempt, PinGuard, Verified};
use signer_core::{Error, Result, Secret, SecretKind, SecretRules, Tries};
use zeroize::Zeroizing;

use crate::apdu::Command;
use crate::card::Transaction;
use crate::channel::CardError;
use crate::identity::Identity;
use crate::model::Model;
use crate::piv::{PIN, PUK};
use crate::status::Meaning;

/// What every YubiKey takes for a PIN or PUK; some models ask for more.
pub const RULES: SecretRules =
    SecretRules { min_length: 6, max_length: 8, alphabet: SecretRules::DIGITS };

impl Transaction<'_> {
    /// Presents the PIN. Once it was right in this transaction it may be presented again without
    /// another look at the counter.
    ///
    /// # Errors
    /// [`Error::WrongSecret`], and what [`PinGuard::admit`] refuses.
    pub fn verify_pin(&mut self, guard: &PinGuard, pin: &Secret) -> Result<()> {
        if let Some(mut verified) = self.verified.take()
            && let Some(again) = verified.again(pin)
        {
            self.must_be_cleaned();
            let answer = self.send(&verify(again.octets()));
            return match answer {
                Ok(_) => {
                    again.accepted();
                    self.verified = Some(verified);
                    Ok(())
                }
                Err(error) => match spent(&error) {
                    Some(left) => Err(again.wrong(left)),
                    None => Err(self.no_answer(SecretKind::Pin, error)),
                },
            };
        }
        let verified = self.present(guard, SecretKind::Pin, pin, None, verify)?;
        self.verified = Some(verified);
        Ok(())
    }

    /// Changes the PIN.
    ///
    /// # Errors
    /// As [`Transaction::verify_pin`], and [`Error::SecretUnusable`] for a new one that is against
    /// the rules.
    pub fn change_pin(&mut self, guard: &PinGuard, pin: &Secret, new: &Secret) -> Result<()> {
        let new = (SecretKind::NewPin, new);
        self.present(guard, SecretKind::Pin, pin, Some(new), |old| {
            Command::new(0x24, 0x00, PIN).with_secret(pair(old, new.1.expose()))
        })?;
        self.forget_pin();
        Ok(())
    }

    /// Changes the PUK.
    ///
    /// # Errors
    /// As [`Transaction::change_pin`], for the PUK.
    pub fn change_puk(&mut self, guard: &PinGuard, puk: &Secret, new: &Secret) -> Result<()> {
        let new = (SecretKind::NewPuk, new);
        self.present(guard, SecretKind::Puk, puk, Some(new), |old| {
            Command::new(0x24, 0x00, PUK).with_secret(pair(old, new.1.expose()))
        })?;
        Ok(())
    }

    /// Sets a new PIN by means of the PUK.
    ///
    /// # Errors
    /// As [`Transaction::change_pin`], for the PUK.
    pub fn unblock_pin(&mut self, guard: &PinGuard, puk: &Secret, new: &Secret) -> Result<()> {
        let new = (SecretKind::NewPin, new);
        self.present(guard, SecretKind::Puk, puk, Some(new), |puk| {
            Command::new(0x2c, 0x00, PIN).with_secret(pair(puk, new.1.expose()))
        })?;
        self.forget_pin();
        // The PIN that failed may be the right one from now on. Should that not be noted down, the
        // full counter lifts the fault as well.
        let _ = guard.clear_fault(&self.identity().id(), SecretKind::Pin);
        Ok(())
    }

    fn present(
        &mut self,
        guard: &PinGuard,
        kind: SecretKind,
        secret: &Secret,
        new: Option<(SecretKind, &Secret)>,
        command: impl FnOnce(&[u8]) -> Command,
    ) -> Result<Verified> {
        if let Some((kind, new)) = new
            && let Some(reason) = objection(kind, new.expose(), || self.model())?
        {
            return Err(Error::SecretUnusable { kind, origin: "its source".into(), reason });
        }
        let identity = self.identity();
        let id = identity.id();
        let admitted = guard.admit(&attempt(&identity, &id, kind), secret, || self.tries(kind))?;
        let command = command(admitted.octets());
        if new.is_none() {
            // Not before: reading the counter may have dropped what was verified, and its mark.
            self.must_be_cleaned();
        }
        match self.send(&command) {
            Ok(_) => Ok(admitted.accepted()),
            Err(error) => Err(self.refused(admitted, kind, new.map(|(kind, _)| kind), error)),
        }
    }

    fn refused(
        &mut self,
        admitted: Admitted<'_>,
        kind: SecretKind,
        new: Option<SecretKind>,
        error: CardError,
    ) -> Error {
        if let Some(left) = spent(&error) {
            self.forget_pin();
            return admitted.wrong(left);
        }
        match (error.meaning(), new) {
            // With a wrong old one it would have said so.
            (Some(Meaning::Refused | Meaning::BadData), Some(kind)) => {
                admitted.not_compared();
                let origin = "its source".to_owned();
                Error::SecretUnusable { kind, origin, reason: AGAINST_THE_RULES.into() }
            }
            (Some(Meaning::UnknownCommand | Meaning::NotFound | Meaning::BadReference), _) => {
                admitted.not_compared();
                self.no_answer(kind, error)
            }
            _ => {
                admitted.unknown();
                self.no_answer(kind, error)
            }
        }
    }

    /// Nobody knows whether it was right, so it is not used again unasked.
    fn no_answer(&mut self, kind: SecretKind, error: CardError) -> Error {
        self.forget_pin();
        error.doing(format!("presenting the {kind} to {}", self.identity().name))
    }

    fn forget_pin(&mut self) {
        *self.pin() = None;
        self.verified = None;
    }
}

/// To whom a secret is presented, for the guard.
pub(crate) fn attempt<'a>(identity: &'a Identity, id: &'a str, kind: SecretKind) -> Attempt<'a> {
    Attempt { id, token: &identity.name, kind, rules: RULES }
}

/// Why a card does not take these octets for a new PIN or PUK. It is asked for its model only where
/// models differ on them.
///
/// # Errors
/// Whatever `model` reports.
pub(crate) fn objection(
    kind: SecretKind,
    octets: &[u8],
    model: impl FnOnce() -> Result<Model>,
) -> Result<Option<String>> {
    if let Some(reason) = RULES.objection(octets) {
        return Ok(Some(reason));
    }
    match objection_of(&Model::STRICTEST, kind, octets) {
        None => Ok(None),
        Some(_) => Ok(objection_of(&model()?, kind, octets)),
    }
}

/// Beyond [`RULES`].
fn objection_of(card: &Model, kind: SecretKind, octets: &[u8]) -> Option<String> {
    if !card.version.has_fifth_series_extras() {
        return None;
    }
    if kind == SecretKind::NewPuk && !octets.is_ascii() {
        return Some("firmware 5.7 takes only ASCII characters for a PUK".into());
    }
    let text = std::str::from_utf8(octets).unwrap_or_default();
    let (characters, series, fewest) = match card.has_fips_rules() {
        true => (text.chars().count(), " of the FIPS series", RULES.max_length),
        false => (text.chars().count(), "", RULES.min_length),
    };
    if characters < fewest {
        return Some(format!(
            "it has {characters} characters, and {fewest} are the fewest for a token{series} with \
             firmware {}",
            card.version
        ));
    }
    (card.has_pin_complexity && is_guessed(text))
        .then(|| "it is one that anybody would guess, and this token takes none of those".into())
}

/// Whether PIN complexity forbids it: one character throughout, or one of those that Yubico's manual
/// lists. A token may be made to forbid more, and says so itself.
fn is_guessed(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|c| Some(c) == first) || GUESSED.contains(&text)
}

const GUESSED: [&str; 17] = [
    "112233", "121212", "123123", "123321", "123456", "1234567", "12345678", "123654", "159753",
    "1q2w3e4r", "520520", "654321", "abc123", "iloveyou", "password", "qwerty", "11223344",
];

const AGAINST_THE_RULES: &str =
    "the token refuses it; its rules may ask for another length or forbid simple ones";

/// The tries that are left when the card took a secret for wrong.
fn spent(error: &CardError) -> Option<Tries> {
    match error.meaning()? {
        Meaning::Wrong(left) => Some(left),
        // The counter was looked at before, so it was this one that blocked it.
        Meaning::Blocked => Some(Tries::Blocked),
        _ => None,
    }
}

fn verify(pin: &[u8]) -> Command {
    Command::new(0x20, 0x00, PIN).with_secret(padded(pin))
}

fn pair(first: &[u8], second: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(16));
    octets.extend_from_slice(&padded(first));
    octets.extend_from_slice(&padded(second));
    octets
}

/// Eight octets, filled up with FF (SP 800-73-5 part 1, section 2.4.3).
fn padded(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(8));
    octets.extend_from_slice(secret);
    octets.resize(8, 0xff);
    octets
}
