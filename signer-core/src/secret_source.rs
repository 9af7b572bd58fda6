//! Where secrets come from: the same sources for every secret, and never a command line.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::error::Cause;
use crate::{Error, Result, Secret, SecretKind, SecretRules, Tries};

/// What is asked of a [`SecretSource`].
#[derive(Clone, Copy, Debug)]
pub struct SecretRequest<'a> {
    /// Which secret.
    pub kind: SecretKind,
    /// The token or key file, as a person would name it.
    pub token: &'a str,
    /// The token's serial number, for `{serial}` in a source.
    pub serial: Option<&'a str>,
    /// How many tries are left for it.
    pub tries: Tries,
    /// What the token takes.
    pub rules: SecretRules,
}

/// Somewhere a secret comes from.
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// Fetches the secret. What comes back satisfies [`SecretRequest::rules`].
    ///
    /// # Errors
    /// [`Error::SecretSource`] when the source gives nothing, [`Error::SecretUnusable`] when what
    /// it gives cannot be right. Neither has cost a try.
    fn secret(&self, ask: &SecretRequest<'_>) -> Result<Secret>;
}

/// A secret source as it is written in settings, locators and flags.
///
/// The text forms are `prompt`, `file:PATH`, `fd:N`, `stdin`, `env:NAME`,
/// `command:PROGRAM ARGS` and `random`; `{serial}` stands for the token's serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSpec {
    /// Ask a person.
    Prompt,
    /// The contents of a file.
    File(String),
    /// What can be read from an inherited file descriptor.
    Fd(u32),
    /// Standard input, to its end.
    Stdin,
    /// An environment variable.
    Env(String),
    /// The output of a program, which is started without a shell.
    Command(Vec<String>),
    /// Fresh random characters, for secrets that are to be set.
    Random,
}

impl SecretSpec {
    /// This source with its relative file starting from `folder`.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path).to_string_lossy().into_owned()),
            other => other,
        }
    }
}

impl FromStr for SecretSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once(':').map_or((text, None), |(s, r)| (s, Some(r)));
        match (scheme, rest) {
            ("prompt", None) => Ok(Self::Prompt),
            ("stdin", None) => Ok(Self::Stdin),
            ("random", None) => Ok(Self::Random),
            ("file", Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            ("fd", Some(number)) if number.parse::<u32>().is_ok() => {
                Ok(Self::Fd(number.parse().unwrap_or_default()))
            }
            ("env", Some(name)) if is_environment_name(name) => Ok(Self::Env(name.into())),
            ("command", Some(line)) if !line.trim().is_empty() => {
                Ok(Self::Command(line.split_whitespace().map(str::to_owned).collect()))
            }
            // The text may be a secret that was put here by mistake, so it is not repeated.
            _ => Err(Error::Unsupported {
                operation: "this secret source".into(),
                needs: "one of prompt, file:PATH, fd:N, stdin, env:NAME, command:PROGRAM ARGS, \
                        random"
                    .into(),
            }),
        }
    }
}

impl fmt::Display for SecretSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt => f.write_str("prompt"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Fd(number) => write!(f, "fd:{number}"),
            Self::Stdin => f.write_str("stdin"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Command(words) => write!(f, "command:{}", words.join(" ")),
            Self::Random => f.write_str("random"),
        }
    }
}

/// The secret sources of one run, by kind of secret.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    configured: BTreeMap<SecretKind, SecretSpec>,
    withheld: BTreeSet<SecretKind>,
    prompt: Option<Arc<dyn SecretSource>>,
    /// Sources of other signers: what they name is no business of a program that is run for this one.
    others: Vec<SecretSpec>,
}

