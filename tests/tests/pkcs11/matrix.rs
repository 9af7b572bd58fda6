//! Every command of a PKCS#11 token, with each function of its module failing in each way, and run
//! again.
//!
//! The outcomes stand in `docs/faults-pkcs11.md`; `TOUCHMARK_BLESS=1` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ledger::Ledger;
use tempfile::TempDir;
use touchmark_tests::modules::{Maker, PATIENCE, Tokens};
use touchmark_tests::program::ended_within;

use crate::station::{KEY, PIN, SO_PIN, Station, line_and_tokens, settings};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults-pkcs11.md");
const NEW_PIN: &str = "11223344";
/// No run takes longer, however busy the machine is.
const BOUND: Duration = Duration::from_secs(120);

/// What a person calls a command, and its arguments.
const COMMANDS: [(&str, &str); 13] = [
    ("token list", "token list"),
    ("token info", "token info"),
    (
        "token init",
        "token init --signer {second} --label-confirm second --new-pin file:new-pin \
         --new-so-pin file:new-pin",
    ),
    ("pin status", "pin status"),
    ("pin verify", "pin verify"),
    ("pin change", "pin change --new-pin file:new-pin"),
    ("pin unblock", "pin unblock --new-pin file:new-pin"),
    ("key list", "key list"),
    ("key generate", "key generate --signer {new} --pin file:pin"),
    ("cert import", "cert import dak.pem"),
    ("sign", "sign device.csr --out device.sig"),
    ("issue", ISSUE),
    ("doctor", "doctor --with-pin"),
];
const ISSUE: &str = "issue --csr device.csr --out device.pem";

/// What a person calls a fault, and the shim.
const FAULTS: [(&str, &str); 6] = [
    ("`GENERAL_ERROR`", "{at} 0x5"),
    ("`DEVICE_REMOVED`", "{at} 0x32"),
    ("`SESSION_HANDLE_INVALID`", "{at} 0xb3"),
    ("`FUNCTION_NOT_SUPPORTED`", "{at} 0x54"),
    ("done, then `DEVICE_ERROR`", "{at} after:0x30"),
    ("`DEVICE_ERROR` for good", "{at}+ 0x30"),
];

/// The functions that do not leave a token as it was.
const ACTS: [&str; 7] = [
    "C_InitToken",
    "C_InitPIN",
    "C_SetPIN",
    "C_GenerateKeyPair",
    "C_CreateObject",
    "C_SetAttributeValue",
    "C_DestroyObject",
];

#[test]
fn every_command_ends_as_documented_whatever_its_module_answers_and_can_be_run_again() {
    let ready = Ready::new();
    let mut tables: Vec<(&str, Vec<Row>)> = Vec::new();
    let mut jobs = Vec::new();
    for (name, arguments) in COMMANDS {
        let desk = ready.lay_out();
        let end = desk.run(arguments, &[]);
        assert_eq!(end.code, Some(0), "{name}: {}", end.said);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut rows: Vec<Row> = Vec::new();
        for call in &end.calls {
            let function = call.split(' ').next().unwrap();
            let count = counts.entry(function).or_default();
            *count += 1;
            // Of most functions the first call tells; a login is for another user each time.
            if *count == 1 || function == "C_Login" {
                rows.push(Row {
                    function: function.into(),
                    at: *count,
                    cells: vec![String::new(); 6],
                });
            }
        }
        for row in 0..rows.len() {
            jobs.extend((0..FAULTS.len()).map(|fault| (tables.len(), row, fault)));
        }
        tables.push((name, rows));
    }
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let shared = Mutex::new(tables);
    in_parallel(|| {
        while let Some(&(table, row, fault)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (name, arguments) = COMMANDS[table];
            let (function, at) = {
                let tables = shared.lock().unwrap();
                let row = &tables[table].1[row];
                (row.function.clone(), row.at)
            };
            let trial = Trial::of(&ready, arguments, &function, at, fault);
            let objections = trial.objections(name, &function);
            if !objections.is_empty() {
                failures.lock().unwrap().push(format!(
                    "{name}, {function} {at} {}: {}\n{}",
                    FAULTS[fault].0,
                    objections.join("; "),
                    trial.told()
                ));
            }
            shared.lock().unwrap()[table].1[row].cells[fault] = trial.codes();
        }
    });
    let failures = failures.into_inner().unwrap();
    let heads: Vec<&str> = failures.iter().filter_map(|it| it.lines().next()).collect();
    let shown =
        [&heads[..], &failures.iter().take(3).map(String::as_str).collect::<Vec<_>>()].concat();
    assert!(
        failures.is_empty(),
        "{} of {} trials failed, such as\n{}",
        failures.len(),
        jobs.len(),
        shown.join("\n")
    );
    let names: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
    let tables = shared.into_inner().unwrap();
    let text: Vec<String> =
        tables.iter().map(|(name, rows)| markdown(&format!("### {name}"), &names, rows)).collect();
    documented("answers", &text.join("\n"));
}

