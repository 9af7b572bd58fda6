//! A key that was made ready once, by the program itself, and the files around it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use tempfile::TempDir;
use virtual_yubikey::Model;

use super::{Start, State};
use crate::drawer::{self, Drawer};
use crate::line::openssl;
use crate::program::owner_only;

/// The serial number of the key.
pub const SERIAL: u32 = 16_021_234;
const PIN: &str = "314159";
const PUK: &str = "27182818";
/// Of the length that every model takes.
const NEW_PIN: &str = "66260701";
/// Not every model takes one of six digits, so this one is asked which it is.
const SHORT_PIN: &str = "662607";
const NEW_PUK: &str = "13806490";
const WRONG: &str = "161803";
const MANAGEMENT_KEY: &str = "4d616e6167656d656e744b6579466f7254657374735f3031";
pub(super) const FACTORY_KEY: &str = "010203040506070801020304050607080102030405060708";

/// A key that was made ready.
#[derive(Debug)]
pub struct Bench {
    folder: TempDir,
    program: PathBuf,
    model: String,
    /// The start of the fingerprint of the key in slot 9c.
    pub(super) key: String,
}

impl Bench {
    /// Makes a key of this model ready, by the program at `program`.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn new(program: &str, model: &str) -> Self {
        // Memory, where there is a folder in it: what the program waits for otherwise is the disk.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => TempDir::new_in(memory).unwrap(),
            false => TempDir::new().unwrap(),
        };
        let mut bench =
            Self { folder, program: program.into(), model: model.into(), key: String::new() };
        bench.write_files();
        let at = bench.path("ready");
        fs::create_dir_all(at.join("keys")).unwrap();
        Drawer::add(&at.join("keys"), model.parse::<Model>().unwrap(), SERIAL).unwrap();
        let run = |arguments: &str| bench.succeed(&at, arguments);
        run("pin change --pin file:factory-pin.txt --new-pin file:pin.txt");
        run("puk change --puk file:factory-puk.txt --new-puk file:puk.txt");
        // Firmware without AES takes 3DES keys of the same length.
        let cipher = if model < "5.4" { "3des" } else { "aes192" };
        let change =
            "--management-key file:factory-key.txt --new-management-key file:management-key.txt";
        run(&format!("management-key change {change} --algorithm {cipher}"));
        let made = run("key generate");
        run("csr --config dak.conf --out dak.csr");
        bench.certify();
        run("cert import dak.pem");
        bench.key = made.lines().last().unwrap().split_whitespace().last().unwrap().to_owned();
        bench.lay_out_starts();
        bench
    }

    /// A file of the bench.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments, for the key in `at`. What it writes goes there.
    #[must_use]
    pub fn process(&self, at: &Path, arguments: &str) -> Process {
        let mut process = Process::new(&self.program);
        process
            .current_dir(at)
            .env_clear()
            .env("HOME", at.join("home"))
            .env("XDG_STATE_HOME", at.join("state"))
            .env("TOUCHMARK_OPERATOR", "maria")
            .env("TOUCHMARK_SETTINGS", self.path("touchmark.toml"))
            .env(drawer::FOLDER, at.join("keys"))
            .args([
                "--no-input",
                "--ledger",
                &format!("sqlite:{}", at.join("touchmark.db").display()),
            ])
            .args(arguments.split_whitespace().map(|word| self.resolved(word)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        process
    }

    /// A new folder with a copy of all that a command changes.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn lay_out(&self, start: Start) -> TempDir {
        let at = TempDir::new_in(self.folder.path()).unwrap();
        let from = self.path(&format!("{start:?}"));
        fs::create_dir(at.path().join("keys")).unwrap();
        let key = format!("keys/{SERIAL}.json");
        for name in [key.as_str(), "touchmark.db"] {
            fs::copy(from.join(name), at.path().join(name)).unwrap();
        }
        at
    }

    /// What a trial begins with.
    pub(super) fn start(&self, start: Start) -> State {
        State::read(&self.path(&format!("{start:?}/keys/{SERIAL}.json")))
    }

    /// The secrets that an operator has without looking into escrow.
    pub(super) fn known(start: Start) -> Vec<&'static str> {
        let kept = start == Start::Protected;
        [PIN, PUK].into_iter().chain((!kept).then_some(MANAGEMENT_KEY)).collect()
    }

    /// Whether the firmware has what a command needs.
    #[must_use]
    pub fn knows(&self, command: &super::Command) -> bool {
        let moves = ["key move", "key delete"].contains(&command.name);
        !moves || self.model.as_str() >= "5.7"
    }

    /// What must never be printed.
    pub(super) fn secrets() -> [&'static str; 7] {
        [PIN, PUK, NEW_PIN, SHORT_PIN, NEW_PUK, WRONG, MANAGEMENT_KEY]
    }

    fn write_files(&self) {
        let write = |name: &str, text: &str| {
            fs::write(self.path(name), text).unwrap();
            owner_only(&self.path(name));
        };
        for (name, secret) in [
            ("factory-pin", "123456"),
            ("factory-puk", "12345678"),
            ("factory-key", FACTORY_KEY),
            ("pin", PIN),
            ("puk", PUK),
            ("new-pin", NEW_PIN),
            ("short-pin", SHORT_PIN),
            ("new-puk", NEW_PUK),
            ("wrong", WRONG),
            ("management-key", MANAGEMENT_KEY),
        ] {
            write(&format!("{name}.txt"), secret);
        }
        let at = format!("locator = \"yubikey:serial={SERIAL};slot=9c\"\npin = \"file:pin.txt\"\n");
        let key = "management-key = \"file:management-key.txt\"\npuk = \"file:puk.txt\"\n";
        write(
            "touchmark.toml",
            &format!(
                "default-signer = \"line\"\n\
                 [signer.line]\n{at}{key}certificate = \"dak.pem\"\n\
                 [signer.bare]\n{at}{key}[signer.kept]\n{at}\
                 [issue]\nextfile = \"device.conf\"\nextensions = \"req_ext\"\ndays = 1825\n"
            ),
        );
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        for name in ["dak.conf", "device.conf"] {
            fs::copy(data.join(name), self.path(name)).unwrap();
        }
        let root = data.join("../virtual-yubikey/data/root.pem");
        fs::copy(root, self.path("makers-root.pem")).unwrap();
        write("ca.conf", &format!("[ca]\n{}", crate::line::DAK_EXTENSIONS));
        for line in [
            "ecparam -name prime256v1 -genkey -noout -out root.key",
            "req -x509 -new -subj /CN=Root -key root.key -days 7400 -out root.pem",
            "ecparam -name prime256v1 -genkey -noout -out device.key",
            "req -new -config device.conf -key device.key -out device.csr",
            "ecparam -name prime256v1 -genkey -noout -out import.pem",
        ] {
            openssl(self.folder.path(), line);
        }
        owner_only(&self.path("import.pem"));
    }

    /// Has the request of slot 9c signed, twice: `dak.pem` and `other.pem`.
    fn certify(&self) {
        for (name, serial) in [("dak", 17), ("other", 18)] {
            openssl(
                self.folder.path(),
                &format!(
                    "x509 -req -in ready/dak.csr -CA root.pem -CAkey root.key -set_serial {serial} \
                     -days 7300 -extfile ca.conf -extensions ca -out {name}.pem"
                ),
            );
        }
    }

    fn lay_out_starts(&self) {
        let name = format!("keys/{SERIAL}.json");
        for start in [Start::Ready, Start::Blocked, Start::Protected] {
            let at = self.path(&format!("{start:?}"));
            fs::create_dir_all(at.join("keys")).unwrap();
            for name in [name.as_str(), "touchmark.db"] {
                fs::copy(self.path("ready").join(name), at.join(name)).unwrap();
            }
        }
        let blocked = self.path("Blocked").join(&name);
        let mut state: serde_json::Value =
            serde_json::from_slice(&fs::read(&blocked).unwrap()).unwrap();
        state["card"]["piv"]["pin"]["left"] = 0.into();
        fs::write(blocked, serde_json::to_vec_pretty(&state).unwrap()).unwrap();
        let at = self.path("Protected");
        self.succeed(&at, "management-key change --protect --escrow lost");
    }

    fn succeed(&self, at: &Path, arguments: &str) -> String {
        let output = self.process(at, arguments).output().unwrap();
        crate::program::ended(0, &output, arguments)
    }

    /// Files of the bench are named without a folder.
    fn resolved(&self, word: &str) -> String {
        // A whole path stays what it is.
        let named = |name: &str| self.path(name).display().to_string();
        match word.strip_prefix("file:") {
            Some(name) => format!("file:{}", named(name)),
            None if word == "{key}" => self.key.clone(),
            None if [
                "dak.conf",
                "device.csr",
                "import.pem",
                "dak.pem",
                "other.pem",
                "makers-root.pem",
            ]
            .contains(&word) =>
            {
                named(word)
            }
            None => word.to_owned(),
        }
    }
}
