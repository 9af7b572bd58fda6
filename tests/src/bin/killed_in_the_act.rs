//! Issues a batch on a line and kills itself at a chosen moment: `killed-in-the-act FOLDER MOMENT N`.
//!
//! The folder has `key.pem`, `dak.pem`, `device.conf` and `csrs`, as a `Line` makes them. Moments:
//! `before-signature` and `after-signature` number N, `committed` (N certificates, no file), `staged`
//! (their files have no names yet) and `renamed` (the files of every second have).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use issuer::batch::{DeviceIds, Inputs, issue_batch};
use issuer::conf::{Config, OpenSslCompat, Options};
use issuer::csr::Csr;
use issuer::extension_plan::ExtensionPlan;
use issuer::issue::{Request, Terms, issue};
use issuer::issuer::Issuer;
use issuer::output::DeviceFiles;
use issuer::pem::{Kind, encode};
use issuer::profile::Profile;
use issuer::public_key_text::PublicKeyForm;
use issuer::serial::RandomSerials;
use issuer::staging::Staging;
use ledger::{Ledger, OpenOptions};
use signer_core::{
    Result, Signature, SignatureAlgorithm, Signer, SubjectPublicKeyInfoOwned, SystemClock,
};
use touchmark_tests::line::soft_signer;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, moment, number] = arguments.as_slice() else { panic!("FOLDER MOMENT N") };
    let (folder, number) = (PathBuf::from(folder), number.parse().unwrap());
    let inner = soft_signer(&folder.join("key.pem"));
    let signer: Arc<dyn Signer> = match moment.as_str() {
        "before-signature" => {
            Arc::new(Deadly { inner, left: AtomicU64::new(number), after: false })
        }
        "after-signature" => Arc::new(Deadly { inner, left: AtomicU64::new(number), after: true }),
        _ => inner,
    };
    let issuer = Issuer::read(signer, &std::fs::read(folder.join("dak.pem")).unwrap()).unwrap();
    let config = Config::load(&folder.join("device.conf"), &Options::operator()).unwrap();
    let extensions = ExtensionPlan::new(config, "req_ext".into(), OpenSslCompat::V3);
    let profile = Profile::built_in("dha").unwrap();
    let terms = Terms {
        issuer: &issuer,
        profile: &profile,
        extensions: &extensions,
        days: 1825,
        reissue: None,
        outlive_issuer: None,
        accept_clock: None,
        serials: &RandomSerials,
        clock: &SystemClock,
        patience: Duration::from_secs(10),
    };
    let location = format!("sqlite:{}", folder.join("touchmark.db").display()).parse().unwrap();
    let mut ledger = Ledger::open(&location, OpenOptions::new("operator", "bench")).unwrap();
    let out = folder.join("out");
    std::fs::create_dir_all(&out).unwrap();
    if moment.ends_with("signature") {
        let inputs = Inputs::read(&folder.join("csrs"), DeviceIds::default()).unwrap();
        let files = DeviceFiles::new(&out, &issuer, PublicKeyForm::Uncompressed);
        issue_batch(&terms, &inputs, Some(&files), &mut ledger, &mut |_| {}).unwrap();
        panic!("fewer than {number} signatures were asked for");
    }
    let mut made = Vec::new();
    for n in 0..number {
        let path = folder.join(format!("csrs/{n:04}.csr"));
        let csr = Csr::read(&std::fs::read(&path).unwrap()).unwrap();
        let request = Request { origin: path.display().to_string(), csr, device_id: None };
        made.push((n, issue(&terms, request, &mut ledger).unwrap().certificate));
    }
    write(&out, &made, moment);
}

/// Writes the certificates' first files as far as the moment goes.
fn write(out: &Path, made: &[(u64, Vec<u8>)], moment: &str) -> ! {
    if moment != "committed" {
        let staging = Staging::open(out).unwrap();
        let stage = |(n, der): &(u64, Vec<u8>)| {
            let pem = encode(Kind::Certificate, der);
            staging.stage(&format!("{n:04}.pem"), pem.as_bytes()).unwrap()
        };
        let staged: Vec<_> = made.iter().map(stage).collect();
        if moment == "renamed" {
            let half = staged.into_iter().step_by(2).collect();
            staging.publish(half).unwrap();
        }
        // Half a file, as a write that was interrupted leaves it.
        staging.stage("half.pem", b"-----BEGIN CERTIFICATE-----\nMII").unwrap();
        die();
    }
    die()
}

/// A signer that kills its process at a signature.
#[derive(Debug)]
struct Deadly {
    inner: Arc<dyn Signer>,
    left: AtomicU64,
    after: bool,
}

impl Signer for Deadly {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.inner.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        let last = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && !self.after {
            die();
        }
        let signature = self.inner.sign(message);
        if last {
            die();
        }
        signature
    }
}

/// As SIGKILL from outside: nothing is unwound, nothing is closed.
#[cfg(unix)]
fn die() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    kill_process(getpid(), Signal::KILL).unwrap();
    // The signal may take a moment.
    loop {
        std::thread::park();
    }
}

#[cfg(not(unix))]
fn die() -> ! {
    std::process::abort()
}
