//! `touchmark pin`

mod change;
mod clear_fault;
mod set_retries;
mod status;
mod unblock;
mod verify;

use clap::Subcommand;

/// The PIN.
#[derive(Debug, Subcommand)]
pub(crate) enum Pin {
    /// Show how many tries PIN and PUK have left; spends none
    Status(status::Status),
    /// Present the PIN; a wrong one costs a try
    Verify(verify::Verify),
    /// Change the PIN
    Change(change::Change),
    /// Set a new PIN by means of the PUK or SO PIN
    Unblock(unblock::Unblock),
    /// Set how many tries PIN and PUK have, with a new PIN and a new PUK
    SetRetries(set_retries::SetRetries),
    /// Let a secret through again that failed before
    ClearFault(clear_fault::ClearFault),
}
