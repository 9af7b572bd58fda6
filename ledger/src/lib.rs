//! The journal of everything a key did: durable, hash-chained, with unique serials and device ids.

mod append;
mod body;
mod checks;
mod claims;
mod digest;
mod error;
mod event;
mod export;
mod fault;
mod grant;
mod hex;
mod ledger;
mod location;
mod options;
mod owners;
mod read;
mod record;
mod replay;
mod report;
mod request;
mod schema;
mod serial;
mod store;
mod timestamp;
mod verify;

pub use digest::Digest;
pub use error::Error;
pub use event::{Abandoned, Aborted, Completed, Created, Event, Kind, Opened};
pub use export::verify_export;
pub use ledger::Ledger;
pub use location::Location;
pub use options::{Clock, Missing, OpenOptions, Random};
pub use read::{Certificates, Entries};
pub use record::{Certificate, CertificateFilter, ClockNote, Entry, EntryFilter, Head, Life};
pub use report::{Finding, Problem, Report, RowState};
pub use request::{Act, Claim, Holder, Intent, Issued, Refusal, Rule, Summary, Waited};
pub use serial::Serial;
pub use timestamp::Timestamp;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