#[test]
fn a_module_that_dies_or_hangs_ends_as_documented_with_and_without_a_process_of_its_own() {
    let ready = Ready::new();
    let desk = ready.lay_out();
    let end = desk.run(ISSUE, &[]);
    assert_eq!(end.code, Some(0), "{}", end.said);
    let mut functions: Vec<String> = Vec::new();
    for call in &end.calls {
        let function = call.split(' ').next().unwrap().to_owned();
        if !functions.contains(&function) {
            functions.push(function);
        }
    }
    let names = ["dies", "hangs", "dies in a process of its own", "hangs in a process of its own"];
    let rows: Vec<Row> = functions
        .iter()
        .map(|function| Row { function: function.clone(), at: 1, cells: vec![String::new(); 4] })
        .collect();
    let (next, shared) = (AtomicUsize::new(0), Mutex::new(rows));
    let failures = Mutex::new(Vec::new());
    in_parallel(|| {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            let (Some(function), way) = (functions.get(job / 4), job % 4) else { return };
            let (deed, isolated) =
                ([("die", false), ("hang", false), ("die", true), ("hang", true)])[way];
            let desk = ready.lay_out();
            if isolated {
                desk.isolate();
            }
            desk.tokens.rules(&format!("{function} 1 {deed}\n"));
            let started = Instant::now();
            let first = desk.run(ISSUE, &[(PATIENCE, "2000")]);
            let took = started.elapsed();
            desk.tokens.rules("");
            let open = desk.ledger().verify().unwrap().open;
            let again = (first.code != Some(0)).then(|| desk.finish(ISSUE));
            let mut objections = first.objections();
            let dead = deed == "die" && !isolated;
            match (first.code, dead) {
                (None, true) | (Some(0 | 8), false) => (),
                other => objections.push(format!("{other:?} is not documented")),
            }
            if open != u64::from(dead && open == 1) {
                objections.push(format!("{open} open intents"));
            }
            if took > Duration::from_secs(60) {
                objections.push(format!("it took {took:?}"));
            }
            let last = again.as_ref().and_then(|runs| runs.last()).unwrap_or(&first);
            if last.code != Some(0) {
                objections.push(format!("the next run ends with {:?}: {}", last.code, last.said));
            }
            if !objections.is_empty() {
                let why = objections.join("; ");
                failures
                    .lock()
                    .unwrap()
                    .push(format!("{function} {}: {why}\n{}", names[way], first.said));
            }
            let mut codes = vec![first.shown()];
            codes.extend(again.iter().flatten().map(End::shown));
            shared.lock().unwrap()[job / 4].cells[way] = codes.join(" ");
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    documented("ends", &markdown("### issue", &names, &shared.into_inner().unwrap()));
}

/// A line of a table: which call of which function, and what came of each fault.
struct Row {
    function: String,
    at: usize,
    cells: Vec<String>,
}

fn markdown(title: &str, names: &[&str], rows: &[Row]) -> String {
    let mut text = format!(
        "{title}\n\n| call | {} |\n|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for Row { function, at, cells } in rows {
        let again = if *at > 1 { format!(" {at}") } else { String::new() };
        writeln!(text, "| `{function}`{again} | {} |", cells.join(" | ")).unwrap();
    }
    text
}

/// Compares with what the document says, or writes it there.
fn documented(part: &str, found: &str) {
    // Two tests write two parts of one file.
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock();
    let (begin, end) = (format!("<!-- {part}: begin -->\n"), format!("<!-- {part}: end -->\n"));
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = document.split_once(&begin).unwrap();
    let (table, after) = rest.split_once(&end).unwrap();
    let found = format!("\n{found}\n");
    if std::env::var_os("TOUCHMARK_BLESS").is_some() {
        fs::write(DOCUMENT, format!("{before}{begin}{found}{end}{after}")).unwrap();
        return;
    }
    let differs = table.lines().zip(found.lines()).find(|(one, other)| one != other);
    assert!(
        table == found,
        "docs/faults-pkcs11.md says otherwise: {differs:?}; TOUCHMARK_BLESS=1 writes it anew"
    );
}

fn in_parallel(work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(&work);
        }
    });
}