impl Secrets {
    /// No sources at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names who is asked for `prompt`, and for every kind of secret that has no source of its own.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Arc<dyn SecretSource>) -> Self {
        self.prompt = Some(prompt);
        self
    }

    /// Names the source of one kind of secret; the last one named counts.
    #[must_use]
    pub fn with(mut self, kind: SecretKind, spec: SecretSpec) -> Self {
        self.configured.insert(kind, spec);
        self
    }

    /// Lets nobody have this kind of secret, whatever source it has, as if there were none: for looking
    /// without risking a try.
    #[must_use]
    pub fn withholding(mut self, kind: SecretKind) -> Self {
        self.withheld.insert(kind);
        self
    }

    /// Whether nobody gets this kind of secret. Then no person is asked for it either, at a token's
    /// own PIN pad.
    #[must_use]
    pub fn is_withheld(&self, kind: SecretKind) -> bool {
        self.withheld.contains(&kind)
    }

    /// Names sources that are not for this signer: the variables of `env:` ones among them are kept
    /// from the programs of `command:` sources, as this signer's own are.
    #[must_use]
    pub fn with_others(mut self, others: impl IntoIterator<Item = SecretSpec>) -> Self {
        self.others.extend(others);
        self
    }

    /// The source that was named for a kind of secret.
    #[must_use]
    pub fn source(&self, kind: SecretKind) -> Option<&SecretSpec> {
        self.configured.get(&kind)
    }

    /// Fetches one secret.
    ///
    /// # Errors
    /// As [`SecretSource::secret`]; [`Error::NobodyToAsk`] when the kind has no source and there is
    /// no prompt, or is withheld.
    pub fn fetch(&self, ask: &SecretRequest<'_>) -> Result<Secret> {
        match self.configured.get(&ask.kind) {
            _ if self.is_withheld(ask.kind) => {
                Err(Error::NobodyToAsk { kind: ask.kind, token: ask.token.into() })
            }
            None | Some(SecretSpec::Prompt) => match &self.prompt {
                Some(prompt) => prompt.secret(ask),
                None => Err(Error::NobodyToAsk { kind: ask.kind, token: ask.token.into() }),
            },
            Some(spec) => {
                let secret = self.read(spec, ask)?;
                match ask.rules.objection(secret.expose()) {
                    None => Ok(secret),
                    Some(reason) => Err(Error::SecretUnusable {
                        kind: ask.kind,
                        origin: spec.to_string(),
                        reason,
                    }),
                }
            }
        }
    }

    /// Keeps the variables that hold secrets out of a program's environment.
    pub fn hide_from(&self, command: &mut Command) {
        for spec in self.configured.values().chain(&self.others) {
            if let SecretSpec::Env(name) = spec {
                for (variable, _) in std::env::vars_os().filter(|(it, _)| names(name, it)) {
                    command.env_remove(variable);
                }
            }
        }
    }

    fn read(&self, spec: &SecretSpec, ask: &SecretRequest<'_>) -> Result<Secret> {
        let fill = |text: &str| fill_serial(text, ask.serial);
        let octets = match spec {
            SecretSpec::File(path) => fill(path).and_then(|path| read_file(Path::new(&path))),
            SecretSpec::Fd(number) => read_descriptor(*number),
            SecretSpec::Stdin => read_stdin(),
            SecretSpec::Env(name) => fill(name).and_then(|name| read_variable(&name)),
            SecretSpec::Command(words) => words
                .iter()
                .map(|word| fill(word))
                .collect::<Result<Vec<_>, _>>()
                .and_then(|words| self.run(&words)),
            SecretSpec::Random if ask.kind.is_new() => random(&ask.rules),
            SecretSpec::Random => {
                Err("random can only stand for a secret that is to be set".into())
            }
            SecretSpec::Prompt => Err("a prompt is not read".into()),
        };
        octets.map_err(|source| Error::SecretSource {
            kind: ask.kind,
            origin: spec.to_string(),
            source,
        })
    }

    /// Runs a program for its output, without the variables that hold other secrets.
    fn run(&self, words: &[String]) -> Octets {
        const BOUND: Duration = Duration::from_secs(60);
        let (program, arguments) = words.split_first().ok_or("no program is named")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        self.hide_from(&mut command);
        let mut child = Reaped(command.spawn()?);
        let mut output = child.0.stdout.take().ok_or("the program has no output")?;
        // Read on a thread of its own: a program that neither ends nor closes its output must not
        // hold the line up for ever.
        let (answer, answers) = channel();
        thread::spawn(move || answer.send(read_bounded(&mut output)));
        let deadline = Instant::now() + BOUND;
        let status = loop {
            match child.0.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    return Err(format!("the program ran for more than {BOUND:?}").into());
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        if !status.success() {
            return Err(format!("the program ended with {status}").into());
        }
        // A program that it started in turn may still hold the output open.
        answers
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .map_err(|_| "the program ended, and its output did not")?
    }
}

type Octets = std::result::Result<Secret, Cause>;

/// A child process that does not outlive the wait for it.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // Both fail only when the child has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_environment_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// Whether a name with `{serial}` in it stands for this variable, whichever token's serial number it
/// is.
fn names(pattern: &str, variable: &OsStr) -> bool {
    // Windows takes `PIN` and `pin` for one variable.
    let same = |text: &str| if cfg!(windows) { text.to_uppercase() } else { text.to_owned() };
    let (pattern, variable) = (pattern.replace("{serial}", "\0"), variable.to_string_lossy());
    let (pattern, variable) = (same(&pattern), same(&variable));
    match pattern.split_once('\0') {
        None => variable == pattern,
        Some((before, after)) => {
            // A second `{serial}` says nothing more: too much is kept back rather than too little.
            let after = after.rsplit_once('\0').map_or(after, |(_, last)| last);
            variable.len() >= before.len() + after.len()
                && variable.starts_with(before)
                && variable.ends_with(after)
        }
    }
}

