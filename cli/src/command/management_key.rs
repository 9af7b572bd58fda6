//! `touchmark management-key`

mod change;

use clap::Subcommand;

/// The management key.
#[derive(Debug, Subcommand)]
pub(crate) enum ManagementKey {
    /// Set a new management key
    Change(change::Change),
}
