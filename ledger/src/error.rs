//! What can go wrong, in one type.

use std::{io, path::PathBuf, time::Duration};

use crate::Timestamp;

/// A failure of the ledger. Each reads after "failed to ...: "; the cause is kept as the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The location is not of the form `SCHEME:PATH`.
    #[error("'{text}' does not name a ledger (known: sqlite:PATH)")]
    BadLocation {
        /// What was given.
        text: String,
    },
    /// The location's scheme is none that this program has.
    #[error("unknown kind of ledger '{scheme}' (known: sqlite:PATH)")]
    UnknownScheme {
        /// The part before the colon.
        scheme: String,
    },
    /// A text that should be 64 hexadecimal digits.
    #[error("'{text}' is not a SHA-256 digest of 64 hexadecimal digits")]
    BadDigest {
        /// What was given.
        text: String,
    },
    /// A serial number that is not positive or does not fit into 20 octets.
    #[error("a serial number is positive and at most 20 octets of DER, this one has {octets}")]
    BadSerial {
        /// How many octets were given; 0 for a text that is not hexadecimal.
        octets: usize,
    },
    /// A text that should be a time.
    #[error("'{text}' is not a time of the form 2026-11-22T07:19:56.000Z")]
    BadTime {
        /// What was given.
        text: String,
    },
    /// A member that must not be empty, or is larger than the ledger takes.
    #[error("{member} must be 1 to {limit} bytes, this one has {size}")]
    BadSize {
        /// Which member.
        member: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// The folder of the ledger does not exist; the ledger never makes it.
    #[error("the folder '{}' of the ledger does not exist; create it first", folder.display())]
    MissingFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no ledger at the path, and none was to be created.
    #[error("there is no ledger at '{}'", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("'{}' is not a ledger: {why}", path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What it is, or what it lacks.
        why: String,
    },
    /// The ledger was written by a later version of this program.
    #[error("the ledger '{}' has format {found}, this program knows up to {known}; use a newer one", path.display())]
    NewerLedger {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// The file or its folder cannot be written by this user.
    #[error("the ledger '{}' or its folder cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What SQLite said, where it said anything.
        source: Option<rusqlite::Error>,
    },
    /// A write through a ledger that was opened for reading.
    #[error("the ledger was opened for reading only")]
    ReadOnly,
    /// The clock is before 1970 or after 9999.
    #[error("the clock is before 1970 or after 9999")]
    ClockRange,
    /// The clock is more than five minutes behind the last entry.
    #[error(
        "the clock says {now}, which is more than 5 minutes behind the last ledger entry of {last}"
    )]
    ClockBehind {
        /// The time of the last entry.
        last: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// An entry to be committed or aborted that is no open intent of this ledger.
    #[error("entry {entry} is no open intent of this process: {state}")]
    NotOpen {
        /// The entry's number.
        entry: u64,
        /// What became of it.
        state: String,
    },
    /// An entry that contradicts itself or the rows made from it.
    #[error("entry {entry} of the ledger is damaged: {what}; run a verification")]
    Damaged {
        /// The entry's number.
        entry: u64,
        /// What is wrong.
        what: String,
    },
    /// A part of the ledger, not of one entry, that contradicts the rest.
    #[error("the ledger is damaged: {what}; run a verification")]
    Inconsistent {
        /// What is wrong.
        what: String,
    },
    /// Other processes held the ledger all the time.
    #[error("other processes kept the ledger busy for {} s", waited.as_secs())]
    Busy {
        /// How long this process waited.
        waited: Duration,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// No room on the disk. Nothing of the transaction was kept; the ledger stays usable.
    #[error("no room to {doing}: the disk or the ledger '{}' is full", path.display())]
    Full {
        /// What was being done.
        doing: &'static str,
        /// The ledger's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// SQLite failed. Nothing of the transaction was kept.
    #[error("could not {doing} in the ledger '{}'", path.display())]
    Storage {
        /// What was being done.
        doing: &'static str,
        /// The ledger's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file other than SQLite's own failed.
    #[error("could not {doing} '{}'", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The stream of an export could not be read or written.
    #[error("could not {doing} the export")]
    Stream {
        /// `read` or `write`.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random {
        /// What the system said.
        source: io::Error,
    },
    /// A body could not be written as JSON.
    #[error("could not write an entry as JSON")]
    Json {
        /// What is wrong with it.
        source: serde_json::Error,
    },
}
