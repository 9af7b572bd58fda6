//! A production line in a folder: a DAK made by OpenSSL from the real `dak.conf`, the real
//! `device.conf`, and whatever is issued there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use backend_soft::SoftBackend;
use issuer::batch::{DeviceIds, Inputs, Outcome, Summary, issue_batch};
use issuer::conf::{Config, OpenSslCompat, Options};
use issuer::csr::Csr;
use issuer::extension_plan::ExtensionPlan;
use issuer::gate::Refusal;
use issuer::issue::{IssueError, Release, Request, Terms, issue};
use issuer::issuer::Issuer;
use issuer::output::DeviceFiles;
use issuer::profile::Profile;
use issuer::public_key_text::PublicKeyForm;
use issuer::serial::RandomSerials;
use ledger::{Entry, EntryFilter, Ledger, Location, OpenOptions};
use signer_core::{Backend, KeyRef, Locator, OpenContext, Permissions, Signer, SystemClock};
use tempfile::TempDir;

use crate::counting::CountingSigner;

/// The extensions that the vendor gives to every DAK.
pub const DAK_EXTENSIONS: &str = "basicConstraints=critical,CA:TRUE,pathlen:0\n\
    keyUsage=critical,digitalSignature,keyCertSign\nsubjectKeyIdentifier=hash\n";

/// The DeviceTypeId of the real `dak.conf` and `device.conf`.
pub const DEVICE_TYPE: &str = "A25PYKXH7D1LXS";

/// How the DAK of a [`Line`] is made, where it differs from the real one.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The lines of its extension section.
    pub extensions: String,
    /// How long it is valid.
    pub days: u32,
    /// Its subject in the form of `openssl req -subj`; `None` for that of `dak.conf`.
    pub subject: Option<&'static str>,
    /// Whether three more certificates stand above it.
    pub chain: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { extensions: DAK_EXTENSIONS.to_owned(), days: 7305, subject: None, chain: false }
    }
}

/// A folder with everything that issuing takes: `key.pem`, `dak.pem`, `device.conf`, `touchmark.db`.
#[derive(Debug)]
pub struct Line {
    folder: TempDir,
    /// Who signs.
    pub issuer: Issuer,
    /// Its key, which counts what it signs.
    pub signer: Arc<CountingSigner>,
    /// `req_ext` of `device.conf`.
    pub extensions: ExtensionPlan,
    /// `dha`.
    pub profile: Profile,
}

impl Line {
    /// A line with one self-signed DAK.
    ///
    /// # Panics
    /// When OpenSSL is missing or fails, as everything here.
    #[must_use]
    pub fn new() -> Self {
        Self::with(&Setup::default())
    }

