//! What can go wrong before a lab runs.

use std::{io, path::PathBuf};

/// Why there is no lab.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that `scripts/setup` installs is not there.
    #[error("{what} was not found (scripts/setup installs it)")]
    Missing {
        /// A program or a library.
        what: PathBuf,
    },
    /// This machine's pcscd was built otherwise than any that is known.
    #[error("pcscd does not name {what}, so it cannot be kept away from it")]
    Untamed {
        /// A folder that it is not to touch.
        what: String,
    },
    /// A file, a socket or a process.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// pcscd ended, or does not do what it should.
    #[error("pcscd {what}; its log:\n{log}")]
    Pcscd {
        /// What it did.
        what: String,
        /// The end of what it said.
        log: String,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}
