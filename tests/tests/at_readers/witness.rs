//! Who looks for secrets: in a core file, in what strace saw, in files, in what other processes can
//! read of a process.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::geteuid;

use crate::desk::Desk;

/// A secret in all the forms that it could turn up in.
#[derive(Debug)]
pub(crate) struct Sought {
    name: &'static str,
    forms: Vec<(String, Vec<u8>)>,
}

impl Sought {
    /// A PIN or PUK of eight digits. Six of them in a row are found too: memory that was given back
    /// may be overwritten in part.
    pub(crate) fn pin(name: &'static str, text: &str) -> Self {
        assert_eq!(text.len(), 8);
        let mut forms: Vec<_> = text
            .as_bytes()
            .windows(6)
            .map(|part| (format!("{} octets as text", part.len()), part.to_vec()))
            .collect();
        for part in text.as_bytes().windows(6) {
            forms.push(("hexadecimal".into(), lower_hex(part).into_bytes()));
            forms.push(("hexadecimal".into(), lower_hex(part).to_uppercase().into_bytes()));
        }
        Self { name, forms }
    }

    /// A management key in hexadecimal: any eight octets of it in a row, raw or as digits.
    pub(crate) fn key(name: &'static str, digits: &str) -> Self {
        let mut forms = Vec::new();
        for part in digits.as_bytes().windows(16) {
            forms.push(("16 digits as text".to_owned(), part.to_ascii_lowercase()));
            forms.push(("16 digits as text".to_owned(), part.to_ascii_uppercase()));
        }
        let raw: Vec<u8> = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        forms.extend(raw.windows(8).map(|part| ("8 raw octets".to_owned(), part.to_vec())));
        Self { name, forms }
    }
}

/// Where any of these secrets stands in these octets, and in which form: the first few places.
fn find<'a>(octets: &[u8], secrets: &[&'a Sought]) -> Vec<(usize, &'a str, &'a str)> {
    const PAGE: usize = 4096;
    let key = |first: u8, second: u8| usize::from(first) << 8 | usize::from(second);
    let forms: Vec<_> = secrets
        .iter()
        .flat_map(|secret| secret.forms.iter().map(|(form, octets)| (secret.name, form, octets)))
        .collect();
    let mut candidates = vec![false; 1 << 16];
    for (_, _, form) in &forms {
        candidates[key(form[0], form[1])] = true;
    }
    let mut found = Vec::new();
    for (page, content) in octets.chunks(PAGE).enumerate() {
        // Most of a core file is this.
        if *content == [0; PAGE] {
            continue;
        }
        let start = page * PAGE;
        for at in start..(start + content.len()).min(octets.len().saturating_sub(1)) {
            if candidates[key(octets[at], octets[at + 1])] {
                let is_here = |form: &&(_, _, &Vec<u8>)| octets[at..].starts_with(form.2);
                found.extend(forms.iter().find(is_here).map(|form| (at, form.0, form.1.as_str())));
            }
        }
        if found.len() > 8 {
            found.truncate(8);
            break;
        }
    }
    found
}

/// None of the secrets is there.
pub(crate) fn assert_clean(what: &str, octets: &[u8], secrets: &[&Sought]) {
    let found = find(octets, secrets);
    let shown: Vec<String> = found
        .iter()
        .map(|(at, secret, form)| {
            let around = &octets[at.saturating_sub(32)..octets.len().min(at + 48)];
            format!("{secret}, {form} at {at:#x}, in {}", around.escape_ascii())
        })
        .collect();
    assert!(found.is_empty(), "there is a secret in {what}:\n{}", shown.join("\n"));
}

/// None of the secrets is in a file of the desk but in those that are meant to hold one.
pub(crate) fn assert_files_clean(desk: &Desk, but: &[&str], secrets: &[&Sought]) {
    let mut folders = vec![desk.folder().to_owned()];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if but.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let octets = fs::read(&path).unwrap();
                assert_clean(&path.display().to_string(), &octets, secrets);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 0);
}

/// Which pages go into a core file.
#[derive(Clone, Copy)]
enum Pages {
    /// Those that the system would write.
    Dumped,
    /// Those too that a program had left out.
    All,
}

/// A touchmark that runs, perhaps on a terminal of its own.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    keys: Option<ChildStdin>,
    /// What it shows, on the terminal or on both its outputs.
    output: PathBuf,
    /// Its own process, where `child` is somebody who looks after it.
    pid: i32,
}

/// On a busy machine everything takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

impl Running {
    /// Starts it with nobody at the keyboard.
    pub(crate) fn start(desk: &Desk, words: &str) -> Self {
        let output = desk.file("output");
        let file = fs::File::create(&output).unwrap();
        let mut command = desk.command(program());
        command.args(words.split(' ')).stdin(Stdio::null());
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        Self { child, keys: None, output, pid }
    }

