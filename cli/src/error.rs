//! What can go wrong in a command.

use std::io;
use std::path::PathBuf;

use crate::exit::Exit;
use crate::{hint, settings};

/// The result of everything in this program.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line asks for something that cannot be.
    #[error("{what}")]
    Usage {
        /// What is wrong with it.
        what: String,
        /// A command that shows the right way.
        hint: Option<&'static str>,
    },
    /// An input file is not what it should be.
    #[error("{} is not usable: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key, token, locator or secret.
    #[error(transparent)]
    Signer(#[from] signer_core::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// An act on a token's secrets.
    #[error(transparent)]
    Custody(Box<custody::Error>),
    /// The settings file.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written. Nothing is left behind.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output took no more.
    #[error("cannot write to standard output")]
    Output {
        /// Why.
        source: io::Error,
    },
    /// A check did not hold.
    #[error("{what}")]
    Refused {
        /// Which, and how.
        what: String,
        /// A command that shows more.
        hint: String,
    },
    /// An OpenSSL config.
    #[error(transparent)]
    Config(Box<issuer::conf::Error>),
    /// A certificate request that could not be made.
    #[error(transparent)]
    Request(Box<issuer::request::RequestError>),
    /// A self-signed certificate that could not be made.
    #[error(transparent)]
    SelfSigned(Box<issuer::self_signed::SelfSignedError>),
    /// A certificate that was not issued.
    #[error(transparent)]
    Issue(Box<issuer::issue::IssueError>),
    /// The inputs of a batch.
    #[error(transparent)]
    Inputs(Box<issuer::batch::InputsError>),
    /// The files of a certificate that is in the ledger.
    #[error(transparent)]
    Files(Box<issuer::output::OutputError>),
    /// A control log.
    #[error(transparent)]
    ControlLog(Box<issuer::control_log::ControlLogError>),
    /// A ledger that was verified and does not hold.
    #[error("the ledger is not sound: {problems} problems were found")]
    Unsound {
        /// How many.
        problems: u64,
    },
    /// Something was done and could not be written into the ledger.
    #[error("{done}, but the ledger does not say so")]
    Unrecorded {
        /// What was done.
        done: String,
        /// Why.
        source: Box<ledger::Error>,
    },
}

impl Error {
    /// A command line that asks for something that cannot be.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), hint: None }
    }

    /// The same, with the command that shows the right way.
    pub(crate) fn usage_see(what: impl Into<String>, hint: &'static str) -> Self {
        Self::Usage { what: what.into(), hint: Some(hint) }
    }
}

/// As everywhere, the token's and the ledger's own errors are told as such.
impl From<custody::Error> for Error {
    fn from(error: custody::Error) -> Self {
        match error {
            custody::Error::Signer(error) => Self::Signer(error),
            custody::Error::Ledger(error) => Self::Ledger(error),
            custody::Error::Unrecorded { done, source } => Self::Unrecorded { done, source },
            other => Self::Custody(Box::new(other)),
        }
    }
}

/// The library's errors are large, and all but never made.
impl Error {
    pub(crate) fn config(error: issuer::conf::Error) -> Self {
        Self::Config(Box::new(error))
    }

    pub(crate) fn issue(error: issuer::issue::IssueError) -> Self {
        Self::Issue(Box::new(error))
    }

    pub(crate) fn inputs(error: issuer::batch::InputsError) -> Self {
        Self::Inputs(Box::new(error))
    }

    pub(crate) fn files(error: issuer::output::OutputError) -> Self {
        Self::Files(Box::new(error))
    }
}

/// A failed command, as it is told.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What could not be done.
    pub(crate) what: String,
    /// Why: the error and all its sources, in one line.
    pub(crate) cause: String,
    /// What to do about it; names a command.
    pub(crate) hint: String,
    /// How the program ends.
    pub(crate) exit: Exit,
    /// Whether standard output has no reader any more, so that nobody needs to be told.
    pub(crate) unread: bool,
}

impl Failure {
    /// The failure to do `what`.
    pub(crate) fn new(what: impl Into<String>, error: &Error) -> Self {
        let unread = match error {
            Error::Output { source } | Error::Ledger(ledger::Error::Stream { source, .. }) => {
                source.kind() == io::ErrorKind::BrokenPipe
            }
            _ => false,
        };
        Self {
            what: what.into(),
            cause: chain(error),
            hint: hint::of(error),
            exit: Exit::from(error),
            unread,
        }
    }
}

/// An error and all its sources in one line, leaving out what the line says already.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_chain_stands_in_one_line_and_nothing_twice() {
        let source = io::Error::new(io::ErrorKind::PermissionDenied, "permission denied");
        let error = Error::from(signer_core::Error::Storage { path: "a.pem".into(), source });
        assert_eq!(chain(&error), "cannot write a.pem: permission denied");
    }

    #[test]
    fn a_reader_that_left_is_not_an_error_to_tell() {
        let error = Error::Output { source: io::ErrorKind::BrokenPipe.into() };
        assert!(Failure::new("x", &error).unread);
        let error = Error::Output { source: io::ErrorKind::StorageFull.into() };
        assert!(!Failure::new("x", &error).unread);
    }
}
