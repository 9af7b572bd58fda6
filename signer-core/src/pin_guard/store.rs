//! The files in which failures outlive the process.
//!
//! For each token a lock file, and for each kind of secret that failed a text file: a line that says
//! what it is, the token, two octets that tell which key the tags were made with, then one line for
//! each failure ([`Entry::to_line`]).

use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

use super::fault::Entry;
use super::folder::{self, unusable};
use crate::files::{owner_only, sync_folder};
use crate::{Result, Secret, SecretKind};

const FIRST_LINE: &str = "touchmark pin guard 1";

/// Far more than any counter can fill.
const LARGEST_FILE: u64 = 64 * 1024;

/// The folder with its key.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    key: hmac::Key,
    /// Tells this key from others, and nothing about it.
    key_name: String,
}

impl Store {
    /// Makes the folder and its key where they are missing.
    ///
    /// # Errors
    /// [`crate::Error::FailureMemory`].
    pub(super) fn open(folder: PathBuf) -> Result<Self> {
        folder::prepare(&folder)?;
        let path = folder.join("key");
        let octets = key(&folder, &path).map_err(|error| unusable(&path)(error.into()))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, octets.as_ref());
        let key_name = hex(hmac::sign(&key, b"touchmark pin guard key").as_ref(), 2);
        Ok(Self { folder, key, key_name })
    }

    /// Locks out other processes for this token; nothing when they take longer than `patience`.
    ///
    /// # Errors
    /// [`crate::Error::FailureMemory`].
    pub(super) fn lock(&self, id: &str, patience: Duration) -> Result<Option<File>> {
        let path = self.folder.join(format!("{}.lock", file_stem(id)));
        let failed = |error: io::Error| unusable(&path)(error.into());
        let file =
            owner_only().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// The low 8 bits by which a secret is known again.
    ///
    /// # Errors
    /// [`crate::Error::FailureMemory`].
    pub(super) fn tag(&self, secret: &Secret) -> Result<u8> {
        let mac = hmac::sign(&self.key, secret.expose());
        let low = mac.as_ref().last().copied();
        low.ok_or_else(|| unusable(&self.folder)("an HMAC without octets".into()))
    }

    /// What failed. A file that cannot be understood is an error: it may hold what must not be sent
    /// again.
    ///
    /// # Errors
    /// [`crate::Error::FailureMemory`].
    pub(super) fn load(&self, id: &str, kind: SecretKind) -> Result<Vec<Entry>> {
        let path = self.file(id, kind);
        let mut text = String::new();
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&path)(error.into())),
            Ok(file) => file
                .take(LARGEST_FILE)
                .read_to_string(&mut text)
                .map_err(|error| unusable(&path)(error.into()))?,
        };
        self.understand(&text, id, kind)
            .ok_or_else(|| unusable(&path)("it is damaged, or of another version".into()))
    }

    /// Writes down what failed. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`crate::Error::FailureMemory`].
    pub(super) fn save(&self, id: &str, kind: SecretKind, entries: &[Entry]) -> Result<()> {
        if entries.is_empty() {
            return self.remove(id, kind).map(|_| ());
        }
        let mut text = format!("{FIRST_LINE}\n{}\n{}\n", id.escape_default(), self.key_name);
        for entry in entries {
            // Into a String; that cannot fail.
            let _ = writeln!(text, "{}", entry.to_line());
        }
        let path = self.file(id, kind);
        replace(&self.folder, &path, text.as_bytes()).map_err(|e| unusable(&path)(e.into()))
    }

    /// Forgets what failed, and tells whether there was anything.
    ///
    /// # Errors
    /// [`crate::Error::FailureMemory`].
    pub(super) fn remove(&self, id: &str, kind: SecretKind) -> Result<bool> {
        // Not waited for: what comes back after a power cut is lifted by the counter.
        let path = self.file(id, kind);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unusable(&path)(error.into())),
        }
    }

    fn file(&self, id: &str, kind: SecretKind) -> PathBuf {
        let kind = kind.to_string().replace(' ', "-").to_ascii_lowercase();
        self.folder.join(format!("{}.{kind}", file_stem(id)))
    }

    fn understand(&self, text: &str, id: &str, kind: SecretKind) -> Option<Vec<Entry>> {
        // A file that was cut off has no end of its last line.
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != FIRST_LINE || lines.next()? != id.escape_default().to_string() {
            return None;
        }
        let same_key = lines.next()? == self.key_name;
        let mut entries: Vec<Entry> =
            lines.map(|line| Entry::from_line(line, kind)).collect::<Option<_>>()?;
        if !same_key {
            entries.iter_mut().for_each(|entry| entry.tag = None);
        }
        Some(entries)
    }
}

/// Something to recognise a token by, then what tells it from all others: a token chooses its own
/// serial number and must not choose a path with it.
fn file_stem(id: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let readable: String = id.chars().map(harmless).take(40).collect();
    format!("{readable}-{}", hex(digest::digest(&digest::SHA256, id.as_bytes()).as_ref(), 8))
}

fn hex(octets: &[u8], count: usize) -> String {
    octets.iter().take(count).map(|octet| format!("{octet:02x}")).collect()
}

/// Reads the key, or makes one. Two processes that come first at the same time get the same one.
fn key(folder: &Path, path: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let lock = folder.join("key.lock");
    let lock = owner_only().write(true).create(true).truncate(false).open(lock)?;
    lock.lock()?;
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let mut key = Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(key.as_mut())
        .map_err(|_| io::Error::other("the system gives no randomness"))?;
    replace(folder, path, key.as_ref())?;
    Ok(key)
}

fn read_key(path: &Path) -> io::Result<Option<Zeroizing<[u8; 32]>>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut key = Zeroizing::new([0; 32]);
    file.read_exact(key.as_mut())?;
    Ok(Some(key))
}

/// Puts a whole new file in place of an old one. Whoever calls this holds a lock.
fn replace(folder: &Path, path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = owner_only().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(folder)
}
