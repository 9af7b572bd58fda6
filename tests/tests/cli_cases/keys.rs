//! The virtual YubiKeys of a case.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use touchmark_tests::drawer::Drawer;

/// A drawer with the keys of a case.
#[derive(Debug)]
pub(crate) struct Keys {
    folder: PathBuf,
    serials: Vec<String>,
}

impl Keys {
    /// Puts keys as the factory made them into a drawer below the folder of the case.
    pub(crate) fn put(case: &Path, models: &BTreeMap<String, String>) -> Self {
        let folder = case.join("drawer");
        fs::create_dir(&folder).expect("a folder can be made");
        for (serial, model) in models {
            let model = model.parse().expect("there is such a model");
            let serial = serial.parse().expect("a serial number is a number");
            Drawer::add(&folder, model, serial).expect("a key is put there");
        }
        remember_by_a_fixed_key(case);
        Self { folder, serials: models.keys().cloned().collect() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of all commands that came so far, in order where there is one key.
    pub(crate) fn said(&self) -> Vec<String> {
        let logs = self.serials.iter().map(|serial| self.folder.join(format!("{serial}.log")));
        // A key that was never opened has none.
        let lines = logs.map(|log| fs::read_to_string(log).unwrap_or_default());
        lines.flat_map(|text| text.lines().filter_map(name).collect::<Vec<_>>()).collect()
    }
}

/// Of a line of the log, `    2 VERIFY: 00200080 ...`, the command's name.
fn name(line: &str) -> Option<String> {
    let (number, rest) = line.trim_start().split_once(' ')?;
    number.parse::<u64>().ok()?;
    rest.split_once(':').map(|(name, _)| name.to_owned())
}

/// The guard takes one secret in 256 for another that failed, by a key of its own. With this one, the
/// same are taken for each other in every run.
fn remember_by_a_fixed_key(home: &Path) {
    let folder = home.join(".local/state/touchmark/pin-guard");
    fs::create_dir_all(&folder).expect("a folder can be made");
    for folder in folder.ancestors().take_while(|folder| *folder != home) {
        private(folder, 0o700);
    }
    fs::write(folder.join("key"), [7; 32]).expect("a file can be written");
    private(&folder.join("key"), 0o600);
}

#[cfg(unix)]
fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode can be set");
}

#[cfg(not(unix))]
fn private(_path: &Path, _mode: u32) {}