    /// Starts it on a terminal, whose keys are [`Running::type_line`].
    pub(crate) fn on_a_terminal(desk: &Desk, words: &str) -> Self {
        let (output, told) = (desk.file("terminal"), desk.file("pid"));
        drop(fs::remove_file(&told));
        fs::File::create(&output).unwrap();
        // The shell becomes the program, and has its number.
        let run = format!("echo $$ >pid; exec {} {words}", program());
        let mut command = desk.command("script");
        command.args(["--quiet", "--flush", "--return", "--command", &run]).arg(&output);
        command.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let keys = child.stdin.take();
        let mut running = Self { child, keys, output, pid: 0 };
        running.until("it started", || fs::read_to_string(&told).is_ok_and(|t| t.ends_with('\n')));
        running.pid = fs::read_to_string(&told).unwrap().trim().parse().unwrap();
        running
    }

    /// Waits until it shows this.
    pub(crate) fn shows(&mut self, text: &str) {
        let output = self.output.clone();
        self.until(text, || fs::read_to_string(&output).unwrap_or_default().contains(text));
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.keys.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until something is so.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            let gone = self.child.try_wait().unwrap();
            let said = String::from_utf8_lossy(&fs::read(&self.output).unwrap()).into_owned();
            assert!(gone.is_none() || is_so(), "{what}: it ended with {gone:?}: {said}");
            assert!(Instant::now() < end, "{what}: not after {PATIENCE:?}: {said}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Nothing of these secrets is in its memory, as a core file has it, nor in what other processes
    /// of the machine see of it.
    pub(crate) fn assert_keeps(&self, desk: &Desk, secrets: &[&Sought]) {
        self.assert_keeps_while(desk, secrets, ());
    }

    /// The same; `state` is dropped as soon as the core file is there.
    pub(crate) fn assert_keeps_while<T>(&self, desk: &Desk, secrets: &[&Sought], state: T) {
        for file in ["cmdline", "environ"] {
            let path = format!("/proc/{}/{file}", self.pid);
            let read = as_root("cat").arg(&path).output().unwrap();
            assert!(!read.stdout.is_empty(), "{path}");
            assert_clean(&path, &read.stdout, secrets);
        }
        let core = self.core(desk, Pages::Dumped);
        drop(state);
        // Its arguments are in its memory: so this is that.
        let own = Sought { name: "program", forms: vec![("path".into(), program().into())] };
        assert!(!find(&core, &[&own]).is_empty(), "that is no core file of touchmark");
        assert_clean("the core file", &core, secrets);
    }

    /// This secret is in its memory, in pages that no core file has: who looks for it knows how.
    pub(crate) fn assert_holds(&self, desk: &Desk, secret: &Sought) {
        let core = self.core(desk, Pages::All);
        assert!(!find(&core, &[secret]).is_empty(), "the {} is not in memory at all", secret.name);
    }

    /// A core file, forced by root: nobody else can.
    fn core(&self, desk: &Desk, pages: Pages) -> Vec<u8> {
        let path = desk.file("core");
        let mut gdb = as_root("gdb");
        let excluded = match pages {
            Pages::Dumped => "set dump-excluded-mappings off",
            Pages::All => "set dump-excluded-mappings on",
        };
        // It need not know what is where: a root that is not there keeps it from reading symbols.
        for setting in
            ["set auto-load no", "set debuginfod enabled off", "set sysroot /nonexistent", excluded]
        {
            gdb.args(["-iex", setting]);
        }
        gdb.args(["-nx", "-batch", "--readnever", "-p", &self.pid.to_string(), "-ex"])
            .arg(format!("gcore {}", path.display()));
        let output = gdb.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.contains("Saved corefile"), "gdb: {said}");
        let core = as_root("cat").arg(&path).output().unwrap().stdout;
        assert!(as_root("rm").arg(&path).status().unwrap().success());
        core
    }

    /// Waits for its end. Answers its exit code and what it showed.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = fs::read(&self.output).unwrap();
                return (status.code(), String::from_utf8_lossy(&said).into_owned());
            }
            assert!(Instant::now() < end, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_touchmark-at-readers")
}

/// A command as root, who tests are run by or `sudo` makes them.
fn as_root(program: &str) -> Command {
    if geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

/// What strace saw of a run: each call on a line, with every octet in hexadecimal.
pub(crate) struct Trace {
    lines: Vec<Line>,
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) said: Vec<u8>,
}

/// One call.
struct Line {
    text: String,
    /// The octets of its strings.
    octets: Vec<u8>,
}

impl Trace {
    /// Runs it under strace, with all its threads and children.
    pub(crate) fn of(desk: &Desk, words: &str) -> Self {
        let file = desk.file("strace");
        let mut command = desk.command("strace");
        // All strings whole and in hexadecimal, descriptors by name, environments in full.
        command.args(["-f", "-xx", "-y", "-v", "-s", "1000000", "-o"]).arg(&file).arg(program());
        let output = command.args(words.split(' ')).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        fs::remove_file(file).unwrap();
        let lines = whole_calls(&text).into_iter().map(|text| Line { octets: octets(&text), text });
        let said = [output.stdout, output.stderr].concat();
        Self { lines: lines.collect(), code: output.status.code(), said }
    }

