//! Writing a file whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use issuer::staging::{self, StagingError};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Not the prefix that the library sweeps up after.
const PREFIX: &str = ".partial-";

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
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let file = begin(path, folder).map_err(failed)?;
    let mut buffer = BufWriter::new(file);
    let answer = fill(&mut buffer)?;
    let file = buffer.into_inner().map_err(|error| failed(error.into_error()))?;
    finish(file, path, folder).map_err(failed)?;
    Ok(answer)
}

fn begin(path: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    readable(tempfile::Builder::new().prefix(PREFIX)).tempfile_in(folder)
}

fn finish(file: NamedTempFile, path: &Path, folder: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync(folder)
}

/// The usual permissions of a new file, as the umask leaves them; a temporary file has fewer.
#[cfg(unix)]
fn readable<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
) -> &'c mut tempfile::Builder<'a, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
) -> &'c mut tempfile::Builder<'a, 'b> {
    builder
}

/// Makes a rename durable.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows makes names durable with the file.
#[cfg(not(unix))]
fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
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
