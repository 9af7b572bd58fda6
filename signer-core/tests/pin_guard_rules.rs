//! What the PIN guard lets through and what it does not, one rule a test.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "pin_guard/card.rs"]
mod card;

use std::fs;
use std::path::Path;
use std::time::Duration;

use card::{Card, Link, PIN, Tells};
use signer_core::pin_guard::{Attempt, FaultOutcome, LastTry, PinGuard};
use signer_core::{Error, PinStatus, Secret, SecretKind, Tries};

fn guard(folder: &tempfile::TempDir) -> PinGuard {
    PinGuard::new().in_folder(folder.path().join("pin-guard")).with_patience(Duration::ZERO)
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("pin-guard")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A text that is wrong and is not taken for `other`: 1 in 256 would be.
fn told_from(other: &str, guard: &PinGuard, folder: &Path) -> String {
    let id = Attempt { id: "probe", ..PIN };
    let status = || Ok(PinStatus { tries: Tries::Left(9), total: Some(9), is_default: None });
    let _ = guard.admit(&id, &secret(other), status).unwrap().wrong(Tries::Left(8));
    let probe = PinGuard::new().in_folder(folder.join("pin-guard"));
    let low = || Ok(PinStatus { tries: Tries::Left(8), total: Some(9), is_default: None });
    let found = (0..1000).map(|n| format!("{n:06}")).find(|text| {
        let secret = secret(text);
        let admitted = probe.admit(&id, &secret, low);
        admitted.map(|admitted| admitted.not_compared()).is_ok()
    });
    guard.clear_fault("probe", SecretKind::Pin).unwrap();
    found.unwrap()
}

#[test]
fn a_secret_against_the_rules_is_not_sent_and_nothing_is_read_or_written() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "12345", "123456789", "123456\n", "\u{feff}123456", "12\u{0}3456"] {
        let read = || panic!("the counter was read");
        let refused = guard(&folder).admit(&PIN, &secret(text), read).unwrap_err();
        assert!(matches!(refused, Error::SecretUnusable { .. }), "{text:?}");
    }
    assert!(!folder.path().join("pin-guard").exists());
}

#[test]
fn the_last_try_is_not_spent_unless_told_and_a_blocked_secret_is_its_own_refusal() {
    let folder = tempfile::tempdir().unwrap();
    for (tries, last) in [
        (Tries::Last, true),
        (Tries::Left(1), true),
        (Tries::Blocked, false),
        (Tries::Left(0), false),
    ] {
        let read = || Ok(PinStatus { tries, total: None, is_default: None });
        let pin = secret("111111");
        for guard in [guard(&folder), guard(&folder).with_last_try(LastTry::Use)] {
            let usual = format!("{guard:?}").contains("Refuse");
            match guard.admit(&PIN, &pin, read) {
                Err(Error::Blocked { .. }) => assert!(!last),
                Err(Error::LastTryRefused { .. }) => assert!(last && usual),
                Ok(admitted) => {
                    assert!(last && !usual);
                    admitted.not_compared();
                }
                Err(error) => panic!("{error}"),
            }
            assert_eq!(guard.check_counter(&PIN, tries).is_ok(), last && !usual);
        }
    }
}

#[test]
fn the_same_wrong_pin_costs_one_try_however_often_the_job_is_started() {
    for tells in [Tells::Numbers, Tells::StatusWord, Tells::Flags, Tells::Nothing] {
        for total in [3, 15, 20, 255] {
            let folder = tempfile::tempdir().unwrap();
            let mut card = Card::new(total, tells);
            let error = card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
            assert!(matches!(error, Error::WrongSecret { .. }), "{error}");
            for _ in 0..4 {
                let error = card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
                let Error::FailedBefore { fault, .. } = &error else { panic!("{error}") };
                assert_eq!(fault.outcome, FaultOutcome::Wrong);
                assert!(error.to_string().contains("was wrong before"), "{error}");
            }
            assert_eq!(card.left, total - 1, "{tells:?} of {total}");
        }
    }
}

