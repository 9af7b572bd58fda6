//! A reader of software, as the card sees it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Speaks the protocol of vpcd.
pub(crate) struct Reader<L>(pub(crate) L);

impl Reader<UnixStream> {
    /// Waits for a card at a socket.
    pub(crate) fn at(socket: &Path) -> Self {
        loop {
            match UnixStream::connect(socket) {
                Ok(stream) => return Self(stream),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

impl Reader<TcpStream> {
    pub(crate) fn accepted(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }
}

impl<L: Read + Write> Reader<L> {
    /// Sends a command and gives the answer; an error when the token was pulled.
    pub(crate) fn transmit(&mut self, apdu: &[u8]) -> io::Result<Vec<u8>> {
        self.send(apdu)?;
        self.receive()
    }

    pub(crate) fn power_on(&mut self) -> io::Result<Vec<u8>> {
        self.send(&[1])?;
        self.transmit(&[4])
    }

    /// A frame, in two writes as vpcd does it.
    pub(crate) fn send(&mut self, body: &[u8]) -> io::Result<()> {
        self.0.write_all(&u16::try_from(body.len()).unwrap().to_be_bytes())?;
        self.0.write_all(body)
    }

    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length)?;
        let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut body)?;
        Ok(body)
    }
}
