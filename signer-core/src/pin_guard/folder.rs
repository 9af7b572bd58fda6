//! The folder that failures are remembered in, and whether it can be trusted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Cause;
use crate::files::{Reach, objection_to_folder};
use crate::{Error, Result};

/// The folder of the user who runs this process.
///
/// # Errors
/// [`Error::FailureMemory`] when the user has no home.
pub(super) fn of_user() -> Result<PathBuf> {
    // The XDG base directory specification has relative paths ignored.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = match cfg!(windows) {
        true => absolute("LOCALAPPDATA"),
        false => absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state"))),
    };
    state.map(|state| state.join("touchmark").join("pin-guard")).ok_or_else(|| {
        unusable(Path::new("~/.local/state"))(
            "neither XDG_STATE_HOME nor HOME names a folder".into(),
        )
    })
}

/// Makes the folder, for its owner alone, where it is missing; refuses one that others can change.
///
/// # Errors
/// [`Error::FailureMemory`].
pub(super) fn prepare(folder: &Path) -> Result<()> {
    make(folder).map_err(|error| unusable(folder)(error.into()))?;
    check(folder, Reach::Own)?;
    // Whoever can change the folder above could put another one in its place.
    match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() => check(above, Reach::Above),
        _ => Ok(()),
    }
}

/// The error that this file or folder cannot be used.
pub(super) fn unusable(path: &Path) -> impl Fn(Cause) -> Error + '_ {
    |source| Error::FailureMemory { path: path.to_owned(), source }
}

#[cfg(unix)]
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn check(folder: &Path, reach: Reach) -> Result<()> {
    match objection_to_folder(folder, reach) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(unusable(folder)(reason.into())),
        Err(error) => Err(unusable(folder)(error.into())),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_is_made_for_its_owner_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("state/touchmark/pin-guard");
        prepare(&folder).unwrap();
        for path in [folder.as_path(), folder.parent().unwrap()] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_folder_that_others_can_change_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let above = temporary.path().join("touchmark");
        let folder = above.join("pin-guard");
        prepare(&folder).unwrap();
        for (path, bits) in [(&folder, 0o770), (&folder, 0o702), (&above, 0o720)] {
            fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
            let error = prepare(&folder).unwrap_err();
            assert!(matches!(&error, Error::FailureMemory { path: told, .. } if told == path));
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        fs::set_permissions(&above, fs::Permissions::from_mode(0o1777)).unwrap();
        prepare(&folder).unwrap();
    }
}
