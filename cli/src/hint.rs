//! What to do about a failure: one line for each kind, each naming a command.

mod issuing;

use signer_core::SecretKind;

use crate::error::Error;
use crate::settings;

/// The hint of an error.
pub(crate) fn of(error: &Error) -> String {
    match error {
        Error::Usage { hint: Some(hint), .. } => (*hint).to_owned(),
        Error::Usage { hint: None, .. } => "see `touchmark --help`".into(),
        Error::Content { path, .. } => {
            format!("look at it with `head -n 1 '{}'`", path.display())
        }
        Error::Signer(error) => signer(error),
        Error::Ledger(error) => ledger(error),
        Error::Custody(error) => custody(error),
        Error::Settings(error) => settings(error),
        Error::Read { path, .. } => {
            format!("check the name and who may read it: `ls -l '{}'`", path.display())
        }
        Error::Write { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            format!("create the folder: `mkdir -p '{}'`", folder_of(path))
        }
        Error::Write { path, .. } => {
            format!("check the folder and the room on its disk: `df '{}'`", folder_of(path))
        }
        Error::Output { .. } => "make room where the output goes; `df` shows it".into(),
        Error::Refused { hint, .. } => hint.clone(),
        Error::Config(error) => issuing::config(error),
        Error::Request(error) => issuing::request(error),
        Error::SelfSigned(error) => issuing::self_signed(error),
        Error::Issue(error) => issuing::issue(error),
        Error::Inputs(error) => issuing::inputs(error),
        Error::Files(_) => {
            "the certificate is in the ledger; the same command writes its files again: \
             `touchmark issue`"
                .into()
        }
        Error::ControlLog(error) => issuing::control_log(error),
        Error::Unsound { .. } => "keep the file as it is, and compare it with the last export: \
             `touchmark ledger verify --export FILE`"
            .into(),
        Error::Unrecorded { .. } => {
            "mend the ledger before working on: `touchmark ledger verify`".into()
        }
    }
}

fn folder_of(path: &std::path::Path) -> String {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.display().to_string(),
        _ => ".".into(),
    }
}