    /// A line with another DAK.
    #[must_use]
    pub fn with(setup: &Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        for name in ["dak.conf", "device.conf"] {
            std::fs::copy(data.join(name), folder.path().join(name)).unwrap();
        }
        make_dak(folder.path(), setup);
        let issuer_file = std::fs::read(folder.path().join("dak.pem")).unwrap();
        let signer = Arc::new(CountingSigner::new(soft_signer(&folder.path().join("key.pem"))));
        let issuer = Issuer::read(Arc::clone(&signer) as Arc<dyn Signer>, &issuer_file).unwrap();
        let extensions = plan(&folder.path().join("device.conf"), "req_ext");
        Self { folder, issuer, signer, extensions, profile: Profile::built_in("dha").unwrap() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `openssl` in the folder with these arguments, which are separated by blanks.
    pub fn openssl(&self, line: &str) {
        openssl(self.folder.path(), line);
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    /// Reads a file of the folder as text.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The extensions that a section of a config text asks for.
    #[must_use]
    pub fn extensions_of(&self, text: &str) -> ExtensionPlan {
        self.write("other.conf", text);
        plan(&self.path("other.conf"), "ext")
    }

    /// Another issuer with the same key: the certificates of these PEM blocks, in order.
    #[must_use]
    pub fn issuer_of(&self, file: &str) -> Issuer {
        Issuer::read(Arc::clone(&self.signer) as Arc<dyn Signer>, file.as_bytes()).unwrap()
    }

    /// A request from `device.conf` for a new key, both made by OpenSSL: `NAME.key`, `NAME.csr`.
    #[must_use]
    pub fn csr(&self, name: &str) -> Csr {
        self.openssl(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
        self.openssl(&format!("req -new -config device.conf -key {name}.key -out {name}.csr"));
        Csr::read(&std::fs::read(self.path(&format!("{name}.csr"))).unwrap()).unwrap()
    }

    /// The ledger of the folder.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger_with(OpenOptions::new("operator", "bench"))
    }

    /// The ledger of the folder, whose clock stands still.
    #[must_use]
    pub fn ledger_at(&self, now: SystemTime) -> Ledger {
        let mut options = OpenOptions::new("operator", "bench");
        options.clock = Arc::new(move || now);
        self.ledger_with(options)
    }

    /// The ledger of the folder, opened in a particular way.
    #[must_use]
    pub fn ledger_with(&self, options: OpenOptions) -> Ledger {
        let location: Location =
            format!("sqlite:{}", self.path("touchmark.db").display()).parse().unwrap();
        Ledger::open(&location, options).unwrap()
    }

    /// The documented terms: profile `dha`, 1825 days.
    #[must_use]
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            issuer: &self.issuer,
            profile: &self.profile,
            extensions: &self.extensions,
            days: 1825,
            reissue: None,
            outlive_issuer: None,
            accept_clock: None,
            serials: &RandomSerials,
            clock: &SystemClock,
            patience: Duration::from_secs(10),
        }
    }

    /// Issues one certificate by the documented terms.
    #[must_use]
    pub fn issue(&self, csr: &Csr, ledger: &mut Ledger) -> Release {
        issue(&self.terms(), request(csr), ledger).unwrap()
    }

    /// Issues for everything in `csrs` into `out`, and says which inputs got a certificate.
    ///
    /// # Errors
    /// As [`issue_batch`].
    pub fn batch(
        &self,
        terms: &Terms<'_>,
        ledger: &mut Ledger,
        issued: &mut Vec<PathBuf>,
    ) -> Result<Summary, IssueError> {
        self.batch_with(terms, ledger, issued, &mut Vec::new())
    }

    /// The same, with the refusals.
    ///
    /// # Errors
    /// As [`issue_batch`].
    pub fn batch_with(
        &self,
        terms: &Terms<'_>,
        ledger: &mut Ledger,
        issued: &mut Vec<PathBuf>,
        refused: &mut Vec<Refusal>,
    ) -> Result<Summary, IssueError> {
        let inputs = Inputs::read(&self.path("csrs"), DeviceIds::default()).unwrap();
        let out = self.path("out");
        std::fs::create_dir_all(&out).unwrap();
        inputs.check_output(&out, &[]).unwrap();
        let files = DeviceFiles::new(&out, terms.issuer, PublicKeyForm::Compressed);
        issue_batch(terms, &inputs, Some(&files), ledger, &mut |item| match item.outcome {
            Outcome::Issued(_) => issued.push(item.input.to_owned()),
            Outcome::Refused(refusal) => refused.push(refusal.clone()),
            Outcome::NoRequest(_) | Outcome::Skipped => {}
        })
    }

    /// Writes a certificate as `NAME.pem` and lets `openssl verify -x509_strict` judge it under the
    /// issuer's file: its last certificate is trusted, the others are known.
    pub fn judge(&self, name: &str, certificate: &[u8]) {
        let pem = issuer::pem::encode(issuer::pem::Kind::Certificate, certificate);
        self.write(&format!("{name}.pem"), pem);
        self.openssl(&format!(
            "verify -x509_strict -partial_chain -trusted root.pem -untrusted dak.pem {name}.pem"
        ));
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

/// A request as it comes from a file, without a device id of the operator's.
#[must_use]
pub fn request(csr: &Csr) -> Request {
    Request { origin: "device.csr".into(), csr: csr.clone(), device_id: None }
}

/// All entries of a ledger.
#[must_use]
pub fn entries(ledger: &Ledger) -> Vec<Entry> {
    ledger.entries(EntryFilter::default()).collect::<Result<_, _>>().unwrap()
}

/// How many entries of a kind a ledger has.
#[must_use]
pub fn count(ledger: &Ledger, kind: &str) -> usize {
    entries(ledger).iter().filter(|entry| entry.kind == kind).count()
}

/// The key in a file, by the soft backend.
#[must_use]
pub fn soft_signer(path: &Path) -> Arc<dyn Signer> {
    let context = OpenContext { permissions: Permissions::Loose, ..OpenContext::default() };
    let mut token = SoftBackend.open(&Locator::of_file("soft", path), &context).unwrap();
    token.signer(&KeyRef::Sole, None).unwrap()
}

/// Runs `openssl` in a folder.
///
/// # Panics
/// When it is missing or fails.
pub fn openssl(folder: &Path, line: &str) {
    let output =
        Command::new("openssl").args(line.split_whitespace()).current_dir(folder).output().unwrap();
    if !output.status.success() {
        panic!("openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn plan(path: &Path, section: &str) -> ExtensionPlan {
    let config = Config::load(path, &Options::operator()).unwrap();
    ExtensionPlan::new(config, section.into(), OpenSslCompat::V3)
}

/// Makes `key.pem`, `dak.pem` (the DAK and all above it) and `root.pem` (what is trusted).
fn make_dak(folder: &Path, setup: &Setup) {
    let run = |line: &str| openssl(folder, line);
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("ca.conf", &format!("[ca]\n{}", setup.extensions));
    run("ecparam -name prime256v1 -genkey -out key.pem");
    match setup.subject {
        None => run("req -new -config dak.conf -key key.pem -out dak.csr"),
        // The subject has blanks in it, so it stands in a config of its own.
        Some(section) => {
            write(
                "dak-subject.conf",
                &format!("[req]\nprompt=no\ndistinguished_name=dn\n{section}"),
            );
            run("req -new -config dak-subject.conf -key key.pem -out dak.csr");
        }
    }
    let days = setup.days;
    if !setup.chain {
        run(&format!(
            "x509 -req -in dak.csr -signkey key.pem -days {days} -extfile ca.conf -extensions ca -out dak.pem"
        ));
        std::fs::copy(folder.join("dak.pem"), folder.join("root.pem")).unwrap();
        return;
    }
    write(
        "above.conf",
        "[req]\nprompt=no\ndistinguished_name=root\n\
         [root]\nO=Example Inc.\nCN=Example DHA Root Certificate\n\
         [ca]\nbasicConstraints=critical,CA:TRUE\n\
         keyUsage=critical,digitalSignature,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
         authorityKeyIdentifier=keyid:always,issuer:always\n",
    );
    run("ecparam -name prime256v1 -genkey -noout -out root.key");
    run("req -x509 -new -config above.conf -extensions ca -key root.key -days 36500 -out root.pem");
    let mut above = "root".to_owned();
    for name in ["manufacturer", "product"] {
        run(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
        run(&format!(
            "req -new -config above.conf -subj /O=Example/CN={name} -key {name}.key -out {name}.csr"
        ));
        run(&format!(
            "x509 -req -in {name}.csr -CA {above}.pem -CAkey {above}.key -CAcreateserial -days 9000 \
             -extfile above.conf -extensions ca -out {name}.pem"
        ));
        above = name.to_owned();
    }
    run(&format!(
        "x509 -req -in dak.csr -CA product.pem -CAkey product.key -CAcreateserial -days {days} \
         -extfile ca.conf -extensions ca -out own.pem"
    ));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let file = ["own.pem", "product.pem", "manufacturer.pem", "root.pem"].map(read).concat();
    write("dak.pem", &file);
}
