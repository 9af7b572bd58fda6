//! Exit codes, and which failure ends with which.

use std::io;
use std::process::ExitCode;

use crate::error::Error;
use crate::settings;

/// How the program ends. The numbers are part of its interface and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// A mistake in the program itself.
    Internal = 1,
    /// The command line, the settings or an input file cannot be used as they are.
    Usage = 2,
    /// Nothing, or more than one thing, answers to the name.
    NotFound = 3,
    /// A PIN, PUK or passphrase was wrong.
    WrongSecret = 4,
    /// A secret is blocked, or its last try was not spent.
    Blocked = 5,
    /// This key, token, firmware or build cannot do it.
    Unsupported = 6,
    /// A rule forbids it, or a check did not hold.
    Refused = 7,
    /// A device, its module or the way to it failed.
    Device = 8,
    /// A file, a disk or the ledger failed.
    Storage = 9,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::Usage { .. } | Error::Content { .. } => Self::Usage,
            Error::Signer(error) => signer(error),
            Error::Ledger(error) => ledger(error),
            Error::Custody(error) => custody(error),
            Error::Settings(error) => settings(error),
            Error::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Self::NotFound,
                _ => Self::Storage,
            },
            Error::Refused { .. } => Self::Refused,
            Error::Config(_) => Self::Usage,
            Error::Request(error) => request(error),
            Error::SelfSigned(error) => self_signed(error),
            Error::Issue(error) => issue(error),
            Error::Inputs(error) => inputs(error),
            Error::Files(error) => files(error),
            Error::ControlLog(error) => control_log(error),
            Error::Write { .. }
            | Error::Output { .. }
            | Error::Unsound { .. }
            | Error::Unrecorded { .. } => Self::Storage,
        }
    }
}

fn signer(error: &signer_core::Error) -> Exit {
    use signer_core::Error;
    match error {
        Error::NotFound { .. } | Error::Ambiguous { .. } | Error::PublicKeyUntold { .. } => {
            Exit::NotFound
        }
        Error::WrongSecret { .. } | Error::FailedBefore { .. } => Exit::WrongSecret,
        Error::Blocked { .. } | Error::LastTryRefused { .. } => Exit::Blocked,
        Error::CompiledWithout { .. } | Error::Unsupported { .. } => Exit::Unsupported,
        Error::LoosePermissions { .. } | Error::Untrusted { .. } | Error::AnotherKey { .. } => {
            Exit::Refused
        }
        Error::Locator { .. }
        | Error::AlreadyExists { .. }
        | Error::SecretUnusable { .. }
        | Error::SecretSource { .. }
        | Error::NobodyToAsk { .. }
        | Error::MalformedKey { .. } => Exit::Usage,
        Error::Device { .. } | Error::TokenBusy { .. } | Error::WithoutPin { .. } => Exit::Device,
        Error::Storage { .. } | Error::FailureMemory { .. } => Exit::Storage,
        // The type may grow; a kind that is not listed above has no code yet.
        _ => Exit::Internal,
    }
}

fn custody(error: &custody::Error) -> Exit {
    use custody::Error;
    match error {
        Error::NoLedger { .. } | Error::NoEscrow { .. } | Error::NoTries => Exit::Usage,
        Error::NotConfirmed { .. } => Exit::Refused,
        Error::Escrow { .. } => Exit::Storage,
        _ => Exit::Internal,
    }
}

fn request(error: &issuer::request::RequestError) -> Exit {
    use issuer::request::RequestError;
    match error {
        RequestError::Config(_) => Exit::Usage,
        RequestError::Signer(error) => signer(error),
        // The key signed, and what it signed does not hold.
        RequestError::Signature(_) => Exit::Device,
        _ => Exit::Internal,
    }
}

fn self_signed(error: &issuer::self_signed::SelfSignedError) -> Exit {
    use issuer::self_signed::{MintError, SelfSignedError};
    match error {
        SelfSignedError::Config(_) | SelfSignedError::Days { .. } => Exit::Usage,
        SelfSignedError::Signer(error) => signer(error),
        // The key signed, and what it signed does not hold.
        SelfSignedError::Mint(MintError::Signature(_)) => Exit::Device,
        _ => Exit::Internal,
    }
}

