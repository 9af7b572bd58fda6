//! How a ledger is opened for writing.

use std::{fmt, io, sync::Arc, time::SystemTime};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Fills a buffer with random bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) -> io::Result<()> + Send + Sync>;

/// Who writes, by which clock, and whether a missing ledger is made.
#[derive(Clone)]
pub struct OpenOptions {
    /// The person who works, for every entry.
    pub operator: String,
    /// The station where the work is done, for every entry.
    pub station: String,
    /// The program and its version, for every entry. Default: `touchmark 0.1.0`, as built.
    pub software: String,
    /// What to do where there is no ledger yet. Default: create it.
    pub missing: Missing,
    /// The clock. Default: the system's.
    pub clock: Clock,
    /// Where random bytes come from: for owner names and the name of a new ledger. Default: the
    /// system.
    pub random: Random,
    /// Why a clock that is behind the last entry is accepted; written into every entry that it
    /// touches. Default: it is not.
    pub accept_clock: Option<String>,
}

/// What to do where there is no ledger yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// Make a new one. Its folder must exist.
    Create,
    /// Answer [`Error::Missing`](crate::Error::Missing).
    Refuse,
}

impl OpenOptions {
    /// Options with the defaults, for an operator at a station.
    #[must_use]
    pub fn new(operator: impl Into<String>, station: impl Into<String>) -> Self {
        Self {
            operator: operator.into(),
            station: station.into(),
            software: concat!("touchmark ", env!("CARGO_PKG_VERSION")).to_owned(),
            missing: Missing::Create,
            clock: Arc::new(SystemTime::now),
            random: Arc::new(|buffer| {
                getrandom::fill(buffer).map_err(|error| io::Error::other(error.to_string()))
            }),
            accept_clock: None,
        }
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("operator", &self.operator)
            .field("station", &self.station)
            .field("software", &self.software)
            .field("missing", &self.missing)
            .field("accept_clock", &self.accept_clock)
            .finish_non_exhaustive()
    }
}
