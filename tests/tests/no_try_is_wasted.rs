//! How many times a YubiKey is shown a PIN, by its own log, whatever stands in the PIN file and
//! however often the program is started.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

use touchmark_tests::drawer::{self, Drawer};
use touchmark_tests::line::Line;
use touchmark_tests::program::{ended, owner_only, write_requests};

const SERIAL: u32 = 16_021_234;

/// A line whose issuing key is in slot 9c, with its certificate.
struct Station {
    line: Line,
}

impl Station {
    fn new() -> Self {
        let line = Line::new();
        let folder = line.path("drawer");
        std::fs::create_dir(&folder).unwrap();
        Drawer::add(&folder, "5.7.1".parse().unwrap(), SERIAL).unwrap();
        line.write("management-key", "010203040506070801020304050607080102030405060708\n");
        line.write("puk", "12345678\n");
        line.write(
            "touchmark.toml",
            "default-signer = \"line-3\"\n\
             [signer.line-3]\nlocator = \"yubikey:serial=16021234;slot=9c\"\n\
             pin = \"file:pin\"\npuk = \"file:puk\"\nmanagement-key = \"file:management-key\"\n\
             certificate = \"dak.pem\"\n\
             [issue]\nextfile = \"device.conf\"\nextensions = \"req_ext\"\ndays = 30\n\
             ledger = \"sqlite:touchmark.db\"\n",
        );
        owner_only(&line.path("touchmark.toml"));
        let station = Self { line };
        remember_by_a_fixed_key(station.line.folder());
        station.pin(b"123456\n");
        owner_only(&station.line.path("key.pem"));
        station.expect(0, "key import key.pem --pin-policy once");
        assert_eq!(station.shown(), 0);
        station
    }

    fn pin(&self, octets: &[u8]) {
        self.line.write("pin", octets);
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_touchmark-under-test"))
            .args(arguments.split_whitespace())
            .current_dir(self.line.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.line.folder())
            .env("TOUCHMARK_OPERATOR", "maria")
            .env(drawer::FOLDER, self.line.path("drawer"))
            .output()
            .unwrap()
    }

    fn expect(&self, code: i32, arguments: &str) -> String {
        ended(code, &self.run(arguments), arguments)
    }

    /// How often the key was shown a PIN or PUK so far.
    fn shown(&self) -> usize {
        let log = std::fs::read_to_string(self.line.path("drawer/16021234.log")).unwrap();
        let secret = |line: &&str| {
            let name = line.trim_start().split_once(' ').map_or("", |(_, rest)| rest);
            ["VERIFY:", "CHANGE REFERENCE DATA", "RESET RETRY COUNTER"]
                .iter()
                .any(|command| name.starts_with(command))
        };
        log.lines().filter(secret).count()
    }

    /// What a run shows the key.
    fn showing(&self, times: usize, code: i32, arguments: &str) -> String {
        let before = self.shown();
        let said = self.expect(code, arguments);
        assert_eq!(self.shown() - before, times, "{arguments}: {said}");
        said
    }

    /// Each command that asks for the PIN, with what it makes.
    fn commands(&self) -> [&'static str; 6] {
        self.line.write("message", "firmware");
        write_requests(&self.line, "requests", "G", 1);
        [
            "pin verify",
            "sign message --out message.sig",
            "csr --config dak.conf --out dak.csr",
            "issue --csr requests/0000.csr --out device.pem --reissue again",
            "issue --batch requests --out-dir out --reissue again",
            "pin change --new-pin file:new-pin",
        ]
    }
}

