//! `pkcs11-tool` with a module.

use std::{fs, path::PathBuf};

use crate::desk::{Desk, Said};

/// A PKCS#11 module.
#[derive(Debug)]
pub(crate) struct Module(PathBuf);

impl Module {
    /// The one with this file name, in whichever folder this architecture has it.
    pub(crate) fn find(name: &str) -> Self {
        let folders = fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
        let found = folders.map(|folder| folder.join(name)).find(|module| module.exists());
        Self(found.unwrap_or_else(|| panic!("{name} is missing; scripts/setup installs it")))
    }

    /// Runs `pkcs11-tool` with it.
    pub(crate) fn tool(&self, desk: &Desk, arguments: &str) -> Said {
        let module = self.0.to_str().unwrap();
        desk.run("pkcs11-tool", &format!("--module {module} {arguments}"))
    }
}
