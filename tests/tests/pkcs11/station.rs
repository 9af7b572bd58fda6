//! A line whose settings name a PKCS#11 token.

use std::process::{Command, Output};

use touchmark_tests::line::Line;
use touchmark_tests::modules::{Maker, Tokens};
use touchmark_tests::program::{Program, ended, owner_only};

pub(crate) const PIN: &str = "24681357";
pub(crate) const SO_PIN: &str = "87654321";
/// What the token is called, and its key.
pub(crate) const KEY: &str = "token=factory;object=dak;id=%01";

/// The program on a line, with the tokens of a module.
pub(crate) struct Station<'a> {
    pub(crate) line: &'a Line,
    pub(crate) tokens: &'a Tokens,
    program: Program<'a>,
}

impl<'a> Station<'a> {
    pub(crate) fn new(line: &'a Line, tokens: &'a Tokens) -> Self {
        let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), line);
        for (name, secret) in [("pin", PIN), ("so-pin", SO_PIN)] {
            line.write(name, secret);
            owner_only(&line.path(name));
        }
        let station = Self { line, tokens, program };
        station.settings(&tokens.locator(KEY), "");
        station
    }

    /// A station whose token has the line's key.
    pub(crate) fn with_key(line: &'a Line, tokens: &'a Tokens) -> Self {
        let station = Self::new(line, tokens);
        station.expect(
            0,
            "token init --label-confirm factory --new-pin file:pin --new-so-pin file:so-pin",
        );
        station.expect(0, "key import key.pem");
        tokens.forget_calls();
        station
    }

    /// The settings, with this locator and more lines about the signer.
    pub(crate) fn settings(&self, locator: &str, more: &str) {
        self.line.write("touchmark.toml", settings(locator, more));
        owner_only(&self.line.path("touchmark.toml"));
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = self.program.command(arguments);
        self.tokens.show(&mut command);
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program and demands an exit code; what it said, data first.
    pub(crate) fn expect(&self, code: i32, arguments: &str) -> String {
        ended(code, &self.run(arguments), arguments)
    }
}

/// Settings in which nothing but the locator tells one signer from another.
pub(crate) fn settings(locator: &str, more: &str) -> String {
    format!(
        "default-signer = \"dak\"\n\
         [signer.dak]\nlocator = \"{locator}\"\ncertificate = \"dak.pem\"\n\
         pin = \"file:pin\"\nso-pin = \"file:so-pin\"\n{more}\n\
         [issue]\nextfile = \"device.conf\"\nextensions = \"req_ext\"\ndays = 1825\n\
         ledger = \"sqlite:touchmark.db\"\n"
    )
}

/// A line and a module's tokens beside it.
pub(crate) fn line_and_tokens(maker: Maker) -> (Line, Tokens) {
    let line = Line::new();
    let tokens = Tokens::new(line.folder(), maker);
    (line, tokens)
}