fn issue(error: &issuer::issue::IssueError) -> Exit {
    use issuer::issue::IssueError;
    match error {
        IssueError::Csr(_) | IssueError::Config(_) => Exit::Usage,
        IssueError::Refused(_) => Exit::Refused,
        IssueError::Signer(error) => signer(error),
        IssueError::Ledger(error) => ledger(error),
        IssueError::Input { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Exit::NotFound
        }
        IssueError::Input { .. } | IssueError::Staging(_) | IssueError::Pending { .. } => {
            Exit::Storage
        }
        IssueError::Output(error) => files(error),
        IssueError::Mint(_) | IssueError::Serial(_) | IssueError::ThreadDied => Exit::Internal,
        _ => Exit::Internal,
    }
}

fn inputs(error: &issuer::batch::InputsError) -> Exit {
    use issuer::batch::InputsError;
    match error {
        InputsError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Exit::NotFound
        }
        InputsError::Unreadable { .. } => Exit::Storage,
        _ => Exit::Usage,
    }
}

fn files(error: &issuer::output::OutputError) -> Exit {
    use issuer::output::OutputError;
    match error {
        OutputError::PublicKey(_) => Exit::Unsupported,
        OutputError::Certificate(_) | OutputError::Staging(_) => Exit::Storage,
        _ => Exit::Internal,
    }
}

fn control_log(error: &issuer::control_log::ControlLogError) -> Exit {
    use issuer::control_log::ControlLogError;
    match error {
        ControlLogError::Json(_)
        | ControlLogError::Shape
        | ControlLogError::Brace { .. }
        | ControlLogError::NoValue { .. } => Exit::Usage,
        ControlLogError::NoDeviceId { .. } => Exit::Refused,
        ControlLogError::PublicKey(_) => Exit::Unsupported,
        ControlLogError::Certificate { .. } | ControlLogError::Write(_) => Exit::Storage,
        ControlLogError::Ledger(error) => ledger(error),
        _ => Exit::Internal,
    }
}

fn ledger(error: &ledger::Error) -> Exit {
    use ledger::Error;
    match error {
        Error::BadLocation { .. }
        | Error::UnknownScheme { .. }
        | Error::BadDigest { .. }
        | Error::BadSerial { .. }
        | Error::BadTime { .. }
        | Error::BadSize { .. } => Exit::Usage,
        Error::MissingFolder { .. } | Error::Missing { .. } => Exit::NotFound,
        Error::ClockRange | Error::ClockBehind { .. } => Exit::Refused,
        Error::NewerLedger { .. } => Exit::Unsupported,
        Error::ReadOnly | Error::NotOpen { .. } | Error::Json { .. } => Exit::Internal,
        // All that remains is about a disk and what is on it.
        _ => Exit::Storage,
    }
}

