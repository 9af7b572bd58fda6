//! `touchmark key`

pub(super) mod generate;
mod list;
mod public;

use clap::Subcommand;

/// Keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a new key; nothing is ever overwritten
    Generate(generate::Generate),
    /// List the keys of a signer's token
    List(list::List),
    /// Print the public half of a key
    Public(public::Public),
}
