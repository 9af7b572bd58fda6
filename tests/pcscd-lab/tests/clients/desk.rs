//! A desk with one virtual key on it, at which a client is put through its steps.

use std::{
    cell::RefCell,
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use pcscd_lab::{Lab, TOOLS, Ykman};
use tempfile::TempDir;
use virtual_yubikey::{Card, Device, Facts, Model};

use crate::table::{self, Fault, Outcome};

/// PIN, PUK and management key of a session, which its commands name `PIN`, `PUK` and `KEY`.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) pin: &'static str,
    pub(crate) puk: &'static str,
    pub(crate) key: &'static str,
}

/// As they leave the factory. The management key has the same octets whatever kind it is.
pub(crate) const DEFAULTS: Secrets = Secrets {
    pin: "123456",
    puk: "12345678",
    key: "010203040506070801020304050607080102030405060708",
};

/// Others, which any key takes.
pub(crate) const APPROVED: Secrets = Secrets {
    pin: "64209753",
    puk: "53197208",
    key: "000102030405060708090a0b0c0d0e0f1011121314151617",
};

pub(crate) const SERIAL: u32 = 16_021_234;

/// The session of one client at one model.
#[derive(Debug)]
pub(crate) struct Desk {
    client: &'static str,
    pub(crate) facts: &'static Facts,
    pub(crate) secrets: Secrets,
    pub(crate) ykman: RefCell<Option<Ykman>>,
    // Dropped in this order; both are none inside a process that a session started.
    _lab: Option<Lab>,
    _temporary: Option<TempDir>,
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    steps: Vec<(String, Outcome)>,
}

/// What a program that was run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) command: String,
    pub(crate) done: bool,
    pub(crate) said: String,
}

impl Desk {
    /// A new key of a model, for a client named with its version.
    pub(crate) fn new(client: &'static str, model: &str) -> Self {
        let facts = facts(model);
        let card = Card::with_serial(model.parse().unwrap(), SERIAL);
        let mut lab = Lab::start([Device::new(card)]).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let mut desk = Self {
            client,
            facts,
            secrets: DEFAULTS,
            ykman: RefCell::new(None),
            folder: temporary.path().to_owned(),
            environment: lab.pcscd().environment().to_vec(),
            _lab: Some(lab),
            _temporary: Some(temporary),
            steps: Vec::new(),
        };
        if desk.wants_approval() {
            desk.approve();
        }
        desk
    }

    /// The same desk, in a process that was started there.
    pub(crate) fn inside(client: &'static str, model: &str) -> Self {
        let mut desk = Self {
            client,
            facts: facts(model),
            secrets: DEFAULTS,
            ykman: RefCell::new(None),
            folder: env::current_dir().unwrap(),
            environment: Vec::new(),
            _lab: None,
            _temporary: None,
            steps: Vec::new(),
        };
        if desk.wants_approval() {
            desk.secrets = APPROVED;
        }
        desk
    }

    /// A FIPS key from 5.7 on makes no keys before all its secrets are changed.
    pub(crate) fn wants_approval(&self) -> bool {
        self.facts.fips && self.since(5, 7, 0)
    }

    /// A step that the client passes: `judge` panics where it did not.
    pub(crate) fn step(&mut self, name: &str, judge: impl FnOnce(&Self)) {
        self.take(name, Outcome::Passed, judge);
    }

    /// A step that needs something of the firmware. Where that is there, `judge` sees it pass; else
    /// `refused` sees the client say so.
    pub(crate) fn step_where(
        &mut self,
        has: bool,
        name: &str,
        judge: impl FnOnce(&Self),
        refused: impl FnOnce(&Self),
    ) {
        self.step_either(has, name, |desk| if has { judge(desk) } else { refused(desk) });
    }

    /// The same with a judge of both.
    pub(crate) fn step_either(&mut self, has: bool, name: &str, judge: impl FnOnce(&Self)) {
        let outcome = if has { Outcome::Passed } else { Outcome::Lacking };
        self.take(name, outcome, judge);
    }

    /// A step that this client has no words for at this model.
    pub(crate) fn not_offered(&mut self, name: &str) {
        self.steps.push((name.to_owned(), Outcome::NotOffered));
    }

    /// A step that the client fails by a fault of its own: `judge` panics where it does not show.
    pub(crate) fn fault(&mut self, name: &str, fault: Fault, judge: impl FnOnce(&Self)) {
        self.take(name, Outcome::Fault(fault), judge);
    }

    /// Ends the session: its steps are those of the table.
    pub(crate) fn end(self) {
        table::record(self.client, self.facts.name, &self.steps);
    }

    fn take(&mut self, name: &str, outcome: Outcome, judge: impl FnOnce(&Self)) {
        // Where a step panics, this is the last that is printed.
        println!("{} at {}: {name}", self.client, self.facts.name);
        let start = Instant::now();
        judge(self);
        println!("    {:.1} s", start.elapsed().as_secs_f32());
        self.steps.push((name.to_owned(), outcome));
    }

    /// Firmware at least this new.
    pub(crate) fn since(&self, major: u8, minor: u8, patch: u8) -> bool {
        self.facts.firmware >= [major, minor, patch]
    }

    /// A file in the session's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What a file in the session's folder holds.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    /// Writes a file into the session's folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.file(name), content).unwrap();
    }

    /// A program that finds this key and no other, in the session's folder.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("HOME", &self.folder).env("LC_ALL", "C");
        command.envs(self.environment.iter().cloned());
        // Where age finds its plugin.
        let path = self.environment.iter().find(|(name, _)| *name == "PATH");
        if let Some((_, path)) = path {
            let tools = [path.clone(), Path::new(TOOLS).join("bin").into_os_string()];
            command.env("PATH", tools.join(OsStr::new(":")));
        }
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "OPENSC_CONF", "YKPIV_YKCS11_DBG"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a program with these words as its arguments; `PIN`, `PUK` and `KEY` stand for the
    /// session's secrets.
    pub(crate) fn run(&self, program: impl AsRef<OsStr>, words: &str) -> Said {
        let words = self.words(words);
        let mut command = self.command(program);
        let output = command.args(words.split(' ')).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = [output.stdout, output.stderr].concat();
        Said {
            command: format!("{} {words}", command.get_program().display()),
            done: output.status.success(),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    /// Words with the session's secrets in them.
    pub(crate) fn words(&self, words: &str) -> String {
        let Secrets { pin, puk, key } = self.secrets;
        let filled = words.split(' ').map(|word| match word {
            "PIN" => pin,
            "PUK" => puk,
            "KEY" => key,
            _ => word,
        });
        filled.collect::<Vec<_>>().join(" ")
    }
}

impl Said {
    /// It ended well. Answers all it said.
    pub(crate) fn done(self) -> String {
        assert!(self.done, "{} failed: {}", self.command, self.said);
        self.said
    }

    /// It ended well and said each of these.
    pub(crate) fn done_saying(self, texts: &[&str]) -> String {
        for text in texts {
            let Self { command, said, .. } = &self;
            assert!(said.contains(text), "{command} did not say `{text}`: {said}");
        }
        self.done()
    }

    /// It failed and said this.
    pub(crate) fn refused(self, text: &str) {
        let Self { command, done, said } = self;
        assert!(!done, "{command} ended well: {said}");
        assert!(said.contains(text), "{command} did not say `{text}`: {said}");
    }
}

fn facts(model: &str) -> &'static Facts {
    model.parse::<Model>().unwrap().facts()
}

/// A program that `scripts/setup` put into the project's folder.
pub(crate) fn tool(path: &str) -> PathBuf {
    pcscd_lab::tool(path).unwrap()
}
