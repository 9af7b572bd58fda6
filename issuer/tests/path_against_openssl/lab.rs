//! Chains made with the openssl program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One certificate to make, issued by the one before it in the case (the first by itself).
pub(crate) struct Made {
    pub(crate) subject: &'static str,
    /// Body of the extension section; empty for a version 1 certificate.
    pub(crate) extensions: String,
    pub(crate) days: u32,
    pub(crate) key: Key,
    pub(crate) digest: &'static str,
    pub(crate) serial: u32,
}

#[derive(Clone, Copy)]
pub(crate) enum Key {
    /// P-256, a different one for each place in the chain.
    Own,
    Rsa1024,
    P224,
}

/// A folder with keys and certificates made by the openssl program.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Root first, as the table has it.
    pub(crate) fn make(&self, chain: &[Made]) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for (place, made) in chain.iter().enumerate() {
            let file = self.folder.path().join(format!("{place}.pem"));
            self.key(place, made.key);
            let issuer = files.last().map(|file| (file.as_path(), place - 1));
            self.issue(place, made, &file, issuer);
            files.push(file);
        }
        files
    }

    pub(crate) fn issue(
        &self,
        place: usize,
        made: &Made,
        out: &Path,
        issuer: Option<(&Path, usize)>,
    ) {
        let key = self.folder.path().join(format!("{place}.key"));
        let csr = self.folder.path().join("request.pem");
        run(Command::new("openssl")
            .args(["req", "-new", "-subj", made.subject, "-key"])
            .arg(&key)
            .args(["-config", "/dev/null", "-out"])
            .arg(&csr));
        let mut command = Command::new("openssl");
        command.args(["x509", "-req", made.digest, "-days", &made.days.to_string()]);
        command.args(["-set_serial", &made.serial.to_string(), "-in"]).arg(&csr);
        command.arg("-out").arg(out);
        if !made.extensions.is_empty() {
            let extensions = self.folder.path().join("extensions.conf");
            std::fs::write(&extensions, &made.extensions).unwrap();
            command.arg("-extfile").arg(extensions);
        }
        match issuer {
            Some((certificate, place)) => {
                let key = self.folder.path().join(format!("{place}.key"));
                command.arg("-CA").arg(certificate).arg("-CAkey").arg(key);
            }
            None => {
                command.arg("-signkey").arg(&key);
            }
        }
        run(&mut command);
    }

    fn key(&self, place: usize, key: Key) {
        let arguments: &[&str] = match key {
            Key::Own => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Key::P224 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"],
            Key::Rsa1024 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
        };
        let file = self.folder.path().join(format!("{place}.key"));
        run(Command::new("openssl").arg("genpkey").args(arguments).arg("-out").arg(file));
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("the openssl program is needed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
