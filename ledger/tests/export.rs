//! Exports, and what their verification finds.

use std::io::Write;
use std::process::{Command, Stdio};

use ledger::{Problem, verify_export};

use crate::common::{Bench, again, begin_one, granted, intent, issue, reissue};

fn sample() -> (Bench, Vec<u8>) {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    issue(&mut ledger, &reissue(&intent("a"), "board"));
    let entry = granted(&begin_one(&mut ledger, &intent("b")));
    ledger.abort(&[entry], "no").unwrap();
    begin_one(&mut ledger, &again(&intent("b"), "2"));
    let mut export = Vec::new();
    assert_eq!(ledger.export(&mut export).unwrap(), ledger.head().unwrap());
    (bench, export)
}

#[test]
fn an_export_verifies_and_counts_as_the_ledger_does() {
    let (bench, export) = sample();
    let report = verify_export(&export[..]).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!(report, bench.open().verify().unwrap());
    assert_eq!((report.certificates, report.live, report.open), (2, 1, 1));
}

#[test]
fn an_empty_export_has_no_head() {
    let report = verify_export(&b""[..]).unwrap();
    assert_eq!((report.entries, report.head), (0, None));
}

#[test]
fn a_change_anywhere_in_an_export_is_found_in_its_line() {
    let (_bench, export) = sample();
    let mut line = 1;
    for at in 0..export.len() {
        let old = export[at];
        let here = line;
        line += u64::from(old == b'\n');
        // Every third byte, but every end of a line.
        if at % 3 != 0 && old != b'\n' {
            continue;
        }
        // Another digit, letter or sign that leaves the text readable more often than not.
        let new = if old == b'0' { b'1' } else { old ^ 1 };
        let mut changed = export.clone();
        changed[at] = new;
        let report = verify_export(&changed[..]).unwrap();
        let finding = report.findings.first();
        let finding = finding.unwrap_or_else(|| panic!("byte {at} of line {here}"));
        assert_eq!(finding.entry, Some(here), "byte {at}: {finding}");
    }
}

#[test]
fn lines_that_are_missing_doubled_or_swapped_are_found() {
    let (_bench, export) = sample();
    let lines: Vec<&[u8]> = export.split_inclusive(|byte| *byte == b'\n').collect();
    let bad = |lines: &[&[u8]]| !verify_export(&lines.concat()[..]).unwrap().is_sound();
    for at in 0..lines.len() - 1 {
        let mut missing = lines.clone();
        missing.remove(at);
        assert!(bad(&missing), "without line {at}");
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        assert!(bad(&swapped), "line {at} swapped with the next");
    }
    for at in 0..lines.len() {
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert!(bad(&doubled), "line {at} doubled");
    }
}

#[test]
fn an_export_that_was_cut_off_is_found_unless_cut_at_a_line() {
    let (_bench, export) = sample();
    for length in 1..export.len() {
        let whole = export[length - 1] == b'\n';
        if length % 5 != 0 && !whole {
            continue;
        }
        let report = verify_export(&export[..length]).unwrap();
        assert_eq!(report.is_sound(), whole, "{length} bytes");
    }
}

#[test]
fn an_export_of_a_damaged_ledger_still_comes_out_whole() {
    let (bench, export) = sample();
    let raw = bench.raw();
    raw.execute_batch(
        "DROP TRIGGER entry_is_never_changed; UPDATE entry SET body = 'x' WHERE sequence = 3",
    )
    .unwrap();
    let mut damaged = Vec::new();
    bench.open().export(&mut damaged).unwrap();
    let count = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(count(&damaged), count(&export));
    let report = verify_export(&damaged[..]).unwrap();
    assert_eq!(report.findings[0].entry, Some(3));
    assert_eq!(report.findings[0].problem, Problem::Hash);
}

/// The program in the crate documentation, run as a third party would.
#[test]
fn python_verifies_an_export_with_the_program_of_the_documentation() {
    let (bench, export) = sample();
    let program = include_str!("../src/lib.rs")
        .lines()
        .skip_while(|line| *line != "//! ```python")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| line.strip_prefix("//! ").unwrap_or_default())
        .fold(String::new(), |text, line| text + line + "\n");
    let run = |export: &[u8]| {
        let mut python = Command::new("python3")
            .args(["-c", &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 is needed for this test");
        python.stdin.take().unwrap().write_all(export).unwrap();
        python.wait_with_output().unwrap()
    };
    let output = run(&export);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let head = bench.open().head().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.trim(), format!("{} {}", head.sequence, head.hash));
    let text = String::from_utf8(export).unwrap();
    assert!(!run(text.replace("ada", "eve").as_bytes()).status.success());
}
