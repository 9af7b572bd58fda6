//! One reader: the way to the card in its only slot.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

/// How long a card may take to say its ATR. A real reader gives up sooner; a process that listens
/// and does not answer must not hold up the other readers for ever.
const ATR_TIMEOUT: Duration = Duration::from_secs(5);

/// A reader, whose card, if there is one, listens at a socket.
#[derive(Debug)]
pub(crate) struct Reader {
    socket: PathBuf,
    card: Option<UnixStream>,
    atr: Vec<u8>,
}

/// What is sent in a frame of one byte.
#[derive(Clone, Copy, Debug)]
enum Control {
    PowerOff = 0,
    PowerOn = 1,
    Reset = 2,
    Atr = 4,
}

impl Reader {
    /// A reader of the card behind `socket`. Nothing is connected yet.
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket, card: None, atr: Vec::new() }
    }

    /// The ATR of the card at the last power-on or reset; empty without one.
    pub(crate) fn atr(&self) -> &[u8] {
        &self.atr
    }

    /// Whether a card is there. Connects to one that has come, and forgets one that has gone.
    pub(crate) fn is_present(&mut self) -> bool {
        if self.card.as_mut().is_some_and(|card| !is_open(card)) {
            self.remove();
        }
        self.connect().is_ok()
    }

    /// Gives the card power. Answers its ATR.
    pub(crate) fn power_on(&mut self) -> io::Result<&[u8]> {
        self.start(Control::PowerOn)
    }

    /// Resets the card. Answers its ATR.
    pub(crate) fn reset(&mut self) -> io::Result<&[u8]> {
        self.start(Control::Reset)
    }

    /// Takes the card's power away. The connection stays: the card has not been pulled.
    pub(crate) fn power_off(&mut self) -> io::Result<()> {
        self.atr.clear();
        self.on_card(|card| send(card, &[Control::PowerOff as u8]))
    }

    /// Sends a command and answers what the card answers, which may be nothing at all. Waits as
    /// long as the card takes: making an RSA key can take minutes.
    pub(crate) fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        if command.len() < 2 {
            // The card would take it for a control.
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.on_card(|card| {
            send(card, command)?;
            receive(card)
        })
    }

    fn start(&mut self, how: Control) -> io::Result<&[u8]> {
        self.atr.clear();
        // A card that was exchanged since the last look is met here, not as an error.
        if !self.is_present() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.atr = self.on_card(|card| {
            send(card, &[how as u8])?;
            send(card, &[Control::Atr as u8])?;
            card.set_read_timeout(Some(ATR_TIMEOUT))?;
            let atr = receive(card)?;
            card.set_read_timeout(None)?;
            Ok(atr)
        })?;
        Ok(&self.atr)
    }

    fn connect(&mut self) -> io::Result<&mut UnixStream> {
        match &mut self.card {
            Some(card) => Ok(card),
            none => Ok(none.insert(UnixStream::connect(&self.socket)?)),
        }
    }

    /// Talks to the card. After an error nobody knows where in a frame the two are, so the
    /// connection ends.
    fn on_card<T>(&mut self, talk: impl FnOnce(&mut UnixStream) -> io::Result<T>) -> io::Result<T> {
        let card = self.card.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let result = talk(card);
        if result.is_err() {
            self.remove();
        }
        result
    }

    fn remove(&mut self) {
        self.card = None;
        self.atr.clear();
    }
}

/// Whether the card still holds its end. It never speaks first, so anything that can be read is
/// either the end or nonsense.
fn is_open(card: &mut UnixStream) -> bool {
    let looked = card.set_nonblocking(true).and_then(|()| card.read(&mut [0]));
    let nothing = matches!(&looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    card.set_nonblocking(false).is_ok() && nothing
}

/// Sends a frame, in one write.
fn send(card: &mut UnixStream, body: &[u8]) -> io::Result<()> {
    let length = u16::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut frame = Vec::with_capacity(2 + body.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(body);
    card.write_all(&frame)
}

/// Receives a frame; answers its body.
fn receive(card: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    card.read_exact(&mut length)?;
    let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
    card.read_exact(&mut body)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    const ATR: [u8; 4] = [0x3B, 0x01, 0x02, 0x03];

    /// Serves one connection with `answers`, one to each command; then drops it. Answers what
    /// came, but for the questions for the ATR.
    fn card(listener: &UnixListener, answers: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut reader, _) = listener.accept().unwrap();
        let mut answers = answers.iter();
        let mut came = Vec::new();
        while answers.len() > 0 {
            let body = receive(&mut reader).unwrap();
            match body[..] {
                [4] => {
                    send(&mut reader, &ATR).unwrap();
                    continue;
                }
                [_] => {}
                _ => send(&mut reader, answers.next().unwrap()).unwrap(),
            }
            came.push(body);
        }
        came
    }

    #[test]
    fn a_slot_is_empty_until_a_card_listens_and_after_it_left() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("card.sock");
        let mut reader = Reader::new(socket.clone());
        assert!(!reader.is_present());
        assert!(reader.power_on().is_err());
        assert!(reader.transmit(&[0, 0xA4, 4, 0]).is_err());

        let listener = UnixListener::bind(&socket).unwrap();
        assert!(reader.is_present());
        let came = thread::scope(|scope| {
            let card = scope.spawn(|| card(&listener, &[&[0x90, 0], &[]]));
            assert_eq!(reader.power_on().unwrap(), ATR);
            assert!(reader.is_present());
            assert_eq!(reader.transmit(&[0, 0xA4, 4, 0]).unwrap(), [0x90, 0]);
            assert_eq!(reader.reset().unwrap(), ATR);
            assert_eq!(reader.transmit(&[0, 0xCB, 4, 0]).unwrap(), [0_u8; 0]);
            card.join().unwrap()
        });
        assert_eq!(came, [&[1][..], &[0, 0xA4, 4, 0], &[2], &[0, 0xCB, 4, 0]]);

        drop(listener);
        assert!(!reader.is_present());
        assert!(reader.atr().is_empty());
    }

    #[test]
    fn a_card_exchanged_unnoticed_is_found_at_power_on() {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("card.sock")).unwrap();
        let mut reader = Reader::new(folder.path().join("card.sock"));
        assert!(reader.is_present());
        drop(listener.accept().unwrap());

        thread::scope(|scope| {
            scope.spawn(|| card(&listener, &[&[0x90, 0]]));
            assert_eq!(reader.power_on().unwrap(), ATR);
            assert_eq!(reader.transmit(&[0, 0xA4, 4, 0]).unwrap(), [0x90, 0]);
        });
    }

    #[test]
    fn a_link_dropped_instead_of_an_answer_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("card.sock")).unwrap();
        let mut reader = Reader::new(folder.path().join("card.sock"));
        assert!(reader.is_present());
        drop(listener.accept().unwrap());
        assert!(reader.transmit(&[0, 0xA4, 4, 0]).is_err());
    }
}
