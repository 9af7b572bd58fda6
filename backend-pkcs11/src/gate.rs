//! The one place through which a secret reaches a token: every C_Login, C_SetPIN and C_InitPIN.
//!
//! Before a secret is presented its flags are read, and the last try is not spent. What a token
//! refused once is not presented to it again in this process, whoever asks.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, OnceLock, PoisonError};

use cryptoki::context::Function;
use cryptoki::error::{Error as Answer, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use signer_core::{Error, Result, Secret, SecretKind, SecretRules, Tries};

use crate::fault::Fault;

/// What was refused: token, whose secret, and a keyed hash of it that means nothing elsewhere.
static REFUSED: Mutex<BTreeSet<(String, Role, u64)>> = Mutex::new(BTreeSet::new());
static KEYED: OnceLock<RandomState> = OnceLock::new();

/// Whose secret it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The user, whose PIN lets keys be used.
    User,
    /// The security officer, whose PIN sets the user's; it stands where a YubiKey has its PUK.
    Officer,
}

impl Role {
    pub(crate) fn kind(self) -> SecretKind {
        match self {
            Self::User => SecretKind::Pin,
            Self::Officer => SecretKind::Puk,
        }
    }
}

/// A secret on its way to a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pin<'a> {
    /// It is known here.
    Known(&'a Secret),
    /// It is entered at the token itself (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    AtTheToken,
}

/// To which token, and what that takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    /// As a person would name the token.
    pub(crate) token: &'a str,
    /// What tells it from every other token.
    pub(crate) key: &'a str,
    pub(crate) role: Role,
    pub(crate) rules: SecretRules,
}

/// Presents a secret by way of `act`, once. `tries` reads the token's flags.
///
/// # Errors
/// [`Error::Blocked`] and [`Error::LastTryRefused`] before anything is sent,
/// [`Error::SecretUnusable`] for what cannot be right or was refused before,
/// [`Error::WrongSecret`] when the token refuses it now. A lost session comes back as it is: the
/// token has not looked at the secret then.
pub(crate) fn present<R>(
    door: Door<'_>,
    pin: Pin<'_>,
    tries: impl Fn() -> Result<Tries>,
    act: impl FnOnce() -> Result<R, Fault>,
) -> Result<R, Fault> {
    let (kind, token) = (door.role.kind(), door.token.to_owned());
    match tries()? {
        Tries::Blocked => return Err(Error::Blocked { kind, token }.into()),
        few if !few.may_be_spent() => return Err(Error::LastTryRefused { kind, token }.into()),
        _ => (),
    }
    let attempt = match pin {
        Pin::AtTheToken => None,
        Pin::Known(secret) => {
            let unusable = |reason: &str| Error::SecretUnusable {
                kind,
                origin: "its source".into(),
                reason: reason.into(),
            };
            if let Some(reason) = door.rules.objection(secret.expose()) {
                return Err(unusable(&reason).into());
            }
            let keyed = KEYED.get_or_init(RandomState::new).hash_one(secret.expose());
            Some((door.key.to_owned(), door.role, keyed))
        }
    };
    let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    if attempt.as_ref().is_some_and(|attempt| refused.contains(attempt)) {
        return Err(Error::SecretUnusable {
            kind,
            origin: "its source".into(),
            reason: format!("{token} refused it before"),
        }
        .into());
    }
    let fault = match act() {
        Ok(value) => {
            // A right one puts the counter back, so what was refused may have become right too.
            refused.retain(|(token, role, _)| (token.as_str(), *role) != (door.key, door.role));
            return Ok(value);
        }
        Err(fault) => fault,
    };
    let spent = is_wrong(&fault) || matches!(fault, Fault::Hung(_) | Fault::Ended);
    if spent {
        refused.extend(attempt);
    }
    drop(refused);
    if fault.is_lost_session() {
        return Err(fault);
    }
    Err(Fault::Told(match fault {
        fault if fault.code() == Some(RvError::PinLocked) => Error::Blocked { kind, token },
        fault if is_wrong(&fault) => match tries() {
            Ok(Tries::Blocked) => Error::Blocked { kind, token },
            // That the PIN was wrong matters more than that its flags cannot be read any more.
            left => Error::WrongSecret { kind, token, tries: left.unwrap_or(Tries::Unknown) },
        },
        fault => worded(fault, kind, &token),
    }))
}

/// Sets the user's first PIN on a token whose security officer's PIN was set a moment ago by the same
/// caller: that it is right is known, and costs no try.
pub(crate) fn first_pin(session: &Session, so_pin: &AuthPin, pin: &AuthPin) -> Result<(), Answer> {
    session.login(UserType::So, Some(so_pin))?;
    session.init_pin(pin)?;
    session.logout()
}

/// Sets a user's PIN anew, as the officer who is logged in, and shows that it holds. Kryoptic keeps
/// saying that the PIN is locked until it was presented.
pub(crate) fn reset_pin(session: &Session, pin: &AuthPin) -> Result<(), Answer> {
    session.init_pin(pin)?;
    session.logout()?;
    session.login(UserType::User, Some(pin))
}

