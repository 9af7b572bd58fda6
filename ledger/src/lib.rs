//! The journal of everything a key did: durable, hash-chained, with unique serials and device ids.
//!
//! The types come first; the type `Ledger` that uses them has these methods:
//!
//! ```text
//! Ledger::open(&Location, OpenOptions) -> Result<Ledger>
//! Ledger::open_read_only(&Location) -> Result<Ledger>
//! begin(&mut self, &[Intent]) -> Result<Vec<Claim>>                  one transaction, in order
//! settle(&mut self, &Intent, Duration) -> Result<Claim>              begins; waits while pending
//! wait(&self, &Holder, Duration) -> Result<Waited>
//! commit(&mut self, &[Issued]) -> Result<Vec<u64>>                   numbers of `issued` entries
//! abort(&mut self, &[u64], &str) -> Result<Vec<u64>>
//! refuse(&mut self, &[Refusal]) -> Result<Vec<u64>>
//! record(&mut self, &Act) -> Result<u64>
//! close_abandoned(&mut self) -> Result<Vec<u64>>
//! entries(&self, EntryFilter) -> impl Iterator<Item = Result<Entry>>
//! certificates(&self, CertificateFilter) -> impl Iterator<Item = Result<Certificate>>
//! entry(&self, u64) -> Result<Option<Entry>>
//! head(&self) -> Result<Head>
//! verify(&self) -> Result<Report>
//! export(&self, &mut dyn Write) -> Result<Head>
//! verify_export(impl BufRead) -> Result<Report>                      a free function
//! ```

mod digest;
mod error;
mod event;
mod hex;
mod location;
mod options;
mod record;
mod request;
mod serial;
mod timestamp;

pub use digest::Digest;
pub use error::Error;
pub use event::{Abandoned, Aborted, Completed, Created, Event, Kind, Opened};
pub use location::Location;
pub use options::{Clock, Missing, OpenOptions, Random};
pub use record::{Certificate, CertificateFilter, ClockNote, Entry, EntryFilter, Head, Life};
pub use request::{Act, Claim, Holder, Intent, Issued, Refusal, Rule, Summary, Waited};
pub use serial::Serial;
pub use timestamp::Timestamp;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
