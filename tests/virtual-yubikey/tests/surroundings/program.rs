//! The program, from outside.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::reader::Reader;
use crate::session::{OK, PIN_STATUS, SELECT, VERIFY, VERSION, WRONG};

/// A running program in a folder of its own; killed when dropped.
struct Program {
    folder: TempDir,
    child: Child,
}

impl Program {
    fn start(arguments: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    /// Returns when it says that the card is there.
    fn start_in(folder: TempDir, arguments: &str) -> Self {
        let mut child = command(folder.path(), arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(" is in "), "{line}");
        Self { folder, child }
    }

    fn reader(&self) -> Reader<std::os::unix::net::UnixStream> {
        Reader::at(&self.folder.path().join("sock"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_virtual-yubikey"));
    command.args(arguments.split_whitespace()).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a run that fails says.
fn refusal(folder: &Path, arguments: &str) -> String {
    let output = command(folder, arguments).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_killed_program_never_gives_a_try_back() {
    let arguments = "--model 5.7.1 --state state --socket sock";
    let mut folder = tempfile::tempdir().unwrap();
    for _ in 0..25 {
        let mut tries = 3;
        while tries > 0 {
            let program = Program::start_in(folder, arguments);
            let mut reader = program.reader();
            reader.transmit(SELECT).unwrap();
            assert_eq!(reader.transmit(PIN_STATUS).unwrap(), [0x63, 0xC0 | tries]);
            tries -= 1;
            assert_eq!(reader.transmit(WRONG).unwrap(), [0x63, 0xC0 | tries]);
            // The answer has just come; the state must be there already.
            program.signal(Signal::KILL);
            folder = taken(program);
        }
        // Blocked. Unblocking persists as well.
        let program = Program::start_in(folder, arguments);
        let mut reader = program.reader();
        reader.transmit(SELECT).unwrap();
        assert_eq!(reader.transmit(VERIFY).unwrap(), b"\x69\x83");
        let unblock = b"\x00\x2C\x00\x80\x1012345678123456\xFF\xFF";
        assert_eq!(reader.transmit(unblock).unwrap(), OK);
        program.signal(Signal::KILL);
        folder = taken(program);
    }
}

/// Waits for the end of a program and takes its folder.
fn taken(mut program: Program) -> TempDir {
    program.child.wait().unwrap();
    std::mem::replace(&mut program.folder, tempfile::tempdir().unwrap())
}

#[test]
fn a_program_killed_at_any_moment_leaves_a_whole_state() {
    let arguments = "--model 5.7.1 --state state --socket sock";
    let mut folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let program = Program::start_in(folder, arguments);
        let mut reader = program.reader();
        reader.transmit(SELECT).unwrap();
        // As many changes as the time allows: the PIN to itself and back.
        let change = b"\x00\x24\x00\x80\x10123456\xFF\xFF123456\xFF\xFF";
        std::thread::scope(|scope| {
            scope.spawn(|| while reader.transmit(change).is_ok() {});
            std::thread::sleep(std::time::Duration::from_micros(700 * round));
            program.signal(Signal::KILL);
        });
        folder = taken(program);
    }
    let program = Program::start_in(folder, arguments);
    let mut reader = program.reader();
    reader.transmit(SELECT).unwrap();
    assert_eq!(reader.transmit(VERIFY).unwrap(), OK);
}

#[test]
fn it_stops_cleanly_when_told_to() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start("--model 5.4.3 --socket sock --log log");
        program.reader().transmit(SELECT).unwrap();
        program.signal(signal);
        assert!(program.child.wait().unwrap().success());
        assert!(!program.folder.path().join("sock").exists());
    }
    let mut program = Program::start("--model 5.4.3 --socket sock --until-eof");
    drop(program.child.stdin.take());
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn the_log_hides_pins_and_ends_with_the_counts() {
    for (flag, shown) in [("", false), ("--log-secrets", true)] {
        let mut program = Program::start(&format!("--model 5.4.3 --socket sock --log log {flag}"));
        let mut reader = program.reader();
        for apdu in [SELECT, VERIFY, VERSION, VERSION] {
            reader.transmit(apdu).unwrap();
        }
        program.signal(Signal::TERM);
        program.child.wait().unwrap();
        let log = fs::read_to_string(program.folder.path().join("log")).unwrap();
        assert_eq!(log.contains("313233343536"), shown, "{log}");
        assert_eq!(log.contains("00200080 (9 octets left out) -> 9000"), !shown, "{log}");
        let summary = "      2 VERSION\n      1 SELECT PIV\n      1 VERIFY\n      4 in all\n";
        assert!(log.ends_with(summary), "{log}");
    }
}

#[test]
fn switches_and_faults_reach_the_card() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("faults"), "[[fault]]\ncommand = 'VERSION'\ndo = 'empty'\n")
        .unwrap();
    let program = Program::start_in(
        folder,
        "--model 5.7.1 --serial 77 --socket sock --faults faults --last-try 6983 \
         --blocked-status 6983 --pin-complexity",
    );
    let mut reader = program.reader();
    reader.transmit(SELECT).unwrap();
    assert_eq!(reader.transmit(VERSION).unwrap(), b"");
    assert_eq!(reader.transmit(b"\x00\xF8\x00\x00").unwrap(), b"\x00\x00\x00\x4D\x90\x00");
    let change = b"\x00\x24\x00\x80\x10123456\xFF\xFF111111\xFF\xFF";
    assert_eq!(reader.transmit(change).unwrap(), b"\x69\x85");
    for status in [b"\x63\xC2", b"\x63\xC1", b"\x69\x83"] {
        assert_eq!(reader.transmit(WRONG).unwrap(), status);
    }
    assert_eq!(reader.transmit(PIN_STATUS).unwrap(), b"\x69\x83");
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("damaged"), "{\"virtual_yubikey\": \"1\", \"car").unwrap();
    fs::write(path.join("bad.toml"), "[[fault]]\nat = 1\ndo = 'explode'\n").unwrap();
    for (arguments, message) in [
        ("--socket sock", "without a state file --model says which key to be"),
        ("--socket sock --state new", "there is no state file new yet, and no model was given"),
        ("--socket sock --model 9.9.9", "no model `9.9.9`; there are "),
        ("--socket sock --state damaged", "the state file damaged is damaged; move it away"),
        ("--socket no/sock --model 5.7.1", "failed to listen at no/sock: "),
        ("--socket sock --model 5.7.1 --touch later", "not `auto`, `never` or a number"),
        ("--socket sock --model 5.7.1 --faults none", "failed to read the faults in none: No such"),
        (
            "--socket sock --model 5.7.1 --faults bad.toml",
            "failed to read the faults in bad.toml: fault 1: no fault is called `explode`",
        ),
        ("--socket sock --model 5.7.1 --log-secrets", "--log <FILE>"),
    ] {
        let said = refusal(path, arguments);
        assert!(said.contains(message), "{arguments}: {said}");
    }
}

#[test]
fn it_prints_the_root_of_its_attestations() {
    let mut child = command(Path::new("."), "--root-certificate").spawn().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(text, virtual_yubikey::ROOT_CERTIFICATE_PEM);
}