fn signer(error: &signer_core::Error) -> String {
    use signer_core::{Error, SecretKind};
    match error {
        Error::Locator { text, .. } if text.starts_with("pkcs11:") => {
            "name a signer of the settings file or a locator: `--signer \
             'pkcs11:token=LABEL;object=NAME?module-path=FILE'`"
                .into()
        }
        Error::Locator { .. } => {
            "name a signer of the settings file or a locator: `--signer soft:dak_private_key.pem`"
                .into()
        }
        Error::CompiledWithout { feature, .. } => {
            format!("use a program that was built with {feature}, or another signer: `touchmark doctor`")
        }
        Error::NotFound { what } if what.starts_with("PKCS#11 module ") => {
            "correct module-path in the locator; `p11-kit list-modules` names those that this machine \
             knows"
                .into()
        }
        Error::NotFound { .. } => {
            "`touchmark token list`, `touchmark key list` and `touchmark doctor` show what is there"
                .into()
        }
        Error::Ambiguous { .. } => {
            "name one of them exactly; `touchmark token list` and `touchmark key list` show what \
             tells them apart"
                .into()
        }
        Error::AlreadyExists { .. } => {
            "nothing is ever overwritten; choose another name or slot, or move what is there away: \
             a file with `mv`, a YubiKey's key with `touchmark key move`"
                .into()
        }
        Error::WrongSecret { kind: SecretKind::ManagementKey, .. }
        | Error::SecretUnusable { kind: SecretKind::ManagementKey, .. }
        | Error::SecretSource { kind: SecretKind::ManagementKey, .. } => {
            "name the right one with --management-key; where `touchmark management-key change` was \
             cut short, that is the newest one in escrow"
                .into()
        }
        Error::WrongSecret { kind: SecretKind::Pin, tries: signer_core::Tries::Blocked, .. } => {
            "unblock it with its PUK or SO PIN: `touchmark pin unblock`".into()
        }
        Error::WrongSecret { kind: SecretKind::Pin | SecretKind::Puk, .. } => {
            "check the secret's source before trying again (`touchmark doctor` names it); where a \
             change was cut short, the newest one in escrow may be right"
                .into()
        }
        Error::WrongSecret { .. } => {
            "check the secret's source before trying again; `touchmark doctor` names it".into()
        }
        Error::Blocked { kind: SecretKind::SoPin, .. } => {
            "nothing here brings it back: initialising the token anew, by its maker's own program, may, \
             and destroys all keys; a PIN that still has tries works on (`touchmark pin status`)"
                .into()
        }
        Error::Blocked { kind: SecretKind::Puk, .. } => {
            "nothing but a reset brings it back, and that destroys all keys: `touchmark token \
             reset`; a PIN that still has tries works on"
                .into()
        }
        Error::Blocked { .. } => {
            "unblock it with its PUK or SO PIN: `touchmark pin unblock`".into()
        }
        Error::LastTryRefused { .. } => {
            "one more wrong one would block it; make sure of its source with `touchmark doctor`, \
             then use --use-last-try"
                .into()
        }
        Error::FailedBefore { .. } => {
            "correct its source; if you are sure of it (one in 256 looks like another that was \
             wrong), let it through with `touchmark pin clear-fault`"
                .into()
        }
        Error::FailureMemory { path, .. } => format!(
            "give `{}` to yourself alone, or go on with --no-memory; a damaged file is removed by \
             `touchmark pin clear-fault`",
            path.display()
        ),
        Error::WithoutPin { .. } => "set it with the SO PIN that the token was given: `touchmark pin \
             unblock`"
            .into(),
        Error::TokenBusy { .. } => {
            "let the other program finish and run it again; `ps -C touchmark` shows it".into()
        }
        Error::SecretUnusable { .. } => {
            "correct the source; `touchmark --help` lists the forms it can have".into()
        }
        Error::SecretSource { .. } => {
            "check that the source exists and may be read: `touchmark doctor`".into()
        }
        Error::NobodyToAsk { kind, .. } => {
            format!(
                "name a source, such as `{} file:PATH`, or run it on a terminal without --no-input",
                flag(*kind)
            )
        }
        Error::Unsupported { .. } => {
            "`touchmark key list` shows what kind of key it is, `touchmark --help` what can be asked"
                .into()
        }
        Error::LoosePermissions { path, .. } => format!(
            "run `chmod 600 '{}'`, or accept it with --allow-loose-permissions",
            path.display()
        ),
        Error::Untrusted { path, .. } => format!(
            "install it anew, or take it into your own hands after a look: `ls -l '{}'`",
            path.display()
        ),
        Error::MalformedKey { .. } => {
            "convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`, or make a new one with \
             `touchmark key generate`"
                .into()
        }
        Error::AnotherKey { .. } => {
            "compare with `touchmark key list`; if the new key is right, correct spki-sha256 or \
             the certificate in the settings file; `touchmark cert import --force` stores a \
             certificate all the same"
                .into()
        }
        Error::PublicKeyUntold { .. } => {
            "store its certificate with `touchmark cert import`; where it has none, make a key and its \
             request in one step, in another slot or after a reset: `touchmark csr --generate`"
                .into()
        }
        Error::Device { .. } => {
            "check the device, its service and who may use it; `touchmark doctor` looks at a signer".into()
        }
        Error::Storage { path, .. } => {
            format!("check the folder and the room on its disk: `df '{}'`", folder_of(path))
        }
        _ => "see what is there with `touchmark doctor`".into(),
    }
}

/// The flag that names a source for this secret.
fn flag(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Puk => "--puk",
        SecretKind::SoPin => "--so-pin",
        SecretKind::ManagementKey => "--management-key",
        SecretKind::Passphrase => "--passphrase",
        SecretKind::NewPin => "--new-pin",
        SecretKind::NewPuk => "--new-puk",
        SecretKind::NewSoPin => "--new-so-pin",
        SecretKind::NewManagementKey => "--new-management-key",
        SecretKind::NewPassphrase => "--new-passphrase",
        // The type may grow; a kind that has no flag of its own has none that is better.
        _ => "--pin",
    }
}

fn custody(error: &custody::Error) -> String {
    use custody::Error;
    match error {
        Error::NoLedger { .. } => {
            "name one: `touchmark pin set-retries --ledger sqlite:touchmark.db`".into()
        }
        Error::NoEscrow { .. } => {
            "say where it shall be kept, with `--escrow`, or choose it yourself with another source"
                .into()
        }
        Error::NotConfirmed { .. } => "see which token it is with `touchmark token info`".into(),
        Error::Escrow { .. } => "mend what `--escrow` names, and run it again".into(),
        _ => "see what can be asked with `touchmark pin --help`".into(),
    }
}

