//! Opening what is a ledger, and what is not.

use std::fs;

use ledger::{Error, Event, Ledger, Location, Missing, OpenOptions};

use crate::common::{Bench, assert_sound, intent, issue};

fn open_both(bench: &Bench) -> [Error; 2] {
    let location = bench.location();
    [
        Ledger::open(&location, bench.options()).unwrap_err(),
        Ledger::open_read_only(&location).unwrap_err(),
    ]
}

#[test]
fn a_new_ledger_tells_of_its_creation() {
    let bench = Bench::new();
    let ledger = bench.open();
    let entry = ledger.entry(1).unwrap().unwrap();
    match entry.event {
        Event::Created(created) => {
            assert_eq!((created.format, created.ledger.len()), (1, 32));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((entry.operator.as_str(), entry.station.as_str()), ("ada", "line-3"));
    assert!(entry.software.starts_with("touchmark "));
    assert_eq!(ledger.head().unwrap().hash, entry.hash);
    assert_sound(&ledger);
}

#[test]
fn a_missing_ledger_is_made_only_where_the_options_say_so() {
    let bench = Bench::new();
    let refuse = || OpenOptions { missing: Missing::Refuse, ..bench.options() };
    let error = Ledger::open(&bench.location(), refuse()).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    let error = Ledger::open_read_only(&bench.location()).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(!bench.path().exists());
    drop(bench.open());
    Ledger::open(&bench.location(), refuse()).unwrap();
}

#[test]
fn a_missing_folder_is_named_and_not_made() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("no/such");
    let error = Ledger::open(&Location::sqlite(folder.join("a.db")), bench.options()).unwrap_err();
    assert!(matches!(&error, Error::MissingFolder { folder: named } if *named == folder));
    assert!(error.to_string().contains("create it first"), "{error}");
    assert!(!folder.exists());
}

#[test]
fn what_is_no_ledger_is_refused_by_name_and_left_alone() {
    for content in ["x".repeat(5000), "SQLite format 3\0".to_owned(), "short".to_owned()] {
        let bench = Bench::new();
        fs::write(bench.path(), &content).unwrap();
        for error in open_both(&bench) {
            assert!(matches!(&error, Error::NotALedger { .. }), "{error}");
            assert!(error.to_string().contains("touchmark.db"), "{error}");
        }
        assert_eq!(fs::read(bench.path()).unwrap(), content.as_bytes());
    }
}

#[test]
fn another_programs_database_is_refused() {
    let bench = Bench::new();
    bench.raw().execute_batch("CREATE TABLE t (a)").unwrap();
    for error in open_both(&bench) {
        assert!(error.to_string().contains("another program's database"), "{error}");
    }
}

#[test]
fn a_folder_is_refused() {
    let bench = Bench::new();
    fs::create_dir(bench.path()).unwrap();
    let error = Ledger::open(&bench.location(), bench.options()).unwrap_err();
    assert!(error.to_string().contains("folder"), "{error}");
    Ledger::open_read_only(&bench.location()).unwrap_err();
}

#[test]
fn a_newer_format_is_refused() {
    let bench = Bench::new();
    drop(bench.open());
    bench.raw().pragma_update(None, "user_version", 2).unwrap();
    for error in open_both(&bench) {
        assert!(matches!(error, Error::NewerLedger { found: 2, known: 1, .. }), "{error}");
    }
}

/// What is left when a process dies between making the file and making the tables.
#[test]
fn an_empty_file_becomes_a_ledger_only_where_one_may_be_made() {
    let bench = Bench::new();
    fs::write(bench.path(), "").unwrap();
    let refuse = OpenOptions { missing: Missing::Refuse, ..bench.options() };
    let errors = [
        Ledger::open(&bench.location(), refuse).unwrap_err(),
        Ledger::open_read_only(&bench.location()).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("it is empty"), "{error}");
    }
    assert_sound(&bench.open());
}

#[test]
fn writing_through_a_reader_is_refused() {
    let bench = Bench::new();
    issue(&mut bench.open(), &intent("a"));
    let mut reader = Ledger::open_read_only(&bench.location()).unwrap();
    assert!(matches!(reader.begin(&[intent("b")]), Err(Error::ReadOnly)));
    assert!(matches!(reader.abort(&[2], "x"), Err(Error::ReadOnly)));
    assert!(matches!(reader.close_abandoned(), Err(Error::ReadOnly)));
    assert_eq!(reader.certificates(Default::default()).count(), 1);
    assert_sound(&reader);
}

#[test]
fn an_empty_operator_or_station_is_refused() {
    let bench = Bench::new();
    for (operator, station) in [("", "line-3"), ("ada", "")] {
        let options = OpenOptions::new(operator, station);
        let error = Ledger::open(&bench.location(), options).unwrap_err();
        assert!(matches!(error, Error::BadSize { .. }), "{error}");
    }
    assert!(!bench.path().exists());
}

#[cfg(unix)]
#[test]
fn a_new_ledger_and_its_lock_files_are_readable_only_by_their_user() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    let folder = format!("{}.owners", bench.path().display());
    let lock = format!("{folder}/{}", crate::common::lock_files(&bench.path())[0]);
    let path = bench.path().display().to_string();
    for (path, mode) in
        [(path.clone(), 0o600), (format!("{path}-wal"), 0o600), (folder, 0o700), (lock, 0o600)]
    {
        let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}: {found:o}");
    }
}

#[cfg(unix)]
#[test]
fn the_lock_files_of_a_shared_ledger_are_shared_as_well() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let mut ledger = bench.open();
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o660)).unwrap();
    issue(&mut ledger, &intent("a"));
    let folder = format!("{}.owners", bench.path().display());
    let lock = format!("{folder}/{}", crate::common::lock_files(&bench.path())[0]);
    for (path, mode) in [(folder, 0o770), (lock, 0o660)] {
        let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}: {found:o}");
    }
}
