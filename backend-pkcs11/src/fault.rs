//! What goes wrong inside a module, before it is put into words for a person.

use std::fmt::Write as _;
use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::{Error as Answer, RvError};
use signer_core::Error;

/// Why a call to a module came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The module answered with an error code.
    #[error("C_{function:?} answered {}", name(*code))]
    Code { function: Function, code: RvError },

    /// The module did not come back in time. It is still in there, so nothing more is asked of it.
    #[error("the module did not answer within {} s", .0.as_secs_f32())]
    Hung(Duration),

    /// An earlier call never came back.
    #[error("the module hangs in an earlier call")]
    Hanging,

    /// The thread that talks to the module ended.
    #[error("the thread that talks to the module ended")]
    Ended,

    /// A child process that began as a copy of this one cannot use the module's state.
    #[error("the module was opened by another process, of which this one is a copy")]
    Forked,

    /// No session became free in time.
    #[error("all {0} sessions with the token are in use")]
    Busy(usize),

    /// The binding refused, without asking the module.
    #[error(transparent)]
    Binding(Answer),

    /// What came back cannot be right.
    #[error("{0}")]
    Nonsense(String),

    /// An error that is in its final words already.
    #[error(transparent)]
    Told(Error),
}

impl Fault {
    /// The module's code, where it gave one.
    pub(crate) fn code(&self) -> Option<RvError> {
        match self {
            Self::Code { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether a new session, and a login where one is needed, may mend it. Each of these says that
    /// nothing was done.
    pub(crate) fn is_lost_session(&self) -> bool {
        matches!(
            self.code(),
            Some(
                RvError::SessionHandleInvalid
                    | RvError::SessionClosed
                    | RvError::UserNotLoggedIn
                    | RvError::KeyHandleInvalid
                    | RvError::ObjectHandleInvalid
                    | RvError::OperationActive
                    | RvError::DeviceRemoved
                    | RvError::TokenNotPresent
                    | RvError::TokenNotRecognized
                    | RvError::SlotIdInvalid
            )
        )
    }

    /// This fault as the error of doing something.
    pub(crate) fn doing(self, doing: impl Into<String>) -> Error {
        match self {
            Self::Told(error) => error,
            fault => Error::Device { doing: doing.into(), source: Box::new(fault) },
        }
    }
}

impl From<Answer> for Fault {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Pkcs11(code, function) => Self::Code { function, code },
            other => Self::Binding(other),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

/// The code as the standard spells it. The binding's own text is a paragraph of the standard.
pub(crate) fn name(code: RvError) -> String {
    match code {
        RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => format!("{code:#010x}"),
        known => {
            let mut name = "CKR".to_owned();
            for letter in format!("{known:?}").chars() {
                if letter.is_ascii_uppercase() {
                    name.push('_');
                }
                // Writing to a string cannot fail.
                let _ = write!(name, "{}", letter.to_ascii_uppercase());
            }
            name
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_spelled_as_in_the_standard() {
        for (code, spelled) in [
            (RvError::PinIncorrect, "CKR_PIN_INCORRECT"),
            (RvError::UserNotLoggedIn, "CKR_USER_NOT_LOGGED_IN"),
            (RvError::SessionReadWriteSoExists, "CKR_SESSION_READ_WRITE_SO_EXISTS"),
            (RvError::VendorDefined(0x8000_0001), "0x80000001"),
        ] {
            assert_eq!(name(code), spelled);
        }
        let fault = Fault::Code { function: Function::Sign, code: RvError::DeviceError };
        assert_eq!(fault.to_string(), "C_Sign answered CKR_DEVICE_ERROR");
    }
}
