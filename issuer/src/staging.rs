//! Files that appear whole or not at all.
//!
//! A file is written under a name that starts with a dot, made durable, and only then given its own
//! name. What a killed process leaves behind is swept away at the next start: every [`Staging`]
//! holds a lock for its life, and names that nobody holds a lock for are nobody's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use signer_core::files::sync_folder;

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct StagingError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StagingError + '_ {
    move |source| StagingError { path: path.to_owned(), source }
}

/// A place in one folder for files that are not finished.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    name: String,
    lock: Option<File>,
    /// How many temporaries there were: their names are numbers, as a target's name may be as long as
    /// the file system allows.
    count: AtomicU64,
    /// How many of them were given their names.
    published: AtomicU64,
}

const PREFIX: &str = ".touchmark-";
/// From this many files on, one `syncfs` costs less than an `fsync` for each.
const MANY: usize = 8;

impl Staging {
    /// Opens a place in `folder`, which must exist, and sweeps away what killed processes left.
    ///
    /// # Errors
    /// [`StagingError`] when the folder cannot be written to.
    pub fn open(folder: &Path) -> Result<Self, StagingError> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        sweep(folder).map_err(at(folder))?;
        loop {
            let name = format!("{PREFIX}{:016x}", random().map_err(at(folder))?);
            let path = folder.join(format!("{name}.lock"));
            let lock =
                OpenOptions::new().write(true).create_new(true).open(&path).map_err(at(&path))?;
            // A sweeper may have come between; then its removal wins and another name is tried.
            if lock.try_lock().is_ok() && path.exists() {
                return Ok(Self {
                    folder: folder.to_owned(),
                    name,
                    lock: Some(lock),
                    count: AtomicU64::new(0),
                    published: AtomicU64::new(0),
                });
            }
        }
    }

    /// Opens a place in the folder that a file is to be written into.
    ///
    /// # Errors
    /// As [`Staging::open`].
    pub fn beside(path: &Path) -> Result<Self, StagingError> {
        Self::open(path.parent().unwrap_or(Path::new("")))
    }

    /// Makes an empty file that has no name of its own yet. `target` is a plain file name in the
    /// folder.
    ///
    /// # Errors
    /// [`StagingError`] when it cannot be made.
    pub fn create(&self, target: &str) -> Result<(File, Staged), StagingError> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let staged = Staged {
            temporary: self.folder.join(format!("{}-{number}", self.name)),
            target: self.folder.join(target),
        };
        refuse_special(&staged.target).map_err(at(&staged.target))?;
        // A new file: a link that somebody else put under that name would not be followed.
        let file = File::create_new(&staged.temporary).map_err(at(&staged.target))?;
        Ok((file, staged))
    }

    /// Writes a file that has no name of its own yet. `target` is a plain file name in the folder.
    ///
    /// # Errors
    /// [`StagingError`] when it cannot be written whole.
    pub fn stage(&self, target: &str, contents: &[u8]) -> Result<Staged, StagingError> {
        let (mut file, staged) = self.create(target)?;
        file.write_all(contents).map_err(at(&staged.target))?;
        Ok(staged)
    }

    /// Makes staged files durable and gives them their names. What was there under those names is
    /// replaced.
    ///
    /// # Errors
    /// [`StagingError`]; each file then has either its old contents or its new ones.
    pub fn publish(&self, staged: Vec<Staged>) -> Result<(), StagingError> {
        if staged.len() < MANY || !sync_whole(&self.folder).map_err(at(&self.folder))? {
            for one in &staged {
                OpenOptions::new()
                    .write(true)
                    .open(&one.temporary)
                    .and_then(|file| file.sync_all())
                    .map_err(at(&one.target))?;
            }
        }
        for one in &staged {
            fs::rename(&one.temporary, &one.target).map_err(at(&one.target))?;
            self.published.fetch_add(1, Ordering::Relaxed);
        }
        sync_folder(&self.folder).map_err(at(&self.folder))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the next start sweeps again. A folder with a
        // hundred thousand files is not read for nothing.
        if self.count.get_mut() != self.published.get_mut() {
            let _ = remove_all(&self.folder, &self.name);
        }
        drop(self.lock.take());
        let _ = fs::remove_file(self.folder.join(format!("{}.lock", self.name)));
    }
}

/// A file with its contents, waiting for its name.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    target: PathBuf,
}

/// Writes files whole or not at all, replacing what was there. Nothing gets its name before all of
/// them are written; those of one folder are given their names together.
///
/// # Errors
/// [`StagingError`]; each file then has either its old contents or its new ones.
pub fn write_all(files: &[(&Path, &[u8])]) -> Result<(), StagingError> {
    let mut folders: Vec<(&Path, Staging, Vec<Staged>)> = Vec::new();
    for (path, contents) in files {
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = name_of(path)?;
        let at = match folders.iter().position(|(known, _, _)| *known == folder) {
            Some(at) => at,
            None => {
                folders.push((folder, Staging::open(folder)?, Vec::new()));
                folders.len() - 1
            }
        };
        if let Some((_, staging, staged)) = folders.get_mut(at) {
            staged.push(staging.stage(name, contents)?);
        }
    }
    for (_, staging, staged) in &mut folders {
        staging.publish(std::mem::take(staged))?;
    }
    Ok(())
}

/// The file name at the end of a path.
///
/// # Errors
/// [`StagingError`] when there is none, or none in UTF-8.
pub fn name_of(path: &Path) -> Result<&str, StagingError> {
    path.file_name().and_then(|name| name.to_str()).ok_or_else(|| StagingError {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, "it is no file name in UTF-8"),
    })
}