#[test]
fn a_wrong_pin_counts_as_spent_when_no_answer_came() {
    for tells in [Tells::Numbers, Tells::StatusWord, Tells::Flags, Tells::Nothing] {
        let folder = tempfile::tempdir().unwrap();
        let mut card = Card::new(20, tells);
        card.present(&guard(&folder), "111111", Link::LostAfter).unwrap_err();
        let error = card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
        let Error::FailedBefore { fault, .. } = &error else { panic!("{error}") };
        assert_eq!(fault.outcome, FaultOutcome::Unknown);
        assert_eq!(card.left, 19, "{tells:?}");
    }
}

#[test]
fn a_right_pin_whose_answer_was_lost_goes_through_when_the_counter_shows_it() {
    for link in [Link::LostBefore, Link::LostAfter] {
        let folder = tempfile::tempdir().unwrap();
        let mut card = Card::new(3, Tells::Numbers);
        let guard = guard(&folder);
        card.present(&guard, "123456", link).unwrap_err();
        let fault = guard.faults(PIN.id).unwrap().remove(0);
        assert!(fault.is_lifted_by(&card.status()));
        card.present(&guard, "123456", Link::Holds).unwrap();
        assert_eq!(guard.faults(PIN.id).unwrap(), []);
    }
}

#[test]
fn a_restored_counter_lifts_the_fault_for_new_processes() {
    for tells in [Tells::Numbers, Tells::StatusWord, Tells::Flags] {
        let folder = tempfile::tempdir().unwrap();
        let mut card = Card::new(3, tells);
        let first = guard(&folder);
        card.present(&first, "111111", Link::Holds).unwrap_err();
        // Somebody verifies the right PIN with another program, then makes this one the PIN.
        card.verify(b"123456").unwrap();
        card.pin = "111111";
        // The process that saw it fail does not send it again until it is told.
        let error = card.present(&first, "111111", Link::Holds).unwrap_err();
        assert!(matches!(error, Error::FailedBefore { .. }), "{error}");
        card.present(&guard(&folder), "111111", Link::Holds).unwrap();
        assert!(first.clear_fault(PIN.id, PIN.kind).unwrap());
        card.present(&first, "111111", Link::Holds).unwrap();
        assert_eq!(card.left, 3);
    }
}

#[test]
fn clearing_lets_the_pin_through_again_and_the_puk_stays_held_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut card = Card::new(9, Tells::Numbers);
    card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
    let puk = Attempt { kind: SecretKind::Puk, ..PIN };
    let read = || Ok(PinStatus { tries: Tries::Left(3), total: Some(3), is_default: None });
    drop(guard(&folder).admit(&puk, &secret("111111"), read).unwrap());

    let faults = guard(&folder).faults(PIN.id).unwrap();
    let kinds: Vec<SecretKind> = faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [SecretKind::Pin, SecretKind::Puk]);
    assert!(guard(&folder).clear_fault(PIN.id, SecretKind::Pin).unwrap());
    assert!(!guard(&folder).clear_fault(PIN.id, SecretKind::Pin).unwrap());
    assert_eq!(guard(&folder).faults(PIN.id).unwrap().len(), 1);
    card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
    assert_eq!(card.left, 7);
}

#[test]
fn without_memory_nothing_is_written_and_this_process_still_sends_nothing_twice() {
    let mut card = Card::new(9, Tells::Numbers);
    let guard = PinGuard::new().without_memory();
    card.present(&guard, "111111", Link::Holds).unwrap_err();
    let error = card.present(&guard.clone(), "111111", Link::Holds).unwrap_err();
    assert!(matches!(error, Error::FailedBefore { .. }), "{error}");
    assert_eq!(guard.faults(PIN.id).unwrap().len(), 1);
    assert_eq!(card.left, 8);
    card.present(&PinGuard::new().without_memory(), "111111", Link::Holds).unwrap_err();
    assert_eq!(card.left, 7);
}

