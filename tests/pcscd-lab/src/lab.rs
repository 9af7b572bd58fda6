//! A private pcscd, and virtual keys in its readers that live in this process.

use std::{
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    sync::{Arc, Mutex},
};

use virtual_yubikey::{Device, Server};

use crate::{Driver, Error, Meeting, Pcscd};

/// Virtual keys in the readers of a private pcscd. All of it goes when this is dropped.
#[derive(Debug)]
pub struct Lab {
    pcscd: Pcscd,
    keys: Vec<Server>,
}

impl Lab {
    /// Puts each key into a reader of its own, 16 at most.
    ///
    /// # Errors
    /// When a program or library is missing, or pcscd does not start.
    pub fn start(keys: impl IntoIterator<Item = Device>) -> Result<Self, Error> {
        Self::start_with(Driver::Own, keys)
    }

    /// The same with this reader driver.
    ///
    /// # Errors
    /// When a program or library is missing, or pcscd does not start.
    pub fn start_with(
        driver: Driver,
        keys: impl IntoIterator<Item = Device>,
    ) -> Result<Self, Error> {
        let devices: Vec<Device> = keys.into_iter().collect();
        let pcscd = Pcscd::prepare(driver, devices.len())?;
        let keys = pcscd.meetings().iter().zip(devices).map(|(meeting, device)| {
            let device = Arc::new(Mutex::new(device));
            match meeting {
                Meeting::CardListens(socket) => Server::listen(device, socket),
                Meeting::ReaderListens(port) => {
                    Server::connect(device, SocketAddr::from((Ipv4Addr::LOCALHOST, *port)))
                }
            }
        });
        let keys = keys.collect::<Result<_, _>>().map_err(Error::io("putting in a key"))?;
        let mut lab = Self { pcscd, keys };
        lab.restart_pcscd()?;
        Ok(lab)
    }

    /// The keys, in the order of their readers: to look into, to pull and to put back.
    pub fn keys(&self) -> &[Server] {
        &self.keys
    }

    /// A command whose PC/SC clients, if it is one or starts one, find these keys and no others.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.pcscd.command(program)
    }

    /// Kills pcscd and starts another, with the same keys in it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart_pcscd(&mut self) -> Result<(), Error> {
        self.pcscd.start()?;
        self.pcscd.wait_for_cards(&vec![true; self.keys.len()])
    }

    /// Kills pcscd: clients find no service until it is restarted.
    pub fn kill_pcscd(&mut self) {
        self.pcscd.kill();
    }

    /// The pcscd, to ask for its readers or its log.
    pub fn pcscd(&mut self) -> &mut Pcscd {
        &mut self.pcscd
    }
}
