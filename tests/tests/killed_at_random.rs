//! The program killed at random moments of a batch: nothing is half-written, and running the batch
//! again finishes it.
//!
//! 8 kills in batches of 1,050 by default, which is three groups: kills have to meet the files of one
//! while another is signed. `TOUCHMARK_SOAK=7` or more makes it 56 in batches of 2,100.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::time::Instant;

use ledger::Ledger;
use touchmark_tests::line::Line;
use touchmark_tests::mutate::Random;
use touchmark_tests::program::{Program, inspect, was_killed, write_requests};
use touchmark_tests::soak_up_to;

const BATCH: &str = "issue --batch csrs --out-dir out";

#[test]
fn a_batch_killed_at_any_moment_leaves_nothing_half_and_is_finished_by_the_next_run() {
    let (kills, devices) = (8 * soak_up_to(7), 1_050 * soak_up_to(2));
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    write_requests(&line, "csrs", "G3A0", devices);

    // Undisturbed once, to know how long it takes.
    let start = Instant::now();
    program.expect(0, BATCH);
    let whole = start.elapsed();
    inspect(&line, "out").is_finished(&line, "out", devices);
    afresh(&line);

    let mut random = Random::named("killed at random");
    let (mut killed, mut in_a_row, mut attempts) = (0, 0, 0);
    // Kills that met the batch before all was committed, and among its files.
    let (mut early, mut among_files) = (0, 0);
    while killed < kills || early == 0 || among_files == 0 {
        attempts += 1;
        assert!(attempts < 20 * kills, "{killed} kills, {early} early, {among_files} among files");
        let mut child = program.start(BATCH);
        // Half of them in the first third: writing files takes longest.
        let share = random.below(if attempts % 2 == 0 { 1000 } else { 350 });
        std::thread::sleep(whole * u32::try_from(share).unwrap() / 1000);
        child.kill().unwrap();
        let done = !was_killed(child.wait().unwrap());
        if ledger_is_there(&line) {
            let found = inspect(&line, "out");
            early += usize::from(found.certificates.len() < devices);
            among_files += usize::from((1..3 * devices).contains(&found.files.len()));
        }
        killed += usize::from(!done);
        in_a_row += 1;
        // A few kills of one batch, each where the last one left it; then it is finished and begun
        // anew.
        if done || in_a_row == 4 {
            program.expect(0, BATCH);
            inspect(&line, "out").is_finished(&line, "out", devices);
            program.expect(0, "ledger verify");
            afresh(&line);
            in_a_row = 0;
        }
    }
    program.expect(0, BATCH);
    inspect(&line, "out").is_finished(&line, "out", devices);
}

/// A process that was killed while it made the ledger leaves a file without tables.
fn ledger_is_there(line: &Line) -> bool {
    let location = format!("sqlite:{}", line.path("touchmark.db").display()).parse().unwrap();
    Ledger::open_read_only(&location).is_ok()
}

/// Ledger and outputs are put away; the requests stay.
fn afresh(line: &Line) {
    if line.path("out").exists() {
        std::fs::remove_dir_all(line.path("out")).unwrap();
    }
    for entry in std::fs::read_dir(line.folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match (name.starts_with("touchmark.db"), path.is_dir()) {
            (true, true) => std::fs::remove_dir_all(path).unwrap(),
            (true, false) => std::fs::remove_file(path).unwrap(),
            (false, _) => {}
        }
    }
}
