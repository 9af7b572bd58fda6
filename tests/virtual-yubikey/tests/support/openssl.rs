//! The `openssl` program, as a judge.

use std::{fs, process::Command};

use tempfile::TempDir;

/// A folder of its own, in which `openssl` runs.
pub(crate) struct Openssl(TempDir);

impl Openssl {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Runs it with arguments split at blanks; gives what it printed, and panics when it fails.
    pub(crate) fn run(&self, arguments: &str) -> Vec<u8> {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .expect("openssl is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {said}");
        output.stdout
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.0.path().join(name), content).unwrap();
    }
}
