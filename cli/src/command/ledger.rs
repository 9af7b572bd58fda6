//! `touchmark ledger`

mod export;
mod list;
mod verify;

use clap::Subcommand;

/// The ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// List what was done, or the certificates that were issued
    List(list::List),
    /// Verify every entry, hash by hash
    Verify(verify::Verify),
    /// Write every entry as a line of JSON, for others to check
    Export(export::Export),
}
