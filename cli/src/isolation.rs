//! PKCS#11 modules in processes of their own.
//!
//! p11-kit's client, through which such a module is used, reads where its server is from the
//! environment as it stood when this program was started. So the program starts itself anew, in the
//! same process, with that variable; nothing was read or asked before that.

use std::env;
use std::fs;
use std::path::PathBuf;

use signer_core::Isolation;
#[cfg(unix)]
use signer_core::files::{Reach, objection_to_folder};

use crate::context::Context;

/// A folder of this process's own, in which the socket is; removed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Isolated {
    folder: PathBuf,
}

impl Isolated {
    /// Whether this process was started anew, and has such a folder.
    pub(crate) fn entered() -> Option<Self> {
        let folder = crate::backends::isolation_folder()?;
        let ours = folder.file_name()?.to_str()?.starts_with(&prefix());
        ours.then_some(Self { folder })
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        // What is left in it belongs to a server that has not ended yet.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Starts this program anew with the same words if a signer of the settings wants it; does not
/// return then.
///
/// # Errors
/// What keeps the folder from being made, or the program from being started.
#[cfg(unix)]
pub(crate) fn enter(
    context: &Context<'_>,
    arguments: &[std::ffi::OsString],
) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;

    // Settings that cannot be read are told by the command that wants them.
    let wanted = |settings: &crate::settings::Settings| {
        settings.signers.values().any(|signer| signer.isolation == Isolation::Process)
    };
    if !context.settings().is_ok_and(wanted) {
        return Ok(());
    }
    let places = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let folder = folder_in(places.into_iter().chain([env::temp_dir()]))?;
    let Some((variable, address)) = crate::backends::isolation_variable(&folder) else {
        return fs::remove_dir(&folder);
    };
    let (name, words) = arguments.split_first().map_or((None, arguments), |(n, w)| (Some(n), w));
    let mut command = std::process::Command::new(env::current_exe()?);
    command.args(words).env(variable, address);
    if let Some(name) = name {
        command.arg0(name);
    }
    let error = command.exec();
    let _ = fs::remove_dir(&folder);
    Err(error)
}

/// Elsewhere there is no such server, and the signer says so.
#[cfg(not(unix))]
pub(crate) fn enter(
    _context: &Context<'_>,
    _arguments: &[std::ffi::OsString],
) -> std::io::Result<()> {
    Ok(())
}

/// A new folder of this process's own, in the first of these places where nobody else can put another one
/// in its stead: PINs go through it. With `sudo -E` the runtime folder is another user's.
#[cfg(unix)]
fn folder_in(mut places: impl Iterator<Item = PathBuf>) -> std::io::Result<PathBuf> {
    use std::fs::DirBuilder;
    use std::os::unix::fs::DirBuilderExt;
    let safe = |place: &PathBuf| {
        let objection = || objection_to_folder(place, Reach::Above);
        place.is_absolute() && place.is_dir() && matches!(objection(), Ok(None))
    };
    let place = places.find(safe).ok_or_else(|| {
        std::io::Error::other(
            "others can change XDG_RUNTIME_DIR and the folder for temporary files",
        )
    })?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let folder = place.join(format!("{}{:x}", prefix(), now.map_or(0, |since| since.as_nanos())));
    DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// The process keeps its number when it is started anew.
fn prefix() -> String {
    format!("touchmark-{}-", std::process::id())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_where_nobody_can_put_another_in_its_stead() {
        let temporary = tempfile::tempdir().unwrap();
        let place = |name: &str, mode| {
            let place = temporary.path().join(name);
            fs::create_dir(&place).unwrap();
            fs::set_permissions(&place, Permissions::from_mode(mode)).unwrap();
            place
        };
        let bad = [place("all", 0o777), place("group", 0o770), "".into(), "src".into()];
        let missing = temporary.path().join("missing");
        for (name, mode) in [("own", 0o700), ("sticky", 0o1777)] {
            let good = place(name, mode);
            let places = bad.iter().chain([&missing, &good]).cloned();
            let folder = folder_in(places).unwrap();
            assert_eq!(folder.parent(), Some(good.as_path()));
            assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert!(folder_in(bad.into_iter()).is_err());
    }
}
