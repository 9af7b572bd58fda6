//! The reader drivers that a lab can use, and where a card has to go to be in such a reader.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use crate::Error;

/// Which reader driver pcscd loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// This project's own: unix sockets, one slot a reader.
    #[default]
    Own,
    /// Debian's vpcd: TCP ports open to everyone, and a second slot that is always empty.
    Vpcd,
}

/// Where a reader and its card meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// The card listens at this unix socket.
    CardListens(PathBuf),
    /// The reader listens at this TCP port of the local machine.
    ReaderListens(u16),
}

/// What ykman wants to see in the name of a reader.
pub const READER_NAME: &str = "Yubico YubiKey OTP+FIDO+CCID";

const VPCD: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

impl Driver {
    /// Sets up one reader: its entry for `reader.conf`, and the place to meet.
    pub(crate) fn reader(self, folder: &Path, index: usize) -> Result<(String, Meeting), Error> {
        let (device, library, meeting) = match self {
            Self::Own => {
                let socket = folder.join(format!("card-{index}.sock"));
                (socket.display().to_string(), own_library()?, Meeting::CardListens(socket))
            }
            Self::Vpcd => {
                let port = free_ports()?;
                // It keeps its slots in a table without regard to the reader: a library for each.
                let library = folder.join(format!("libifdvpcd-{index}.so"));
                fs::copy(VPCD, &library).map_err(|_| Error::Missing { what: VPCD.into() })?;
                (format!("{port:#X}"), library, Meeting::ReaderListens(port))
            }
        };
        let entry = format!(
            "FRIENDLYNAME \"{READER_NAME}\"\nDEVICENAME /dev/null:{device}\nLIBPATH {}\n\
             CHANNELID {index}\n\n",
            library.display()
        );
        Ok((entry, meeting))
    }
}

/// Where cargo put the library of `ifd-handler`: with the libraries of this build, next to a test
/// or one below a program.
fn own_library() -> Result<PathBuf, Error> {
    let missing = || Error::Missing { what: ifd_handler::LIBRARY.into() };
    let program = env::current_exe().map_err(|_| missing())?;
    let folders = program.ancestors().skip(1).take(2);
    folders
        .flat_map(|folder| [folder.join("deps"), folder.to_owned()])
        .map(|folder| folder.join(ifd_handler::LIBRARY))
        .find(|library| library.exists())
        .ok_or_else(missing)
}

/// A TCP port that is free, and so is the next: vpcd takes one for each of its two slots.
fn free_ports() -> Result<u16, Error> {
    let any = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
    let find = || {
        for _ in 0..100 {
            let first = any(0)?;
            let port = first.local_addr()?.port();
            if port < u16::MAX && any(port + 1).is_ok() {
                return Ok(port);
            }
        }
        Err(std::io::ErrorKind::AddrInUse.into())
    };
    find().map_err(Error::io("looking for two free ports"))
}
