//! Commands on a real pcscd, while other programs and pcscd itself get in the way.
//!
//! The same key, bench and verdict as in the fault matrix; the faults are those that only PC/SC has.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use pcscd_lab::Lab;
use rustix::process::{Pid, Signal, kill_process};
use touchmark_tests::drawer;
use touchmark_tests::faults::{
    Bench, COMMANDS, Command, End, Fault, Line, SERIAL, Start, Trial, verdict,
};
use touchmark_tests::program::{ended, write_requests};
use touchmark_tests::soak;
use virtual_yubikey::{Card, Device, Durability, Effect, Fault as CardFault, Log, StateFile};

const PROGRAM: &str = env!("CARGO_BIN_EXE_touchmark-under-test");
const HOLDER: &str = env!("CARGO_BIN_EXE_card-holder");

/// How long the program waits for others. The card's pause is shorter.
const PATIENCE: Duration = Duration::from_millis(1500);
const PAUSE: Duration = Duration::from_millis(400);

/// What gets in the way while the card takes its time over an APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// pcscd is killed, and started again.
    Restart,
    /// pcscd is killed, and is back only for the next run.
    NoService,
    /// Another program resets the card, as soon as it is let.
    Reset,
    /// Another program takes the card for itself, as soon as it is let, until after the run.
    Held,
}

const OBSTACLES: [(Obstacle, Fault); 4] = [
    (Obstacle::Restart, Fault { name: "pcscd restarted", script: "" }),
    (Obstacle::NoService, Fault { name: "pcscd killed", script: "" }),
    (Obstacle::Reset, Fault { name: "reset by another process", script: "" }),
    (Obstacle::Held, Fault { name: "held by another process", script: "" }),
];

/// One of each kind: it presents a PIN, changes one, proves the management key, changes it, makes a
/// key, writes an object, signs.
const CHOSEN: [&str; 6] = [
    "pin verify",
    "pin change",
    "management-key change --protect",
    "key generate",
    "cert import",
    "sign",
];

#[test]
fn a_card_that_another_program_has_to_itself_is_told_of_and_nothing_is_spent() {
    let bench = Bench::new(PROGRAM, "5.7.1");
    let mut desk = Desk::new();
    let holder = desk.holder("exclusive");
    for name in CHOSEN {
        let command = named(name);
        let at = bench.lay_out(command.start);
        desk.put(at.path(), None);
        let end = desk.run(&bench, at.path(), command, command.arguments, |_| ());
        assert_eq!(end.code, Some(8), "{name}: {}", end.said);
        assert!(end.said.contains("scdaemon"), "{name}: {}", end.said);
        assert!(end.objections.is_empty() && end.lines.is_empty(), "{name}: {:?}", end.objections);
    }
    drop(holder);
}

#[test]
fn the_list_says_what_it_waits_for_and_waits_no_longer_than_it_must() {
    let bench = Bench::new(PROGRAM, "5.7.1");
    let mut desk = Desk::new();
    let command = named("token list");
    for how in ["exclusive", "transaction"] {
        let at = bench.lay_out(command.start);
        desk.put(at.path(), None);
        let holder = desk.holder(how);
        let end = desk.run(&bench, at.path(), command, command.arguments, |_| ());
        assert_eq!(end.code, Some(8), "{how}: {}", end.said);
        assert!(end.said.contains("waiting: another program has the YubiKey in"), "{}", end.said);
        assert!(end.said.contains("scdaemon"), "{how}: {}", end.said);
        assert!(end.objections.is_empty(), "{how}: {:?}", end.objections);
        drop(holder);
    }
}

