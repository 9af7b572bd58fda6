//! A desk with one virtual key on it, at which Touchmark and other clients take turns.

use std::{
    cell::RefCell,
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::MutexGuard,
};

use pcscd_lab::{Lab, Ykman};
use tempfile::TempDir;
use virtual_yubikey::{Card, Device, Facts, Model};

pub(crate) const SERIAL: u32 = 16_021_234;

/// As they leave the factory.
pub(crate) const PIN: &str = "123456";
pub(crate) const PUK: &str = "12345678";
pub(crate) const KEY: &str = "010203040506070801020304050607080102030405060708";

/// What is signed.
pub(crate) const MESSAGE: &[u8] = b"what is signed";

/// Signers named by their slots. Secrets are in the files `pin`, `puk` and `key`.
const SETTINGS: &str = r#"
[issue]
ledger = "sqlite:touchmark.db"

[escrow]
folder = "escrow"
"#;

/// One virtual key, and a folder that all its clients work in.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) facts: &'static Facts,
    ykman: RefCell<Option<Ykman>>,
    lab: Lab,
    folder: TempDir,
}

/// What a program that was run said.
#[derive(Debug)]
pub(crate) struct Said {
    command: String,
    code: Option<i32>,
    pub(crate) said: String,
    /// Standard output alone, where that was told apart.
    data: String,
}

impl Desk {
    /// A new key of a model.
    pub(crate) fn new(model: &str) -> Self {
        let model: Model = model.parse().unwrap();
        let lab = Lab::start([Device::new(Card::with_serial(model, SERIAL))]).unwrap();
        let desk = Self {
            facts: model.facts(),
            ykman: RefCell::new(None),
            lab,
            folder: tempfile::tempdir().unwrap(),
        };
        let mut settings = SETTINGS.to_owned();
        for slot in ["9a", "9c", "9d", "9e", "82", "83"] {
            settings += &format!(
                "[signer.slot-{slot}]\nlocator = \"yubikey:serial={SERIAL};slot={slot}\"\n\
                 pin = \"file:pin\"\npuk = \"file:puk\"\nmanagement-key = \"file:key\"\n"
            );
        }
        // Keys that the card keeps behind the PIN: nobody has the management key.
        settings += &format!(
            "[signer.kept-9a]\nlocator = \"yubikey:serial={SERIAL};slot=9a\"\npin = \"file:pin\"\n"
        );
        for (name, content) in
            [("touchmark.toml", settings.as_str()), ("pin", PIN), ("puk", PUK), ("key", KEY)]
        {
            desk.keep(name, content);
        }
        desk.write("message", MESSAGE);
        desk
    }