/// Writes one file whole or not at all, replacing what was there.
///
/// # Errors
/// [`StagingError`]; the file then has its old contents.
pub fn write_whole(path: &Path, contents: &[u8]) -> Result<(), StagingError> {
    write_all(&[(path, contents)])
}

/// A device or pipe would be replaced by a file: `/dev/null` for everybody, where root writes.
fn refuse_special(target: &Path) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(found) if !found.is_file() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is there and no plain file"))
        }
        _ => Ok(()),
    }
}

/// Removes what belongs to lock files that nobody holds, and temporaries without a lock file. What
/// another user left behind and this one may not touch stays, and is in nobody's way.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(owner) = owner(&name) else { continue };
        // A pipe of that name would never be done opening.
        if !entry.file_type()?.is_file() {
            continue;
        }
        match sweep_one(folder, &name, owner) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn sweep_one(folder: &Path, name: &str, owner: &str) -> io::Result<()> {
    let lock_path = folder.join(format!("{owner}.lock"));
    match fs::symlink_metadata(&lock_path) {
        Ok(found) if !found.is_file() => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return remove(&folder.join(name)),
        Err(error) => return Err(error),
    }
    let lock = match File::open(&lock_path) {
        Ok(lock) => lock,
        // Its owner, or another sweeper, has just been here.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) => {
            remove_all(folder, owner)?;
            remove(&lock_path)
        }
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The part of a name that says which [`Staging`] it belongs to; nothing for names that none makes.
fn owner(name: &str) -> Option<&str> {
    let owner = name.get(..PREFIX.len() + 16)?;
    let number = owner.strip_prefix(PREFIX)?;
    let end = name.get(owner.len()..)?;
    let ours = number.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && (end == ".lock" || end.starts_with('-'));
    ours.then_some(owner)
}

fn remove_all(folder: &Path, owner: &str) -> io::Result<()> {
    let mine = format!("{owner}-");
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&mine)) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file that another process may be removing, too.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn random() -> io::Result<u64> {
    use aws_lc_rs::rand::{SecureRandom, SystemRandom};
    let mut octets = [0; 8];
    SystemRandom::new()
        .fill(&mut octets)
        .map_err(|_| io::Error::other("the system gives no randomness"))?;
    Ok(u64::from_le_bytes(octets))
}

/// Makes everything on the folder's file system durable, where the system can; says whether it did.
#[cfg(target_os = "linux")]
fn sync_whole(folder: &Path) -> io::Result<bool> {
    rustix::fs::syncfs(File::open(folder)?)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_whole(_folder: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_appear_with_their_contents_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "old").unwrap();
        for count in [2, 20] {
            let staging = Staging::open(folder.path()).unwrap();
            let staged = (0..count)
                .map(|n| staging.stage(&format!("{}", char::from(b'a' + n)), b"new").unwrap())
                .collect();
            assert_eq!(fs::read(folder.path().join("a")).unwrap().len(), 3);
            staging.publish(staged).unwrap();
            drop(staging);
            assert_eq!(names(folder.path()).len(), usize::from(count));
            assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"new");
        }
    }

    #[test]
    fn what_is_not_published_never_gets_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        staging.stage("a", b"half").unwrap();
        drop(staging);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn the_dead_are_swept_away_and_the_living_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let living = Staging::open(folder.path()).unwrap();
        living.stage("a", b"mine").unwrap();
        for name in [".touchmark-00000000000000aa.lock", ".touchmark-00000000000000aa-x.pem"] {
            fs::write(folder.path().join(name), "dead").unwrap();
        }
        fs::write(folder.path().join(".touchmark-00000000000000bb-y.pem"), "dead").unwrap();
        let notes = [".touchmark-notes", ".touchmark-settings-of-last-year.toml"];
        for name in notes {
            fs::write(folder.path().join(name), "somebody's").unwrap();
        }
        let next = Staging::open(folder.path()).unwrap();
        let left = names(folder.path());
        assert_eq!(left.len(), 5, "two locks, the living temporary, the notes: {left:?}");
        drop((living, next));
        assert_eq!(names(folder.path()), notes);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_under_the_name_of_a_temporary_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious");
        fs::write(&precious, "old").unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        let trap = folder.path().join(format!("{}-0", staging.name));
        std::os::unix::fs::symlink(&precious, trap).unwrap();
        staging.stage("a", b"new").unwrap_err();
        assert_eq!(fs::read(&precious).unwrap(), b"old");
    }

    #[test]
    fn what_is_no_plain_file_is_neither_swept_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path()).unwrap();
        for name in [".touchmark-00000000000000aa.lock", ".touchmark-00000000000000bb-x", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join(".touchmark-00000000000000aa-x"), "theirs").unwrap();
        staging.stage("out", b"new").unwrap_err();
        drop(Staging::open(folder.path()).unwrap());
        drop(staging);
        assert_eq!(names(folder.path()).len(), 4);
    }

    #[test]
    fn many_at_once_do_not_sweep_each_other() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let folder = folder.path();
                scope.spawn(move || {
                    for n in 0..25 {
                        let name = format!("{thread}-{n}.pem");
                        write_whole(&folder.join(&name), name.as_bytes()).unwrap();
                    }
                });
            }
        });
        let names = names(folder.path());
        assert_eq!(names.len(), 200);
        for name in names {
            assert_eq!(fs::read_to_string(folder.path().join(&name)).unwrap(), name);
        }
    }
}
