//! Streams that break, fill up, or are a terminal.
#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where it fails, in its helpers too"
)]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program under test.
const TOUCHMARK: &str = env!("CARGO_BIN_EXE_touchmark-under-test");

fn touchmark(folder: &Path, words: &str) -> Command {
    let mut command = Command::new(TOUCHMARK);
    command
        .args(words.split(' '))
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("TOUCHMARK_SETTINGS")
        .env_remove("XDG_CONFIG_HOME");
    command
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn a_full_disk_behind_standard_output_is_exit_code_9() {
    let folder = tempfile::tempdir().unwrap();
    let key = touchmark(folder.path(), "key generate --signer soft:k.pem").status().unwrap();
    assert!(key.success());
    for words in ["key public --signer soft:k.pem", "completions bash", "--help", "--version"] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = touchmark(folder.path(), words).stdout(full).output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(9), "{words}: {stderr}");
        assert_eq!(stderr.lines().count(), 3, "{words}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{words}: {stderr}");
    }
}

#[test]
fn a_reader_that_left_is_no_error_and_nothing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for words in ["completions bash", "--help"] {
        let mut child = touchmark(folder.path(), words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert_eq!((status.code(), text(&stderr).as_str()), (Some(0), ""), "{words}");
    }
}

/// Runs a command line on a terminal of its own, types each answer when its question is there, and
/// returns what the terminal showed.
fn on_a_terminal(folder: &Path, words: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--echo", "never", "--command"])
        .arg(format!("{TOUCHMARK} {words}"))
        .arg("/dev/null")
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("TOUCHMARK_SETTINGS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script(1) of util-linux is installed");
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    for (question, typed) in answers {
        while !text(&shown).contains(question) {
            let mut octet = [0];
            screen
                .read_exact(&mut octet)
                .unwrap_or_else(|_| panic!("{question}: {}", text(&shown)));
            shown.extend(octet);
        }
        writeln!(keyboard, "{typed}").unwrap();
    }
    screen.read_to_end(&mut shown).unwrap();
    let status = child.wait().unwrap();
    drop(keyboard);
    (status.code(), text(&shown))
}

#[test]
fn a_prompt_names_what_it_wants_and_shows_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let make = "key generate --signer soft:k.pem --new-passphrase prompt";
    let (new, again) = ("new passphrase for k.pem: ", "the same again: ");
    let typed = [(new, "correct-horse"), (again, "correct-house")];
    let (code, shown) = on_a_terminal(here, make, &typed);
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("the two entries differ"), "{shown}");
    assert!(!here.join("k.pem").exists());

    let (code, shown) =
        on_a_terminal(here, make, &[(new, "correct-horse"), (again, "correct-horse")]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");

    let typed = [("passphrase for k.pem: ", "correct-horse")];
    let (code, shown) = on_a_terminal(here, "key list --signer soft:k.pem", &typed);
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");

    let silent = "key list --signer soft:k.pem --no-input";
    let (code, shown) = on_a_terminal(here, silent, &[]);
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("no source was given for it"), "{shown}");
}

#[test]
fn colours_are_for_terminals_only() {
    let folder = tempfile::tempdir().unwrap();
    let (_, shown) = on_a_terminal(folder.path(), "doctor", &[]);
    assert!(shown.contains("\u{1b}["), "{shown}");
    let (_, shown) = on_a_terminal(folder.path(), "doctor --color never", &[]);
    assert!(!shown.contains("\u{1b}["), "{shown}");
    let piped = touchmark(folder.path(), "doctor").output().unwrap();
    assert!(!text(&piped.stdout).contains('\u{1b}'));
}

#[test]
fn text_from_a_file_name_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let name = "evil\u{1b}[2J.pem";
    File::create(folder.path().join(name)).unwrap();
    let output = Command::new(TOUCHMARK)
        .args(["cert", "show", name])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let stderr = text(&output.stderr);
    assert!(stderr.contains("evil\\u{1b}[2J.pem") && !stderr.contains('\u{1b}'), "{stderr:?}");
}
