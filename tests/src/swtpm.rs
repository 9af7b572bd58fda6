//! A TPM in software, for tpm2-pkcs11 to keep its tokens in.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// `swtpm` with its state in a folder, until this is dropped. No service of the machine takes part.
#[derive(Debug)]
pub struct Swtpm(Child);

impl Swtpm {
    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it is missing or does not come up.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        fs::create_dir(folder.join("tpm-state")).unwrap();
        let (socket, state) = (socket(folder), folder.join("tpm-state"));
        let place = socket.display();
        let child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg(format!("--tpmstate=dir={}", state.display()))
            .arg(format!("--server=type=unixio,path={place}"))
            .arg(format!("--ctrl=type=unixio,path={place}.ctrl"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut tpm = Self(child.unwrap_or_else(|error| panic!("swtpm: {error}: scripts/setup")));
        let started = Instant::now();
        while !socket.exists() {
            let ended = tpm.0.try_wait().unwrap();
            assert!(ended.is_none(), "swtpm ended: {ended:?}");
            assert!(started.elapsed() < PATIENCE, "swtpm does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        tpm
    }

    /// Lets a command find the TPM of a folder, and tpm2-pkcs11 keep there what it keeps beside it.
    pub(crate) fn show(folder: &Path, command: &mut Command) {
        command
            .env("TPM2_PKCS11_TCTI", format!("swtpm:path={}", socket(folder).display()))
            .env("TPM2_PKCS11_STORE", folder.join("tokens"))
            // It warns about attributes that it does not know.
            .env("TPM2_PKCS11_LOG_LEVEL", "0");
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("tpm.sock")
}
