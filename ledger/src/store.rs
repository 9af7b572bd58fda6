//! The SQLite file: opening, transactions, waiting for others, and the size of its log.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::{
    Error, Location, Missing, Result,
    fault::{Fault, is_busy},
    schema,
};

/// How long other processes may keep the ledger before a call gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Pages of write-ahead log after which a commit copies them into the file: 64 MiB. Random keys
/// touch the same pages again and again, so that copying late copies less.
const CHECKPOINT_PAGES: i64 = 16_384;

/// Bytes of write-ahead log that are no longer left to chance. Under steady load by many
/// processes, SQLite's own copying may never find the moment to start the log anew.
const LARGE_LOG: u64 = 256 << 20;

/// How long a commit may wait for readers before it leaves a large log for later.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(200);

/// An open SQLite file.
#[derive(Debug)]
pub(crate) struct Store {
    conn: Connection,
    path: PathBuf,
    log: PathBuf,
    /// The size of the log at which it is next cut down.
    cut_at: u64,
    /// Milliseconds that the busy handler waits.
    patience: Arc<AtomicU64>,
}

/// What an opened file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A ledger.
    Ledger,
    /// An empty file that has to become one.
    Empty,
}

impl Store {
    /// Opens the file for reading and writing, and creates it where it may.
    pub(crate) fn open(location: &Location, missing: Missing) -> Result<(Self, Found)> {
        let path = absolute(location.path())?;
        check_folder(&path)?;
        // A file descriptor of our own on the file would, when closed, drop the POSIX locks of
        // every other ledger that this process has open on it. So the file is only ever created
        // here while no thread of this process can be opening it.
        static CREATING: Mutex<()> = Mutex::new(());
        let creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.exists() {
            match missing {
                Missing::Refuse => return Err(Error::Missing { path }),
                Missing::Create => create(&path)?,
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&path, flags);
        drop(creating);
        let store = Self::wrap(conn, path)?;
        let found = match store.identify() {
            Err(Error::Storage { source, path, .. }) if unwritable(&source) => {
                return Err(Error::Unwritable { path, source: Some(source) });
            }
            other => other?,
        };
        // SQLite opens what it cannot write for reading, and says nothing.
        if store.conn.is_readonly(rusqlite::MAIN_DB).unwrap_or(false) {
            return Err(Error::Unwritable { path: store.path, source: None });
        }
        if found == Found::Empty && missing == Missing::Refuse {
            return Err(store.not_a_ledger("it is empty"));
        }
        store.set_up_writing()?;
        Ok((store, found))
    }

    /// Opens the file for reading.
    pub(crate) fn open_read_only(location: &Location) -> Result<Self> {
        let path = absolute(location.path())?;
        if !path.exists() {
            return Err(Error::Missing { path });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut store = Self::wrap(Connection::open_with_flags(&path, flags), path.clone())?;
        let found = match store.identify() {
            // A log cannot be made in a folder that is read-only. Where none is needed, because
            // the ledger was closed properly, the file can be read as it is.
            Err(Error::Storage { source, .. }) if unwritable(&source) && !store.log.exists() => {
                let flags = flags | OpenFlags::SQLITE_OPEN_URI;
                store = Self::wrap(Connection::open_with_flags(frozen(&path), flags), path)?;
                store.identify()?
            }
            other => other?,
        };
        match found {
            Found::Ledger => store.set_up_reading().map(|()| store),
            Found::Empty => Err(store.not_a_ledger("it is empty")),
        }
    }

    fn wrap(conn: rusqlite::Result<Connection>, path: PathBuf) -> Result<Self> {
        let conn = match conn {
            Ok(conn) => conn,
            Err(error) => return Err(Fault::from(error).during("open", &path)),
        };
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        let patience = Arc::new(AtomicU64::new(millis(PATIENCE)));
        let mut store = Self { conn, path, log: log.into(), cut_at: LARGE_LOG, patience };
        store.set_up().map_err(|error| Fault::from(error).during("open", &store.path))?;
        Ok(store)
    }

    fn set_up(&mut self) -> rusqlite::Result<()> {
        let patience = Arc::clone(&self.patience);
        let mut since = Instant::now();
        // SQLite's own handler sleeps up to 100 ms a time, which at ten transactions in that time
        // is what a crowd of stations would mostly do.
        self.conn.busy_handler(Some(move |round: i32| {
            if round == 0 {
                since = Instant::now();
            }
            if millis(since.elapsed()) >= patience.load(Ordering::Relaxed) {
                return false;
            }
            thread::sleep(pause(round));
            true
        }))?;
        self.conn.set_prepared_statement_cache_capacity(64);
        self.conn.pragma_update(None, "trusted_schema", false)?;
        self.conn.pragma_update(None, "cell_size_check", true)
    }

    /// 8 MiB: the kernel keeps the rest, and memory stays flat. This already reads the file, so it has to be known to be a ledger.
    fn set_up_reading(&self) -> Result<()> {
        self.patiently("open", |conn| conn.pragma_update(None, "cache_size", -8_192))
    }

    fn set_up_writing(&self) -> Result<()> {
        self.set_up_reading()?;
        self.patiently("open", |conn| {
            let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
            if mode != "wal" {
                conn.pragma_update(None, "journal_mode", "wal")?;
            }
            conn.pragma_update(None, "synchronous", "full")?;
            conn.pragma_update(None, "fullfsync", true)?;
            conn.pragma_update(None, "checkpoint_fullfsync", true)?;
            conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            conn.pragma_update(None, "journal_size_limit", 128 << 20)
        })?;
        let mode: String = self.patiently("open", |conn| {
            conn.pragma_query_value(None, "journal_mode", |row| row.get(0))
        })?;
        if mode == "wal" {
            Ok(())
        } else {
            let what = format!("its journal is '{mode}' and cannot be made 'wal'");
            Err(Error::Inconsistent { what })
        }
    }

    /// The file, as an absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in one transaction that no other writer is in, and makes it durable.
    pub(crate) fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T> {
        let done = self.transact(work).map_err(|fault| fault.during(doing, &self.path))?;
        self.cut_log();
        Ok(done)
    }

    /// Runs `work` on one state of the ledger; it may run more than once.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        mut work: impl FnMut(&Connection) -> Result<T, Fault>,
    ) -> Result<T> {
        let since = Instant::now();
        for round in 0.. {
            match self.read_once(&mut work) {
                Err(Fault::Sqlite(error)) if is_busy(&error) && since.elapsed() < PATIENCE => {
                    thread::sleep(pause(round));
                }
                other => return other.map_err(|fault| fault.during(doing, &self.path)),
            }
        }
        // `round` would have to run through all of i32.
        Err(Error::Inconsistent { what: "it stayed busy".to_owned() })
    }

    fn read_once<T>(
        &self,
        work: &mut impl FnMut(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Deferred)?;
        work(&tx)
    }

    fn transact<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let tx = retry(|| Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate))?;
        let done = work(&tx)?;
        tx.commit()?;
        Ok(done)
    }

    fn patiently<T>(
        &self,
        doing: &'static str,
        mut work: impl FnMut(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        retry(|| work(&self.conn)).map_err(|error| Fault::from(error).during(doing, &self.path))
    }

    fn identify(&self) -> Result<Found> {
        // In one transaction: another process may be making the tables right now.
        let facts = self.read("open", |conn| {
            let application: i64 =
                conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
            let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let tables: i64 =
                conn.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
            Ok((application, version, tables))
        });
        match facts {
            Ok((0, 0, 0)) => Ok(Found::Empty),
            Ok((schema::APPLICATION, schema::VERSION, _)) => Ok(Found::Ledger),
            Ok((schema::APPLICATION, found, _)) if found > schema::VERSION => {
                let path = self.path.clone();
                Err(Error::NewerLedger { path, found, known: schema::VERSION })
            }
            Ok((schema::APPLICATION, found, _)) => {
                Err(self.not_a_ledger(&format!("it has the unknown format {found}")))
            }
            Ok(_) => Err(self.not_a_ledger("it is another program's database")),
            Err(Error::Storage { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::NotADatabase) =>
            {
                Err(self.not_a_ledger("it is not an SQLite file"))
            }
            Err(error) => Err(error),
        }
    }

    fn not_a_ledger(&self, why: &str) -> Error {
        Error::NotALedger { path: self.path.clone(), why: why.to_owned() }
    }

    /// Lets a test reach the connection, to take away what it needs.
    #[cfg(test)]
    pub(crate) const fn connection(&self) -> &Connection {
        &self.conn
    }

    /// Lets a test call a small log large.
    #[cfg(test)]
    pub(crate) const fn cut_above(&mut self, bytes: u64) {
        self.cut_at = bytes;
    }

    /// Keeps the log small. Its failure is no failure of the commit before it, which is durable,
    /// and the next commit tries again.
    fn cut_log(&mut self) {
        if size(&self.log) < self.cut_at {
            return;
        }
        self.patience.store(millis(CHECKPOINT_PATIENCE), Ordering::Relaxed);
        let _cut = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        self.patience.store(millis(PATIENCE), Ordering::Relaxed);
        self.cut_at = LARGE_LOG.max(size(&self.log) + LARGE_LOG / 2);
    }
}

/// Repeats `work` while another process is in the way. SQLite does not ask the busy handler where
/// waiting could deadlock, so there has to be a loop around it as well.
fn retry<T>(mut work: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let since = Instant::now();
    let mut round = 0;
    loop {
        match work() {
            Err(error) if is_busy(&error) && since.elapsed() < PATIENCE => {
                thread::sleep(pause(round));
                round = round.saturating_add(1);
            }
            other => return other,
        }
    }
}

/// 0.1 ms at first, 1.6 ms at most.
fn pause(round: i32) -> Duration {
    Duration::from_micros(100 << round.clamp(0, 4))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|source| Error::Io {
        doing: "find",
        path: path.to_owned(),
        source,
    })
}

fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    if !folder.is_dir() {
        return Err(Error::MissingFolder { folder: folder.to_owned() });
    }
    if path.is_dir() {
        return Err(Error::NotALedger { path: path.to_owned(), why: "it is a folder".to_owned() });
    }
    Ok(())
}

/// Makes an empty file that only its owner can read. SQLite gives its log the same permissions.
fn create(path: &Path) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::Io { doing: "create", path: path.to_owned(), source }),
    }
}

fn unwritable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// The URI of a file that nobody writes.
fn frozen(path: &Path) -> String {
    let mut uri = String::from("file:");
    let text = path.to_string_lossy().replace('\\', "/");
    if !text.starts_with('/') {
        uri.push('/');
    }
    for c in text.chars() {
        match c {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            c => uri.push(c),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
