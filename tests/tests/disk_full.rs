//! No room: exit code 9, no empty file and no half one, and the next run finishes what is left.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::process::Command;

use touchmark_tests::line::{DAK_EXTENSIONS, Line, Setup};
use touchmark_tests::program::{Program, ended, inspect, write_requests};

const BATCH: &str = "issue --batch csrs --out-dir out";

#[test]
fn a_ledger_that_cannot_grow_stops_the_batch_and_nothing_is_released_without_it() {
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    write_requests(&line, "csrs", "G3A0", 300);
    program.expect(0, "issue --csr csrs/0000.csr --out first.pem");
    // Blocks of 512 octets. The intents of a group take about 400,000 octets, its certificates more:
    // so the limit is met at one after the other, or not at all.
    let mut met = 0;
    for blocks in [200, 400, 700, 900, 1000, 1200] {
        let output = program.limited(&format!("ulimit -f {blocks}"), BATCH).output().unwrap();
        if output.status.code() == Some(0) {
            break;
        }
        let said = ended(9, &output, "a batch without room");
        assert!(said.starts_with("error: "), "{said}");
        met += 1;
        let found = inspect(&line, "out");
        assert!(found.files.len() <= 3 * found.certificates.len());
    }
    assert!(met >= 2, "the limit was met {met} times");
    program.expect(0, BATCH);
    inspect(&line, "out").is_finished(&line, "out", 300);
    program.expect(0, "ledger verify");
}

#[test]
fn an_output_that_finds_no_room_stops_the_batch_and_is_made_by_the_next_run() {
    // A chain file larger than the ledger: the comment makes the limit bind it alone.
    let comment = "x".repeat(700_000);
    let extensions = format!("{DAK_EXTENSIONS}nsComment={comment}\n");
    let line = Line::with(&Setup { extensions, ..Setup::default() });
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    write_requests(&line, "csrs", "G3A0", 5);
    // 700 KiB, in blocks of 512 octets.
    let short = |arguments: &str| {
        let output = program.limited("ulimit -f 1400", arguments).output().unwrap();
        let said = ended(9, &output, arguments);
        assert!(said.contains("cannot write"), "{said}");
    };
    short(BATCH);
    let found = inspect(&line, "out");
    assert_eq!((found.certificates.len(), found.files.len()), (5, 0), "committed, not released");
    assert!(found.hidden.is_empty(), "left over: {:?}", found.hidden);
    short("issue --csr csrs/0001.csr --out one.pem --chain-out one.chain.pem");
    assert!(!line.path("one.pem").exists() && !line.path("one.chain.pem").exists());
    let hidden = std::fs::read_dir(line.folder())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0);

    let said = program.expect(0, BATCH);
    assert!(said.contains("0 signed, 5 from the ledger"), "{said}");
    inspect(&line, "out").is_finished(&line, "out", 5);
    // A batch that has its files already needs no room for them.
    let output = program.limited("ulimit -f 1400", BATCH).output().unwrap();
    ended(0, &output, "a batch that is done");
}

#[test]
#[ignore = "mounts a small file system, so it needs root: `make soak` runs it"]
fn a_full_file_system_stops_the_batch_and_space_lets_it_finish() {
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    write_requests(&line, "csrs", "G3A0", 600);
    // Ledger and outputs lie on one tiny file system. Growing it step by step meets every kind of
    // write with an error: the first transaction, the intents, the commits, the files.
    let small = line.path("small");
    std::fs::create_dir(&small).unwrap();
    let mount = |options: &str| {
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&small)
            .status()
            .unwrap();
        assert!(status.success(), "mount needs root");
    };
    mount("size=16k");
    let _unmount = Unmount(small.clone());
    let batch = "issue --batch csrs --out-dir small/out --ledger sqlite:small/touchmark.db";
    let mut kinds = [0, 0];
    for kilobytes in (16..20_000).step_by(350) {
        mount(&format!("remount,size={kilobytes}k"));
        let output = program.run(batch);
        if output.status.code() == Some(0) {
            break;
        }
        let said = ended(9, &output, "a batch on a full disk");
        kinds[usize::from(said.contains("cannot write"))] += 1;
        for entry in std::fs::read_dir(small.join("out")).into_iter().flatten() {
            let entry = entry.unwrap();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            assert!(hidden || entry.metadata().unwrap().len() > 0, "{:?} is empty", entry.path());
        }
    }
    assert!(kinds[0] > 0 && kinds[1] > 0, "no room for the ledger, for files: {kinds:?}");
    // The checks look into the folder of the line.
    for entry in std::fs::read_dir(&small).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, line.path(path.file_name().unwrap().to_str().unwrap())).unwrap();
        }
    }
    inspect(&line, "small/out").is_finished(&line, "small/out", 600);
}

/// Unmounts at the end of a test, however it ends.
struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
