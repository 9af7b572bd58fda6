//! Files with secrets, and names that are to stay.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// Options for a file that its owner alone can read, where the system has such modes; Windows files
/// have access lists, which a folder hands down.
#[must_use]
pub fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Makes the names in a folder durable; an empty path is the working folder, as that of a bare file
/// name.
///
/// # Errors
/// Whatever the system reports.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::fs::File::open(folder)?.sync_all()
}

/// Windows opens no folders as files, and makes names durable with the file.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
