//! What can only be provoked from inside: a full disk, a large log.

use super::*;
use crate::{CertificateFilter, Serial};

fn intents(from: u8, to: u8) -> Vec<Intent> {
    let intent = |number| Intent {
        issuer: Digest::ZERO,
        device_type: None,
        device_id: None,
        subject_key: Digest::of(&[number]),
        request: Digest::of(&[number]),
        serial: Serial::new(&[number]).unwrap(),
        reissue: None,
        details: serde_json::Value::String("x".repeat(5000)),
    };
    (from..to).map(intent).collect()
}

fn entries(claims: &[Claim]) -> Vec<u64> {
    let entry = |claim: &Claim| match claim {
        Claim::Granted { entry, .. } => *entry,
        other => panic!("{other:?}"),
    };
    claims.iter().map(entry).collect()
}

fn pages(ledger: &Ledger, limit: &str) {
    let sql = format!("PRAGMA max_page_count = {limit}");
    ledger.store.connection().query_row(&sql, (), |_| Ok(())).unwrap();
}

/// SQLite answers "full" when the file may not grow, just as when the disk is full.
#[test]
fn a_full_disk_loses_the_group_and_the_ledger_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::sqlite(folder.path().join("a.db"));
    let mut ledger = Ledger::open(&location, OpenOptions::new("ada", "test")).unwrap();
    let open = entries(&ledger.begin(&intents(1, 3)).unwrap());
    let issued = |der: usize| -> Vec<Issued> {
        open.iter().map(|&entry| Issued::new(entry, vec![1; der])).collect()
    };
    let head = ledger.head().unwrap();
    // The lowest limit that SQLite takes is what the file has already.
    pages(&ledger, "1");
    let errors = [
        ledger.begin(&intents(3, 50)).unwrap_err(),
        ledger.commit(&issued(100_000)).unwrap_err(),
        ledger.refuse(&vec![refusal(); 20]).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, Error::Full { .. }), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
    }
    assert_eq!(ledger.head().unwrap(), head);
    assert!(ledger.verify().unwrap().is_sound());
    pages(&ledger, "1000000");
    // The intents are still open, and the same commit succeeds now.
    ledger.commit(&issued(100_000)).unwrap();
    entries(&ledger.begin(&intents(3, 50)).unwrap());
    assert_eq!(ledger.certificates(CertificateFilter::default()).count(), 2);
    assert!(ledger.verify().unwrap().is_sound());
}

fn refusal() -> Refusal {
    Refusal {
        rule: "key-type".to_owned(),
        reason: "x".repeat(5000),
        csr: None,
        subject: None,
        details: serde_json::Value::Null,
    }
}

#[test]
fn a_reader_that_stays_does_not_keep_writers_from_writing_nor_the_log_from_shrinking() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let location = Location::sqlite(&path);
    let mut ledger = Ledger::open(&location, OpenOptions::new("ada", "test")).unwrap();
    let reader = Ledger::open_read_only(&location).unwrap();
    let size = || std::fs::metadata(folder.path().join("a.db-wal")).unwrap().len();
    // As if the log had become large: cut it from here on.
    ledger.store.cut_above(64 << 10);
    reader.store.connection().execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
    ledger.refuse(&vec![refusal(); 100]).unwrap();
    let large = size();
    assert!(large > 64 << 10);
    reader.store.connection().execute_batch("COMMIT").unwrap();
    ledger.store.cut_above(64 << 10);
    ledger.refuse(&[refusal()]).unwrap();
    assert!(size() < large, "{}", size());
    assert!(ledger.verify().unwrap().is_sound());
}