/// Puts the serial number in place of `{serial}`.
fn fill_serial(text: &str, serial: Option<&str>) -> std::result::Result<String, Cause> {
    if !text.contains("{serial}") {
        return Ok(text.to_owned());
    }
    let serial = serial.ok_or("{serial} stands in it, and this token has no serial number")?;
    // A token chooses its serial number; it must not choose a path or an option with it.
    if serial.is_empty() || !serial.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err("the token's serial number is not letters and digits alone".into());
    }
    Ok(text.replace("{serial}", serial))
}

/// Reads to the end, or to more than any secret can have.
fn read_bounded(from: &mut dyn Read) -> Octets {
    const MOST: usize = 4096;
    let mut secret = Secret::read(from, MOST + 1)?;
    if secret.expose().len() > MOST {
        return Err(format!("it is longer than {MOST} octets").into());
    }
    strip_file_dress(&mut secret);
    Ok(secret)
}

/// Takes away what editors add: one UTF-8 byte order mark, one final LF or CRLF.
fn strip_file_dress(secret: &mut Secret) {
    if secret.expose().starts_with(b"\xef\xbb\xbf") {
        secret.trim(3, 0);
    }
    if secret.expose().ends_with(b"\r\n") {
        secret.trim(0, 2);
    } else if secret.expose().ends_with(b"\n") {
        secret.trim(0, 1);
    }
}

fn read_file(path: &Path) -> Octets {
    read_bounded(&mut File::open(path)?)
}

