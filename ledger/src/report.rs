//! What a verification found.

use std::fmt;

use crate::{Head, Timestamp};

/// Findings that are kept; more are only counted.
const KEPT: usize = 1000;

/// The outcome of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many entries were read.
    pub entries: u64,
    /// How many certificates were issued.
    pub certificates: u64,
    /// How many of them were not superseded.
    pub live: u64,
    /// How many intents are still open.
    pub open: u64,
    /// The last entry as it was read; `None` where there is none.
    pub head: Option<Head>,
    /// What is wrong, the first thousand.
    pub findings: Vec<Finding>,
    /// How many things are wrong beyond those.
    pub more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.more == 0
    }

    pub(crate) const fn new() -> Self {
        Self {
            entries: 0,
            certificates: 0,
            live: 0,
            open: 0,
            head: None,
            findings: Vec::new(),
            more: 0,
        }
    }

    pub(crate) fn find(&mut self, entry: impl Into<Option<u64>>, problem: Problem) {
        if self.findings.len() < KEPT {
            self.findings.push(Finding { entry: entry.into(), problem });
        } else {
            self.more += 1;
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entry; `None` where it is the ledger as a whole.
    pub entry: Option<u64>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "entry {entry}: {}", self.problem),
            None => write!(f, "ledger: {}", self.problem),
        }
    }
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Entries are missing before this one, or its number comes twice.
    #[error("the entry before it should be {}, and is {found}", .expected - 1)]
    Gap {
        /// The number that should have come.
        expected: u64,
        /// The number before, as it is.
        found: u64,
    },
    /// The hash is not that of the body and the hash before.
    #[error("its hash does not fit its body and the entry before")]
    Hash,
    /// The body cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The first entry must tell of the ledger's creation, and no other may.
    #[error("a ledger is created by its first entry and by no other")]
    Creation,
    /// The time is more than five minutes before the one that it is held against, without a note.
    #[error("its time is behind {after} and it has no note of that")]
    Time {
        /// The time that it is held against.
        after: Timestamp,
    },
    /// The note about the clock does not fit the times.
    #[error("its note about the clock does not fit the times around it")]
    ClockNote,
    /// An intent under a clock that was behind and not accepted.
    #[error("it is an intent under a clock that nobody accepted")]
    ClockNotAccepted,
    /// The certificate is not the one that the body names.
    #[error("its certificate does not have the digest in its body")]
    Certificate,
    /// A certificate where none belongs, or none where one does.
    #[error("a certificate belongs to every issued entry and to no other")]
    CertificateMisplaced,
    /// It takes what an earlier one has.
    #[error("its serial, device id or subject key is taken")]
    Duplicate,
    /// It closes an intent that is not open.
    #[error("it closes intent {intent}, which is not open")]
    NotOpen {
        /// The intent.
        intent: u64,
    },
    /// It was closed as another owner's.
    #[error("it closes intent {intent} in the name of another owner")]
    Owner {
        /// The intent.
        intent: u64,
    },
    /// It does not say what it replaces.
    #[error("it should replace the entries {expected:?}, and names {found:?}")]
    Supersedes {
        /// What it has to replace.
        expected: Vec<u64>,
        /// What it says.
        found: Vec<u64>,
    },
    /// A row made from it is wrong.
    #[error("the row made from it in the table '{table}' is {state}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with the row.
        state: RowState,
    },
    /// The number and hash that are kept as the end of the chain are not those of the last entry.
    #[error("it is not the end that the ledger remembers, entries after it are missing")]
    Head,
    /// A table, index or trigger is not as this program makes it.
    #[error("the table, index or trigger '{0}' is not as this program makes it")]
    Schema(String),
    /// SQLite's own check found something.
    #[error("the file is damaged: {0}")]
    File(String),
}

/// What can be wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowState {
    /// It is not there.
    Missing,
    /// Nothing accounts for it.
    Surplus,
    /// It has other values.
    Different,
}

impl fmt::Display for RowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Missing => "missing",
            Self::Surplus => "not accounted for",
            Self::Different => "different",
        })
    }
}
