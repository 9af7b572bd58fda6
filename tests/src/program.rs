//! The whole program on a [`Line`], as an operator runs it, and what it leaves behind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use issuer::certificate::ParsedCertificate;
use issuer::output::DeviceFiles;
use issuer::pem::{Kind, encode, read_all};
use issuer::public_key_text::{PublicKeyForm, public_key_text};
use ledger::{Certificate, CertificateFilter, Ledger, Life};
use sha2::{Digest as _, Sha256};

use crate::forge::{Forge, oid, tag};
use crate::line::{DEVICE_TYPE, Line};

/// A program and the line that it works on.
#[derive(Debug)]
pub struct Program<'a> {
    path: &'a Path,
    line: &'a Line,
}

impl<'a> Program<'a> {
    /// Prepares a line for the program at `path`: settings, and a key that only its owner can read.
    ///
    /// # Panics
    /// When a file cannot be written, as everything here when something is not as it must be.
    #[must_use]
    pub fn new(path: &'a str, line: &'a Line) -> Self {
        line.write(
            "touchmark.toml",
            "default-signer = \"bench\"\n\
             [signer.bench]\nlocator = \"soft:key.pem\"\ncertificate = \"dak.pem\"\n\
             [issue]\nextfile = \"device.conf\"\nextensions = \"req_ext\"\ndays = 1825\n\
             ledger = \"sqlite:touchmark.db\"\n",
        );
        owner_only(&line.path("key.pem"));
        owner_only(&line.path("touchmark.toml"));
        Self { path: Path::new(path), line }
    }

    /// The program with these arguments, which are separated by blanks, in the folder of the line.
    #[must_use]
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(self.path);
        self.prepare(&mut command);
        command.args(arguments.split_whitespace());
        command
    }

    /// The same below a shell that sets a limit first, such as `ulimit -f 100`. The signal that would
    /// kill the program at the limit is ignored, so that its writing fails instead.
    #[must_use]
    pub fn limited(&self, limit: &str, arguments: &str) -> Command {
        let mut command = Command::new("sh");
        self.prepare(&mut command);
        command.arg("-c").arg(format!("trap '' XFSZ; {limit}; exec \"$0\" \"$@\"")).arg(self.path);
        command.args(arguments.split_whitespace());
        command
    }

    fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.line.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.line.folder())
            .env("TOUCHMARK_OPERATOR", "maria")
            .stdin(Stdio::null());
    }

    /// Runs the program to its end.
    #[must_use]
    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program and demands an exit code. Returns what it said, data first.
    pub fn expect(&self, code: i32, arguments: &str) -> String {
        ended(code, &self.run(arguments), arguments)
    }

    /// Starts the program, without listening to it.
    #[must_use]
    pub fn start(&self, arguments: &str) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Demands an exit code of a program that ran, and returns what it said, data first.
///
/// # Panics
/// When it ended otherwise.
pub fn ended(code: i32, output: &Output, what: &str) -> String {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{what} ended with {}: {said}", output.status);
    said
}

/// Waits for a process, and kills it when it takes too long.
///
/// # Panics
/// When it cannot be waited for.
pub fn ended_within(bound: Duration, child: &mut Child) -> ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if since.elapsed() > bound {
            child.kill().unwrap();
            return child.wait().unwrap();
        }
        sleep(Duration::from_millis(1));
    }
}

/// Whether a process ended by SIGKILL.
#[must_use]
pub fn was_killed(status: ExitStatus) -> bool {
    status.code().is_none()
}

