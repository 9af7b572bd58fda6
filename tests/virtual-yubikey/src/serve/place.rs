//! Where card and reader meet.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::{fs, thread};

/// A socket of ours, or a reader that waits for cards.
#[derive(Debug)]
pub(super) enum Place {
    Socket(PathBuf),
    Reader(SocketAddr),
}

/// One link.
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A second handle on what a thread waits for, to end the wait from outside.
#[derive(Debug)]
pub(super) enum Open {
    Listener(UnixListener),
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Place {
    /// Listens, where the reader comes to us.
    pub(super) fn bind(&self) -> io::Result<Option<UnixListener>> {
        let Self::Socket(path) = self else { return Ok(None) };
        if let Err(error) = UnixStream::connect(path)
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            // Left behind by a process that was killed.
            fs::remove_file(path)?;
        }
        UnixListener::bind(path).map(Some)
    }

    /// Waits for the reader. None when the token is to be pulled, which `publish` tells.
    pub(super) fn meet(
        &self,
        listener: &mut Option<UnixListener>,
        publish: impl Fn(Open) -> bool,
    ) -> io::Result<Option<Stream>> {
        if let Self::Reader(address) = self {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            return Ok(Some(Stream::Tcp(stream)));
        }
        let listener = match listener {
            Some(listener) => listener,
            none => match self.bind() {
                Ok(Some(bound)) => none.insert(bound),
                other => {
                    // Somebody else's socket is in the way; it may go.
                    thread::sleep(super::PATIENCE);
                    return other.map(|_| None);
                }
            },
        };
        if !publish(Open::Listener(listener.try_clone()?)) {
            return Ok(None);
        }
        let (stream, _) = listener.accept()?;
        Ok(Some(Stream::Unix(stream)))
    }

    /// Whether it is for us to come back when the link has ended.
    pub(super) fn reconnects(&self) -> bool {
        matches!(self, Self::Reader(_))
    }

    /// Leaves nothing to connect to.
    pub(super) fn clean_up(&self) {
        if let Self::Socket(path) = self {
            // It may have been taken away with its folder.
            let _ = fs::remove_file(path);
        }
    }
}

impl Stream {
    /// A handle to cut it with.
    pub(super) fn open(&self) -> io::Result<Open> {
        Ok(match self {
            Self::Unix(stream) => Open::Unix(stream.try_clone()?),
            Self::Tcp(stream) => Open::Tcp(stream.try_clone()?),
        })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => {
                // vpcd writes length and body apart, and sends the body only when the length was
                // acknowledged: at once, if told so before each read. Else 40 ms later.
                #[cfg(target_os = "linux")]
                let _ = rustix::net::sockopt::set_tcp_quickack(&*stream, true);
                stream.read(buffer)
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(octets),
            Self::Tcp(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.flush(),
            Self::Tcp(stream) => stream.flush(),
        }
    }
}

impl Open {
    /// Ends every wait on it. What cannot be cut has ended already.
    pub(super) fn cut(&self) {
        match self {
            Self::Listener(listener) => {
                let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
            }
            Self::Unix(stream) => {
                let _ = stream.shutdown(Shutdown::Both);
            }
            Self::Tcp(stream) => {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}
