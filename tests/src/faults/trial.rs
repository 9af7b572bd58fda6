//! One command, disturbed once and then run again.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;

use super::{Bench, Command, Facts, Fault, SERIAL, State, escrow};
use crate::program::ended_within;

/// No run takes longer, however busy the machine is: nothing here waits for anything.
const BOUND: Duration = Duration::from_secs(60);

/// A command that was disturbed and then run again.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The disturbed run.
    pub disturbed: End,
    /// The run after it; none where the first one ended as an undisturbed one does.
    pub again: Option<End>,
    /// The run that the hint of the second one asks for, where there is one.
    pub way_out: Option<End>,
}

/// How a run ended, and what it left behind.
#[derive(Clone, Debug)]
pub struct End {
    /// Its exit code; none when it was ended by a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub said: String,
    /// What is in the key.
    pub facts: Facts,
    /// Tries of PIN and PUK that are gone since the start.
    pub spent: [i64; 2],
    /// What was sent to the key.
    pub lines: Vec<Line>,
    /// What is wrong whatever was to be done.
    pub objections: Vec<String>,
}

/// A line of the key's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The command in words.
    pub name: String,
    /// Everything from the command on, without how long it took.
    pub rest: String,
}

impl Bench {
    /// Runs a command undisturbed.
    ///
    /// # Panics
    /// When the program cannot be run, as everything here.
    #[must_use]
    pub fn undisturbed(&self, command: &Command) -> End {
        let at = self.lay_out(command.start);
        self.run(at.path(), command)
    }

    /// Runs a command with a fault at APDU `at`, from 1, and again without.
    ///
    /// # Panics
    /// When the program cannot be run, as everything here.
    #[must_use]
    pub fn trial(&self, command: &Command, fault: &Fault, at: usize) -> Trial {
        let folder = self.lay_out(command.start);
        let faults = folder.path().join(format!("keys/{SERIAL}.faults.toml"));
        fs::write(&faults, format!("[[fault]]\nat = {at}\n{}\n", fault.script)).unwrap();
        let disturbed = self.run(folder.path(), command);
        fs::remove_file(&faults).unwrap();
        let failed = disturbed.code != Some(command.ends);
        let again = failed.then(|| self.run(folder.path(), command));
        let stuck = again.as_ref().filter(|end| end.code != Some(command.ends));
        let runs = stuck.map(|end| self.way_out(folder.path(), command, end)).unwrap_or_default();
        let mut way_out = None;
        for arguments in &runs {
            way_out = Some(self.run_with(folder.path(), command, arguments));
        }
        Trial { disturbed, again, way_out }
    }

    /// What the hint of a run says to do: arguments of one run after another; none where there is
    /// nothing left to do.
    ///
    /// # Panics
    /// When there is nothing in escrow and the hint says so.
    #[must_use]
    pub fn way_out(&self, at: &Path, command: &Command, stuck: &End) -> Vec<String> {
        if stuck.said.contains("`touchmark pin clear-fault`") {
            return vec!["pin clear-fault".into(), command.arguments.into()];
        }
        let Some(more) = command.way_out else { return Vec::new() };
        let file = at.join("escrowed.txt");
        fs::write(&file, escrow::newest(&at.join("escrow"))).unwrap();
        let more = more.replace("{escrowed}", &file.display().to_string());
        vec![format!("{} {more}", command.arguments)]
    }

    fn run(&self, at: &Path, command: &Command) -> End {
        self.run_with(at, command, command.arguments)
    }

    fn run_with(&self, at: &Path, command: &Command, arguments: &str) -> End {
        // The log of the run before; there may be none.
        let _ = fs::remove_file(at.join(format!("keys/{SERIAL}.log")));
        self.run_among(at, command, self.process(at, arguments), || ())
    }

    /// Runs a command as this process, with something done `meanwhile`, and looks at what is left in
    /// `at`.
    ///
    /// # Panics
    /// When the program cannot be run, as everything here.
    pub fn run_among(
        &self,
        at: &Path,
        command: &Command,
        mut process: Process,
        meanwhile: impl FnOnce(),
    ) -> End {
        let folder = at.join("escrow");
        let earlier = escrow::files(&folder);
        let log = at.join(format!("keys/{SERIAL}.log"));
        let mut child = process.spawn().unwrap();
        meanwhile();
        let code = ended_within(BOUND, &mut child).code();
        let mut said = String::new();
        // Neither has more than fits into a pipe.
        let mut output = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
        said.push_str(&String::from_utf8_lossy(&output));
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();

        let old = self.start(command.start);
        let now = State::read(&at.join(format!("keys/{SERIAL}.json")));
        let log = fs::read_to_string(&log).unwrap_or_default();
        let mut objections =
            escrow::objections(&folder, &earlier, &said, &Self::known(command.start), &now);
        let mut secrets: Vec<String> = Self::secrets().map(str::to_owned).to_vec();
        secrets.extend(escrow::secrets(&folder));
        secrets.push(now.management_key().to_owned());
        let ledger = fs::read(at.join("touchmark.db")).unwrap();
        let ledger = String::from_utf8_lossy(&ledger);
        for secret in &secrets {
            if said.contains(secret.as_str()) || ledger.contains(secret.as_str()) {
                objections.push(format!("the secret {secret} was told"));
            }
        }
        if code.is_none_or(|code| code == 101 || code == 1) || said.contains("panicked") {
            objections.push(format!("it ended with {code:?}"));
        }
        if code != Some(0) && !said.lines().any(|line| line.starts_with("hint: ")) {
            objections.push("it does not say what to do".into());
        }
        let spent = ["pin", "puk"].map(|name| {
            let ((was, before), (left, total)) = (old.tries(name), now.tries(name));
            if before == total { was - left } else { 0 }
        });
        let lines = log.lines().map(Line::read).collect();
        End { code, said, facts: now.facts(&old), spent, lines, objections }
    }
}

impl Line {
    fn read(line: &str) -> Self {
        let text = line.trim_start().split_once(' ').map_or("", |(_, text)| text);
        let (name, rest) = text.split_once(": ").unwrap_or((text, ""));
        Self { name: name.to_owned(), rest: rest.to_owned() }
    }

    /// Whether it changes anything on a key, or presents a secret.
    #[must_use]
    pub fn is_an_act(&self) -> bool {
        let reads = ["SELECT", "GET", "METADATA", "VERSION", "SERIAL", "READ", "OTP", "ATTEST"];
        let first = self.name.split(' ').next().unwrap_or_default();
        !reads.contains(&first) && self.name != "VERIFY status"
    }

    /// Whether this is where the fault was.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        self.rest.contains(" fault: ")
    }

    /// The answer: what is asked of several slots is much the same to test when the answers are.
    #[must_use]
    pub fn answer(&self) -> &str {
        let answer = self.rest.split_once("-> ").map_or("", |(_, answer)| answer);
        answer.split_once(" [").map_or(answer, |(answer, _)| answer)
    }
}
