//! One session: read from its file and played in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use touchmark_tests::drawer;
use virtual_yubikey::CommandName;

use crate::keys::Keys;
use crate::lines;

/// One session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(skip)]
    name: String,
    /// What must never be printed.
    #[serde(default)]
    secrets: Vec<String>,
    /// Virtual YubiKeys that are there, by serial number: the model of each.
    #[serde(default)]
    yubikeys: BTreeMap<String, String>,
    /// What is in the folder at the start; all with mode 600.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Files of `data/` that are put into the folder.
    #[serde(default)]
    data: Vec<String>,
    step: Vec<Step>,
}

/// One command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Program and words; those with blanks in quotation marks.
    run: String,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    #[serde(default)]
    status: i32,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Modes to set first, in octal digits.
    #[serde(default)]
    chmod: BTreeMap<String, String>,
    /// How often commands reach the YubiKeys, by the first words of their names.
    #[serde(default)]
    apdus: BTreeMap<String, usize>,
    /// Files that are there afterwards, and not empty.
    #[serde(default)]
    present: Vec<String>,
    /// Files that are not.
    #[serde(default)]
    absent: Vec<String>,
}

impl Case {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a case can be read");
        let mut case: Self =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        case.name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        case
    }

    /// Runs every step, or says which went otherwise.
    pub(crate) fn play(&self) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, contents) in &self.files {
            place(&folder.path().join(name), contents.as_bytes());
        }
        for name in &self.data {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name);
            let contents = fs::read(&from).expect("the data of a case is there");
            place(&folder.path().join(from.file_name().expect("a name")), &contents);
        }
        let drawer = (!self.yubikeys.is_empty()).then(|| Keys::put(folder.path(), &self.yubikeys));
        for (number, step) in self.step.iter().enumerate() {
            let went = step.play(folder.path(), &self.secrets, drawer.as_ref());
            went.map_err(|why| format!("{} step {} `{}`: {why}", self.name, number + 1, step.run))?;
        }
        Ok(())
    }
}

impl Step {
    fn play(&self, folder: &Path, secrets: &[String], keys: Option<&Keys>) -> Result<(), String> {
        for (name, mode) in &self.chmod {
            set_mode(&folder.join(name), mode);
        }
        let words = words(&self.run);
        let (program, words) = words.split_first().expect("a program is named");
        let program = match program.as_str() {
            "touchmark" => PathBuf::from(env!("CARGO_BIN_EXE_touchmark-under-test")),
            other => PathBuf::from(other),
        };
        let said_before = keys.map(Keys::said).unwrap_or_default();
        let mut child = Command::new(&program)
            .args(words)
            .current_dir(folder)
            // Nothing of the person's own settings may count.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("TOUCHMARK_OPERATOR", "maria")
            .envs(keys.map(|keys| (drawer::FOLDER, keys.folder())))
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
        let mut stdin = child.stdin.take().expect("it was piped");
        // A program that reads nothing may have ended by now.
        let _ = stdin.write_all(self.stdin.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it can be waited for");
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let shown = format!("\n--- stdout\n{stdout}--- stderr\n{stderr}---");
        if let Some(secret) = secrets.iter().find(|secret| shown.contains(*secret)) {
            return Err(format!("the secret {secret:?} was printed{shown}"));
        }
        if output.status.code() != Some(self.status) {
            return Err(format!("ended with {}, not {}{shown}", output.status, self.status));
        }
        if !lines::agree(&self.stdout, &stdout) {
            return Err(format!("stdout is not\n{}{shown}", self.stdout));
        }
        if !lines::agree(&self.stderr, &stderr) {
            return Err(format!("stderr is not\n{}{shown}", self.stderr));
        }
        let said = keys.map(Keys::said).unwrap_or_default();
        for (name, expected) in &self.apdus {
            let command: CommandName = name.parse().expect("a command is named");
            let count = |said: &[String]| said.iter().filter(|said| command.matches(said)).count();
            let found = count(&said) - count(&said_before);
            if found != *expected {
                return Err(format!("{name} came {found} times, not {expected}: {said:?}{shown}"));
            }
        }
        let filled = |name: &&String| {
            fs::metadata(folder.join(name)).is_ok_and(|file| file.is_dir() || file.len() > 0)
        };
        if let Some(name) = self.present.iter().find(|name| !filled(name)) {
            return Err(format!("{name} is missing or empty{shown}"));
        }
        if let Some(name) = self.absent.iter().find(|name| folder.join(name).exists()) {
            return Err(format!("{name} is there{shown}"));
        }
        Ok(())
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn place(path: &Path, contents: &[u8]) {
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder can be made");
    fs::write(path, contents).expect("a file can be written");
    set_mode(path, "600");
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = u32::from_str_radix(mode, 8).expect("a mode is octal");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode can be set");
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: &str) {}

/// Words between blanks; a part in quotation marks of either kind keeps its blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = None;
    for c in line.chars() {
        match (quoted, c) {
            (Some(mark), c) if c == mark => quoted = None,
            (None, '\'' | '"') => quoted = Some(c),
            (None, ' ' | '\n') => words.push(String::new()),
            (_, c) => words.last_mut().expect("there is always one").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
