//! Files that cannot grow, files and folders that cannot be written. The full disk itself is
//! injected in the unit tests of the crate.

#![cfg(unix)]

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
};

use ledger::{Claim, Error, Ledger};

use crate::{
    common::{Bench, assert_sound, begin_one, intent, issue},
    worker::{Worker, command},
};

/// A process that may not write files past a size: its writes fail in the middle of a transaction,
/// as on a full disk.
#[test]
fn when_the_log_cannot_grow_the_group_is_lost_and_nothing_else() {
    let bench = Bench::new();
    drop(bench.open());
    let inner = command(&std::env::current_exe().unwrap(), "limited", "w");
    // 1 MiB or 512 KiB, by the shell's idea of a block. Ignored, the signal becomes an error.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1024; exec "$0" "$@""#])
        .arg(inner.get_program())
        .args(inner.get_args())
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("LEDGER_PATH", bench.path());
    let mut worker = Worker::spawn(limited);
    let committed: usize = worker.line().parse().unwrap();
    assert!(committed > 0);
    worker.finish();
    let ledger = Ledger::open_read_only(&bench.location()).unwrap();
    assert_sound(&ledger);
    assert_eq!(ledger.certificates(Default::default()).count(), committed);
    drop(ledger);
    // The worker used the real clock.
    let options = ledger::OpenOptions::new("ada", "line-3");
    let mut ledger = Ledger::open(&bench.location(), options).unwrap();
    issue(&mut ledger, &intent("after"));
    assert_eq!(ledger.verify().unwrap().open, 0);
    assert_sound(&ledger);
}

#[test]
fn in_a_folder_that_cannot_be_written_a_ledger_can_be_read_and_verified() {
    let bench = Bench::new();
    issue(&mut bench.open(), &intent("a"));
    let mut worker = as_nobody(&bench, 0o444, "read");
    assert_eq!(worker.line(), "1 sound");
    let said = worker.line();
    assert!(said.contains("cannot be written"), "{said}");
    worker.finish();
    set_mode(bench.folder.path(), 0o700);
    assert_sound(&bench.open());
}

#[test]
fn where_a_ledger_cannot_be_made_the_file_is_named() {
    let bench = Bench::new();
    let mut worker = as_nobody(&bench, 0o444, "create");
    let said = worker.line();
    assert!(said.contains("create") && said.contains("touchmark.db"), "{said}");
    worker.finish();
    set_mode(bench.folder.path(), 0o700);
}

/// After a write error the same open ledger goes on, as soon as there is room.
#[test]
fn a_lock_folder_that_cannot_be_made_is_named_and_the_ledger_goes_on_without_the_cause() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let folder = bench.folder.path().join("touchmark.db.owners");
    fs::write(&folder, "a file where the folder should be").unwrap();
    let error = ledger.begin(&[intent("a")]).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("touchmark.db.owners"), "{error}");
    fs::remove_file(&folder).unwrap();
    assert!(matches!(begin_one(&mut ledger, &intent("a")), Claim::Granted { .. }));
    assert_sound(&ledger);
}

/// Permissions do not hold root back, so where these tests run as root the worker is nobody.
fn as_nobody(bench: &Bench, file_mode: u32, role: &str) -> Worker {
    let folder = bench.folder.path();
    let program = folder.join("worker");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    set_mode(&program, 0o555);
    if bench.path().exists() {
        set_mode(&bench.path(), file_mode);
    }
    set_mode(folder, 0o555);
    let mut command = command(&program, role, "nobody");
    command.env("LEDGER_PATH", bench.path());
    if fs::write(folder.join("probe"), "").is_ok() {
        fs::remove_file(folder.join("probe")).unwrap();
        command.uid(65_534).gid(65_534);
    }
    Worker::spawn(command)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
