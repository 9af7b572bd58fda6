//! The one place through which a secret reaches a token: every C_Login, C_SetPIN and C_InitPIN.
//!
//! What somebody gave goes through the PIN guard first.

use cryptoki::context::Function;
use cryptoki::error::{Error as Answer, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use signer_core::pin_guard::{Admitted, Attempt, PinGuard, Verified};
use signer_core::{Error, PinStatus, Result, Secret, SecretKind, Tries};

use crate::fault::Fault;

/// Whose secret it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Self::Officer => SecretKind::SoPin,
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

/// What a call gave, and the secret that the token took for right, where it is known here.
pub(crate) type Presented<R> = (R, Option<Verified>);

/// Presents a secret by way of `act`, once; `act` is given its octets. `tries` reads the token's
/// flags.
///
/// # Errors
/// What [`PinGuard::admit`] refuses, before anything is sent; [`Error::WrongSecret`] and
/// [`Error::Blocked`] when the token refuses it now. A lost session comes back as it is, and so does
/// that somebody is logged in already.
pub(crate) fn present<R>(
    guard: &PinGuard,
    attempt: &Attempt<'_>,
    pin: Pin<'_>,
    tries: impl Fn() -> Result<Tries>,
    act: impl FnOnce(Option<&[u8]>) -> Result<R, Fault>,
) -> Result<Presented<R>, Fault> {
    let Pin::Known(secret) = pin else {
        guard.check_counter(attempt, tries()?)?;
        let answer = act(None).map_err(|fault| match Verdict::of(&fault) {
            Verdict::Wrong => Fault::Told(Error::WrongSecret {
                kind: attempt.kind,
                token: attempt.token.to_owned(),
                tries: tries().unwrap_or(Tries::Unknown),
            }),
            _ => worded(fault, attempt),
        });
        return Ok((answer?, None));
    };
    let admitted = guard.admit(attempt, secret, || tries().map(status))?;
    match act(Some(admitted.octets())) {
        Ok(value) => Ok((value, Some(admitted.accepted()))),
        Err(fault) => Err(refused(admitted, attempt, tries, fault)),
    }
}

/// Presents once more what the token took for right in this very login, as a key wants it that asks
/// for its PIN each time. Nothing when it is another secret: then the way is [`present`].
///
/// # Errors
/// [`Error::WrongSecret`] when somebody changed it meanwhile.
pub(crate) fn present_again<R>(
    verified: &mut Option<Verified>,
    attempt: &Attempt<'_>,
    secret: &Secret,
    tries: impl Fn() -> Result<Tries>,
    act: impl FnOnce(Option<&[u8]>) -> Result<R, Fault>,
) -> Option<Result<R, Fault>> {
    let again = verified.as_mut()?.again(secret)?;
    Some(match act(Some(again.octets())) {
        Ok(value) => {
            again.accepted();
            Ok(value)
        }
        Err(fault) => Err(match Verdict::of(&fault) {
            // That it was wrong matters more than that its flags cannot be read any more.
            Verdict::Wrong => again.wrong(tries().unwrap_or(Tries::Unknown)).into(),
            _ => worded(fault, attempt),
        }),
    })
}

/// Sets the user's first PIN on a token whose security officer's PIN was set a moment ago by the same
/// caller: that it is right is known, and costs no try.
pub(crate) fn first_pin(session: &Session, so_pin: &AuthPin, pin: &AuthPin) -> Result<(), Answer> {
    session.login(UserType::So, Some(so_pin))?;
    session.init_pin(pin)?;
    // The PIN is set, and the session about to be closed.
    let _ = session.logout();
    Ok(())
}

/// Sets a user's PIN anew, as the officer who is logged in, and shows that it holds. Kryoptic keeps
/// saying that the PIN is locked until it was presented.
pub(crate) fn reset_pin(session: &Session, pin: &AuthPin) -> Result<(), Answer> {
    session.init_pin(pin)?;
    session.logout()?;
    session.login(UserType::User, Some(pin))
}

/// The secret as the binding takes it.
pub(crate) fn auth_pin(secret: &[u8]) -> Result<AuthPin, Fault> {
    let text = std::str::from_utf8(secret)
        .map_err(|_| Fault::Nonsense("the secret is not UTF-8 text".into()))?;
    Ok(AuthPin::new(text.into()))
}

/// What a token says of a secret. PKCS#11 tells neither a total nor whether it is still the factory's.
pub(crate) fn status(tries: Tries) -> PinStatus {
    PinStatus { tries, total: None, is_default: None }
}

fn refused(
    admitted: Admitted<'_>,
    attempt: &Attempt<'_>,
    tries: impl Fn() -> Result<Tries>,
    fault: Fault,
) -> Fault {
    match Verdict::of(&fault) {
        // That it was wrong matters more than that its flags cannot be read any more.
        Verdict::Wrong => admitted.wrong(tries().unwrap_or(Tries::Unknown)).into(),
        // It was not locked before, so it is this one that was wrong.
        Verdict::Locked if admitted.status().tries == Tries::Last => {
            admitted.wrong(Tries::Blocked).into()
        }
        Verdict::Locked => {
            drop(admitted.wrong(Tries::Blocked));
            worded(fault, attempt)
        }
        Verdict::NotCompared => {
            admitted.not_compared();
            worded(fault, attempt)
        }
        Verdict::Unknown => {
            admitted.unknown();
            worded(fault, attempt)
        }
    }
}

/// What a call that failed says about the secret in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The token counted it as wrong.
    Wrong,
    /// The token takes none any more.
    Locked,
    /// The token has not looked at it, or took it for right and failed after that.
    NotCompared,
    /// Nobody knows.
    Unknown,
}

