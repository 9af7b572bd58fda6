//! Files with secrets, folders that can be trusted, and names that are to stay.

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

/// What is asked of a folder before what lies in it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Ours, and nobody else may write in it.
    Own,
    /// Ours or root's, and nobody else may replace what is ours in it.
    Above,
}

/// Why a folder cannot be trusted so far; nothing when it can.
///
/// # Errors
/// Whatever the system reports.
#[cfg(unix)]
pub fn objection_to_folder(folder: &Path, reach: Reach) -> io::Result<Option<String>> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let metadata = std::fs::metadata(folder)?;
    let (mode, owner) = (metadata.mode(), metadata.uid());
    let own = rustix::process::geteuid().as_raw();
    if owner != own && !(reach == Reach::Above && owner == 0) {
        return Ok(Some(format!("it belongs to user {owner}, not to {own}")));
    }
    if mode & OTHERS_WRITE != 0 && !(reach == Reach::Above && mode & STICKY != 0) {
        let mode = mode & 0o7777;
        return Ok(Some(format!("others than its owner can write in it (mode {mode:04o})")));
    }
    Ok(None)
}

/// Elsewhere folders have the permissions of the user's profile.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn objection_to_folder(_folder: &Path, _reach: Reach) -> io::Result<Option<String>> {
    Ok(None)
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
