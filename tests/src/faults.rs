//! The fault matrix: every command of a YubiKey, disturbed at every APDU in every way, and run again.
//!
//! A [`Bench`] has a key that was made ready once. [`Bench::trial`] lays out a copy of it, runs a
//! [`Command`] with one [`Fault`] and then without, and says what came of it; [`verdict`] is where it
//! is written down what may come of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod bench;
mod command;
mod escrow;
mod state;
mod table;
mod trial;
mod verdict;

pub use bench::{Bench, SERIAL};
pub use command::{COMMANDS, Command, Secrecy, Start};
pub use state::{Facts, State};
pub use table::Table;
pub use trial::{End, Line, Trial};
pub use verdict::{codes, verdict};

/// One way in which an APDU goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What a person calls it.
    pub name: &'static str,
    /// What the virtual key calls it, as lines of its fault file.
    pub script: &'static str,
}

/// All of them.
pub const FAULTS: [Fault; 9] = [
    Fault { name: "link cut before", script: "do = \"drop-before\"" },
    Fault { name: "link cut after", script: "do = \"drop-after\"" },
    Fault { name: "reset by another program", script: "do = \"reset\"" },
    Fault { name: "no octets", script: "do = \"empty\"" },
    Fault { name: "garbage", script: "do = \"garbage\"" },
    Fault { name: "endless length", script: "do = \"endless-length\"" },
    Fault { name: "another key in its place", script: "do = \"other-token\"\nserial = 5000001" },
    Fault { name: "another applet selected", script: "do = \"other-applet\"" },
    Fault { name: "6F00", script: "do = \"status\"\nstatus = \"6f00\"" },
];