#[test]
fn whatever_gets_in_the_way_at_whichever_apdu_the_next_run_goes_on() {
    let bench = Bench::new(PROGRAM, "5.7.1");
    let commands: Vec<&Command> = CHOSEN.iter().map(|name| named(name)).collect();
    let wanted: Vec<End> = commands.iter().map(|command| bench.undisturbed(command)).collect();
    let mut jobs = Vec::new();
    for (index, end) in wanted.iter().enumerate() {
        let acts = |(at, line): &(usize, &Line)| soak() > 1 || *at == 3 || line.is_an_act();
        let places = end.lines.iter().enumerate().map(|(at, line)| (at + 1, line)).filter(acts);
        for (at, _) in places {
            jobs.extend((0..OBSTACLES.len()).map(|obstacle| (index, at, obstacle)));
        }
    }
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    scope(|scope| {
        // They wait most of their time.
        for _ in 0..6 {
            scope.spawn(|| {
                let mut desk = Desk::new();
                while let Some(&(index, at, obstacle)) =
                    jobs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let (obstacle, fault) = OBSTACLES[obstacle];
                    let command = commands[index];
                    let trial = desk.trial(&bench, command, at, obstacle);
                    let found = verdict(command, &fault, &trial, &wanted[index]);
                    if !found.is_empty() {
                        let text = format!(
                            "{}, {} at APDU {at}: {}\n{:#?}",
                            command.name,
                            fault.name,
                            found.join("; "),
                            trial
                        );
                        failures.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let shown = failures.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {} trials failed:\n{shown}", failures.len(), jobs.len());
}

#[test]
fn a_batch_that_is_ended_by_a_signal_leaves_no_pin_verified_and_is_finished_by_the_next_run() {
    const REQUESTS: usize = 6;
    let bench = Bench::new(PROGRAM, "5.7.1");
    let requests = touchmark_tests::line::Line::new();
    write_requests(&requests, "csrs", "G3A", REQUESTS);
    let batch = format!("issue --batch {} --out-dir out", requests.path("csrs").display());
    let mut desk = Desk::new();
    for signal in [Signal::TERM, Signal::INT, Signal::KILL] {
        let at = bench.lay_out(Start::Ready);
        desk.put(at.path(), None);
        let third = CardFault::on("GENERAL AUTHENTICATE sign", 3, Effect::Slow(PAUSE)).unwrap();
        desk.device().inject([third]);
        *desk.device().log_mut() = Log::new();
        let mut program = desk.program(&bench, at.path(), &batch).spawn().unwrap();
        let signatures = || desk.device().log().count("GENERAL AUTHENTICATE sign");
        until("the third signature", || signatures() == 3);
        kill_process(Pid::from_child(&program), signal).unwrap();
        let status = program.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{signal:?}");
        assert!(desk.device().log().count("VERIFY") > 0, "the PIN was verified");

        let verified = || {
            let mut device = desk.device();
            device.transmit(b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08").unwrap();
            device.transmit(b"\x00\x20\x00\x80").unwrap() == [0x90, 0x00]
        };
        until("nothing verified", || !verified());

        let again = desk.program(&bench, at.path(), &batch).output().unwrap();
        ended(0, &again, &batch);
        let files = std::fs::read_dir(at.path().join("out")).unwrap();
        assert_eq!(files.count(), 3 * REQUESTS, "{signal:?}");
    }
}

/// Waits for something that other processes do.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: never");
        sleep(Duration::from_millis(2));
    }
}

/// A pcscd with one key in it.
struct Desk {
    lab: Lab,
}

/// Another program. What it holds is free when this is dropped.
struct Holder(Child);

impl Desk {
    fn new() -> Self {
        let key = Device::new(Card::with_serial("5.7.1".parse().unwrap(), SERIAL));
        Self { lab: Lab::start([key]).unwrap() }
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.lab.keys()[0].device()
    }

    /// The program with these arguments, for the key in this pcscd.
    fn program(&mut self, bench: &Bench, at: &Path, arguments: &str) -> Process {
        let mut process = bench.process(at, arguments);
        process
            .env_remove(drawer::FOLDER)
            .env(drawer::PATIENCE, PATIENCE.as_millis().to_string())
            .envs(self.lab.pcscd().environment());
        process
    }

    /// Puts the key of this folder in, and has it take its time over an APDU.
    fn put(&self, at: &Path, pause_at: Option<usize>) {
        let path = at.join(format!("keys/{SERIAL}.json"));
        let card = StateFile::card(path, Durability::Process, None, Some(SERIAL)).unwrap();
        let mut device = self.device();
        *device.card_mut() = card;
        let pause = |at: usize| CardFault::at(u64::try_from(at).unwrap(), Effect::Slow(PAUSE));
        device.inject(pause_at.map(pause));
    }

    /// Runs a command on the key, with its log in the folder.
    fn run(
        &mut self,
        bench: &Bench,
        at: &Path,
        command: &Command,
        arguments: &str,
        meanwhile: impl FnOnce(&mut Self),
    ) -> End {
        let process = self.program(bench, at, arguments);
        let log = at.join(format!("keys/{SERIAL}.log"));
        let file = std::fs::File::create(&log).unwrap();
        *self.device().log_mut() = Log::new().to(file);
        bench.run_among(at, command, process, || meanwhile(self))
    }

    fn trial(&mut self, bench: &Bench, command: &Command, at: usize, obstacle: Obstacle) -> Trial {
        let folder = bench.lay_out(command.start);
        let arguments = command.arguments;
        self.put(folder.path(), Some(at));
        let mut holder = None;
        let disturbed = self.run(bench, folder.path(), command, arguments, |desk| {
            desk.wait_for(at);
            match obstacle {
                Obstacle::Restart => desk.lab.restart_pcscd().unwrap(),
                Obstacle::NoService => desk.lab.kill_pcscd(),
                Obstacle::Reset => holder = Some(desk.start_holder("reset")),
                Obstacle::Held => holder = Some(desk.start_holder("transaction")),
            }
        });
        drop(holder);
        if obstacle == Obstacle::NoService {
            self.lab.restart_pcscd().unwrap();
        }
        self.device().inject([]);
        let failed = disturbed.code != Some(command.ends);
        let mut run = |arguments: &str| self.run(bench, folder.path(), command, arguments, |_| ());
        let again = failed.then(|| run(arguments));
        let stuck = again.as_ref().filter(|end| end.code != Some(command.ends));
        let runs = stuck.map(|end| bench.way_out(folder.path(), command, end)).unwrap_or_default();
        let mut way_out = None;
        for arguments in &runs {
            way_out = Some(run(arguments));
        }
        Trial { disturbed, again, way_out }
    }

    /// Waits until the card has seen so many APDUs.
    fn wait_for(&self, apdus: usize) {
        let wanted = u64::try_from(apdus).unwrap();
        until(&format!("APDU {apdus}"), || self.device().log().total() >= wanted);
    }

    /// Another program that has the card, now.
    fn holder(&self, how: &str) -> Holder {
        let mut holder = self.start_holder(how);
        let mut line = String::new();
        BufReader::new(holder.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        holder
    }

    fn start_holder(&self, how: &str) -> Holder {
        let mut process: Process = self.lab.command(HOLDER);
        let child = process.arg(how).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Holder(child.unwrap())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It waits for nothing else but a card that nobody else may ever let go.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn named(name: &str) -> &'static Command {
    COMMANDS.iter().find(|command| command.name == name).unwrap()
}
