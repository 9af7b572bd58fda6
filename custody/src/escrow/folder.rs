//! A folder in which each secret has a file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signer_core::files::{owner_only, sync_folder};
use signer_core::{Clock, SystemClock};
use time::OffsetDateTime;
use time::macros::format_description;

use super::paper::{self, Note};
use super::{Cause, Deposit, Escrow, Fate, Receipt};
use crate::age::{self, Recipient, Sealed};

/// Between the name of a file and its endings as long as nobody knows whether the token has it.
const PENDING: &str = ".pending";
const UNUSED: &str = ".unused";

/// Keeps each secret in a file of its own, `SERIAL.SECRET.TIME.toml.age`: encrypted to age recipients
/// (`age -d -i IDENTITY FILE` reads it), or, with nobody to encrypt to, as plain `….toml` that only
/// its owner can read.
///
/// A file has `.pending` in its name until the token is known to have the secret, and `.unused` when
/// the token is known not to have it. No file is ever overwritten or removed.
#[derive(Clone, Debug)]
pub struct EscrowFolder {
    folder: PathBuf,
    recipients: Vec<Recipient>,
    operator: String,
    station: String,
    clock: Arc<dyn Clock>,
}

impl EscrowFolder {
    /// Keeps secrets in `folder`, which is made when it is missing, encrypted to `recipients`; **in
    /// the clear when there are none**, of which a person should be warned.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, recipients: Vec<Recipient>) -> Self {
        Self {
            folder: folder.into(),
            recipients,
            operator: String::new(),
            station: String::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Names who puts secrets there, and where.
    #[must_use]
    pub fn by(mut self, operator: impl Into<String>, station: impl Into<String>) -> Self {
        (self.operator, self.station) = (operator.into(), station.into());
        self
    }

    /// Where the time in names and files comes from.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Whether what is kept here is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Writes a new file that is whole or not there.
    fn write(&self, stem: &str, ending: &str, octets: &[u8]) -> Result<PathBuf, Cause> {
        let temporary = self.folder.join(format!(".{stem}.{}.new", std::process::id()));
        let written = owner_only()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .and_then(|mut file| file.write_all(octets).and_then(|()| file.sync_all()));
        let placed = written
            .map_err(|error| about(&temporary, error))
            .and_then(|()| place(&temporary, &self.folder, stem, ending));
        if placed.is_err() {
            // It may not be there at all.
            let _ = fs::remove_file(&temporary);
        }
        let path = placed?;
        sync_folder(&self.folder).map_err(|error| about(&self.folder, error))?;
        Ok(path)
    }
}

impl Escrow for EscrowFolder {
    fn deposit(&self, deposit: &Deposit<'_>) -> Result<Receipt, Cause> {
        prepare(&self.folder, self.is_encrypted())?;
        let time = OffsetDateTime::from(self.clock.now());
        let note = Note { operator: &self.operator, station: &self.station, time };
        let text = paper::write(deposit, &note).ok_or("it is no text of a usual length")?;
        let sealed = match self.is_encrypted() {
            true => Some(age::seal(text.as_bytes(), &self.recipients)?),
            false => None,
        };
        let (octets, ending) = match &sealed {
            Some(sealed) => (sealed.file().as_bytes(), ".toml.age"),
            None => (text.as_bytes(), ".toml"),
        };
        let path = self.write(&stem(deposit, time)?, ending, octets)?;
        if !holds(&path, sealed.as_ref(), text.as_bytes()).map_err(|error| about(&path, error))? {
            return Err(format!("{} reads back otherwise than written", path.display()).into());
        }
        let place = path.to_str().ok_or("its name is no UTF-8, so it cannot be told")?;
        Ok(Receipt(place.to_owned()))
    }

    fn settle(&self, receipt: &Receipt, fate: Fate) -> Result<Receipt, Cause> {
        let old = Path::new(&receipt.0);
        let name = old.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (stem, ending) = name.split_once(PENDING).ok_or("it is settled already")?;
        // What kept two apart as long as both were pending stays in the name.
        let (number, ending) = ending.split_at(ending.find(".toml").unwrap_or_default());
        let stem = match fate {
            Fate::Taken => format!("{stem}{number}"),
            Fate::Refused => format!("{stem}{number}{UNUSED}"),
        };
        let new = claim(old, &self.folder, &stem, ending)?;
        sync_folder(&self.folder).map_err(|error| about(&self.folder, error))?;
        let place = new.to_str().ok_or("its name is no UTF-8, so it cannot be told")?;
        Ok(Receipt(place.to_owned()))
    }
}

/// What the file is called before its endings: the token, the secret, the time, so that a listing
/// has the secrets of a token together and the newest last.
fn stem(deposit: &Deposit<'_>, time: OffsetDateTime) -> Result<String, Cause> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let token = deposit.serial.unwrap_or(deposit.token);
    // A token chooses its own serial number, and no path with it.
    let harmless = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let token: String = token.chars().map(harmless).take(64).collect();
    // A name that began with a dot would not be listed.
    let token = if token.is_empty() { "unnamed" } else { &token };
    Ok(format!("{token}.{}.{}", paper::word(deposit.kind), time.format(&format)?))
}

/// Gives a whole file its name, and never one that is taken.
fn place(from: &Path, folder: &Path, stem: &str, ending: &str) -> Result<PathBuf, Cause> {
    claim(from, folder, &format!("{stem}{PENDING}"), ending)
}

/// Renames to `STEM ENDING`, or to the first of `STEM-2 ENDING` and so on that is free.
fn claim(from: &Path, folder: &Path, stem: &str, ending: &str) -> Result<PathBuf, Cause> {
    const MOST: u32 = 1000;
    for number in 1..MOST {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let to = folder.join(format!("{stem}{number}{ending}"));
        return match give_name(from, &to) {
            Ok(()) => Ok(to),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => Err(about(&to, error)),
        };
    }
    Err(format!("{MOST} files are called {stem}").into())
}

/// Renames a file, unless the name is taken.
fn give_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => return fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // Not every file system has hard links. An empty file takes the name there.
        Err(_) => {}
    }
    drop(owner_only().write(true).create_new(true).open(to)?);
    fs::rename(from, to).inspect_err(|_| {
        // It is empty, and ours.
        let _ = fs::remove_file(to);
    })
}

/// Reads a file again, as whoever looks for the secret will.
fn holds(path: &Path, sealed: Option<&Sealed>, text: &[u8]) -> io::Result<bool> {
    let mut octets = zeroize::Zeroizing::new(Vec::with_capacity(128 * 1024));
    File::open(path)?.take(128 * 1024).read_to_end(&mut octets)?;
    Ok(match sealed {
        Some(sealed) => sealed.holds(&octets, text),
        None => octets.as_slice() == text,
    })
}

fn about(path: &Path, error: io::Error) -> Cause {
    io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
}

#[cfg(unix)]
fn prepare(folder: &Path, encrypted: bool) -> Result<(), Cause> {
    use std::os::unix::fs::DirBuilderExt;

    use signer_core::files::{Reach, objection_to_folder};

    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).map_err(|error| about(folder, error))?;
    let objection =
        objection_to_folder(folder, Reach::Own).map_err(|error| about(folder, error))?;
    // What is encrypted may lie where a team can reach it; what is not, where nobody else can put
    // another file in its place.
    match encrypted || objection.is_none() {
        true => Ok(()),
        false => Err(format!("{} can be written by others", folder.display()).into()),
    }
}

#[cfg(not(unix))]
fn prepare(folder: &Path, _encrypted: bool) -> Result<(), Cause> {
    fs::create_dir_all(folder).map_err(|error| about(folder, error))
}
