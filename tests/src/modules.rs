//! PKCS#11 modules with tokens in a folder of their own, behind the shim that counts calls and fails
//! as it is told.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::swtpm::Swtpm;

/// The variable that says how many milliseconds the program under test waits for a module.
pub const PATIENCE: &str = "TOUCHMARK_TEST_MODULE_PATIENCE";

/// Whose module it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// SoftHSM2, which never locks a PIN.
    SoftHsm,
    /// Kryoptic, which locks it after ten wrong ones.
    Kryoptic,
    /// tpm2-pkcs11, on a TPM in software that the test has started.
    Tpm,
    /// Yubico's ykcs11, on the keys in the readers.
    Ykcs11,
    /// OpenSC's, on the keys in the readers.
    OpenSc,
}

impl Maker {
    /// The module's file.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn module(self) -> PathBuf {
        let module = match self {
            Self::SoftHsm => PathBuf::from("/usr/lib/softhsm/libsofthsm2.so"),
            Self::Kryoptic => Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../.tools/kryoptic-1.5.4/libkryoptic_pkcs11.so"),
            Self::Tpm => of_this_machine("libtpm2_pkcs11.so.1"),
            Self::Ykcs11 => of_this_machine("libykcs11.so.2"),
            Self::OpenSc => of_this_machine("opensc-pkcs11.so"),
        };
        assert!(module.exists(), "{} is missing: run scripts/setup", module.display());
        module
    }
}

/// A library in whichever folder this architecture has it.
fn of_this_machine(name: &str) -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
    let found = folders.map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(name))
}

/// Where a test that runs in a process of its own finds its tokens.
const FOLDER: &str = "TOUCHMARK_TEST_TOKENS";

/// A module's tokens: `tokens` in a folder.
#[derive(Clone, Debug)]
pub struct Tokens {
    folder: PathBuf,
    maker: Maker,
}

impl Tokens {
    /// No tokens yet, but for an empty one.
    ///
    /// # Panics
    /// When a file cannot be written or the module is missing, as everything here.
    #[must_use]
    pub fn new(folder: &Path, maker: Maker) -> Self {
        Self::with_slots(folder, maker, 1)
    }

    /// The same with room for so many tokens, where the module has to be told.
    ///
    /// # Panics
    /// As [`Tokens::new`].
    #[must_use]
    pub fn with_slots(folder: &Path, maker: Maker, slots: usize) -> Self {
        let tokens = Self { folder: folder.join(format!("{maker:?}")), maker };
        fs::create_dir(&tokens.folder).unwrap();
        fs::create_dir(tokens.file("tokens")).unwrap();
        let place = tokens.file("tokens").display().to_string();
        let soft = format!("directories.tokendir = {place}\nobjectstore.backend = file\n");
        fs::write(tokens.file("softhsm2.conf"), soft).unwrap();
        let slots = (1..=slots).fold(String::new(), |mut text, slot| {
            writeln!(text, "[[slots]]\nslot = {slot}\ndbtype = \"sqlite\"").unwrap();
            writeln!(text, "dbargs = \"{place}/kryoptic-{slot}.sql\"").unwrap();
            text
        });
        fs::write(tokens.file("kryoptic.conf"), slots).unwrap();
        let _ = tokens.module();
        tokens
    }

    /// A copy of these in another folder, with no calls and no rules.
    ///
    /// # Panics
    /// As [`Tokens::new`].
    #[must_use]
    pub fn copied_to(&self, folder: &Path) -> Self {
        let copy = Self::new(folder, self.maker);
        copy_all(&self.file("tokens"), &copy.file("tokens"));
        copy
    }

    /// Whose they are.
    #[must_use]
    pub fn maker(&self) -> Maker {
        self.maker
    }

    /// The module itself, without the shim.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn module(&self) -> PathBuf {
        self.maker.module()
    }

    /// A locator with the shim as its module; `path` is what stands before the query.
    #[must_use]
    pub fn locator(&self, path: &str) -> String {
        format!("pkcs11:{path}?module-path={}", self.shim().display())
    }

    /// The shim before the module.
    #[must_use]
    pub fn shim(&self) -> PathBuf {
        // Cargo puts it beside the tests, because they depend on it.
        env::current_exe().unwrap().with_file_name(pkcs11_shim::file_name())
    }

    /// Lets a command find these tokens.
    pub fn show(&self, command: &mut Command) {
        Swtpm::show(&self.folder, command);
        command
            .env("SOFTHSM2_CONF", self.file("softhsm2.conf"))
            .env("KRYOPTIC_CONF", self.file("kryoptic.conf"))
            .env("PKCS11_SHIM_MODULE", self.module())
            .env("PKCS11_SHIM_RULES", self.file("rules"))
            .env("PKCS11_SHIM_LOG", self.file("calls"));
    }

    /// What the shim does from now on; its counting starts anew.
    pub fn rules(&self, rules: &str) {
        fs::write(self.file("rules.new"), rules).unwrap();
        fs::rename(self.file("rules.new"), self.file("rules")).unwrap();
    }

    /// How often a function was called since [`Tokens::forget_calls`].
    #[must_use]
    pub fn calls(&self, function: &str) -> usize {
        self.log().lines().filter(|line| line.split(' ').next() == Some(function)).count()
    }

    /// The calls since [`Tokens::forget_calls`], a line each.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.file("calls")).unwrap_or_default()
    }

    /// The function that was called last.
    #[must_use]
    pub fn last_call(&self) -> Option<String> {
        Some(self.log().lines().last()?.split(' ').next()?.to_owned())
    }

    /// Starts the counting anew.
    pub fn forget_calls(&self) {
        fs::write(self.file("calls"), "").unwrap();
    }

    /// Presents wrong PINs, as somebody else would: by OpenSC's `pkcs11-tool`, a process each.
    pub fn spend_tries(&self, label: &str, times: usize) {
        for number in 0..times {
            let mut tool = self.pkcs11_tool(label);
            tool.args(["--login", "-O", "--pin"]);
            let output = tool.arg(format!("wrong-{number:03}")).output().unwrap();
            assert!(!output.status.success(), "that PIN is right");
        }
    }

    /// OpenSC's `pkcs11-tool` on one of these tokens.
    #[must_use]
    pub fn pkcs11_tool(&self, label: &str) -> Command {
        let mut tool = Command::new("pkcs11-tool");
        self.show(&mut tool);
        tool.arg("--module").arg(self.module()).args(["--token-label", label]);
        tool
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&place).unwrap();
            copy_all(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Runs a test in a process of its own, with room for so many tokens of a module: where its tokens are
/// a module reads from the environment, once. `name` is the test's own name, and `command` is given
/// this test's program and makes a command of it that finds whatever else the module wants.
///
/// # Panics
/// When the test fails there.
pub fn in_a_process_with_tokens(
    name: &str,
    maker: Maker,
    slots: usize,
    command: impl FnOnce(PathBuf) -> Command,
    test: impl FnOnce(&Tokens),
) {
    if let Some(folder) = env::var_os(FOLDER) {
        return test(&Tokens { folder: folder.into(), maker });
    }
    let folder = TempDir::new().unwrap();
    let tokens = Tokens::with_slots(folder.path(), maker, slots);
    let _tpm = (maker == Maker::Tpm).then(|| Swtpm::start(&tokens.folder));
    let mut command = command(env::current_exe().unwrap());
    tokens.show(&mut command);
    command.env(FOLDER, &tokens.folder);
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    assert!(out.contains("1 passed"), "no such test as {name}?\n{out}");
}
