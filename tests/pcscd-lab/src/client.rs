//! Just enough of pcsc-lite's own protocol to ask which readers have cards.
//!
//! `libpcsclite` would do as well, but it reads the name of pcscd's socket from the environment of
//! its process, once, so no process could look after two labs. Messages as in pcsc-lite's
//! `winscard_msg.h`, protocol 4:4, which versions 1.9 and 2 both speak.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// What pcscd knows of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReaderState {
    /// Its name, as clients see it.
    pub name: String,
    /// The ATR of the card in it; empty without one, or before it was given power.
    pub atr: Vec<u8>,
}

const COMMAND_VERSION: u32 = 0x11;
const COMMAND_READERS_STATE: u32 = 0x12;
const PROTOCOL: (u32, u32) = (4, 4);
const READERS: usize = 16;
const NAME: usize = 128;
/// Name, three numbers, ATR and padding, two numbers.
const READER_STATE: usize = NAME + 3 * 4 + 36 + 2 * 4;
const CARD_PRESENT: u32 = 0x0004;

/// Asks the pcscd at `socket` for its readers.
pub(crate) fn readers(socket: &Path) -> io::Result<Vec<ReaderState>> {
    let mut pcscd = UnixStream::connect(socket)?;
    pcscd.set_read_timeout(Some(Duration::from_secs(10)))?;

    // Header: size of what follows, command. The answer has no header.
    pcscd.write_all(&numbers(&[12, COMMAND_VERSION, PROTOCOL.0, PROTOCOL.1, 0]))?;
    let mut version = [0; 12];
    pcscd.read_exact(&mut version)?;
    if version.get(8..) != Some(&[0; 4]) {
        return Err(io::Error::other("pcscd speaks another version of its protocol"));
    }

    pcscd.write_all(&numbers(&[0, COMMAND_READERS_STATE]))?;
    let mut states = vec![0; READERS * READER_STATE];
    pcscd.read_exact(&mut states)?;
    Ok(states.chunks_exact(READER_STATE).filter_map(reader).collect())
}

/// Reads a `READER_STATE`; none for one that is not in use.
fn reader(bytes: &[u8]) -> Option<ReaderState> {
    let (name, bytes) = bytes.split_at_checked(NAME)?;
    let name = String::from_utf8_lossy(name.split(|&byte| byte == 0).next()?).into_owned();
    let state = u32::from_ne_bytes(bytes.get(4..8)?.try_into().ok()?);
    let length = u32::from_ne_bytes(bytes.get(48..52)?.try_into().ok()?);
    let atr = if state & CARD_PRESENT == 0 {
        Vec::new()
    } else {
        bytes.get(12..)?.get(..usize::try_from(length).ok()?)?.to_vec()
    };
    (!name.is_empty()).then_some(ReaderState { name, atr })
}

/// Numbers as pcscd reads them from its own machine.
fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}
