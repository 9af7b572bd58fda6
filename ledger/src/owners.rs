//! Who is alive: one lock file per open ledger that makes intents.
//!
//! The owner holds an exclusive lock on its file for as long as it lives; the system drops the
//! lock when the process dies, however it dies. Between creating a file and locking it, and
//! between finding a file unlocked and removing it, nobody may step in: files are created and
//! swept only inside a write transaction of the ledger, so that there is one such process at most.

use std::{
    fs::{self, File, TryLockError},
    io,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{Error, Random, Result, hex};

const SUFFIX: &str = ".lock";

/// The folder of lock files beside a ledger, and the lock of this one.
#[derive(Debug)]
pub(crate) struct Owners {
    folder: PathBuf,
    mine: Option<Mine>,
}

#[derive(Debug)]
struct Mine {
    name: String,
    path: PathBuf,
    /// Keeps the lock.
    _file: File,
}

impl Owners {
    /// The owners of the ledger at `path`, by whichever name or link it was opened.
    pub(crate) fn beside(path: &Path) -> Result<Self> {
        let whole = fs::canonicalize(path).map_err(|source| io_error("find", path, source))?;
        let mut folder = whole.into_os_string();
        folder.push(".owners");
        Ok(Self { folder: folder.into(), mine: None })
    }

    /// The name of this owner, once it has entered.
    pub(crate) fn name(&self) -> Option<&str> {
        self.mine.as_ref().map(|mine| mine.name.as_str())
    }

    /// Makes sure that this owner holds its lock, and answers its name. `like` is the file whose
    /// permissions the lock files get. Call it only inside a write transaction.
    pub(crate) fn enter(&mut self, random: &Random, like: &Path) -> Result<&str> {
        let name = match &self.mine {
            Some(mine) if mine.path.exists() => mine.name.clone(),
            // Somebody tidied the folder. Without its file this owner would count as dead.
            Some(mine) => {
                let name = mine.name.clone();
                self.mine = Some(self.take(&name, like)?);
                name
            }
            None => {
                let name = fresh_name(random)?;
                make_folder(&self.folder, like)?;
                self.sweep()?;
                self.mine = Some(self.take(&name, like)?);
                name
            }
        };
        // Just set, or found to be set.
        self.mine.as_ref().map(|mine| mine.name.as_str()).ok_or(Error::Inconsistent { what: name })
    }

    /// Whether the owner of that name still runs.
    pub(crate) fn lives(&self, name: &str) -> Result<bool> {
        if self.name() == Some(name) {
            return Ok(true);
        }
        // A name of any other form was never an owner's, and must not lead out of the folder.
        let proper = name.len() == 16 && hex::decode(name).is_some();
        if proper { is_locked(&self.file(name)) } else { Ok(false) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{SUFFIX}"))
    }

    fn take(&self, name: &str, like: &Path) -> Result<Mine> {
        make_folder(&self.folder, like)?;
        let path = self.file(name);
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| io_error("create", &path, source))?;
        share(&path, like, 0o666)?;
        // For people who look around; the lock is what counts. It is written before the lock is
        // taken, because Windows lets nobody else read a locked file.
        writeln!(file, "{}", std::process::id())
            .and_then(|()| file.lock())
            .map_err(|source| io_error("lock", &path, source))?;
        Ok(Mine { name: name.to_owned(), path, _file: file })
    }

    /// Removes the files of the dead. What cannot be removed stays for the next.
    fn sweep(&self) -> Result<()> {
        let listing =
            fs::read_dir(&self.folder).map_err(|source| io_error("read", &self.folder, source))?;
        for item in listing.flatten() {
            let path = item.path();
            if item.file_name().to_string_lossy().ends_with(SUFFIX) && !is_locked(&path)? {
                let _removed = fs::remove_file(&path);
            }
        }
        Ok(())
    }
}

impl Drop for Owners {
    fn drop(&mut self) {
        if let Some(mine) = &self.mine {
            // What stays is swept by the next owner.
            let _removed = fs::remove_file(&mine.path);
        }
    }
}

/// A missing file is not locked. The lock is tried shared, so that two who look at the same time do
/// not take each other for the owner.
fn is_locked(path: &Path) -> Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(io_error("open", path, source)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(io_error("lock", path, source)),
    }
}

fn fresh_name(random: &Random) -> Result<String> {
    let mut bytes = [0; 8];
    random(&mut bytes).map_err(|source| Error::Random { source })?;
    Ok(hex::encode(&bytes))
}

fn make_folder(folder: &Path, like: &Path) -> Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => share(folder, like, 0o777),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(io_error("create", folder, source)),
    }
}

/// Gives a file or folder the permissions of the ledger, so that all who write there can see who
/// lives. A folder can be entered by those who can read the ledger.
#[cfg(unix)]
fn share(path: &Path, like: &Path, mask: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let ledger = fs::metadata(like).map_err(|source| io_error("look at", like, source))?;
    let mode = ledger.permissions().mode();
    let mode = (mode | (mode & 0o444) >> 2) & mask;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|source| io_error("share", path, source))
}

#[cfg(not(unix))]
fn share(_path: &Path, _like: &Path, _mask: u32) -> Result<()> {
    Ok(())
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { doing, path: path.to_owned(), source }
}
