//! Writing a file whole or not at all.

use std::io::{BufWriter, Write};
use std::path::Path;

use issuer::staging::{self, Staging, StagingError};

use crate::error::{Error, Result};

/// Puts `contents` at `path`: written beside it, made durable, then renamed over what was there.
///
/// # Errors
/// [`Error::Write`]; `path` is then as it was before.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    staging::write_whole(path, contents)
        .map_err(|StagingError { source, .. }| Error::Write { path: path.to_owned(), source })
}

/// The same for contents that are too long to be held in memory.
///
/// # Errors
/// [`Error::Write`], and whatever `fill` reports; `path` is then as it was before.
pub(crate) fn write_with<T>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<T>,
) -> Result<T> {
    let failed = |StagingError { source, .. }| Error::Write { path: path.to_owned(), source };
    let staging = Staging::beside(path).map_err(failed)?;
    let (file, staged) = staging.create(staging::name_of(path).map_err(failed)?).map_err(failed)?;
    let mut buffer = BufWriter::new(file);
    let answer = fill(&mut buffer)?;
    buffer.flush().map_err(|source| Error::Write { path: path.to_owned(), source })?;
    staging.publish(vec![staged]).map_err(failed)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_replaced_and_no_temporary_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sig");
        std::fs::write(&path, "old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_in_the_way_stays_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(folder.path(), b"new").unwrap_err();
        assert!(error.to_string().contains(&folder.path().display().to_string()));
        assert!(folder.path().is_dir());
    }
}
