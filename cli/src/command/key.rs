//! `touchmark key`

mod attest;
mod delete;
pub(super) mod generate;
mod import;
mod list;
mod public;
mod relocate;

use clap::Subcommand;

/// Keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a new key; nothing is ever overwritten
    Generate(generate::Generate),
    /// Bring the key of a key file to the signer's token
    Import(import::Import),
    /// List the keys of a signer's token
    List(list::List),
    /// Print the public half of a key
    Public(public::Public),
    /// Have the token vouch that it made the key itself
    Attest(attest::Attest),
    /// Move a key to another slot of its token
    Move(relocate::Move),
    /// Destroy a key for good
    Delete(delete::Delete),
}