/// The secret as the binding takes it.
pub(crate) fn auth_pin(secret: &Secret) -> Result<AuthPin, Fault> {
    let text = std::str::from_utf8(secret.expose())
        .map_err(|_| Fault::Nonsense("the secret is not UTF-8 text".into()))?;
    Ok(AuthPin::new(text.into()))
}

/// Whether the token counted it as wrong. Of the calls that set a secret, length and characters are
/// said of the new one.
fn is_wrong(fault: &Fault) -> bool {
    match fault {
        Fault::Code { code: RvError::PinIncorrect, .. } => true,
        Fault::Code { code: RvError::PinLenRange | RvError::PinInvalid, function } => {
            matches!(function, Function::Login)
        }
        _ => false,
    }
}

fn worded(fault: Fault, kind: SecretKind, token: &str) -> Error {
    let unsupported =
        |operation: String, needs: &str| Error::Unsupported { operation, needs: needs.into() };
    match fault.code() {
        Some(RvError::PinExpired) => {
            unsupported(format!("using {token} with an expired {kind}"), "a new one to be set")
        }
        Some(RvError::UserPinNotInitialized) => unsupported(
            format!("using {token}, whose {kind} was never set,"),
            "a PIN, set by the security officer",
        ),
        Some(RvError::PinLenRange | RvError::PinInvalid | RvError::PinTooWeak) => {
            Error::SecretUnusable {
                kind: SecretKind::NewPin,
                origin: "its source".into(),
                reason: format!(
                    "{token} does not take it ({})",
                    fault.code().map(crate::fault::name).unwrap_or_default()
                ),
            }
        }
        _ => fault.doing(format!("presenting the {kind} to {token}")),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const RULES: SecretRules =
        SecretRules { min_length: 4, max_length: 8, alphabet: SecretRules::DIGITS };

    fn door<'a>(key: &'a str) -> Door<'a> {
        Door { token: "token \"a\"", key, role: Role::User, rules: RULES }
    }

    fn code(function: Function, code: RvError) -> Fault {
        Fault::Code { function, code }
    }

    #[test]
    fn a_pin_that_was_refused_is_not_presented_again() {
        let calls = Cell::new(0);
        let wrong = Secret::new(b"0000".to_vec());
        let try_it = || {
            present(
                door("refused"),
                Pin::Known(&wrong),
                || Ok(Tries::Low),
                || {
                    calls.set(calls.get() + 1);
                    Err::<(), _>(code(Function::Login, RvError::PinIncorrect))
                },
            )
        };
        assert!(matches!(try_it(), Err(Fault::Told(Error::WrongSecret { tries: Tries::Low, .. }))));
        let again = try_it().unwrap_err().to_string();
        assert!(again.contains("refused it before"), "{again}");
        assert_eq!(calls.get(), 1);
        // Another one is taken, and puts the counter back.
        let right = Secret::new(b"1234".to_vec());
        present(door("refused"), Pin::Known(&right), || Ok(Tries::Low), || Ok(())).unwrap();
        assert!(matches!(try_it(), Err(Fault::Told(Error::WrongSecret { .. }))));
        assert_eq!(calls.get(), 2);
    }

    #[test]
    fn a_call_that_hangs_counts_as_a_try() {
        let pin = Secret::new(b"1234".to_vec());
        let hang = || {
            present(
                door("hung"),
                Pin::Known(&pin),
                || Ok(Tries::Unknown),
                || Err::<(), _>(Fault::Hung(std::time::Duration::from_secs(1))),
            )
        };
        assert!(matches!(hang(), Err(Fault::Told(Error::Device { .. }))));
        assert!(matches!(hang(), Err(Fault::Told(Error::SecretUnusable { .. }))));
    }

    #[test]
    fn nothing_is_sent_on_the_last_try_or_for_a_pin_that_cannot_be_right() {
        let never = || -> Result<(), Fault> { panic!("it was presented") };
        let pin = Secret::new(b"1234".to_vec());
        let blocked = present(door("b"), Pin::Known(&pin), || Ok(Tries::Blocked), never);
        assert!(matches!(blocked, Err(Fault::Told(Error::Blocked { .. }))));
        let last = present(door("b"), Pin::Known(&pin), || Ok(Tries::Last), never);
        assert!(matches!(last, Err(Fault::Told(Error::LastTryRefused { .. }))));
        let short = Secret::new(b"123".to_vec());
        let short = present(door("b"), Pin::Known(&short), || Ok(Tries::Unknown), never);
        assert!(matches!(short, Err(Fault::Told(Error::SecretUnusable { .. }))));
    }

    #[test]
    fn a_new_pin_that_is_too_short_is_no_wrong_pin() {
        let pin = Secret::new(b"1234".to_vec());
        let answer = present(
            door("n"),
            Pin::Known(&pin),
            || Ok(Tries::Unknown),
            || Err::<(), _>(code(Function::SetPIN, RvError::PinLenRange)),
        );
        let Err(Fault::Told(error)) = answer else { panic!("{answer:?}") };
        assert!(matches!(error, Error::SecretUnusable { kind: SecretKind::NewPin, .. }), "{error}");
    }
}