#[test]
fn a_pin_file_that_cannot_be_right_shows_the_key_nothing() {
    let station = Station::new();
    station.line.write("new-pin", "867530\n");
    let files: [&[u8]; 9] = [
        b"",
        b"\n",
        b"   \n",
        b"12345",
        b"123456789\n",
        b"123456\n\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe1\x002\x003\x004\x005\x006\x00",
        b"123456\0",
    ];
    for octets in files {
        station.pin(octets);
        for command in station.commands() {
            let said = station.showing(0, 2, command);
            assert!(said.contains("the PIN from file:pin cannot be used"), "{octets:?}: {said}");
        }
    }
    std::fs::remove_file(station.line.path("pin")).unwrap();
    for command in station.commands() {
        station.showing(0, 2, command);
    }
    station.pin(b"123456\n");
    station.showing(1, 0, "pin verify");
}

#[test]
fn what_editors_put_around_a_pin_costs_nothing() {
    let station = Station::new();
    for octets in [&b"123456"[..], b"123456\n", b"123456\r\n", b"\xef\xbb\xbf123456\r\n"] {
        station.pin(octets);
        station.showing(1, 0, "pin verify");
        station.showing(1, 0, "csr --config dak.conf --out dak.csr --quiet");
    }
}

#[test]
fn a_wrong_pin_in_a_batch_of_a_thousand_started_five_times_is_shown_once() {
    let station = Station::new();
    write_requests(&station.line, "csrs", "S", 1000);
    station.pin(b"654321\n");
    let batch = "issue --batch csrs --out-dir out --quiet";
    station.showing(1, 4, batch);
    for _ in 1..5 {
        let said = station.showing(0, 4, batch);
        assert!(said.contains("was not sent again"), "{said}");
    }
    station.pin(b"123456\n");
    // How often the right one is shown depends on how long the batch takes: others get their turn.
    let done = station.expect(0, batch);
    assert!(done.contains("1000 signed"), "{done}");
}

#[test]
fn what_is_wrong_for_one_command_is_wrong_for_all() {
    let station = Station::new();
    station.line.write("new-pin", "867530\n");
    station.pin(b"654321\n");
    let [first, others @ ..] = station.commands();
    station.showing(1, 4, first);
    for command in others {
        let said = station.showing(0, 4, command);
        assert!(said.contains("was not sent again"), "{command}: {said}");
    }
    // It is the secret that failed, not the file.
    station.pin(b"123456\n");
    for command in others {
        station.showing(1, 0, command);
    }
}

#[test]
fn the_last_try_is_spent_by_nobody_who_does_not_say_so() {
    let station = Station::new();
    station.line.write("new-pin", "867530\n");
    for wrong in ["654321\n", "765432\n"] {
        station.pin(wrong.as_bytes());
        station.showing(1, 4, "pin verify");
    }
    station.pin(b"123456\n");
    for command in station.commands() {
        let said = station.showing(0, 5, command);
        assert!(said.contains("--use-last-try"), "{command}: {said}");
    }
    station.showing(1, 0, "sign message --out message.sig --use-last-try");
    station.showing(1, 0, "pin verify");
}

#[test]
fn a_wrong_puk_is_shown_once_whoever_sends_it() {
    let station = Station::new();
    station.line.write("new-pin", "867530\n");
    station.line.write("new-puk", "31415926\n");
    station.line.write("puk", "87654321\n");
    station.showing(1, 4, "pin unblock --new-pin file:new-pin");
    station.showing(0, 4, "pin unblock --new-pin file:new-pin");
    station.showing(0, 4, "puk change --new-puk file:new-puk");
    for unusable in ["", "12345\n", "123456789\n", "1234567\t"] {
        station.line.write("puk", unusable);
        let said = station.showing(0, 2, "puk change --new-puk file:new-puk");
        assert!(said.contains("cannot be used"), "{unusable:?}: {said}");
    }
    station.line.write("puk", "12345678\n");
    station.showing(1, 0, "puk change --new-puk file:new-puk");
}

/// The guard takes one secret in 256 for another that failed, by a key of its own. With this one, the
/// same are taken for each other in every run.
fn remember_by_a_fixed_key(home: &Path) {
    let folder = home.join(".local/state/touchmark/pin-guard");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("key"), [7; 32]).unwrap();
    owner_only(&folder.join("key"));
}
