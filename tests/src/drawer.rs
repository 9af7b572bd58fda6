//! A drawer of virtual YubiKeys: a folder with a state file for each, so that programs that run one
//! after the other find the same keys in the same state, without any daemon.
//!
//! `SERIAL.json` is a key. `SERIAL.faults.toml`, where there is one, is what goes wrong with it for a
//! process that opens it; `SERIAL.log` gets every APDU as a line.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use backend_yubikey::transport::{Leave, Readers, Transport, TransportError};
use virtual_yubikey::{Card, Device, Durability, Fault, Log, Model, StateFile};

/// The variable that names the folder.
pub const FOLDER: &str = "TOUCHMARK_TEST_YUBIKEYS";
/// The variable that lets the program have the keys in this machine's readers, and says how many
/// milliseconds it waits for them.
pub const PATIENCE: &str = "TOUCHMARK_TEST_PATIENCE";

/// The keys of one folder.
#[derive(Debug)]
pub struct Drawer {
    folder: PathBuf,
    open: Mutex<BTreeMap<String, Arc<Mutex<Device>>>>,
}

impl Drawer {
    /// The keys of this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), open: Mutex::default() }
    }

    /// Puts a new key into a folder, as the factory made it.
    ///
    /// # Errors
    /// When its state file cannot be written.
    pub fn add(folder: &Path, model: Model, serial: u32) -> Result<(), TransportError> {
        state(folder, serial, Some(model)).map(drop)
    }

    fn device(&self, name: &str) -> Result<Arc<Mutex<Device>>, TransportError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = open.get(name) {
            return Ok(Arc::clone(device));
        }
        let serial: u32 = name.parse().map_err(|_| TransportError::NoCard)?;
        let card = state(&self.folder, serial, None)?;
        let log = self.folder.join(format!("{serial}.log"));
        let log = OpenOptions::new().create(true).append(true).open(log).map_err(other)?;
        let mut device = Device::new(card).with_log(Log::new().to(log));
        let faults = self.folder.join(format!("{serial}.faults.toml"));
        if faults.exists() {
            device.inject(Fault::read_file(&faults).map_err(other)?);
        }
        let device = Arc::new(Mutex::new(device));
        open.insert(name.to_owned(), Arc::clone(&device));
        Ok(device)
    }
}

impl Readers for Drawer {
    fn names(&self) -> Result<Vec<String>, TransportError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(other)? {
            let name = entry.map_err(other)?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(".json").map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    fn connect(&self, name: &str) -> Result<Box<dyn Transport>, TransportError> {
        Ok(link(self.device(name)?))
    }
}

/// A connection to a key.
pub(crate) fn link(device: Arc<Mutex<Device>>) -> Box<dyn Transport> {
    Box::new(Link { device, lost: false })
}

/// A connection to a key of the drawer.
#[derive(Debug)]
struct Link {
    device: Arc<Mutex<Device>>,
    lost: bool,
}

impl Transport for Link {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if self.lost {
            return Err(TransportError::Removed);
        }
        let answer = self.device.lock().unwrap_or_else(PoisonError::into_inner).transmit(command);
        self.lost = answer.is_none();
        answer.ok_or(TransportError::Removed)
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        match self.lost {
            true => Err(TransportError::Removed),
            false => Ok(()),
        }
    }

    fn end(&mut self, leave: Leave) -> Result<(), TransportError> {
        if leave == Leave::Reset {
            self.device.lock().unwrap_or_else(PoisonError::into_inner).power_cycle();
        }
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), TransportError> {
        self.lost = false;
        Ok(())
    }
}

fn state(folder: &Path, serial: u32, model: Option<Model>) -> Result<Card, TransportError> {
    let path = folder.join(format!("{serial}.json"));
    StateFile::card(&path, Durability::Process, model, Some(serial)).map_err(other)
}

fn other(error: impl std::error::Error) -> TransportError {
    TransportError::Other(error.to_string())
}
