//! PKCS#11 modules with tokens in a folder of their own, behind the shim that counts calls and fails
//! as it is told.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that says how many milliseconds the program under test waits for a module.
pub const PATIENCE: &str = "TOUCHMARK_TEST_MODULE_PATIENCE";

/// Whose module it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// SoftHSM2, which never locks a PIN.
    SoftHsm,
    /// Kryoptic, which locks it after ten wrong ones.
    Kryoptic,
}

/// A module's tokens: `tokens` in a folder.
#[derive(Debug)]
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
        let tokens = Self { folder: folder.join(format!("{maker:?}")), maker };
        fs::create_dir(&tokens.folder).unwrap();
        fs::create_dir(tokens.file("tokens")).unwrap();
        let place = tokens.file("tokens").display().to_string();
        let soft = format!("directories.tokendir = {place}\nobjectstore.backend = file\n");
        fs::write(tokens.file("softhsm2.conf"), soft).unwrap();
        let slot = format!(
            "[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{place}/kryoptic.sql\"\n"
        );
        fs::write(tokens.file("kryoptic.conf"), slot).unwrap();
        let module = tokens.module();
        assert!(module.exists(), "{} is missing: run scripts/setup", module.display());
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

    /// The module itself, without the shim.
    #[must_use]
    pub fn module(&self) -> PathBuf {
        match self.maker {
            Maker::SoftHsm => PathBuf::from("/usr/lib/softhsm/libsofthsm2.so"),
            Maker::Kryoptic => Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../.tools/kryoptic-1.5.4/libkryoptic_pkcs11.so"),
        }
    }

    /// A locator with the shim as its module; `path` is what stands before the query.
    #[must_use]
    pub fn locator(&self, path: &str) -> String {
        // Cargo puts the shim beside the tests, because they depend on it.
        let shim = std::env::current_exe().unwrap().with_file_name(pkcs11_shim::file_name());
        format!("pkcs11:{path}?module-path={}", shim.display())
    }

    /// Lets a command find these tokens.
    pub fn show(&self, command: &mut Command) {
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
        self.all_calls().iter().filter(|line| line.split(' ').next() == Some(function)).count()
    }

    /// The functions that were called since [`Tokens::forget_calls`], with what is noted of each.
    #[must_use]
    pub fn all_calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.file("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// The function that was called last.
    #[must_use]
    pub fn last_call(&self) -> Option<String> {
        let last = self.all_calls().pop()?;
        last.split(' ').next().map(str::to_owned)
    }

    /// Starts the counting anew.
    pub fn forget_calls(&self) {
        fs::write(self.file("calls"), "").unwrap();
    }

    /// Presents wrong PINs, as somebody else would: by OpenSC's `pkcs11-tool`, a process each.
    pub fn spend_tries(&self, label: &str, times: usize) {
        for number in 0..times {
            let mut tool = Command::new("pkcs11-tool");
            self.show(&mut tool);
            tool.arg("--module").arg(self.module());
            tool.args(["--token-label", label, "--login", "-O", "--pin"]);
            let output = tool.arg(format!("wrong-{number:03}")).output().unwrap();
            assert!(!output.status.success(), "that PIN is right");
        }
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