/// A station that was made ready once, with a key on its token.
struct Ready {
    line: touchmark_tests::line::Line,
    tokens: Tokens,
}

impl Ready {
    fn new() -> Self {
        let (line, tokens) = line_and_tokens(Maker::SoftHsm);
        let _station = Station::with_key(&line, &tokens);
        let _csr = line.csr("device");
        line.write("new-pin", NEW_PIN);
        touchmark_tests::program::owner_only(&line.path("new-pin"));
        Self { line, tokens }
    }

    /// A copy of all of it.
    fn lay_out(&self) -> Desk {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => TempDir::new_in(memory).unwrap(),
            false => TempDir::new().unwrap(),
        };
        for entry in fs::read_dir(self.line.folder()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        let tokens = self.tokens.copied_to(folder.path());
        Desk { folder, tokens }
    }
}

/// One copy.
struct Desk {
    folder: TempDir,
    tokens: Tokens,
}

impl Desk {
    fn isolate(&self) {
        let text = settings(&self.tokens.locator(KEY), "isolation = \"process\"");
        fs::write(self.folder.path().join("touchmark.toml"), text).unwrap();
    }

    fn ledger(&self) -> Ledger {
        let at = format!("sqlite:{}", self.folder.path().join("touchmark.db").display());
        Ledger::open_read_only(&at.parse().unwrap()).unwrap()
    }

    /// Runs it to its end, and as its hint says where a secret is held back.
    fn finish(&self, arguments: &str) -> Vec<End> {
        let mut runs = vec![self.run(arguments, &[])];
        if runs[0].said.contains("`touchmark pin unblock`") {
            let unblock =
                "pin unblock --signer {second} --so-pin file:new-pin --new-pin file:new-pin";
            runs.push(self.run(unblock, &[]));
        }
        if runs[0].said.contains("`touchmark pin clear-fault`") {
            assert_eq!(self.run("pin clear-fault", &[]).code, Some(0));
            runs.push(self.run(arguments, &[]));
        }
        runs
    }

    fn run(&self, arguments: &str, variables: &[(&str, &str)]) -> End {
        self.tokens.forget_calls();
        let mut process = Process::new(env!("CARGO_BIN_EXE_touchmark-under-test"));
        process
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("TOUCHMARK_OPERATOR", "maria")
            .envs(variables.iter().copied())
            .arg("--no-input")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for word in arguments.split_whitespace() {
            process.arg(match word {
                "{second}" => self.tokens.locator("token=second"),
                "{new}" => self.tokens.locator("token=factory;object=new"),
                word => word.to_owned(),
            });
        }
        self.tokens.show(&mut process);
        let mut child = process.spawn().unwrap();
        // Neither output has more than fits into a pipe.
        let _ = ended_within(BOUND, &mut child);
        let output = child.wait_with_output().unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        End {
            code: output.status.code(),
            said: text(&output.stdout) + &text(&output.stderr),
            calls: self.tokens.log().lines().map(str::to_owned).collect(),
        }
    }
}

