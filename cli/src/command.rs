//! The commands, one file each.

mod cert;
mod completions;
mod control_log;
mod csr;
mod doctor;
mod init;
mod issue;
mod key;
mod ledger;
mod man;
mod management_key;
mod pin;
mod puk;
mod sign;
mod token;
mod verify;

use std::fmt::Debug;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{Failure, Result};
use crate::exit::Exit;

/// What can be asked of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a settings file from what is found in this folder
    Init(init::Init),
    /// Check settings, files, keys, ledger and clock
    Doctor(doctor::Doctor),
    /// Keys: make, import, list, show, attest, move, delete
    #[command(subcommand)]
    Key(key::Key),
    /// Certificates: show, verify, self-sign, export, import, delete
    #[command(subcommand)]
    Cert(cert::Cert),
    /// Make a certificate request, as `openssl req -new -config` does
    Csr(csr::MakeCsr),
    /// Issue device certificates: for one request, for many, or with a new key
    Issue(Box<issue::Issue>),
    /// Write the control log of the certificates in the ledger
    ControlLog(control_log::ControlLog),
    /// Sign a file
    Sign(sign::Sign),
    /// Verify the signature of a file
    Verify(verify::Verify),
    /// The ledger: list, verify, export
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// The PIN: its status, verify, change, unblock, retry limits
    #[command(subcommand)]
    Pin(pin::Pin),
    /// The PUK: change
    #[command(subcommand)]
    Puk(puk::Puk),
    /// The management key: change
    #[command(subcommand)]
    ManagementKey(management_key::ManagementKey),
    /// Tokens: list, show, initialise, reset
    #[command(subcommand)]
    Token(token::Token),
    /// Print a script that completes this program's words in a shell
    Completions(completions::Completions),
    /// Write the manual pages
    Man(man::Man),
}

/// One command with its arguments.
trait Run: Debug {
    /// What cannot be done when it fails: reads after "could not".
    fn purpose(&self) -> String;

    /// Does it.
    fn run(&self, context: &Context<'_>) -> Result<Exit>;
}

/// Does what was asked.
///
/// # Errors
/// A [`Failure`], ready to be told.
pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<Exit, Failure> {
    let chosen: &dyn Run = match command {
        Command::Init(command) => command,
        Command::Doctor(command) => command,
        Command::Key(key::Key::Generate(command)) => command,
        Command::Key(key::Key::Import(command)) => command,
        Command::Key(key::Key::List(command)) => command,
        Command::Key(key::Key::Public(command)) => command,
        Command::Key(key::Key::Attest(command)) => command,
        Command::Key(key::Key::Move(command)) => command,
        Command::Key(key::Key::Delete(command)) => command,
        Command::Cert(cert::Cert::Show(command)) => command,
        Command::Cert(cert::Cert::Verify(command)) => command,
        Command::Cert(cert::Cert::Export(command)) => command,
        Command::Cert(cert::Cert::SelfSign(command)) => command,
        Command::Cert(cert::Cert::Import(command)) => command,
        Command::Cert(cert::Cert::Delete(command)) => command,
        Command::Csr(command) => command,
        Command::Issue(command) => &**command,
        Command::ControlLog(command) => command,
        Command::Sign(command) => command,
        Command::Verify(command) => command,
        Command::Ledger(ledger::Ledger::List(command)) => command,
        Command::Ledger(ledger::Ledger::Verify(command)) => command,
        Command::Ledger(ledger::Ledger::Export(command)) => command,
        Command::Pin(pin::Pin::Status(command)) => command,
        Command::Pin(pin::Pin::Verify(command)) => command,
        Command::Pin(pin::Pin::Change(command)) => command,
        Command::Pin(pin::Pin::Unblock(command)) => command,
        Command::Pin(pin::Pin::SetRetries(command)) => command,
        Command::Pin(pin::Pin::ClearFault(command)) => command,
        Command::Puk(puk::Puk::Change(command)) => command,
        Command::ManagementKey(management_key::ManagementKey::Change(command)) => command,
        Command::Token(token::Token::List(command)) => command,
        Command::Token(token::Token::Info(command)) => command,
        Command::Token(token::Token::Init(command)) => command,
        Command::Token(token::Token::Reset(command)) => command,
        Command::Completions(command) => command,
        Command::Man(command) => command,
    };
    chosen
        .run(context)
        .map_err(|error| Failure::new(format!("could not {}", chosen.purpose()), &error))
}
