//! Lock files: who is alive.

use std::{fs, time::Duration};

use ledger::{Claim, Error, Holder, Intent, Issued, Waited};

use crate::common::{
    Bench, again, assert_sound, begin_one, certificate, granted, intent, issue, lock_files,
};

fn holder(claim: &Claim) -> &Holder {
    match claim {
        Claim::Pending(holder) => holder,
        other => panic!("not pending: {other:?}"),
    }
}

#[test]
fn an_owner_has_one_file_while_it_lives_and_none_after() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    assert_eq!(lock_files(&bench.path()).len(), 0, "it has no intents yet");
    issue(&mut ledger, &intent("a"));
    issue(&mut ledger, &intent("b"));
    assert_eq!(lock_files(&bench.path()).len(), 1);
    let mut second = bench.open();
    issue(&mut second, &intent("c"));
    assert_eq!(lock_files(&bench.path()).len(), 2);
    drop((ledger, second));
    assert_eq!(lock_files(&bench.path()).len(), 0);
}

#[test]
fn the_open_intents_of_a_closed_ledger_are_abandoned_by_the_next_writer() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    ledger.begin(&[intent("a"), intent("b")]).unwrap();
    drop(ledger);
    let mut ledger = bench.open();
    assert_eq!(ledger.verify().unwrap().open, 2);
    assert_eq!(ledger.close_abandoned().unwrap(), [4, 5]);
    assert_eq!(ledger.close_abandoned().unwrap(), [0; 0]);
    assert_eq!(ledger.verify().unwrap().open, 0);
    issue(&mut ledger, &again(&intent("a"), "2"));
    assert_sound(&ledger);
}

#[test]
fn a_waiter_learns_how_the_wait_ended() {
    let bench = Bench::new();
    let (mut one, mut two) = (bench.open(), bench.open());
    let entry = granted(&begin_one(&mut one, &intent("a")));
    let claim = begin_one(&mut two, &again(&intent("a"), "2"));
    assert_eq!(two.wait(holder(&claim), Duration::ZERO).unwrap(), Waited::TimedOut);
    let short = Duration::from_millis(20);
    assert_eq!(two.wait(holder(&claim), short).unwrap(), Waited::TimedOut);
    one.commit(&[Issued::new(entry, certificate(entry))]).unwrap();
    assert_eq!(two.wait(holder(&claim), Duration::ZERO).unwrap(), Waited::Closed);

    begin_one(&mut one, &intent("b"));
    let claim = begin_one(&mut two, &again(&intent("b"), "2"));
    drop(one);
    assert_eq!(two.wait(holder(&claim), Duration::ZERO).unwrap(), Waited::OwnerDied);
}

#[test]
fn nobody_waits_for_oneself() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    begin_one(&mut ledger, &intent("a"));
    let claim = ledger.settle(&again(&intent("a"), "2"), Duration::MAX).unwrap();
    assert!(holder(&claim).own);
}

#[test]
fn a_copied_lock_file_does_not_make_the_dead_live() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    begin_one(&mut ledger, &intent("a"));
    let folder = bench.folder.path().join("touchmark.db.owners");
    let file = folder.join(&lock_files(&bench.path())[0]);
    let content = fs::read(&file).unwrap_or_default();
    drop(ledger);
    fs::write(&file, content).unwrap();
    let stray = folder.join("0123456789abcdef.lock");
    fs::write(&stray, "1").unwrap();
    let mut ledger = bench.open();
    issue(&mut ledger, &again(&intent("a"), "2"));
    assert!(!file.exists() && !stray.exists(), "both are swept");
    assert_eq!(ledger.verify().unwrap().open, 0);
}

#[test]
fn a_copied_ledger_does_not_wait_for_the_owners_of_the_first() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    begin_one(&mut ledger, &intent("a"));
    let copy = Bench::new();
    let source = bench.path().display().to_string();
    let target = copy.path().display().to_string();
    for suffix in ["", "-wal"] {
        fs::copy(format!("{source}{suffix}"), format!("{target}{suffix}")).unwrap();
    }
    fs::create_dir(format!("{target}.owners")).unwrap();
    for file in lock_files(&bench.path()) {
        fs::write(format!("{target}.owners/{file}"), "").unwrap();
    }
    let mut second = copy.open();
    issue(&mut second, &again(&intent("a"), "2"));
    assert_sound(&second);
    let claim = begin_one(&mut ledger, &again(&intent("a"), "2"));
    assert!(holder(&claim).own, "the first is as it was");
}

#[test]
fn a_moved_ledger_goes_on_where_it_was() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    begin_one(&mut ledger, &intent("b"));
    drop(ledger);
    let other = Bench::new();
    fs::rename(bench.path(), other.path()).unwrap();
    let mut ledger = other.open();
    assert!(matches!(begin_one(&mut ledger, &again(&intent("a"), "2")), Claim::Existing(_)));
    issue(&mut ledger, &again(&intent("b"), "2"));
    assert_sound(&ledger);
}

#[cfg(unix)]
#[test]
fn two_names_of_one_file_share_their_owners() {
    let bench = Bench::new();
    let mut one = bench.open();
    begin_one(&mut one, &intent("a"));
    let link = bench.folder.path().join("link.db");
    std::os::unix::fs::symlink(bench.path(), &link).unwrap();
    let mut two = ledger::Ledger::open(&ledger::Location::sqlite(link), bench.options()).unwrap();
    let claim = begin_one(&mut two, &again(&intent("a"), "2"));
    assert!(!holder(&claim).own);
    assert_sound(&two);
}

/// Somebody tidies up under a running process. Its intents may then be taken for those of a dead
/// one; what must not happen is that it releases a certificate for one of them.
#[test]
fn an_owner_whose_file_is_removed_cannot_commit_what_was_abandoned() {
    let bench = Bench::new();
    let (mut one, mut two) = (bench.open(), bench.open());
    let entry = granted(&begin_one(&mut one, &intent("a")));
    let file = bench.folder.path().join("touchmark.db.owners").join(&lock_files(&bench.path())[0]);
    fs::remove_file(&file).unwrap();
    issue(&mut two, &again(&intent("a"), "2"));
    let error = one.commit(&[Issued::new(entry, certificate(entry))]).unwrap_err();
    assert!(matches!(error, Error::NotOpen { .. }), "{error}");
    // With its next intent the file is back.
    let open = granted(&begin_one(&mut one, &intent("b")));
    assert!(file.exists());
    assert!(!holder(&begin_one(&mut two, &again(&intent("b"), "2"))).own);
    one.commit(&[Issued::new(open, certificate(open))]).unwrap();
    assert_sound(&two);
}

#[test]
fn owner_names_come_from_the_given_randomness() {
    let bench = Bench::new();
    let mut options = bench.options();
    options.random = std::sync::Arc::new(|buffer: &mut [u8]| {
        buffer.fill(0xab);
        Ok(())
    });
    let mut ledger = ledger::Ledger::open(&bench.location(), options).unwrap();
    let one = Intent { device_id: None, ..intent("a") };
    begin_one(&mut ledger, &one);
    assert_eq!(lock_files(&bench.path()), ["abababababababab.lock"]);
    let body = ledger.entry(1).unwrap().unwrap().body;
    assert!(body.contains(&"ab".repeat(16)), "{body}");
}
