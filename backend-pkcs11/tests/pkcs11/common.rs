//! A token folder of its own for each test, and a process of its own: a module reads where its tokens
//! are from the environment, once.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use backend_pkcs11::Pkcs11Backend;
use signer_core::{
    Backend, KeyPolicy, KeyRef, KeySpec, Locator, NewToken, OpenContext, PinGuard, Secret,
    SecretKind, SecretSpec, Secrets, Token,
};

pub(crate) const PIN: &str = "24681357";
pub(crate) const SO_PIN: &str = "87654321";

/// Where a test's own process finds its folder.
const FOLDER: &str = "TOUCHMARK_TEST_TOKENS";
/// A test that takes longer hangs.
const BOUND: Duration = Duration::from_secs(180);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Never locks a PIN.
    SoftHsm,
    /// Locks after ten wrong ones.
    Kryoptic,
    /// SoftHSM2 behind a module that fails as it is told.
    Shim,
}

/// What a test has to itself.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
    module: PathBuf,
}

/// Runs a test in a process of its own, with an empty set of tokens. `name` is the test's own name.
pub(crate) fn isolated(name: &str, kind: Kind, body: impl FnOnce(&Home)) {
    isolated_with(name, kind, &[], body);
}

/// As [`isolated`], with further variables; `{folder}` in them is the test's folder.
pub(crate) fn isolated_with(
    name: &str,
    kind: Kind,
    variables: &[(&str, &str)],
    body: impl FnOnce(&Home),
) {
    if let Some(folder) = env::var_os(FOLDER) {
        return body(&Home { folder: folder.into(), module: module(kind) });
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("tokens")).unwrap();
    let soft = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        path("tokens").display()
    );
    fs::write(path("softhsm2.conf"), soft).unwrap();
    let slots: String = (0..3)
        .map(|slot| {
            let file = path(&format!("tokens/{slot}.sql"));
            format!(
                "[[slots]]\nslot = {slot}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
                file.display()
            )
        })
        .collect();
    fs::write(path("kryoptic.conf"), slots).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .env("SOFTHSM2_CONF", path("softhsm2.conf"))
        .env("KRYOPTIC_CONF", path("kryoptic.conf"))
        .stdin(Stdio::null());
    if kind == Kind::Shim {
        command
            .env("PKCS11_SHIM_MODULE", module(Kind::SoftHsm))
            .env("PKCS11_SHIM_RULES", path("rules"))
            .env("PKCS11_SHIM_LOG", path("calls"));
    }
    for (variable, value) in variables {
        let value = value.replace("{folder}", &folder.path().display().to_string());
        command.env(variable, value);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > BOUND {
            child.kill().unwrap();
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    assert!(out.contains("1 passed"), "no such test as {name}?\n{out}");
}

impl Home {
    pub(crate) fn module(&self) -> &Path {
        &self.module
    }

    /// A locator with this module; `path` is what stands before the query.
    pub(crate) fn locator(&self, path: &str) -> Locator {
        format!("pkcs11:{path}?module-path={}", self.module.display()).parse().unwrap()
    }

    /// The path of one of the test's own files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A source that gives this secret.
    pub(crate) fn source(&self, name: &str, secret: &str) -> SecretSpec {
        let path = self.file(name);
        fs::write(&path, secret).unwrap();
        SecretSpec::File(path.display().to_string())
    }

    /// A context in which the PIN is this one.
    pub(crate) fn context(&self, pin: &str) -> OpenContext {
        let source = self.source("pin.txt", pin);
        let secrets = Secrets::new().with(SecretKind::Pin, source);
        OpenContext { secrets, guard: guard(), ..OpenContext::default() }
    }

    /// Makes a token with the usual PINs.
    pub(crate) fn token(&self, label: &str) {
        let backend = Pkcs11Backend::new();
        let at = self.locator("");
        let slot = backend.empty_slots(&at).unwrap()[0];
        let at = self.locator(&format!("slot-id={slot}"));
        let (so_pin, pin) = (secret(SO_PIN), secret(PIN));
        let new = NewToken { label, so_pin: &so_pin, pin: &pin };
        backend.initialize(&at, &new, &OpenContext::default()).unwrap();
    }

    /// Opens what `path` names, with the right PIN.
    pub(crate) fn open(&self, path: &str) -> Box<dyn Token> {
        Pkcs11Backend::new().open(&self.locator(path), &self.context(PIN)).unwrap()
    }

    /// A token `label` with one P-256 key `dak`.
    pub(crate) fn token_with_key(&self, label: &str) -> Box<dyn Token> {
        self.token(label);
        let mut token = self.open(&format!("token={label}"));
        generate(&mut *token, "dak", KeySpec::P256);
        token
    }

    /// What the shim does from now on; its counting starts anew.
    pub(crate) fn rules(&self, rules: &str) {
        // Another file in its place at once, so that no call sees half of it.
        fs::write(self.file("rules.new"), rules).unwrap();
        fs::rename(self.file("rules.new"), self.file("rules")).unwrap();
    }

    /// The calls that the shim has seen since this was last asked.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.file("calls")).unwrap_or_default();
        fs::write(self.file("calls"), "").unwrap();
        calls.lines().map(str::to_owned).collect()
    }

    /// Runs one of other people's programs on this module.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).current_dir(&self.folder).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{program} {arguments:?}\n{out}{err}");
        out
    }

    /// As [`Home::run`], for OpenSC's pkcs11-tool, logged in.
    pub(crate) fn pkcs11_tool(&self, label: &str, arguments: &[&str]) -> String {
        let module = self.module.display().to_string();
        let mut all = vec!["--module", &module, "--token-label", label, "--login", "--pin", PIN];
        all.extend(arguments);
        self.run("pkcs11-tool", &all)
    }
}

/// One for the whole process. Without files, in which one secret of 256 is taken for another.
pub(crate) fn guard() -> PinGuard {
    static GUARD: OnceLock<PinGuard> = OnceLock::new();
    GUARD.get_or_init(|| PinGuard::new().without_memory()).clone()
}

pub(crate) fn named(label: &str) -> KeyRef {
    KeyRef::Object { label: Some(label.into()), id: None }
}

pub(crate) fn with_id(id: &[u8]) -> KeyRef {
    KeyRef::Object { label: None, id: Some(id.to_vec()) }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

pub(crate) fn generate(token: &mut dyn Token, label: &str, spec: KeySpec) -> signer_core::KeyInfo {
    token.key_manager().unwrap().generate(&named(label), spec, KeyPolicy::default()).unwrap()
}

/// The error and its causes, in one line.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

fn module(kind: Kind) -> PathBuf {
    let path = match kind {
        Kind::SoftHsm => PathBuf::from("/usr/lib/softhsm/libsofthsm2.so"),
        Kind::Kryoptic => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../.tools/kryoptic-1.5.4/libkryoptic_pkcs11.so"),
        // Cargo puts it beside the tests, because they depend on it.
        Kind::Shim => env::current_exe().unwrap().with_file_name(pkcs11_shim::file_name()),
    };
    assert!(path.exists(), "{} is missing: run scripts/setup", path.display());
    path
}
