//! What a lab promises: round trips are quick, keys come and go, nothing is left.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pcscd_lab::{Driver, Lab};
use virtual_yubikey::{Card, Device};

fn key(serial: u32) -> Device {
    Device::new(Card::with_serial("5.4.3".parse().unwrap(), serial))
}

#[test]
fn a_key_is_pulled_and_put_back() {
    let mut lab = Lab::start([key(1), key(2)]).unwrap();
    lab.keys()[0].pull();
    lab.pcscd().wait_for_cards(&[false, true]).unwrap();
    lab.keys()[0].insert().unwrap();
    lab.pcscd().wait_for_cards(&[true, true]).unwrap();
}

#[test]
fn a_client_finds_the_key_behind_either_driver() {
    for driver in [Driver::Own, Driver::Vpcd] {
        let lab = Lab::start_with(driver, [key(16_021_234)]).unwrap();
        let said = lab.command("yubico-piv-tool").args(["-a", "status"]).output().unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains("16021234"), "{driver:?}: {said}");
        // The key has seen what the client sent.
        assert!(lab.keys()[0].device().log().count("VERSION") > 0);
    }
}

#[test]
fn no_client_kills_by_name() {
    let lab = Lab::start([key(1)]).unwrap();
    let found =
        lab.command("sh").args(["-c", "command -v pkill; pkill -9 pcscd"]).output().unwrap();
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("pcscd-lab-"), "{found}");
    assert!(lab.command("opensc-tool").args(["-a"]).status().unwrap().success());
}

#[test]
fn the_program_ends_as_its_command_does() {
    for (script, code) in
        [("exit 7", 7), ("kill -TERM $$", 128 + 15), ("true", 0), ("exec no-such-program", 127)]
    {
        let status = with_pcscd(script).status().unwrap();
        assert_eq!(status.code(), Some(code), "{script}");
    }
    let none = Command::new(env!("CARGO_BIN_EXE_with-pcscd")).output().unwrap();
    assert_eq!(none.status.code(), Some(125));
}

#[test]
fn nothing_is_left_of_the_program_whichever_way_it_ends() {
    for signal in ["TERM", "INT", "KILL"] {
        // Its own socket tells where the lab is.
        let mut program = with_pcscd("echo $PCSCLITE_CSOCK_NAME; exec sleep 1000")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let folder = Path::new(line.trim()).parent().unwrap().to_owned();
        assert!(folder.exists());
        // The command is in the same group, as on a terminal, but only the program is told.
        let pid = program.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        program.wait().unwrap();

        let end = Instant::now() + Duration::from_secs(20);
        while folder.exists() || mentions(folder.to_str().unwrap()) {
            assert!(Instant::now() < end, "something is left after {signal}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn with_pcscd(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with-pcscd"));
    command.args(["--key", "5.4.3", "--", "sh", "-c", script]);
    command
}

/// Whether a process that runs has this among its arguments or in its environment.
fn mentions(text: &str) -> bool {
    let list = Command::new("ps").args(["axeww", "-o", "args="]).output().unwrap();
    String::from_utf8_lossy(&list.stdout).contains(text)
}