#[test]
fn a_folder_that_cannot_be_written_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A file in the way holds up root as well.
    fs::write(folder.path().join("pin-guard"), b"").unwrap();
    let mut card = Card::new(3, Tells::Numbers);
    let error = card.present(&guard(&folder), "123456", Link::Holds).unwrap_err();
    assert!(matches!(&error, Error::FailureMemory { .. }), "{error}");
    assert!(card.compared.borrow().is_empty());
}

#[test]
fn asking_for_faults_and_clearing_them_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let guard = guard(&folder);
    assert_eq!(guard.faults(PIN.id).unwrap(), []);
    assert!(!guard.clear_fault(PIN.id, PIN.kind).unwrap());
    assert!(!folder.path().join("pin-guard").exists());
}

#[test]
fn a_damaged_file_sends_nothing_until_it_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let mut card = Card::new(9, Tells::Numbers);
    card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
    let name = files(folder.path()).into_iter().find(|name| name.ends_with(".pin")).unwrap();
    let path = folder.path().join("pin-guard").join(name);
    let whole = fs::read(&path).unwrap();
    for damaged in [&whole[..0], &whole[..whole.len() - 1], b"touchmark pin guard 2\n"] {
        fs::write(&path, damaged).unwrap();
        let error = card.present(&guard(&folder), "123456", Link::Holds).unwrap_err();
        assert!(matches!(&error, Error::FailureMemory { path: told, .. } if *told == path));
    }
    assert!(guard(&folder).clear_fault(PIN.id, PIN.kind).unwrap());
    card.present(&guard(&folder), "123456", Link::Holds).unwrap();
}

#[test]
fn with_the_key_lost_every_secret_may_be_the_one_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let mut card = Card::new(9, Tells::Numbers);
    card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
    fs::remove_file(folder.path().join("pin-guard/key")).unwrap();
    let error = card.present(&guard(&folder), "123456", Link::Holds).unwrap_err();
    assert!(matches!(error, Error::FailedBefore { .. }), "{error}");
    guard(&folder).clear_fault(PIN.id, PIN.kind).unwrap();
    card.present(&guard(&folder), "123456", Link::Holds).unwrap();
}

#[test]
fn the_note_is_on_the_disk_before_the_secret_is_sent_and_gone_after_success() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, pin) = (guard(&folder), secret("123456"));
    let card = Card::new(3, Tells::Numbers);
    let admitted = guard.admit(&PIN, &pin, || Ok(card.status())).unwrap();
    let noted = files(folder.path());
    assert!(noted.iter().any(|name| name.ends_with(".pin")), "{noted:?}");
    drop(admitted.accepted());
    let noted = files(folder.path());
    assert!(!noted.iter().any(|name| name.ends_with(".pin")), "{noted:?}");
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_for_its_owner_alone_and_has_eight_bits_of_the_secret() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut card = Card::new(9, Tells::Numbers);
    let guard = guard(&folder);
    card.present(&guard, "111111", Link::Holds).unwrap_err();
    for name in files(folder.path()) {
        let path = folder.path().join("pin-guard").join(&name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        if name.ends_with(".pin") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[..2], ["touchmark pin guard 1", "yubikey:16021234"]);
            assert_eq!(lines[2].len(), 4);
            assert_eq!(lines[3].split(' ').next().unwrap().len(), 2);
            assert_eq!(lines.len(), 4);
        }
    }
}

#[test]
fn two_wrong_pins_are_both_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let other = told_from("111111", &guard(&folder), folder.path());
    let mut card = Card::new(9, Tells::Numbers);
    for _ in 0..3 {
        card.present(&guard(&folder), "111111", Link::Holds).unwrap_err();
        card.present(&guard(&folder), &other, Link::Holds).unwrap_err();
    }
    assert_eq!(card.left, 7);
}

