//! A folder with one factory-fresh key in it, and the program at work there.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use touchmark_tests::drawer::{Drawer, FOLDER};

const PROGRAM: &str = env!("CARGO_BIN_EXE_touchmark-under-test");
pub(crate) const SERIAL: u32 = 16_021_234;
const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";
const SLOT: &str = "yubikey:serial=16021234;slot=9c";

/// A folder with one factory-fresh key and the secrets that it came with.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
}

impl Desk {
    pub(crate) fn new(model: &str) -> Self {
        let folder = TempDir::new().unwrap();
        Drawer::add(folder.path(), model.parse().unwrap(), SERIAL).unwrap();
        let desk = Self { folder };
        desk.fix_guards_key();
        desk.write("pin", "123456");
        desk.write("puk", "12345678");
        desk.write("management-key", MANAGEMENT_KEY);
        desk.settings("");
        desk
    }

    /// One of 256 keys of the PIN guard's takes the right secret for one that was wrong before, as it is
    /// meant to. This one takes none of those here for another.
    fn fix_guards_key(&self) {
        let folder = self.path("state/touchmark/pin-guard");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
        fs::write(folder.join("key"), [7; 32]).unwrap();
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The settings, with more lines about the signer.
    pub(crate) fn settings(&self, more: &str) {
        self.write(
            "touchmark.toml",
            &format!(
                "default-signer = \"key\"\n[signer.key]\nlocator = \"{SLOT}\"\npin = \"file:pin\"\n\
                 puk = \"file:puk\"\nmanagement-key = \"file:management-key\"\n{more}\n"
            ),
        );
        let permissions = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.folder.path().join("touchmark.toml"), permissions).unwrap();
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        Command::new(PROGRAM)
            .current_dir(self.folder.path())
            .env(FOLDER, self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .args(["--no-input", "--settings", "touchmark.toml"])
            .args(arguments.split_whitespace())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What is said on standard error by a run that ends so.
    pub(crate) fn said(&self, arguments: &str, exit: i32) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments}: {said}");
        said
    }

    /// What was said to the card since the last look, a line each.
    pub(crate) fn log(&self) -> String {
        let path = self.folder.path().join(format!("{SERIAL}.log"));
        let log = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, "").unwrap();
        log
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs OpenSSL in the folder; it has to agree.
    pub(crate) fn openssl(&self, arguments: &str) {
        touchmark_tests::line::openssl(self.folder.path(), arguments);
    }
}
