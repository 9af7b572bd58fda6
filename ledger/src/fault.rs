//! An error on its way out: SQLite's own, which the outermost call dresses with what it was doing.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::Error;

/// Either SQLite's error or one that is complete already.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// Anything else.
    Known(Error),
}

impl Fault {
    /// The public error for a failure while `doing` something with the ledger at `path`.
    pub(crate) fn during(self, doing: &'static str, path: &Path) -> Error {
        match self {
            Self::Known(error) => error,
            Self::Sqlite(source) if source.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Error::Full { doing, path: path.to_owned(), source }
            }
            Self::Sqlite(source) if is_busy(&source) => {
                Error::Busy { waited: crate::store::PATIENCE, source }
            }
            Self::Sqlite(source) => Error::Storage { doing, path: path.to_owned(), source },
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

/// Whether another process was in the way. A crowd that opens one ledger at the same moment can
/// also meet "locking protocol", which is SQLite giving up on the start of a read too early.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}
