//! What can be wrong with a settings file.

use std::io;
use std::path::PathBuf;

/// What is wrong with a settings file. No variant repeats a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It was named and is not there.
    #[error("there is no settings file {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another user could change it at any time.
    #[error("the settings file {} belongs to user {owner}; it can start programs, so it must be yours or root's", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's number.
        owner: u32,
    },
    /// Others can write into it.
    #[error("others can write into the settings file {} (mode {mode:04o}); it can start programs", path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its contents.
    #[error("{}{}: {reason}", path.display(), line.map(|line| format!(" line {line}")).unwrap_or_default())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, where one is known.
        line: Option<usize>,
        /// What is wrong there.
        reason: String,
    },
}
