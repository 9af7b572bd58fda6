//! `touchmark token`

mod list;

use clap::Subcommand;

/// Tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// List the tokens that are there now
    List(list::List),
}