#[test]
fn nothing_is_remembered_of_a_secret_that_was_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let mut card = Card::new(3, Tells::Nothing);
    let (guard, pin) = (guard(&folder), secret("123456"));
    guard.admit(&PIN, &pin, || Ok(card.status())).unwrap().not_compared();
    assert_eq!(guard.faults(PIN.id).unwrap(), []);
    card.present(&guard, "123456", Link::Holds).unwrap();
}

#[test]
fn a_verified_pin_may_be_sent_again_without_a_file_being_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, pin) = (guard(&folder), secret("123456"));
    let mut card = Card::new(3, Tells::Numbers);
    let admitted = guard.admit(&PIN, &pin, || Ok(card.status())).unwrap();
    assert_eq!(card.verify(admitted.octets()), Some(true));
    let mut verified = admitted.accepted();
    // Whatever touched a file now would fail.
    fs::remove_dir_all(folder.path().join("pin-guard")).unwrap();
    fs::write(folder.path().join("pin-guard"), b"").unwrap();
    for _ in 0..1000 {
        let again = verified.again(&pin).unwrap();
        assert_eq!(card.verify(again.octets()), Some(true));
        again.accepted();
    }
    assert!(verified.again(&secret("111111")).is_none());
}

#[test]
fn a_verified_pin_ends_with_the_first_answer_that_is_not_yes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, pin) = (guard(&folder), secret("123456"));
    let mut card = Card::new(3, Tells::Numbers);
    let verify = |card: &Card| first.admit(&PIN, &pin, || Ok(card.status())).unwrap().accepted();
    let mut verified = verify(&card);
    drop(verified.again(&pin).unwrap());
    assert!(verified.again(&pin).is_none(), "the link was lost");

    let mut verified = verify(&card);
    card.pin = "654321";
    let again = verified.again(&pin).unwrap();
    assert_eq!(card.verify(again.octets()), Some(false));
    let error = again.wrong(card.tries());
    assert!(matches!(error, Error::WrongSecret { tries: Tries::Left(2), .. }), "{error}");
    assert!(verified.again(&pin).is_none());
    for guard in [first.clone(), guard(&folder)] {
        let error = card.present(&guard, "123456", Link::Holds).unwrap_err();
        assert!(matches!(error, Error::FailedBefore { .. }), "{error}");
    }
    assert_eq!(card.left, 2);
}

#[test]
fn one_token_is_presented_one_secret_at_a_time_and_another_token_is_not_held_up() {
    let folder = tempfile::tempdir().unwrap();
    let (first, pin) = (guard(&folder), secret("123456"));
    let card = Card::new(3, Tells::Numbers);
    let admitted = first.admit(&PIN, &pin, || Ok(card.status())).unwrap();
    for guard in [first.clone(), guard(&folder)] {
        let busy = guard.admit(&PIN, &pin, || Ok(card.status())).unwrap_err();
        assert!(matches!(busy, Error::TokenBusy { .. }), "{busy}");
        let other = Attempt { id: "yubikey:2", ..PIN };
        drop(guard.admit(&other, &pin, || Ok(card.status())).unwrap().accepted());
    }
    drop(admitted.accepted());
    drop(first.admit(&PIN, &pin, || Ok(card.status())).unwrap().accepted());
}

#[test]
fn threads_of_one_process_send_the_same_wrong_pin_once() {
    let guard = PinGuard::new().without_memory();
    let card = std::sync::Mutex::new(Card::new(9, Tells::Numbers));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let pin = secret("111111");
                let status = || Ok(card.lock().unwrap().status());
                if let Ok(admitted) = guard.admit(&PIN, &pin, status) {
                    let mut card = card.lock().unwrap();
                    assert_eq!(card.verify(admitted.octets()), Some(false));
                    drop(admitted.wrong(card.tries()));
                }
            });
        }
    });
    assert_eq!(card.into_inner().unwrap().left, 8);
}