    /// The key itself.
    pub(crate) fn device(&self) -> MutexGuard<'_, Device> {
        self.lab.keys()[0].device()
    }

    /// The folder that all clients work in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Firmware at least this new.
    pub(crate) fn since(&self, major: u8, minor: u8, patch: u8) -> bool {
        self.facts.firmware >= [major, minor, patch]
    }

    /// Runs `touchmark` with the signer of a slot.
    pub(crate) fn touchmark(&self, slot: &str, words: &str) -> Said {
        self.touchmark_as(&format!("slot-{slot}"), words)
    }

    /// Runs `touchmark` with a signer of the settings.
    pub(crate) fn touchmark_as(&self, signer: &str, words: &str) -> Said {
        let program = env!("CARGO_BIN_EXE_touchmark-at-readers");
        self.run(program, &format!("--signer {signer} --no-input {words}"))
    }

    /// Runs `ykman piv …`.
    pub(crate) fn ykman(&self, words: &str) -> Said {
        let words = format!("--device {SERIAL} piv {words}");
        let start = || {
            Ykman::start(self.command(tool("ykman/bin/python")), self.file("ykman-said")).unwrap()
        };
        let run = self.ykman.borrow_mut().get_or_insert_with(start).run(&words).unwrap();
        let command = format!("ykman {words}");
        Said { command, code: run.code, said: run.said, data: String::new() }
    }

    pub(crate) fn piv_tool(&self, words: &str) -> Said {
        self.run("yubico-piv-tool", words)
    }

    /// Runs `pkcs11-tool` with OpenSC's own module.
    pub(crate) fn opensc(&self, words: &str) -> Said {
        self.pkcs11("opensc-pkcs11.so", words)
    }

    /// Runs `pkcs11-tool` with Yubico's module.
    pub(crate) fn ykcs11(&self, words: &str) -> Said {
        self.pkcs11("libykcs11.so.2", words)
    }

    fn pkcs11(&self, module: &str, words: &str) -> Said {
        // In whichever folder this architecture has it.
        let folders = fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
        let found = folders.map(|folder| folder.join(module)).find(|path| path.exists());
        let found =
            found.unwrap_or_else(|| panic!("{module} is missing; scripts/setup installs it"));
        self.run("pkcs11-tool", &format!("--module {} {words}", found.display()))
    }

    /// Runs `openssl`; it has to agree. Answers what it printed.
    pub(crate) fn openssl(&self, words: &str) -> String {
        self.run("openssl", words).done()
    }

    /// The signature over the message is that of the key in `public_key`.
    pub(crate) fn judge_signature(&self, public_key: &str, signature: &str, digest: &str) {
        self.openssl(&format!(
            "dgst -{digest} -verify {public_key} -signature {signature} message"
        ));
    }

    /// Runs a program in the desk's folder with these words as its arguments.
    pub(crate) fn run(&self, program: impl AsRef<OsStr>, words: &str) -> Said {
        let mut command = self.command(program);
        let output = command.args(words.split_whitespace()).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        Said {
            command: format!("{} {words}", command.get_program().display()),
            code: output.status.code(),
            said: String::from_utf8_lossy(&said).into_owned(),
            data: String::from_utf8_lossy(&output.stdout).into_owned(),
        }
    }

    /// A program that finds this key and no other, in the desk's folder.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.lab.command(program);
        command.current_dir(self.folder.path()).env("HOME", self.folder.path()).env("LC_ALL", "C");
        for name in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "OPENSC_CONF"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.file(name), content).unwrap();
    }

    /// Writes a file that its owner alone reads.
    pub(crate) fn keep(&self, name: &str, secret: &str) {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(self.file(name)).unwrap().write_all(secret.as_bytes()).unwrap();
    }

    /// The one file in the folder `escrow`, which is taken out.
    pub(crate) fn take_escrowed(&self) -> String {
        let mut found = fs::read_dir(self.file("escrow")).unwrap().map(|file| file.unwrap().path());
        let file = found.next().unwrap();
        assert!(found.next().is_none(), "more than one file is in escrow");
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(file).unwrap();
        text
    }

    /// A certificate authority of OpenSSL's, in `ca.key` and `ca.crt`.
    pub(crate) fn found_authority(&self) {
        self.openssl("ecparam -name prime256v1 -genkey -noout -out ca.key");
        self.openssl("req -x509 -key ca.key -subj /CN=ca -out ca.crt");
        self.write("dak.conf", "[req]\nprompt = no\ndistinguished_name = dn\n[dn]\nCN = dak\n");
    }

    /// Has Touchmark write the public key of a slot to a file.
    pub(crate) fn public_key(&self, slot: &str, file: &str) {
        let said = self.touchmark(slot, "key public");
        self.write(file, &said.data);
        said.done();
    }

    /// The SHA-256 of a slot's key, as `touchmark key list` has it.
    pub(crate) fn fingerprint(&self, slot: &str) -> String {
        let list = self.touchmark(slot, "key list").done();
        let line = list.lines().find(|line| line.starts_with(&format!("slot {slot} ")));
        let line = line.unwrap_or_else(|| panic!("no {slot}: {list}"));
        line.split_whitespace().last().unwrap().to_owned()
    }

    /// Has that authority certify the key of a slot, by a request of Touchmark's. `options` are for
    /// `openssl x509`.
    pub(crate) fn certify(&self, slot: &str, certificate: &str, options: &str) {
        self.touchmark(slot, &format!("csr --config dak.conf --out {slot}.csr")).done();
        self.openssl(&format!("req -in {slot}.csr -verify -noout"));
        self.openssl(&format!(
            "x509 -req -in {slot}.csr -CA ca.crt -CAkey ca.key -out {certificate} {options}"
        ));
    }

    /// The PEM of the first certificate in a file, as OpenSSL writes it.
    pub(crate) fn pem(&self, file: &str) -> String {
        self.openssl(&format!("x509 -in {file}"))
    }
}

impl Said {
    /// It ended well. Answers all it said.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{} failed: {}", self.command, self.said);
        self.said
    }

    /// It ended well and said each of these.
    pub(crate) fn done_saying(self, texts: &[&str]) -> String {
        for text in texts {
            let Self { command, said, .. } = &self;
            assert!(said.contains(text), "{command} did not say `{text}`: {said}");
        }
        self.done()
    }

    /// It failed, and said this.
    pub(crate) fn refused(self, text: &str) -> String {
        let Self { command, code, said, .. } = self;
        assert_ne!(code, Some(0), "{command} ended well: {said}");
        assert!(said.contains(text), "{command} did not say `{text}`: {said}");
        said
    }

    /// It failed with this exit code, and said this.
    pub(crate) fn refused_with(self, expected: i32, text: &str) -> String {
        assert_eq!(self.code, Some(expected), "{}: {}", self.command, self.said);
        self.refused(text)
    }
}

/// A program that `scripts/setup` put into the project's folder.
pub(crate) fn tool(path: &str) -> PathBuf {
    pcscd_lab::tool(path).unwrap()
}
