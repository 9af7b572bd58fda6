//! The command line: what can be said, and what is said back when it cannot be understood.

mod global;
mod refusal;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser};

pub(crate) use global::{Color, Global};
pub(crate) use refusal::Stop;

use crate::command::Command;

/// Signs device certificates with whichever key you hold: a key file, a YubiKey or an HSM.
#[derive(Debug, Parser)]
#[command(name = "touchmark", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = SECRET_SOURCES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const SECRET_SOURCES: &str = "\
Secret sources, the same for every secret; a secret itself is never an argument:
  prompt                 ask on the terminal
  file:PATH              the contents of a file, without one final line end
  fd:N                   what can be read from an inherited file descriptor
  stdin                  standard input, to its end
  env:NAME               an environment variable
  command:PROGRAM ARGS   the output of a program
  {serial} in PATH, NAME or ARGS stands for the token's serial number

Exit codes: 0 ok, 1 internal, 2 usage, 3 not found or ambiguous, 4 wrong secret, 5 blocked,
6 unsupported, 7 refused, 8 device, 9 storage or ledger";

/// Understands the command line, or says why not.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Arguments, Stop> {
    let mut command = definition();
    let stop = |error: clap::Error| Stop::new(error, arguments);
    let mut matches = command.try_get_matches_from_mut(arguments).map_err(stop)?;
    Arguments::from_arg_matches_mut(&mut matches)
        .map_err(|error| Stop::new(error.format(&mut command), arguments))
}

/// The whole command line, for completions and manual pages too.
pub(crate) fn definition() -> clap::Command {
    // The name that people type, whatever the file is called.
    Arguments::command().bin_name("touchmark")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn global_flags_may_stand_on_either_side_of_the_command() {
        for line in ["--signer soft:a key list --json", "key --json list --signer soft:a"] {
            let words = std::iter::once("touchmark").chain(line.split(' '));
            let words: Vec<OsString> = words.map(Into::into).collect();
            let global = parse(&words).expect("it can be understood").global;
            assert_eq!((global.signer.as_deref(), global.json), (Some("soft:a"), true), "{line}");
        }
    }
}