    /// Demands that none of the secrets is in any call but three kinds: reading a file that holds one,
    /// putting a new one into escrow (and looking there), and talking to pcscd, which has to be told. Answers how many
    /// calls read one, and how many told pcscd.
    pub(crate) fn assert_keeps(&self, sources: &[&str], secrets: &[&Sought]) -> (usize, usize) {
        let (mut read, mut told) = (0, 0);
        let escrow = format!("{}\\x2f", hex_name("escrow"));
        let pcscd: Vec<&str> = self.lines.iter().filter_map(Line::connects_to_pcscd).collect();
        assert!(self.lines.len() > 100, "{} lines are no trace", self.lines.len());
        for line in &self.lines {
            // The line itself, for what is printed as numbers or names; the largest number of 32 bits is
            // in many, and may end like a secret.
            let text = line.text.replace("4294967295", "");
            assert_clean("a call", text.as_bytes(), secrets);
            if find(&line.octets, secrets).is_empty() {
                continue;
            }
            let call = call(&line.text);
            let is_source = |name: &&str| call.contains(&format!("{}>", hex_name(name)));
            if call.starts_with("read(") && sources.iter().any(is_source) {
                read += 1;
            } else if call.starts_with("sendto(") && pcscd.iter().any(|to| call.contains(to)) {
                told += 1;
            } else if call.starts_with("read(") && pcscd.iter().any(|from| call.contains(from)) {
                // A management key that the card keeps comes from there.
            } else if ["write(", "read("].iter().any(|it| call.starts_with(it))
                && call.contains(&escrow)
            {
                // It is there to be found by whoever has to.
            } else {
                assert_clean(&line.text, &line.octets, secrets);
            }
        }
        (read, told)
    }
}

impl Line {
    /// The socket that is connected to pcscd here, as strace calls it.
    fn connects_to_pcscd(&self) -> Option<&str> {
        let call = call(&self.text).strip_prefix("connect(")?;
        let (socket, address) = call.split_once('>')?;
        let (_, socket) = socket.split_once('<')?;
        address.contains(&hex_name("pcscd.comm")).then_some(socket)
    }
}

/// The lines of a trace, each a whole call: one that another thread's came into is two in the file.
fn whole_calls(trace: &str) -> Vec<String> {
    const UNFINISHED: &str = " <unfinished ...>";
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let process = line.split(' ').next().unwrap_or_default();
        if let Some(beginning) = line.strip_suffix(UNFINISHED) {
            begun.insert(process, beginning);
        } else if let Some((_, end)) =
            line.split_once(" resumed>").filter(|_| call(line).starts_with("<... "))
        {
            let beginning = begun.remove(process).unwrap_or_else(|| panic!("{line} began nowhere"));
            calls.push(format!("{beginning}{end}"));
        } else {
            calls.push(line.to_owned());
        }
    }
    // What a process was ended in.
    calls.extend(begun.into_values().map(str::to_owned));
    calls
}

/// A line without the number of its process.
fn call(line: &str) -> &str {
    line.split_once(' ').map_or("", |(_, call)| call.trim_start())
}

/// The end of a path, as strace prints it with `-xx`.
fn hex_name(name: &str) -> String {
    format!("/{name}").bytes().map(|octet| format!("\\x{octet:02x}")).collect()
}

/// The octets of all strings of a line, one after the other.
fn octets(line: &str) -> Vec<u8> {
    let digits = line.split("\\x").skip(1).filter_map(|part| part.get(..2));
    digits.filter_map(|digits| u8::from_str_radix(digits, 16).ok()).collect()
}

fn lower_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Somebody else who has the card to himself for as long as this lives.
#[derive(Debug)]
pub(crate) struct Holder {
    python: Child,
    tell: Option<ChildStdin>,
}

const HOLD: &str = r#"
import sys
from smartcard.scard import *
_, context = SCardEstablishContext(SCARD_SCOPE_USER)
_, readers = SCardListReaders(context, [])
result, card, _ = SCardConnect(context, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1)
assert result == SCARD_S_SUCCESS, result
assert SCardBeginTransaction(card) == SCARD_S_SUCCESS
open(sys.argv[1], "w").close()
sys.stdin.read()
SCardEndTransaction(card, SCARD_LEAVE_CARD)
SCardDisconnect(card, SCARD_LEAVE_CARD)
"#;

impl Holder {
    /// Has the card when this returns.
    pub(crate) fn take(desk: &Desk) -> Self {
        let holds = desk.file("holds");
        let mut command = desk.command(crate::desk::tool("ykman/bin/python"));
        command.args(["-c", HOLD]).arg(&holds).stdin(Stdio::piped());
        let mut python = command.spawn().unwrap();
        let tell = python.stdin.take();
        let holder = Self { python, tell };
        let end = Instant::now() + PATIENCE;
        while !Path::new(&holds).exists() {
            assert!(Instant::now() < end, "the other program does not get the card");
            thread::sleep(Duration::from_millis(5));
        }
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.tell = None;
        drop(self.python.wait());
    }
}