impl Verdict {
    fn of(fault: &Fault) -> Self {
        let Fault::Code { code, function } = fault else {
            return match fault {
                Fault::Hung(_) | Fault::Ended => Self::Unknown,
                // Nothing was sent.
                _ => Self::NotCompared,
            };
        };
        match code {
            RvError::PinIncorrect => Self::Wrong,
            RvError::PinLocked => Self::Locked,
            // Of the calls that set a secret, length and characters are said of the new one.
            RvError::PinLenRange | RvError::PinInvalid if matches!(function, Function::Login) => {
                Self::Wrong
            }
            RvError::PinLenRange
            | RvError::PinInvalid
            | RvError::PinTooWeak
            | RvError::PinExpired
            | RvError::UserPinNotInitialized
            | RvError::UserAlreadyLoggedIn
            | RvError::UserAnotherAlreadyLoggedIn
            | RvError::UserTooManyTypes
            | RvError::UserTypeInvalid
            | RvError::UserNotLoggedIn
            | RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::SessionReadOnly
            | RvError::SessionReadOnlyExists
            | RvError::TokenWriteProtected
            | RvError::OperationNotInitialized
            | RvError::OperationActive
            | RvError::FunctionNotSupported
            | RvError::CryptokiNotInitialized => Self::NotCompared,
            _ if !matches!(function, Function::Login | Function::SetPIN) => Self::NotCompared,
            _ => Self::Unknown,
        }
    }
}