fn ledger(error: &ledger::Error) -> String {
    use ledger::Error;
    match error {
        Error::BadLocation { .. } | Error::UnknownScheme { .. } => {
            "name it as in `--ledger sqlite:touchmark.db`".into()
        }
        Error::BadDigest { .. } | Error::BadSerial { .. } | Error::BadTime { .. } => {
            "see `touchmark ledger list --help`".into()
        }
        Error::MissingFolder { folder } => {
            format!("create the folder: `mkdir -p '{}'`", folder.display())
        }
        Error::Missing { .. } => {
            "create one with `touchmark init`, or name another with `--ledger sqlite:PATH`".into()
        }
        Error::NewerLedger { .. } => {
            "use the newer program; `touchmark --version` shows this one's".into()
        }
        Error::ClockRange | Error::ClockBehind { .. } => {
            "set the clock, then check with `date -u`; --accept-clock REASON goes on and records it"
                .into()
        }
        Error::Full { path, .. } => {
            format!("make room on its disk: `df '{}'`", folder_of(path))
        }
        Error::Busy { .. } => {
            "let the other processes finish and run it again; `touchmark ledger list` shows what \
             they do"
                .into()
        }
        Error::NotALedger { .. } => "name the right file: `--ledger sqlite:PATH`".into(),
        _ => "see how far it is sound: `touchmark ledger verify`".into(),
    }
}

fn settings(error: &settings::Error) -> String {
    use settings::Error;
    match error {
        Error::Missing { .. } => {
            "make one with `touchmark init`, or name another with `--settings FILE`".into()
        }
        Error::Read { path, .. } => format!("check who may read it: `ls -l '{}'`", path.display()),
        Error::Owner { path, .. } => {
            format!("make it yours, after reading it: `chown \"$(id -un)\" '{}'`", path.display())
        }
        Error::Writable { path, .. } => {
            format!("read it, then run `chmod go-w '{}'`", path.display())
        }
        Error::Content { .. } => {
            "correct that line; `touchmark doctor` checks the whole file".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hint_names_a_command_or_a_flag() {
        let io = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let errors: Vec<Error> = vec![
            Error::usage("x"),
            Error::Content { path: "x".into(), reason: "y".into() },
            Error::Read { path: "x".into(), source: io() },
            Error::Write { path: "x".into(), source: io() },
            Error::Output { source: io() },
            signer_core::Error::NotFound { what: "x".into() }.into(),
            signer_core::Error::AlreadyExists { what: "x".into() }.into(),
            signer_core::Error::Untrusted { path: "x".into(), reason: "y".into() }.into(),
            signer_core::Error::LoosePermissions { path: "x".into(), mode: 0o644 }.into(),
            signer_core::Error::Storage { path: "x".into(), source: io() }.into(),
            signer_core::Error::FailureMemory { path: "x".into(), source: Box::new(io()) }.into(),
            signer_core::Error::TokenBusy { token: "x".into() }.into(),
            signer_core::Error::WithoutPin { token: "x".into(), source: None }.into(),
            ledger::Error::Missing { path: "x".into() }.into(),
            ledger::Error::ClockRange.into(),
            settings::Error::Missing { path: "x".into() }.into(),
            settings::Error::Writable { path: "x".into(), mode: 0o666 }.into(),
        ];
        for error in errors {
            let hint = of(&error);
            assert!(hint.contains('`'), "{error:?}: {hint}");
            assert!(!hint.contains('\n'), "{hint}");
        }
    }

    #[test]
    fn a_missing_source_is_named_by_its_own_flag() {
        for (kind, flag) in [
            (SecretKind::Pin, "--pin "),
            (SecretKind::Puk, "--puk "),
            (SecretKind::ManagementKey, "--management-key "),
            (SecretKind::Passphrase, "--passphrase "),
            (SecretKind::NewPin, "--new-pin "),
            (SecretKind::NewPuk, "--new-puk "),
            (SecretKind::NewManagementKey, "--new-management-key "),
            (SecretKind::NewPassphrase, "--new-passphrase "),
        ] {
            let error = signer_core::Error::NobodyToAsk { kind, token: "x".into() };
            assert!(of(&error.into()).contains(&format!("`{flag}file:PATH`")), "{kind}");
        }
    }

    #[test]
    fn a_blocked_puk_is_not_unblocked_by_itself() {
        let blocked = |kind| of(&signer_core::Error::Blocked { kind, token: "x".into() }.into());
        assert!(blocked(SecretKind::Pin).contains("pin unblock"));
        assert!(blocked(SecretKind::Puk).contains("token reset"));
        // Which a PKCS#11 token does not have.
        assert!(!blocked(SecretKind::SoPin).contains("token reset"));
        assert!(blocked(SecretKind::SoPin).contains("pin status"));
    }
}
