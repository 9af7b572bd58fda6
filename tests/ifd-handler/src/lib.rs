//! A PC/SC reader driver (IFD handler) for cards behind unix sockets, one slot a reader.
//!
//! pcscd loads the shared library that this crate makes. A line in its `reader.conf` says where the
//! card of a reader listens; what stands before the colon only has to exist:
//!
//! ```text
//! FRIENDLYNAME "Yubico YubiKey OTP+FIDO+CCID"
//! DEVICENAME   /dev/null:/tmp/card-0.sock
//! LIBPATH      /somewhere/libifd_handler.so
//! CHANNELID    0
//! ```
//!
//! The card listens and the reader connects, so neither has to be there first: as long as nobody
//! listens, the slot is empty, and a connection that is dropped is a card that was pulled. Frames
//! are those of vpcd: a length of two bytes, big-endian, and the body. A body of one byte is a
//! control (0 power off, 1 power on, 2 reset, 4 answer with the ATR); anything longer is a command,
//! answered by data and status word. Only the ATR and commands are answered.
//!
//! Against Debian's vpcd this has no open TCP port, no second slot that is always empty, no state
//! that two readers share, and no Nagle's algorithm.

#![cfg(target_os = "linux")]

mod abi;
mod reader;
mod table;

/// The file name of the library that pcscd loads, in cargo's output folder.
pub const LIBRARY: &str = "libifd_handler.so";
