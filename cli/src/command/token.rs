//! `touchmark token`

mod info;
mod init;
mod list;
mod reset;

use clap::Subcommand;

/// Tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// List the tokens that are there now
    List(list::List),
    /// Show what is known of the signer's token without a secret
    Info(info::Info),
    /// Make an empty PKCS#11 token ready for keys
    Init(init::Init),
    /// Put the signer's token back to its factory state
    Reset(reset::Reset),
}
