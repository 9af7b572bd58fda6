//! Every command of a YubiKey, disturbed at every APDU in every way, and run again.
//!
//! The outcomes stand in `docs/faults.md`; `TOUCHMARK_BLESS=1` writes them anew. In long runs of one
//! question with one answer the inner ones are disturbed with `TOUCHMARK_SOAK` alone, which also does
//! it all on older firmware.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use touchmark_tests::faults::{
    Bench, COMMANDS, Command, End, FAULTS, Fault, Line, Table, Trial, verdict,
};
use touchmark_tests::soak;

const PROGRAM: &str = env!("CARGO_BIN_EXE_touchmark-under-test");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md");
const BEGIN: &str = "<!-- outcomes: begin -->\n";
const END: &str = "<!-- outcomes: end -->\n";

#[test]
fn every_command_disturbed_at_every_apdu_ends_as_documented_and_can_be_run_again() {
    let tables = matrix("5.7.1", Places::of_this_run(), |_| true);
    let text: Vec<String> = tables.iter().map(Table::to_markdown).collect();
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("a marker");
    let (table, after) = rest.split_once(END).expect("a second marker");
    let found = format!("\n{}\n", text.join("\n"));
    if std::env::var_os("TOUCHMARK_BLESS").is_some() {
        std::fs::write(DOCUMENT, format!("{before}{BEGIN}{found}{END}{after}")).unwrap();
        return;
    }
    let differs = table.lines().zip(found.lines()).find(|(one, other)| one != other);
    assert!(
        table == found,
        "docs/faults.md says otherwise: {differs:?}; TOUCHMARK_BLESS=1 writes it anew"
    );
}

#[test]
fn firmware_without_metadata_is_told_from_its_answers_and_disturbed_as_well() {
    let differing =
        ["pin verify", "pin change", "puk change", "pin unblock", "key generate", "sign"];
    match soak() {
        // What is done otherwise there: counters, and what is known of a key.
        1 => drop(matrix("4.3.5", Places::Telling, |name| differing.contains(&name))),
        // 4.3.5 has attestations and no metadata, 5.3.0 metadata and no AES.
        _ => ["4.3.5", "5.3.0"].iter().for_each(|model| drop(matrix(model, Places::All, |_| true))),
    }
}

/// Which APDUs of a run are disturbed.
#[derive(Clone, Copy)]
enum Places {
    /// All but the inner ones of long runs of one question.
    Telling,
    /// All.
    All,
}

/// One thing to try: which command, at which APDU, which fault.
#[derive(Clone, Copy)]
struct Job {
    command: usize,
    at: usize,
    fault: usize,
}

/// Disturbs every command that is wanted, and answers what came of those places that are in the document.
fn matrix(model: &str, places: Places, wanted: impl Fn(&str) -> bool) -> Vec<Table> {
    let bench = Bench::new(PROGRAM, model);
    let commands: Vec<Command> =
        COMMANDS.into_iter().filter(|it| bench.knows(it) && wanted(it.name)).collect();
    let undisturbed: Vec<End> = commands.iter().map(|command| bench.undisturbed(command)).collect();
    let (mut jobs, mut tables) = (Vec::new(), Vec::new());
    for (index, (command, wanted)) in commands.iter().zip(&undisturbed).enumerate() {
        assert_eq!(wanted.code, Some(command.ends), "{}: {}", command.name, wanted.said);
        assert!(wanted.objections.is_empty(), "{}: {:?}", command.name, wanted.objections);
        tables.push(Table::new(command, wanted, &Places::Telling.of(&wanted.lines)));
        for at in places.of(&wanted.lines) {
            jobs.extend((0..FAULTS.len()).map(|fault| Job { command: index, at, fault }));
        }
    }
    let next = AtomicUsize::new(0);
    let tables = Mutex::new(tables);
    let failures = Mutex::new(Vec::new());
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (command, fault) = (&commands[job.command], &FAULTS[job.fault]);
            let trial = bench.trial(command, fault, job.at);
            tables.lock().unwrap()[job.command].enter(job.at, job.fault, &trial);
            let objections = verdict(command, fault, &trial, &undisturbed[job.command]);
            if !objections.is_empty() {
                failures.lock().unwrap().push(told(command, fault, job.at, &objections, &trial));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    let shown = failures.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(
        failures.is_empty(),
        "{model}: {} of {} trials failed, such as\n{shown}",
        failures.len(),
        jobs.len()
    );
    tables.into_inner().unwrap()
}

impl Places {
    fn of_this_run() -> Self {
        match soak() {
            1 => Self::Telling,
            _ => Self::All,
        }
    }

    /// Counted from 1.
    fn of(self, lines: &[Line]) -> Vec<usize> {
        let verb = |line: &Line| line.name.split(' ').next().unwrap_or_default().to_owned();
        let alike = |one: usize, other: usize| {
            let (one, other) = (&lines[one], &lines[other]);
            verb(one) == verb(other) && one.answer() == other.answer()
        };
        let inner =
            |at: usize| at > 0 && at + 1 < lines.len() && alike(at - 1, at) && alike(at, at + 1);
        let wanted = |at: &usize| match self {
            Self::Telling => !inner(*at),
            Self::All => true,
        };
        (0..lines.len()).filter(wanted).map(|at| at + 1).collect()
    }
}

/// A failure with all that is known of it.
fn told(command: &Command, fault: &Fault, at: usize, why: &[String], trial: &Trial) -> String {
    let mut text = format!("{}, {} at APDU {at}: {}\n", command.name, fault.name, why.join("; "));
    let runs = [Some(&trial.disturbed), trial.again.as_ref(), trial.way_out.as_ref()];
    for end in runs.into_iter().flatten() {
        text.push_str(&format!("exit code {:?}\n{}", end.code, end.said));
        for line in &end.lines {
            text.push_str(&format!("    {}: {}\n", line.name, line.rest));
        }
    }
    text
}
