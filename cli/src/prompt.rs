//! Asking a person for a secret, on the terminal and nowhere else.

#[cfg(unix)]
pub(crate) mod terminal;
#[cfg(not(unix))]
#[path = "prompt/console.rs"]
mod terminal;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use signer_core::{Error, Result, Secret, SecretKind, SecretRequest, SecretSource, Tries};

use crate::render::plain;

/// Asks on the terminal, without echo. New secrets are asked twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prompt;

impl SecretSource for Prompt {
    fn secret(&self, ask: &SecretRequest<'_>) -> Result<Secret> {
        let secret = read(ask.kind, &question(ask))?;
        let unusable =
            |reason| Error::SecretUnusable { kind: ask.kind, origin: "prompt".into(), reason };
        if let Some(reason) = ask.rules.objection(secret.expose()) {
            return Err(unusable(reason));
        }
        if ask.kind.is_new() && read(ask.kind, "the same again: ")? != secret {
            return Err(unusable("the two entries differ".into()));
        }
        Ok(secret)
    }
}

/// Whether there is a terminal to ask on, be standard input redirected or not.
pub(crate) fn is_possible() -> bool {
    let console = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
    std::fs::OpenOptions::new().read(true).write(true).open(console).is_ok()
}

/// Asks for a line that is no secret, and shows it as it is typed.
///
/// # Errors
/// Whatever keeps the terminal from being used.
pub(crate) fn line(question: &str) -> io::Result<String> {
    let console = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };
    std::fs::OpenOptions::new().write(true).open(console)?.write_all(question.as_bytes())?;
    let console = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
    let mut typed = String::new();
    BufReader::new(File::open(console)?).read_line(&mut typed)?;
    Ok(typed)
}

fn question(ask: &SecretRequest<'_>) -> String {
    let token = plain(ask.token);
    match ask.tries {
        Tries::Unknown => format!("{} for {token}: ", ask.kind),
        tries => format!("{} for {token} ({tries}): ", ask.kind),
    }
}

fn read(kind: SecretKind, question: &str) -> Result<Secret> {
    terminal::read(question).map_err(|source| Error::SecretSource {
        kind,
        origin: "prompt".into(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use signer_core::SecretRules;

    use super::*;

    #[test]
    fn a_question_names_secret_token_and_tries() {
        let mut ask = SecretRequest {
            kind: SecretKind::Pin,
            token: "YubiKey 16021234\u{1b}[2J",
            serial: None,
            tries: Tries::Left(3),
            rules: SecretRules::PASSPHRASE,
        };
        assert_eq!(question(&ask), "PIN for YubiKey 16021234\\u{1b}[2J (3 tries left): ");
        ask.tries = Tries::Unknown;
        ask.kind = SecretKind::NewPassphrase;
        assert!(question(&ask).starts_with("new passphrase for YubiKey"));
    }
}
