//! Values and ledgers to test with.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use ledger::{Claim, Digest, Intent, Issued, Ledger, Location, OpenOptions, Serial};
use serde_json::json;

/// A folder with a ledger in it, and a clock that only moves when told.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: TestClock,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: TestClock::default() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("touchmark.db")
    }

    pub(crate) fn location(&self) -> Location {
        Location::sqlite(self.path())
    }

    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions { clock: self.clock.clock(), ..OpenOptions::new("ada", "line-3") }
    }

    pub(crate) fn open(&self) -> Ledger {
        Ledger::open(&self.location(), self.options()).unwrap()
    }

    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

/// Starts at a round moment of 2026.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) const START: u64 = 1_795_000_000;

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> ledger::Clock {
        let seconds = Arc::clone(&self.0);
        Arc::new(move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst)))
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(Self::START)))
    }
}

pub(crate) fn digest(what: &str) -> Digest {
    Digest::of(what.as_bytes())
}

pub(crate) fn serial(what: &str) -> Serial {
    Serial::new(digest(&format!("serial {what}")).as_bytes().first_chunk::<16>().unwrap()).unwrap()
}

/// An intent of which every part follows from `name`.
pub(crate) fn intent(name: &str) -> Intent {
    Intent {
        issuer: digest("issuer"),
        device_type: Some("A2TYPE".to_owned()),
        device_id: Some(name.to_owned()),
        subject_key: digest(&format!("key {name}")),
        request: digest(&format!("request {name}")),
        serial: serial(name),
        reissue: None,
        details: json!({ "subject": format!("CN={name}") }),
    }
}

/// The same intent with another serial, as a second attempt has it.
pub(crate) fn again(intent: &Intent, attempt: &str) -> Intent {
    Intent { serial: serial(&format!("{} {attempt}", intent.serial)), ..intent.clone() }
}

pub(crate) fn reissue(intent: &Intent, attempt: &str) -> Intent {
    Intent { reissue: Some(attempt.to_owned()), ..again(intent, attempt) }
}

/// Stands for a certificate.
pub(crate) fn certificate(entry: u64) -> Vec<u8> {
    format!("certificate of intent {entry} ").repeat(3).into_bytes()
}

#[track_caller]
pub(crate) fn granted(claim: &Claim) -> u64 {
    match claim {
        Claim::Granted { entry, .. } => *entry,
        other => panic!("not granted: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn begin_one(ledger: &mut Ledger, intent: &Intent) -> Claim {
    ledger.begin(std::slice::from_ref(intent)).unwrap().pop().unwrap()
}

/// Begins and commits one intent, and answers the number of its `issued` entry.
#[track_caller]
pub(crate) fn issue(ledger: &mut Ledger, intent: &Intent) -> u64 {
    let entry = granted(&begin_one(ledger, intent));
    ledger.commit(&[Issued::new(entry, certificate(entry))]).unwrap()[0]
}

#[track_caller]
pub(crate) fn assert_sound(ledger: &Ledger) {
    let report = ledger.verify().unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
}

/// The names of the lock files beside a ledger.
pub(crate) fn lock_files(path: &Path) -> Vec<String> {
    let folder = PathBuf::from(format!("{}.owners", path.display()));
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    listing.map(|item| item.unwrap().file_name().into_string().unwrap()).collect()
}
