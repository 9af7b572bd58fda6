//! Files that others can read, folders that cannot be written, outputs in the way of inputs: refused
//! before the key is used.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::os::unix::fs::{PermissionsExt, symlink};

use touchmark_tests::line::Line;
use touchmark_tests::program::{Program, inspect, write_requests};

fn line() -> Line {
    let line = Line::new();
    write_requests(&line, "csrs", "G3A0", 3);
    line
}

fn nothing_was_issued(line: &Line) {
    if line.path("touchmark.db").exists() {
        let found = inspect(line, "out");
        assert_eq!((found.serials, found.files.len()), (0, 0), "{found:?}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let line = line();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    for mode in [0o644, 0o640, 0o604, 0o660, 0o602] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(line.path("key.pem"), mode).unwrap();
        let said = program.expect(7, "issue --csr csrs/0000.csr --out one.pem");
        assert!(said.contains("key.pem") && said.contains("hint: "), "{said}");
        program.expect(7, "issue --batch csrs --out-dir out");
        assert!(!line.path("one.pem").exists());
        nothing_was_issued(&line);
    }
}

#[test]
fn settings_that_others_can_write_are_refused() {
    let line = line();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    for mode in [0o620, 0o602, 0o666] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(line.path("touchmark.toml"), mode).unwrap();
        let said = program.expect(7, "issue --csr csrs/0000.csr --out one.pem");
        assert!(said.contains("touchmark.toml"), "{said}");
        nothing_was_issued(&line);
    }
}

#[test]
fn an_output_folder_that_cannot_be_written_stops_before_any_signature() {
    let line = line();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    line.write("file", "in the way");
    // Not even root can make files in the second one; a link leads there, too.
    symlink("/proc/self/fdinfo", line.path("link")).unwrap();
    for folder in ["file", "/proc/self/fdinfo", "link", "missing/out", "file/out"] {
        let output = program.run(&format!("issue --batch csrs --out-dir {folder}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(2 | 3 | 9)), "{folder}: {said}");
        assert!(said.starts_with("error: "), "{folder}: {said}");
        nothing_was_issued(&line);
    }
}

#[test]
fn outputs_never_stand_in_the_place_of_inputs() {
    let line = line();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    symlink(line.path("csrs"), line.path("alias")).unwrap();
    line.write("list.txt", "csrs/0000.csr\nalias/0001.csr\n");
    for arguments in [
        "issue --batch csrs --out-dir csrs",
        "issue --batch csrs --out-dir alias",
        "issue --batch alias --out-dir csrs/../csrs",
        "issue --batch list.txt --out-dir csrs",
        "issue --csr csrs/0000.csr --out csrs/0000.csr",
        "issue --csr csrs/0000.csr --out alias/0000.csr",
        "issue --csr csrs/0000.csr --out one.pem --chain-out one.pem",
        "issue --csr csrs/0000.csr --out one.pem --public-key-out ./one.pem",
        "issue --csr csrs/0000.csr --out dak.pem",
        "issue --csr csrs/0000.csr --out key.pem",
        "issue --csr csrs/0000.csr --out device.conf",
        "issue --csr csrs/0000.csr --chain-out touchmark.toml",
        "issue --csr csrs/0000.csr --out touchmark.db",
        "issue --csr csrs/0000.csr --out touchmark.db-wal",
    ] {
        let files = ["dak.pem", "key.pem", "device.conf", "touchmark.toml", "csrs/0000.csr"];
        let before = files.map(|name| line.read(name));
        program.expect(2, arguments);
        assert_eq!(files.map(|name| line.read(name)), before, "{arguments}");
        nothing_was_issued(&line);
    }
}

#[test]
fn two_inputs_of_one_name_are_refused_before_any_signature() {
    let line = line();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    write_requests(&line, "more", "G3A1", 1);
    for (twin, list) in [
        ("csrs/0000.pem", ""),
        ("csrs/0000.der", ""),
        // `0000.chain.pem` is the chain of one and the certificate of the other.
        ("csrs/0000.chain.csr", ""),
        ("other.csr", "csrs/0000.csr\nmore/0000.csr\n"),
        ("other.csr", "csrs/0000.csr\ncsrs/0000.csr\n"),
    ] {
        std::fs::copy(line.path("more/0000.csr"), line.path(twin)).unwrap();
        line.write("list.txt", list);
        let source = if list.is_empty() { "csrs" } else { "list.txt" };
        let said = program.expect(2, &format!("issue --batch {source} --out-dir out"));
        assert!(said.contains("would both be written"), "{twin}: {said}");
        nothing_was_issued(&line);
        std::fs::remove_file(line.path(twin)).unwrap();
    }
}

#[test]
fn names_that_only_just_fit_are_written_and_longer_ones_are_refused_at_once() {
    let line = line();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    // STEM.chain.pem is the longest name; 255 octets are what file systems take.
    let stem = "s".repeat(245);
    std::fs::rename(line.path("csrs/0000.csr"), line.path(&format!("csrs/{stem}.csr"))).unwrap();
    program.expect(0, "issue --batch csrs --out-dir out");
    inspect(&line, "out").is_finished(&line, "out", 3);
    write_requests(&line, "long", "G3A7", 2);
    std::fs::rename(line.path("long/0000.csr"), line.path(&format!("long/{stem}s.csr"))).unwrap();
    let said = program.expect(2, "issue --batch long --out-dir out");
    assert!(said.contains("too long"), "{said}");
    assert_eq!(inspect(&line, "out").serials, 3);
}

#[test]
fn what_is_no_file_is_passed_over_and_files_that_cannot_be_read_are_named() {
    let line = line();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    std::fs::create_dir(line.path("csrs/folder.csr")).unwrap();
    let status = std::process::Command::new("mkfifo").arg(line.path("csrs/pipe.csr")).status();
    assert!(status.unwrap().success());
    let said = program.expect(0, "issue --batch csrs --out-dir out");
    assert!(said.contains("3 signed"), "{said}");
    symlink("nowhere", line.path("csrs/dangling.csr")).unwrap();
    let said = program.expect(3, "issue --batch csrs --out-dir out");
    assert!(said.contains("dangling.csr"), "{said}");
}