/// Past the buffer of the standard library, which would keep a copy for as long as the process lives.
#[cfg(unix)]
fn read_stdin() -> Octets {
    use std::os::fd::AsFd;
    read_bounded(&mut File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn read_stdin() -> Octets {
    read_bounded(&mut io::stdin().lock())
}

#[cfg(unix)]
fn read_descriptor(number: u32) -> Octets {
    read_file(Path::new(&format!("/dev/fd/{number}")))
}

#[cfg(not(unix))]
fn read_descriptor(_number: u32) -> Octets {
    Err("file descriptors can be named on Unix only; use file:, env: or command:".into())
}

fn read_variable(name: &str) -> Octets {
    let value = std::env::var_os(name).ok_or("the variable is not set")?;
    Ok(Secret::new(value.into_encoded_bytes()))
}

/// Draws characters of the alphabet, each equally likely, as many as the token takes (20 at most:
/// of 31 characters that is 99 bits).
fn random(rules: &SecretRules) -> Octets {
    let rng = SystemRandom::new();
    let length = rules.max_length.min(20).max(rules.min_length);
    let limit = 256 - 256 % rules.alphabet.len().max(1);
    Secret::filled(length, |space| {
        let mut missing = space.iter_mut();
        while missing.len() > 0 {
            let mut draw = Zeroizing::new([0u8; 64]);
            rng.fill(draw.as_mut()).map_err(|_| "the system gives no randomness")?;
            let fair = draw.iter().map(|b| usize::from(*b)).filter(|b| *b < limit);
            let characters = fair.filter_map(|b| rules.alphabet.get(b % rules.alphabet.len()));
            // The places come second: a pair that is not made up must not use one up.
            for (character, place) in characters.zip(&mut missing) {
                *place = *character;
            }
        }
        Ok(length)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const PIN: SecretRules =
        SecretRules { min_length: 6, max_length: 8, alphabet: SecretRules::DIGITS };

    fn ask(kind: SecretKind) -> SecretRequest<'static> {
        SecretRequest {
            kind,
            token: "token 16021234",
            serial: Some("16021234"),
            tries: Tries::Left(3),
            rules: PIN,
        }
    }

    fn fetch(spec: &str) -> Result<Secret> {
        Secrets::new().with(SecretKind::Pin, spec.parse()?).fetch(&ask(SecretKind::Pin))
    }

    fn file(contents: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(contents).unwrap();
        file
    }

    #[test]
    fn a_file_loses_one_mark_and_one_newline() {
        for (contents, secret) in [
            (&b"123456"[..], &b"123456"[..]),
            (b"123456\n", b"123456"),
            (b"123456\r\n", b"123456"),
            (b"\xef\xbb\xbf123456\r\n", b"123456"),
            (b" 123456", b" 123456"),
        ] {
            let file = file(contents);
            let read = fetch(&format!("file:{}", file.path().display())).unwrap();
            assert_eq!(read.expose(), secret, "{contents:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_by_offset() {
        for (contents, reason) in [
            (&b""[..], "it is empty"),
            (b"\n", "it is empty"),
            (b"\xef\xbb\xbf\r\n", "it is empty"),
            (b"123456\n\n", "octet 6 is not printable text"),
            (b"123\t56", "octet 3 is not printable text"),
            (b"\xef\xbb\xbf\xef\xbb\xbf123456", "it has 9 octets, and 8 are the most"),
            (b"12345", "it has 5 octets, and 6 are the fewest"),
            (b"123456789", "it has 9 octets, and 8 are the most"),
            (b"123456\0", "octet 6 is not printable text"),
        ] {
            let file = file(contents);
            let error = fetch(&format!("file:{}", file.path().display())).unwrap_err();
            let text = error.to_string();
            assert!(text.ends_with(&format!("cannot be used: {reason}")), "{contents:?}: {text}");
            assert!(!text.contains("1234\n"), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_an_error_and_never_an_empty_secret() {
        let error = fetch("file:/nonexistent/{serial}.pin").unwrap_err();
        assert_eq!(error.to_string(), "cannot read the PIN from file:/nonexistent/{serial}.pin");
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn an_endless_source_is_cut_off() {
        let mut endless = io::repeat(b'1');
        assert!(read_bounded(&mut endless).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_program_gives_its_output_without_seeing_other_secrets() {
        let script = file(b"echo \"1234${SECRET_SOURCE_TEST_PUK:-56}\"\n");
        let command = format!("command:sh {}", script.path().display());
        // The variable is not set here: removing it for the child is checked through the whole
        // program, where the environment can be set safely.
        let secrets = Secrets::new()
            .with(SecretKind::Pin, command.parse().unwrap())
            .with(SecretKind::Puk, "env:SECRET_SOURCE_TEST_PUK".parse().unwrap());
        assert_eq!(secrets.fetch(&ask(SecretKind::Pin)).unwrap().expose(), b"123456");

        let failing = fetch("command:false").unwrap_err();
        assert!(std::error::Error::source(&failing).unwrap().to_string().contains("exit status"));
    }

    #[cfg(unix)]
    #[test]
    fn variables_with_a_serial_number_and_those_of_other_signers_stay_here() {
        // What cargo sets for its tests stands in for variables that hold secrets.
        let seen = |spec: &str, secrets: Secrets| {
            let script = file(format!("echo \"${{{spec}:-123456}}\"\n").as_bytes());
            let command = format!("command:sh {}", script.path().display());
            secrets
                .with(SecretKind::Passphrase, command.parse().unwrap())
                .fetch(&SecretRequest {
                    rules: SecretRules::PASSPHRASE,
                    ..ask(SecretKind::Passphrase)
                })
                .unwrap()
        };
        assert_ne!(seen("CARGO_PKG_NAME", Secrets::new()).expose(), b"123456");
        let own = Secrets::new().with(SecretKind::Pin, "env:CARGO_{serial}NAME".parse().unwrap());
        assert_eq!(seen("CARGO_PKG_NAME", own).expose(), b"123456");
        let others = Secrets::new().with_others(["env:CARGO_PKG_NAME".parse().unwrap()]);
        assert_eq!(seen("CARGO_PKG_NAME", others).expose(), b"123456");
    }

    #[test]
    fn random_stands_for_new_secrets_only() {
        assert!(fetch("random").is_err());
        let secrets = Secrets::new().with(SecretKind::NewPin, SecretSpec::Random);
        let first = secrets.fetch(&ask(SecretKind::NewPin)).unwrap();
        let second = secrets.fetch(&ask(SecretKind::NewPin)).unwrap();
        assert_eq!(first.expose().len(), 8);
        assert!(first.expose().iter().all(u8::is_ascii_digit));
        assert_ne!(first, second);
    }

    #[test]
    fn nobody_to_ask_is_an_error_of_its_own() {
        let error = Secrets::new().fetch(&ask(SecretKind::Pin)).unwrap_err();
        assert!(matches!(error, Error::NobodyToAsk { kind: SecretKind::Pin, .. }));
    }

    #[test]
    fn a_serial_number_cannot_smuggle_a_path() {
        assert_eq!(fill_serial("/run/{serial}.pin", Some("42")).unwrap(), "/run/42.pin");
        assert!(fill_serial("/run/{serial}.pin", Some("../etc/passwd")).is_err());
        assert!(fill_serial("/run/{serial}.pin", None).is_err());
    }

    #[test]
    fn text_forms_round_trip_and_others_are_not_repeated() {
        for text in [
            "prompt",
            "file:/a b",
            "fd:3",
            "stdin",
            "env:HSM_PIN",
            "command:pass show pin",
            "random",
        ] {
            assert_eq!(text.parse::<SecretSpec>().unwrap().to_string(), text);
        }
        for text in ["123456", "file:", "fd:x", "env:", "command: ", "prompt:x", "pass:123456"] {
            let error = text.parse::<SecretSpec>().unwrap_err().to_string();
            assert!(!error.contains("123456"), "{error}");
        }
    }
}