fn worded(fault: Fault, attempt: &Attempt<'_>) -> Fault {
    // What to make of these two is for whoever asked.
    if fault.is_lost_session() || fault.code() == Some(RvError::UserAlreadyLoggedIn) {
        return fault;
    }
    let Attempt { kind, token, .. } = *attempt;
    let unsupported =
        |operation: String, needs: &str| Error::Unsupported { operation, needs: needs.into() };
    Fault::Told(match fault.code() {
        Some(RvError::PinLocked) => Error::Blocked { kind, token: token.to_owned() },
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
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use signer_core::SecretRules;

    use super::*;

    const ATTEMPT: Attempt<'_> = Attempt {
        id: "pkcs11:1",
        token: "token \"a\"",
        kind: SecretKind::Pin,
        rules: SecretRules { min_length: 4, max_length: 8, alphabet: SecretRules::DIGITS },
    };

    fn guard() -> PinGuard {
        PinGuard::new().without_memory()
    }

    fn pin(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    fn code(function: Function, code: RvError) -> Fault {
        Fault::Code { function, code }
    }

    #[test]
    fn a_pin_that_was_refused_is_not_presented_again() {
        let (guard, calls) = (guard(), Cell::new(0));
        let wrong = pin("0000");
        let try_it = || {
            present(
                &guard,
                &ATTEMPT,
                Pin::Known(&wrong),
                || Ok(Tries::Low),
                |_| {
                    calls.set(calls.get() + 1);
                    Err::<(), _>(code(Function::Login, RvError::PinIncorrect))
                },
            )
        };
        assert!(matches!(try_it(), Err(Fault::Told(Error::WrongSecret { tries: Tries::Low, .. }))));
        assert!(matches!(try_it(), Err(Fault::Told(Error::FailedBefore { .. }))));
        assert_eq!(calls.get(), 1);
    }

    #[test]
    fn a_last_try_that_was_wrong_is_told_as_wrong_and_blocked() {
        let bold = guard().with_last_try(signer_core::pin_guard::LastTry::Use);
        for (before, wrong) in [(Tries::Last, true), (Tries::Unknown, false)] {
            let pin = pin(if wrong { "0000" } else { "1111" });
            let answer = present(
                &bold,
                &ATTEMPT,
                Pin::Known(&pin),
                || Ok(before),
                |_| Err::<(), _>(code(Function::Login, RvError::PinLocked)),
            );
            let Err(Fault::Told(error)) = answer else { panic!("{answer:?}") };
            match error {
                Error::WrongSecret { tries: Tries::Blocked, .. } => assert!(wrong),
                Error::Blocked { .. } => assert!(!wrong),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_call_that_hangs_counts_as_a_try() {
        let (guard, pin) = (guard(), pin("1234"));
        let hang = || {
            present(
                &guard,
                &ATTEMPT,
                Pin::Known(&pin),
                || Ok(Tries::Unknown),
                |_| Err::<(), _>(Fault::Hung(std::time::Duration::from_secs(1))),
            )
        };
        assert!(matches!(hang(), Err(Fault::Told(Error::Device { .. }))));
        assert!(matches!(hang(), Err(Fault::Told(Error::FailedBefore { .. }))));
    }

    #[test]
    fn a_session_that_was_lost_before_costs_nothing() {
        let (guard, pin) = (guard(), pin("1234"));
        let lost =
            |_: Option<&[u8]>| Err::<(), _>(code(Function::Login, RvError::SessionHandleInvalid));
        let answer = present(&guard, &ATTEMPT, Pin::Known(&pin), || Ok(Tries::Unknown), lost);
        assert!(answer.unwrap_err().is_lost_session());
        present(&guard, &ATTEMPT, Pin::Known(&pin), || Ok(Tries::Unknown), |_| Ok(())).unwrap();
    }

    #[test]
    fn nothing_is_sent_on_the_last_try_or_for_a_pin_that_cannot_be_right() {
        let (guard, pin, short) = (guard(), pin("1234"), pin("123"));
        let refused = |secret: Pin<'_>, tries: Tries| {
            let never = |_: Option<&[u8]>| -> Result<(), Fault> { panic!("it was presented") };
            match present(&guard, &ATTEMPT, secret, || Ok(tries), never) {
                Err(Fault::Told(error)) => error,
                other => panic!("{other:?}"),
            }
        };
        for secret in [Pin::Known(&pin), Pin::AtTheToken] {
            assert!(matches!(refused(secret, Tries::Blocked), Error::Blocked { .. }));
            assert!(matches!(refused(secret, Tries::Last), Error::LastTryRefused { .. }));
        }
        let short = refused(Pin::Known(&short), Tries::Unknown);
        assert!(matches!(short, Error::SecretUnusable { .. }));
    }

    #[test]
    fn a_new_pin_that_is_too_short_is_no_wrong_pin() {
        let answer = present(
            &guard(),
            &ATTEMPT,
            Pin::Known(&pin("1234")),
            || Ok(Tries::Unknown),
            |_| Err::<(), _>(code(Function::SetPIN, RvError::PinLenRange)),
        );
        let Err(Fault::Told(error)) = answer else { panic!("{answer:?}") };
        assert!(matches!(error, Error::SecretUnusable { kind: SecretKind::NewPin, .. }), "{error}");
    }
}
