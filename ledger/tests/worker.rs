//! What the processes do that the tests start: this test program, once more, with a role.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use ledger::{Claim, Error, Intent, Issued, Ledger, Location, OpenOptions};

use crate::common::{again, begin_one, certificate, granted, intent};

const GROUP: usize = 16;

/// Every line of a worker starts with this: the test harness prints lines, too.
const MARK: &str = "worker: ";

/// A process that plays a role.
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a process with a role on a ledger.
    pub(crate) fn start(path: &Path, role: &str, name: &str) -> Self {
        let mut command = command(&env::current_exe().unwrap(), role, name);
        command.env("LEDGER_PATH", path);
        Self::spawn(command)
    }

    /// Starts a [`command`].
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the worker is gone");
            if let Some((_, line)) = line.split_once(MARK) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Lets it go on.
    pub(crate) fn go(&mut self) {
        writeln!(self.input.as_mut().unwrap(), "go").unwrap();
    }

    /// SIGKILL, or what the system has for it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn finish(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The command line of a role; `LEDGER_PATH` is left to be set.
pub(crate) fn command(program: &Path, role: &str, name: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", "worker::role", "--ignored", "--nocapture", "--test-threads=1"])
        .env("LEDGER_ROLE", role)
        .env("LEDGER_NAME", name);
    command
}

#[test]
#[ignore = "a role for the processes that other tests start"]
fn role() {
    let var = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (name, path) = (var("LEDGER_NAME"), var("LEDGER_PATH"));
    let location = Location::sqlite(path);
    let open = || Ledger::open(&location, OpenOptions::new("worker", &name));
    match var("LEDGER_ROLE").as_str() {
        "groups" => groups(&mut open().unwrap(), &name, 30),
        "forever" => groups(&mut open().unwrap(), &name, u64::MAX),
        "hold" => hold(&mut open().unwrap(), &name),
        "settle" => settle(&mut open().unwrap(), &name),
        "limited" => limited(&mut open().unwrap(), &name),
        "create" => say(&open().unwrap_err().to_string()),
        "read" => {
            let ledger = Ledger::open_read_only(&location).unwrap();
            let report = ledger.verify().unwrap();
            let sound = if report.is_sound() { "sound" } else { "unsound" };
            say(&format!("{} {sound}", report.certificates));
            say(&open().unwrap_err().to_string());
        }
        other => panic!("unknown role {other}"),
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{line}").unwrap();
    out.flush().unwrap();
}

fn listen() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// Issues group after group. Half of each group is the same for all workers.
fn groups(ledger: &mut Ledger, name: &str, rounds: u64) {
    say("ready");
    listen();
    for round in 0..rounds {
        let mut left: Vec<Intent> = (0..GROUP)
            .map(|number| {
                let whose = if number % 2 == 0 { name } else { "shared" };
                again(&intent(&format!("{whose} {round} {number}")), name)
            })
            .collect();
        while !left.is_empty() {
            let claims = ledger.begin(&left).unwrap();
            let mut issued = Vec::new();
            let mut pending = Vec::new();
            for (claim, intent) in claims.iter().zip(left) {
                match claim {
                    Claim::Granted { entry, .. } => {
                        issued.push(Issued::new(*entry, certificate(*entry)));
                    }
                    Claim::Existing(_) => {}
                    Claim::Pending(holder) => pending.push((holder.clone(), intent)),
                    other => panic!("{other:?}"),
                }
            }
            ledger.commit(&issued).unwrap();
            if let Some((holder, _)) = pending.first() {
                ledger.wait(holder, Duration::from_secs(60)).unwrap();
            }
            left = pending.into_iter().map(|(_, intent)| intent).collect();
        }
    }
    say("done");
}

/// Begins, and commits when told.
fn hold(ledger: &mut Ledger, name: &str) {
    let entry = granted(&begin_one(ledger, &intent(name)));
    say(&entry.to_string());
    listen();
    ledger.commit(&[Issued::new(entry, certificate(entry))]).unwrap();
    say("done");
}

/// Waits for another's certificate of the same request.
fn settle(ledger: &mut Ledger, name: &str) {
    say("ready");
    let intent = again(&intent(name), "settle");
    match ledger.settle(&intent, Duration::from_secs(60)).unwrap() {
        Claim::Existing(found) => say(&found.intent.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Issues until a write fails, and says how many certificates were committed.
fn limited(ledger: &mut Ledger, name: &str) {
    let mut committed = 0;
    let error = loop {
        let intents: Vec<Intent> =
            (0..GROUP).map(|n| intent(&format!("{name} {committed} {n}"))).collect();
        let claims = match ledger.begin(&intents) {
            Ok(claims) => claims,
            Err(error) => break error,
        };
        let issued: Vec<Issued> = claims
            .iter()
            .map(|claim| Issued::new(granted(claim), certificate(granted(claim))))
            .collect();
        match ledger.commit(&issued) {
            Ok(entries) => committed += entries.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Storage { .. } | Error::Full { .. }), "{error}");
    // It still reads, and what it reads is what was committed.
    assert_eq!(ledger.certificates(Default::default()).count(), committed);
    say(&committed.to_string());
}
