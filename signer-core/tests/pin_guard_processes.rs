//! The PIN guard between processes: this program starts itself, several times over and at once.
//!
//! The card is a file with the number of tries left. Each act on it is whole by itself, and nothing
//! but the guard holds two acts together, as it is with PKCS#11.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use signer_core::pin_guard::{Attempt, PinGuard};
use signer_core::{Error, PinStatus, Secret, SecretKind, SecretRules, Tries};

const FOLDER: &str = "PIN_GUARD_TEST_FOLDER";
const PIN: &str = "PIN_GUARD_TEST_PIN";
const HALT: &str = "PIN_GUARD_TEST_HALT";
const SAYS: &str = "> ";
const RIGHT: &str = "123456";
const WRONG: &str = "111111";
const TOTAL: u8 = 9;

#[test]
#[ignore = "a role for the processes that the other tests start"]
fn role() {
    present(Path::new(&env::var_os(FOLDER).unwrap()));
}

#[test]
fn processes_that_start_at_once_with_one_wrong_pin_spend_one_try() {
    let folder = new_card();
    let ends = at_once(folder.path(), WRONG, 8);
    assert_eq!(left(folder.path()), TOTAL - 1);
    assert_eq!(ends.iter().filter(|end| *end == "wrong").count(), 1, "{ends:?}");
    assert_eq!(ends.iter().filter(|end| *end == "failed before").count(), 7, "{ends:?}");
}

#[test]
fn processes_that_start_at_once_with_the_right_pin_all_get_through() {
    let folder = new_card();
    let ends = at_once(folder.path(), RIGHT, 8);
    assert!(ends.iter().all(|end| end == "accepted"), "{ends:?}");
}

#[test]
fn a_wrong_pin_is_remembered_of_a_process_that_was_killed_after_sending_it() {
    let folder = new_card();
    for _ in 0..3 {
        kill_at(folder.path(), WRONG, "sent");
    }
    assert_eq!(left(folder.path()), TOTAL - 1);
    assert_eq!(at_once(folder.path(), WRONG, 1), ["failed before"]);
}

#[test]
fn a_right_pin_is_not_held_up_by_a_process_that_was_killed() {
    for halt in ["admitted", "sent"] {
        let folder = new_card();
        kill_at(folder.path(), RIGHT, halt);
        assert_eq!(at_once(folder.path(), RIGHT, 1), ["accepted"], "killed when {halt}");
    }
}

fn new_card() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("card"), [TOTAL]).unwrap();
    folder
}

fn left(folder: &Path) -> u8 {
    fs::read(folder.join("card")).unwrap()[0]
}

/// Starts processes that all wait for the same moment, and tells how each ended.
fn at_once(folder: &Path, pin: &str, count: usize) -> Vec<String> {
    let mut children: Vec<Child> = (0..count).map(|_| start(folder, pin, "")).collect();
    for child in &mut children {
        // All are up by now, or nearly; the end of their input lets them go.
        drop(child.stdin.take());
    }
    let ends = children.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        said(output.stdout.lines()).unwrap()
    });
    ends.collect()
}

/// Starts a process and kills it when it says that it has come so far; it may be refused before.
fn kill_at(folder: &Path, pin: &str, halt: &str) {
    let mut child = start(folder, pin, halt);
    drop(child.stdin.take());
    let line = said(BufReader::new(child.stdout.take().unwrap()).lines()).unwrap();
    assert!(["failed before", halt].contains(&line.as_str()), "{line:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What a started process says first, among what the test harness says.
fn said(mut lines: impl Iterator<Item = std::io::Result<String>>) -> Option<String> {
    lines.find_map(|line| Some(line.unwrap().strip_prefix(SAYS)?.to_owned()))
}

fn start(folder: &Path, pin: &str, halt: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "role", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([(PIN, pin), (HALT, halt)])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a started process does.
fn present(folder: &Path) {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let card = Card { file: folder.join("card") };
    let pin = env::var(PIN).unwrap();
    let attempt = Attempt {
        id: "yubikey:1",
        token: "YubiKey 1",
        kind: SecretKind::Pin,
        rules: SecretRules { min_length: 6, max_length: 8, alphabet: SecretRules::DIGITS },
    };
    let secret = Secret::new(pin.into_bytes());
    let guard = PinGuard::new().in_folder(folder.join("pin-guard"));
    let end = match guard.admit(&attempt, &secret, || Ok(card.status())) {
        Ok(admitted) => {
            halt("admitted");
            let (right, left) = card.verify(admitted.octets());
            halt("sent");
            if right {
                drop(admitted.accepted());
                "accepted"
            } else {
                let error = admitted.wrong(Tries::left(left));
                assert!(matches!(error, Error::WrongSecret { .. }));
                "wrong"
            }
        }
        Err(Error::FailedBefore { .. }) => "failed before",
        Err(error) => panic!("{error}"),
    };
    println!("\n{SAYS}{end}");
}

/// Says so and waits to be killed, if this is where.
fn halt(here: &str) {
    if env::var(HALT).unwrap() == here {
        println!("\n{SAYS}{here}");
        std::io::stdout().flush().unwrap();
        loop {
            std::thread::park();
        }
    }
}

struct Card {
    file: PathBuf,
}

impl Card {
    fn status(&self) -> PinStatus {
        let left = self.exchange(|left| left);
        PinStatus { tries: Tries::left(left), total: Some(TOTAL), is_default: None }
    }

    fn verify(&self, octets: &[u8]) -> (bool, u8) {
        let right = octets == RIGHT.as_bytes();
        (right, self.exchange(|left| if right { TOTAL } else { left - 1 }))
    }

    fn exchange(&self, act: impl FnOnce(u8) -> u8) -> u8 {
        let mut file = File::options().read(true).write(true).open(&self.file).unwrap();
        file.lock().unwrap();
        let mut left = [0];
        file.read_exact(&mut left).unwrap();
        left = [act(left[0])];
        std::io::Seek::rewind(&mut file).unwrap();
        file.write_all(&left).unwrap();
        left[0]
    }
}
