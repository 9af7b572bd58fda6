//! Killed between intent, signature, commit and rename: the next run closes or completes each, and no
//! serial number is used twice.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::process::Command;

use touchmark_tests::line::{Line, count};
use touchmark_tests::program::{Found, Program, inspect, was_killed, write_requests};

const DEVICES: usize = 300;
const BATCH: &str = "issue --batch csrs --out-dir out";

/// What a process that was killed at a moment leaves, and that the next run finishes it.
fn killed(moments: &[(&str, u64)], check: impl Fn(&Found)) {
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    write_requests(&line, "csrs", "G3A0", DEVICES);
    let mut open = 0;
    for (moment, number) in moments {
        let status = Command::new(env!("CARGO_BIN_EXE_killed-in-the-act"))
            .arg(line.folder())
            .args([moment, &*number.to_string()])
            .status()
            .unwrap();
        assert!(was_killed(status), "{moment}: {status}");
        let found = inspect(&line, "out");
        check(&found);
        open += found.open;
        if found.open > 0 {
            assert_eq!(found.serials as u64, found.certificates.len() as u64 + open);
        }
    }
    let promised = inspect(&line, "out").serials;
    let have = inspect(&line, "out").certificates.len();
    program.expect(0, BATCH);
    let found = inspect(&line, "out");
    found.is_finished(&line, "out", DEVICES);
    // Every serial number that was promised and not used stays unused.
    assert_eq!(found.serials, promised + DEVICES - have);
    assert_eq!(count(&line.ledger(), "abandoned") as u64, open);
    assert_eq!(count(&line.ledger(), "issued"), DEVICES);
    program.expect(0, "ledger verify");
    // And once more nothing is done.
    let said = program.expect(0, BATCH);
    assert!(said.contains(&format!("0 signed, {DEVICES} from the ledger")), "{said}");
    assert_eq!(inspect(&line, "out").serials, found.serials);
}

#[test]
fn killed_before_the_first_signature_its_intents_are_abandoned() {
    killed(&[("before-signature", 1)], |found| {
        assert!(found.open > 0 && found.certificates.is_empty() && found.files.is_empty());
    });
}

#[test]
fn killed_with_signatures_made_none_of_them_is_used() {
    killed(&[("after-signature", 200)], |found| {
        assert!(found.open > 0 && found.certificates.is_empty() && found.files.is_empty());
    });
}

#[test]
fn killed_in_a_later_group_what_was_committed_stays() {
    // The groups overlap, so the first may or may not be committed by then.
    killed(&[("before-signature", 290)], |found| {
        assert_eq!(found.open + found.certificates.len() as u64, DEVICES as u64);
        assert!(found.open >= DEVICES as u64 - 256);
    });
}

#[test]
fn killed_again_and_again_each_serial_number_is_new() {
    let moments = [("before-signature", 1), ("after-signature", 1), ("before-signature", 100)];
    killed(&moments, |found| assert!(found.open > 0));
}

#[test]
fn killed_after_the_commit_the_files_are_made_from_the_ledger() {
    killed(&[("committed", 20)], |found| {
        assert_eq!((found.certificates.len(), found.open, found.files.len()), (20, 0, 0));
    });
}

#[test]
fn killed_before_the_renames_no_file_is_there_and_the_temporaries_are_swept() {
    killed(&[("staged", 20)], |found| {
        assert_eq!((found.certificates.len(), found.files.len()), (20, 0));
        assert!(found.hidden.len() > 20);
    });
}

#[test]
fn killed_among_the_renames_what_is_there_is_whole() {
    killed(&[("renamed", 20)], |found| {
        assert_eq!((found.certificates.len(), found.files.len()), (20, 10));
        assert!(found.hidden.len() > 10);
    });
}
