//! Secrets that are typed at a terminal: never shown, never sent when they cannot be right, and the
//! terminal is left as it was found, however the program ends.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tempfile::TempDir;
use touchmark_tests::drawer::{Drawer, FOLDER};

const PROGRAM: &str = env!("CARGO_BIN_EXE_touchmark-under-test");
const SERIAL: u32 = 16_021_234;
const PIN_ASKED: &str = "PIN for YubiKey 16021234 (3 tries left): ";
const NEW_PIN_ASKED: &str = "new PIN for YubiKey 16021234: ";
const ASKED_AGAIN: &str = "the same again: ";

/// A folder with one factory-fresh key, and a terminal at which the program runs.
struct Sitting {
    folder: TempDir,
    /// The side of the terminal at which a person sits.
    keyboard: File,
    /// The other one; while it is open the terminal keeps its settings.
    line: PathBuf,
    _kept_open: File,
    screen: Receiver<Vec<u8>>,
    /// What was on the screen so far.
    seen: String,
    /// How much of it was waited for already.
    looked_at: usize,
}

impl Sitting {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Drawer::add(folder.path(), "5.7.1".parse().unwrap(), SERIAL).unwrap();
        let settings = folder.path().join("touchmark.toml");
        fs::write(
            &settings,
            format!("default-signer = \"k\"\n[signer.k]\nlocator = \"yubikey:serial={SERIAL}\"\n"),
        )
        .unwrap();
        fs::set_permissions(&settings, fs::Permissions::from_mode(0o600)).unwrap();
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let line = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        let keyboard = File::from(master);
        let kept_open = OpenOptions::new().read(true).write(true).open(&line).unwrap();
        let (sender, screen) = channel();
        let mut shown = keyboard.try_clone().unwrap();
        thread::spawn(move || {
            let mut octets = [0; 1024];
            while let Ok(count @ 1..) = shown.read(&mut octets) {
                let _ = sender.send(octets[..count].to_vec());
            }
        });
        Self {
            folder,
            keyboard,
            line,
            _kept_open: kept_open,
            screen,
            seen: String::new(),
            looked_at: 0,
        }
    }

    /// Starts the program with this terminal as its own.
    fn start(&self, arguments: &str) -> Running {
        let side = || OpenOptions::new().read(true).write(true).open(&self.line).unwrap();
        let child = Command::new("setsid")
            .args(["--ctty", PROGRAM, "--settings", "touchmark.toml"])
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env(FOLDER, self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        Running(child)
    }

    /// Waits until this is on the screen, behind what was waited for before.
    fn wait_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.seen[self.looked_at..].find(text) {
                self.looked_at += at + text.len();
                return;
            }
            let more = self.screen.recv_timeout(Duration::from_secs(30));
            let more = more.unwrap_or_else(|_| panic!("{text:?} never came: {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    fn shows_what_is_typed(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for a question, and types an answer that must not be shown.
    fn answer(&mut self, question: &str, typed: &str) {
        self.wait_for(question);
        assert!(!self.shows_what_is_typed(), "{question}");
        self.keyboard.write_all(typed.as_bytes()).unwrap();
    }

    /// Waits for the end of the program. The terminal shows again what is typed, and showed nothing of
    /// `typed` before.
    fn end(&mut self, mut child: Running, typed: &[&str]) -> ExitStatus {
        let status = child.0.wait().unwrap();
        assert!(self.shows_what_is_typed());
        // What is still on its way to the screen stands before this.
        self.keyboard.write_all(b"the end\n").unwrap();
        self.wait_for("the end");
        for secret in typed {
            assert!(!self.seen.contains(secret), "{}", self.seen);
        }
        status
    }

    /// How often the card got commands that begin so.
    fn count(&self, command: &str) -> usize {
        let log = fs::read_to_string(self.folder.path().join(format!("{SERIAL}.log"))).unwrap();
        log.lines().filter(|line| line.contains(&format!(" {command}"))).count()
    }
}

/// The program, which does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pin_is_asked_for_once_and_a_new_one_twice() {
    let mut sitting = Sitting::new();
    let child = sitting.start("pin verify");
    sitting.answer(PIN_ASKED, "123456\n");
    assert_eq!(sitting.end(child, &["123456"]).code(), Some(0), "{}", sitting.seen);
    assert_eq!(sitting.count("VERIFY:"), 1);

    let child = sitting.start("pin change");
    // A slip of the finger that is corrected at once.
    sitting.answer(PIN_ASKED, "1234567\u{7f}\n");
    sitting.answer(NEW_PIN_ASKED, "867530\n");
    sitting.answer(ASKED_AGAIN, "867530\n");
    assert_eq!(sitting.end(child, &["123456", "867530"]).code(), Some(0), "{}", sitting.seen);
    assert_eq!(sitting.count("CHANGE REFERENCE"), 1);
}

#[test]
fn two_new_pins_that_differ_are_refused_before_the_card_gets_any() {
    let mut sitting = Sitting::new();
    let child = sitting.start("pin change");
    sitting.answer(PIN_ASKED, "123456\n");
    sitting.answer(NEW_PIN_ASKED, "867530\n");
    sitting.answer(ASKED_AGAIN, "867531\n");
    let status = sitting.end(child, &["123456", "867530", "867531"]);
    assert_eq!(status.code(), Some(2), "{}", sitting.seen);
    assert!(sitting.seen.contains("the two entries differ"), "{}", sitting.seen);
    assert_eq!((sitting.count("VERIFY:"), sitting.count("CHANGE")), (0, 0));
}

#[test]
fn what_is_typed_and_cannot_be_a_pin_costs_no_try() {
    for (typed, reason) in [
        ("\n".to_owned(), "it is empty"),
        ("12345\n".to_owned(), "it has 5 octets"),
        ("123\t456\n".to_owned(), "octet 3 is not printable"),
        // No more than this goes into a terminal's line.
        (format!("{}\n", "1".repeat(4095)), "octets, and 8 are the most"),
        // The end of the input, as Control-D makes it.
        ("\u{4}".to_owned(), "cannot read the PIN from prompt"),
    ] {
        let mut sitting = Sitting::new();
        let child = sitting.start("pin verify");
        sitting.answer(PIN_ASKED, &typed);
        let status = sitting.end(child, &["12345", "11111"]);
        assert_eq!(status.code(), Some(2), "{}", sitting.seen);
        assert!(sitting.seen.contains(reason), "{reason}: {}", sitting.seen);
        assert_eq!(sitting.count("VERIFY:"), 0);
    }
}

#[test]
fn control_c_and_sigterm_give_the_terminal_back() {
    for (way, signal) in
        [("\u{3}", Signal::INT), ("\u{1c}", Signal::QUIT), ("", Signal::TERM), ("", Signal::INT)]
    {
        let mut sitting = Sitting::new();
        let child = sitting.start("pin verify");
        // A signal from elsewhere may come before what is on its way from the keyboard.
        sitting.answer(PIN_ASKED, if way.is_empty() { "" } else { "9876" });
        match way {
            "" => {
                let id = Pid::from_raw(child.0.id().try_into().unwrap()).unwrap();
                kill_process(id, signal).unwrap();
            }
            typed => sitting.keyboard.write_all(typed.as_bytes()).unwrap(),
        }
        let status = sitting.end(child, &["9876"]);
        assert_eq!(status.signal(), Some(signal.as_raw()), "{}", sitting.seen);
        assert_eq!(sitting.count("VERIFY:"), 0);
    }
}

/// Nothing has to be left in order here, so the program ends at once.
#[test]
fn the_terminal_is_given_back_however_soon_the_program_ends() {
    let mut sitting = Sitting::new();
    let key = sitting.folder.path().join("key.pem");
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-aes-256-cbc", "-pass", "pass:hunter22", "-out"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    for number in 0..20 {
        let child = sitting.start("key public --signer soft:key.pem");
        sitting.answer("passphrase for key.pem: ", "");
        let signal = if number % 2 == 0 { Signal::INT } else { Signal::TERM };
        let id = Pid::from_raw(child.0.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        let status = sitting.end(child, &[]);
        assert_eq!(status.signal(), Some(signal.as_raw()), "{}", sitting.seen);
    }
}

/// As a shell does it with a program that it stops and takes up again.
#[test]
fn a_program_that_was_stopped_hides_again_what_is_typed() {
    let mut sitting = Sitting::new();
    let child = sitting.start("pin verify");
    sitting.wait_for(PIN_ASKED);
    let id = Pid::from_raw(child.0.id().try_into().unwrap()).unwrap();
    kill_process(id, Signal::STOP).unwrap();
    let mut shown = tcgetattr(&sitting.keyboard).unwrap();
    shown.local_modes.insert(LocalModes::ECHO);
    tcsetattr(&sitting.keyboard, OptionalActions::Now, &shown).unwrap();
    kill_process(id, Signal::CONT).unwrap();
    let started = Instant::now();
    while sitting.shows_what_is_typed() && started.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(1));
    }
    sitting.keyboard.write_all(b"123456\n").unwrap();
    assert_eq!(sitting.end(child, &["123456"]).code(), Some(0), "{}", sitting.seen);
}