fn settings(error: &settings::Error) -> Exit {
    use settings::Error;
    match error {
        Error::Missing { .. } => Exit::NotFound,
        Error::Read { .. } => Exit::Storage,
        Error::Owner { .. } | Error::Writable { .. } => Exit::Refused,
        Error::Content { .. } => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use signer_core::pin_guard::{Fault, FaultOutcome};
    use signer_core::{SecretKind, Tries};

    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_documented_number() {
        let io = || io::Error::from(io::ErrorKind::PermissionDenied);
        let cases: Vec<(Error, u8)> = vec![
            (Error::usage("x"), 2),
            (signer_core::Error::NotFound { what: "x".into() }.into(), 3),
            (signer_core::Error::Ambiguous { what: "x".into(), candidates: vec![] }.into(), 3),
            (
                signer_core::Error::WrongSecret {
                    kind: SecretKind::Pin,
                    token: "x".into(),
                    tries: Tries::Left(2),
                }
                .into(),
                4,
            ),
            (signer_core::Error::Blocked { kind: SecretKind::Pin, token: "x".into() }.into(), 5),
            (
                signer_core::Error::LastTryRefused { kind: SecretKind::Pin, token: "x".into() }
                    .into(),
                5,
            ),
            (signer_core::Error::CompiledWithout { scheme: "x".into(), feature: "x" }.into(), 6),
            (
                signer_core::Error::Unsupported { operation: "x".into(), needs: "y".into() }.into(),
                6,
            ),
            (signer_core::Error::LoosePermissions { path: "x".into(), mode: 0o644 }.into(), 7),
            (
                signer_core::Error::AnotherKey {
                    origin: "x".into(),
                    expected: "y".into(),
                    found: "z".into(),
                }
                .into(),
                7,
            ),
            (signer_core::Error::Untrusted { path: "x".into(), reason: "y".into() }.into(), 7),
            (signer_core::Error::AlreadyExists { what: "x".into() }.into(), 2),
            (signer_core::Error::MalformedKey { origin: "x".into(), reason: "y".into() }.into(), 2),
            (
                signer_core::Error::NobodyToAsk { kind: SecretKind::Pin, token: "x".into() }.into(),
                2,
            ),
            (
                signer_core::Error::SecretSource {
                    kind: SecretKind::Pin,
                    origin: "x".into(),
                    source: Box::new(io()),
                }
                .into(),
                2,
            ),
            (
                signer_core::Error::FailedBefore {
                    kind: SecretKind::Pin,
                    token: "x".into(),
                    fault: Fault {
                        kind: SecretKind::Pin,
                        outcome: FaultOutcome::Wrong,
                        after: Tries::Left(2),
                        since: std::time::UNIX_EPOCH,
                    },
                }
                .into(),
                4,
            ),
            (
                signer_core::Error::FailureMemory { path: "x".into(), source: Box::new(io()) }
                    .into(),
                9,
            ),
            (signer_core::Error::TokenBusy { token: "x".into() }.into(), 8),
            (signer_core::Error::WithoutPin { token: "x".into(), source: None }.into(), 8),
            (signer_core::Error::Device { doing: "x".into(), source: Box::new(io()) }.into(), 8),
            (signer_core::Error::Storage { path: "x".into(), source: io() }.into(), 9),
            (
                signer_core::Error::SecretUnusable {
                    kind: SecretKind::NewPin,
                    origin: "x".into(),
                    reason: "y".into(),
                }
                .into(),
                2,
            ),
            (custody::Error::NoLedger { act: "x" }.into(), 2),
            (custody::Error::NoEscrow { kind: SecretKind::NewPuk }.into(), 2),
            (custody::Error::NoTries.into(), 2),
            (custody::Error::NotConfirmed { token: "x".into() }.into(), 7),
            (custody::Error::Escrow { kind: SecretKind::NewPuk, source: Box::new(io()) }.into(), 9),
            (
                custody::Error::Unrecorded {
                    done: "x".into(),
                    source: Box::new(ledger::Error::ClockRange),
                }
                .into(),
                9,
            ),
            (ledger::Error::BadLocation { text: "x".into() }.into(), 2),
            (ledger::Error::Missing { path: "x".into() }.into(), 3),
            (ledger::Error::ClockRange.into(), 7),
            (ledger::Error::NotALedger { path: "x".into(), why: "y".into() }.into(), 9),
            (settings::Error::Missing { path: "x".into() }.into(), 3),
            (settings::Error::Writable { path: "x".into(), mode: 0o666 }.into(), 7),
            (Error::Read { path: "x".into(), source: io::ErrorKind::NotFound.into() }, 3),
            (Error::Read { path: "x".into(), source: io() }, 9),
            (Error::Write { path: "x".into(), source: io() }, 9),
            (Error::Output { source: io() }, 9),
            (Error::Unsound { problems: 1 }, 9),
            (Error::issue(issuer::issue::IssueError::ThreadDied), 1),
            (Error::issue(issuer::issue::IssueError::Serial(io())), 1),
            (
                Error::issue(issuer::issue::IssueError::Input {
                    path: "x".into(),
                    source: io::ErrorKind::NotFound.into(),
                }),
                3,
            ),
            (
                Error::issue(issuer::issue::IssueError::Refused(issuer::gate::Refusal {
                    rule: issuer::gate::Rule::Days,
                    reason: "x".into(),
                })),
                7,
            ),
            (
                Error::issue(issuer::issue::IssueError::Signer(signer_core::Error::Blocked {
                    kind: SecretKind::Pin,
                    token: "x".into(),
                })),
                5,
            ),
            (Error::issue(issuer::issue::IssueError::Ledger(ledger::Error::ClockRange)), 7),
            (Error::inputs(issuer::batch::InputsError::Nothing { path: "x".into() }), 2),
            (
                Error::ControlLog(Box::new(issuer::control_log::ControlLogError::NoDeviceId {
                    entry: 1,
                })),
                7,
            ),
            (Error::ControlLog(Box::new(issuer::control_log::ControlLogError::Shape)), 2),
            (Error::Refused { what: "x".into(), hint: "y".into() }, 7),
        ];
        for (error, code) in cases {
            assert_eq!(Exit::from(&error) as u8, code, "{error:?}");
        }
    }
}