/// Makes a file readable by its owner alone.
#[cfg(unix)]
pub fn owner_only(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Makes a file readable by its owner alone: where there are no modes, it is.
#[cfg(not(unix))]
pub fn owner_only(_path: &Path) {}

/// Writes `count` requests into a folder of the line, each with a key and a DSN of its own:
/// `0000.csr` and so on, with the DSNs `PREFIX0000` and so on.
pub fn write_requests(line: &Line, folder: &str, prefix: &str, count: usize) {
    std::fs::create_dir_all(line.path(folder)).unwrap();
    for n in 0..count {
        let dsn = format!("{prefix}{n:04}");
        let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
        let forged = Forge::new("").subject(&[(oid::DSN, tag::UTF8, dsn.as_bytes()), kind]);
        let pem = encode(Kind::CertificateRequest, &forged.der());
        line.write(&format!("{folder}/{n:04}.csr"), pem);
    }
}

/// What stands in a ledger and in an output folder, checked as far as it must hold at any moment.
#[derive(Debug)]
pub struct Found {
    /// The certificates that live, by the SHA-256 of their DER.
    pub certificates: BTreeMap<[u8; 32], Certificate>,
    /// Every serial number that was ever promised.
    pub serials: usize,
    /// Intents that nobody closed.
    pub open: u64,
    /// The outputs, without the hidden ones.
    pub files: BTreeSet<String>,
    /// The hidden ones.
    pub hidden: BTreeSet<String>,
}

/// Looks at a line: the ledger holds, no serial number and no device id is there twice, and every
/// output file is whole and says what the ledger says.
///
/// # Panics
/// When anything of that is not so.
#[must_use]
pub fn inspect(line: &Line, out: &str) -> Found {
    let location = format!("sqlite:{}", line.path("touchmark.db").display()).parse().unwrap();
    let ledger = Ledger::open_read_only(&location).unwrap();
    let report = ledger.verify().unwrap();
    assert!(report.is_sound(), "{report:?}");
    let mut serials = BTreeSet::new();
    for entry in crate::line::entries(&ledger) {
        if let ledger::Event::Intent(opened) = entry.event {
            assert!(serials.insert(opened.intent.serial.clone()), "{} twice", opened.intent.serial);
        }
    }
    let live = CertificateFilter { life: Life::Live, ..CertificateFilter::default() };
    let mut devices = BTreeSet::new();
    let mut certificates = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for one in ledger.certificates(live) {
        let one = one.unwrap();
        if let Some(id) = one.device_id.clone() {
            assert!(devices.insert(id), "device id {:?} twice", one.device_id);
        }
        let parsed = ParsedCertificate::from_der(&one.der).unwrap();
        keys.insert(public_key_text(parsed.spki(), PublicKeyForm::Uncompressed).unwrap());
        certificates.insert(parsed.sha256(), one);
    }
    let (files, hidden) = files(&line.path(out));
    let above = line.read("dak.pem");
    for name in &files {
        let text = std::fs::read_to_string(line.path(out).join(name)).unwrap();
        match name.ends_with(".pub.txt") {
            true => assert!(keys.contains(&text), "{name} is no key of the ledger: {text:?}"),
            false => check_certificate(name, &text, &above, &certificates),
        }
    }
    Found { certificates, serials: serials.len(), open: report.open, files, hidden }
}

impl Found {
    /// Demands that all is done: this many devices, with all their files and nothing else.
    ///
    /// # Panics
    /// When it is not.
    pub fn is_finished(&self, line: &Line, out: &str, devices: usize) {
        assert_eq!(
            (self.certificates.len(), self.open),
            (devices, 0),
            "certificates, open intents"
        );
        assert!(self.hidden.is_empty(), "left over: {:?}", self.hidden);
        assert_eq!(self.files.len(), 3 * devices, "files of {devices} devices");
        for name in self.files.iter().filter(|name| name.ends_with(".chain.pem")) {
            let [own, _, key] = DeviceFiles::names(name.trim_end_matches(".chain.pem"));
            let read = |name: &str| std::fs::read_to_string(line.path(out).join(name)).unwrap();
            assert!(read(name).starts_with(&read(&own)), "{name} is of another device than {own}");
            let own = read_all(read(&own).as_bytes(), Kind::Certificate, 1 << 20).unwrap();
            let own = ParsedCertificate::from_der(&own.first().unwrap().der).unwrap();
            let text = public_key_text(own.spki(), PublicKeyForm::Uncompressed).unwrap();
            assert_eq!(read(&key), text, "{key}");
        }
    }
}

fn files(folder: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let Ok(listing) = std::fs::read_dir(folder) else { return Default::default() };
    let names = listing.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.partition(|name| !name.starts_with('.'))
}

/// A certificate or a chain is whole and in the ledger.
fn check_certificate(
    name: &str,
    text: &str,
    above: &str,
    certificates: &BTreeMap<[u8; 32], Certificate>,
) {
    let blocks = read_all(text.as_bytes(), Kind::Certificate, 1 << 21);
    let blocks = blocks.unwrap_or_else(|error| panic!("{name} is not whole: {error}"));
    let own = blocks.into_iter().next().unwrap().der;
    let digest = Sha256::digest(&own).into();
    assert!(certificates.contains_key::<[u8; 32]>(&digest), "{name} is not in the ledger");
    let pem = encode(Kind::Certificate, &own);
    let whole = if name.ends_with(".chain.pem") { pem + above } else { pem };
    assert_eq!(text, whole, "{name} is not whole");
}
