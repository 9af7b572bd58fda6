//! The card's memory in a file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Card, Model, Snapshot, Store};

/// A file that always holds the whole state of a card, the latest that it told anybody of.
///
/// Each change is written to a second file, which then takes the place of the first: whenever the
/// process is killed, one whole state is there. A lock beside it keeps a second process away: two
/// cards with one state would give away PIN tries. What it holds is secret, and lies in clear.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    durability: Durability,
    /// Free again when the process ends, however it does.
    lock: File,
}

/// What a state outlives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process.
    #[default]
    Process,
    /// A power cut too, at the price of a few milliseconds for each change.
    Machine,
}

/// Why a state file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read or written.
    #[error("failed to {action} the state file {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process has the card.
    #[error("the state file {} is in use by another virtual YubiKey", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It holds no state of a card, or only part of one.
    #[error("the state file {} is damaged; move it away to start with a new card", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it cannot be understood.
        source: serde_json::Error,
    },
    /// It is not there yet, and nobody said which model to make.
    #[error("there is no state file {} yet, and no model was given for a new card", path.display())]
    NoModel {
        /// The file.
        path: PathBuf,
    },
    /// It holds another card than the one asked for.
    #[error("the state file {} holds a {found}, not a {asked}", path.display())]
    OtherCard {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        asked: String,
        /// What it holds.
        found: String,
    },
}

impl Drop for StateFile {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is about to start has the file open
        // too, until it runs its program. If it fails, the end of the process does it.
        let _ = self.lock.unlock();
    }
}

/// What stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<S> {
    /// So that no other JSON is taken for a card.
    virtual_yubikey: Version,
    card: S,
}

/// The version of the form; there is one.
#[derive(Serialize, Deserialize)]
enum Version {
    #[serde(rename = "1")]
    One,
}

impl StateFile {
    /// The card that lies in a file, or, where there is none yet, a new one that will. From then on
    /// each change is in the file before the card's answer is given.
    ///
    /// Without a model or a serial number those of the file are taken. A new card needs a model.
    ///
    /// # Errors
    /// The file cannot be read, written or understood, another process uses it, or it holds another
    /// card than the one asked for.
    pub fn card(
        path: impl Into<PathBuf>,
        durability: Durability,
        model: Option<Model>,
        serial: Option<u32>,
    ) -> Result<Card, StateError> {
        let path = path.into();
        let lock = locked(&path)?;
        let mut file = Self { path, durability, lock };
        let mut card = match file.read()? {
            Some(snapshot) => Card::from_snapshot(snapshot),
            None => {
                let model = model.ok_or_else(|| StateError::NoModel { path: file.path.clone() })?;
                serial.map_or_else(|| Card::new(model), |serial| Card::with_serial(model, serial))
            }
        };
        if let Some(model) = model.filter(|model| *model != card.model()) {
            return Err(file.other_card(model.to_string(), card.model().to_string()));
        }
        if let Some(serial) = serial.filter(|serial| *serial != card.serial()) {
            let named = |serial| format!("token with the serial number {serial}");
            return Err(file.other_card(named(serial), named(card.serial())));
        }
        file.keep(&card.snapshot()).map_err(|source| io_error("write", &file.path)(source))?;
        card.set_store(file);
        Ok(card)
    }

    fn read(&self) -> Result<Option<Snapshot>, StateError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &self.path)(error)),
        };
        let content: Content<Snapshot> = serde_json::from_slice(&text)
            .map_err(|source| StateError::Damaged { path: self.path.clone(), source })?;
        Ok(Some(content.card))
    }

    fn other_card(&self, asked: String, found: String) -> StateError {
        StateError::OtherCard { path: self.path.clone(), asked, found }
    }
}

impl Store for StateFile {
    fn keep(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let content = Content { virtual_yubikey: Version::One, card: snapshot };
        let mut text = serde_json::to_vec_pretty(&content)?;
        text.push(b'\n');
        let next = beside(&self.path, ".new");
        let mut file = private(&next)?;
        file.write_all(&text)?;
        if self.durability == Durability::Machine {
            file.sync_all()?;
        }
        fs::rename(&next, &self.path)?;
        if self.durability == Durability::Machine {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

fn locked(path: &Path) -> Result<File, StateError> {
    let beside = beside(path, ".lock");
    let file = private(&beside).map_err(io_error("lock", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", path)(error)),
    }
}

/// An empty file that only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    move |source| StateError::Io { action, path: path.to_owned(), source }
}
