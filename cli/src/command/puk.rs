//! `touchmark puk`

mod change;

use clap::Subcommand;

/// The PUK.
#[derive(Debug, Subcommand)]
pub(crate) enum Puk {
    /// Change the PUK
    Change(change::Change),
}