/// How a run ended.
struct End {
    code: Option<i32>,
    said: String,
    calls: Vec<String>,
}

impl End {
    fn shown(&self) -> String {
        self.code.map_or_else(|| "signal".into(), |code| code.to_string())
    }

    /// What is wrong whatever was to be done.
    fn objections(&self) -> Vec<String> {
        let mut objections = Vec::new();
        for secret in [PIN, SO_PIN, NEW_PIN] {
            if self.said.contains(secret) {
                objections.push("a secret was told".to_owned());
            }
        }
        if self.code.is_some_and(|code| code == 1 || code > 9) || self.said.contains("panicked") {
            objections.push(format!("it ended with {:?}", self.code));
        }
        let helps = self.said.lines().any(|line| line.trim_start().starts_with("hint: "));
        if self.code.is_some_and(|code| code != 0) && !helps {
            objections.push("it does not say what to do".into());
        }
        objections
    }
}

/// A run that was disturbed, and those after it.
struct Trial {
    disturbed: End,
    after: Vec<End>,
    done: bool,
    open: u64,
    at: usize,
}

impl Trial {
    fn of(ready: &Ready, arguments: &str, function: &str, at: usize, fault: usize) -> Self {
        let desk = ready.lay_out();
        let (name, deed) = FAULTS[fault];
        desk.tokens.rules(&format!("{function} {}\n", deed.replace("{at}", &at.to_string())));
        let disturbed = desk.run(arguments, &[]);
        desk.tokens.rules("");
        let open = desk.ledger().verify().unwrap().open;
        let failed = disturbed.code != Some(0);
        let after = if failed { desk.finish(arguments) } else { Vec::new() };
        Self { disturbed, after, done: name.starts_with("done"), open, at }
    }

    fn codes(&self) -> String {
        let runs = [&self.disturbed].into_iter().chain(&self.after);
        runs.map(End::shown).collect::<Vec<_>>().join(" ")
    }

    fn objections(&self, name: &str, function: &str) -> Vec<String> {
        let End { code, calls, .. } = &self.disturbed;
        let mut objections = self.disturbed.objections();
        if code.is_none() {
            objections.push("it was ended by a signal".into());
        }
        // After a login that failed, whatever it answered, nothing is presented to anybody again.
        if function == "C_Login" && self.disturbed.code != Some(0) {
            let logins: Vec<&String> =
                calls.iter().filter(|it| it.starts_with("C_Login")).collect();
            if logins.len() > self.at {
                objections.push(format!("a second login: {logins:?}"));
            }
        }
        let begun = calls.iter().any(|it| it == "C_GetSlotList" || it == "C_GetInfo");
        let last = calls.last().map(String::as_str);
        if begun && last != Some("C_Finalize") {
            objections.push(format!("the last call is {last:?}"));
        }
        if self.open != 0 {
            objections.push(format!("{} open intents", self.open));
        }
        // What was done and not told is found done, and may not be done again.
        let last = self.after.last().unwrap_or(&self.disturbed);
        // The first attribute that is asked for is one of the key that was just made.
        let made = name == "key generate" && function == "C_GetAttributeValue";
        let found_done = ACTS.contains(&function) && self.done || made;
        let fits = match last.code {
            Some(0) => true,
            Some(2..=4) => found_done,
            _ => false,
        };
        if !fits {
            objections.push(format!("the last run ends with {:?}", last.code));
        }
        objections
    }

    fn told(&self) -> String {
        let mut text = String::new();
        for end in [&self.disturbed].into_iter().chain(&self.after) {
            text.push_str(&format!(
                "exit code {:?}\n{}    {}\n",
                end.code,
                end.said,
                end.calls.join(" ")
            ));
        }
        text
    }
}
