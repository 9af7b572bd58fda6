//! Cards in the readers of this machine (PC/SC).
//!
//! PC/SC calls block, and some for ever: while one program has a transaction, every other one's
//! `SCardConnect` and `SCardBeginTransaction` wait. So each card is talked to from a thread of its own,
//! which is waited for as long as [`Bounds`] says and then abandoned.

use std::ffi::{CStr, CString};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ::pcsc::{Card, Context, Disposition, Error, Protocols, Scope, ShareMode, Transaction};
use zeroize::Zeroizing;

use super::{Bounds, Leave, Readers, Transport, TransportError, Waits};

/// The readers of this machine that call themselves YubiKeys. Any other one can be connected to by
/// its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct PcscReaders {
    bounds: Bounds,
}

impl PcscReaders {
    /// Readers that are waited for no longer than this.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds }
    }
}

impl Readers for PcscReaders {
    fn names(&self) -> Result<Vec<String>, TransportError> {
        let (sender, replies) = channel();
        thread::spawn(move || sender.send(list()));
        let names = wait(&replies, self.bounds.command)?;
        Ok(names.into_iter().filter(|name| name.to_ascii_lowercase().contains("yubi")).collect())
    }

    fn connect(&self, name: &str) -> Result<Box<dyn Transport>, TransportError> {
        self.connect_telling(name, Arc::new(|| ()))
    }

    fn connect_telling(
        &self,
        name: &str,
        waits: Waits,
    ) -> Result<Box<dyn Transport>, TransportError> {
        let card = PcscTransport::connect(name, self.bounds, waits)?;
        Ok(Box::new(card))
    }
}

/// A shared connection to the card in one reader.
pub struct PcscTransport {
    reader: CString,
    bounds: Bounds,
    waits: Waits,
    worker: Option<Worker>,
    extended_length: bool,
}

impl PcscTransport {
    /// Connects to the card in a reader. `waits` is called when somebody else has to be waited for.
    ///
    /// # Errors
    /// [`TransportError::NoCard`], [`TransportError::Busy`] when somebody has the card to himself,
    /// [`TransportError::NoService`], [`TransportError::Denied`], [`TransportError::Overrun`].
    pub fn connect(reader: &str, bounds: Bounds, waits: Waits) -> Result<Self, TransportError> {
        let reader = CString::new(reader)
            .map_err(|_| TransportError::Other("a reader's name holds a NUL".into()))?;
        let mut transport = Self { reader, bounds, waits, worker: None, extended_length: false };
        transport.reconnect()?;
        Ok(transport)
    }

    /// One request, and its reply within the bound. Whoever does not reply in time is never listened
    /// to again: a late answer must not be taken for that of the next command.
    fn ask(&mut self, request: Request, bound: Duration) -> Result<Vec<u8>, TransportError> {
        let worker = self.worker.as_ref().ok_or(TransportError::GivenUp)?;
        let is_begin = matches!(request, Request::Begin);
        let reply = match worker.requests.send(request) {
            Ok(()) if is_begin => wait_telling(&worker.replies, bound, &self.waits),
            Ok(()) => wait(&worker.replies, bound),
            Err(_) => Err(TransportError::GivenUp),
        };
        if matches!(reply, Err(TransportError::Overrun { .. })) {
            self.worker = None;
        }
        reply
    }
}

impl Transport for PcscTransport {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let bound = self.bounds.of(command);
        let answer = self.ask(Request::Transmit(Zeroizing::new(command.to_vec())), bound)?;
        match answer.len() {
            // What a reader says for a moment after the card was pulled.
            0 => Err(TransportError::Removed),
            _ => Ok(answer),
        }
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        self.ask(Request::Begin, self.bounds.command).map(drop)
    }

    fn end(&mut self, leave: Leave) -> Result<(), TransportError> {
        self.ask(Request::End(leave), self.bounds.command).map(drop)
    }

    /// With a new context, because one from before a restart of the service is dead for ever.
    fn reconnect(&mut self) -> Result<(), TransportError> {
        self.worker = None;
        let (requests, received) = channel();
        let (sender, replies) = channel();
        let reader = self.reader.clone();
        // Short of the bound, so that whoever has the card to himself is told of, and not a timeout.
        let patience = self.bounds.command * 4 / 5;
        thread::spawn(move || serve(&reader, patience, &received, &sender));
        let atr = wait_telling(&replies, self.bounds.command, &self.waits)?;
        // What a YubiKey's ATR has over USB and not over a contactless reader.
        self.extended_length = atr.get(1).is_some_and(|octet| octet & 0xf0 == 0xf0);
        self.worker = Some(Worker { requests, replies });
        Ok(())
    }

    fn takes_extended_length(&self) -> bool {
        self.extended_length
    }
}

impl fmt::Debug for PcscTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcscTransport").field("reader", &self.reader).finish_non_exhaustive()
    }
}

/// The thread that talks to a card. It ends when `requests` is dropped.
struct Worker {
    requests: Sender<Request>,
    replies: Receiver<Reply>,
}

enum Request {
    Begin,
    Transmit(Zeroizing<Vec<u8>>),
    End(Leave),
}

type Reply = Result<Vec<u8>, TransportError>;

fn wait<T>(
    replies: &Receiver<Result<T, TransportError>>,
    bound: Duration,
) -> Result<T, TransportError> {
    match replies.recv_timeout(bound) {
        Ok(reply) => reply,
        Err(RecvTimeoutError::Timeout) => Err(TransportError::Overrun { bound }),
        Err(RecvTimeoutError::Disconnected) => {
            Err(TransportError::Other("the smart card service failed".into()))
        }
    }
}

/// As [`wait`], for what takes long only when another program has the card.
fn wait_telling<T>(
    replies: &Receiver<Result<T, TransportError>>,
    bound: Duration,
    waits: &Waits,
) -> Result<T, TransportError> {
    let unnoticed = bound / 10;
    match wait(replies, unnoticed) {
        Err(TransportError::Overrun { .. }) => {
            waits();
            let reply = wait(replies, bound.saturating_sub(unnoticed));
            reply.map_err(|error| match error {
                TransportError::Overrun { .. } => TransportError::Overrun { bound },
                other => other,
            })
        }
        reply => reply,
    }
}

fn list() -> Result<Vec<String>, TransportError> {
    let context = Context::establish(Scope::User).map_err(error)?;
    match context.list_readers_owned() {
        Ok(names) => Ok(names.iter().map(|name| name.to_string_lossy().into_owned()).collect()),
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(other) => Err(error(other)),
    }
}

/// Yubico's tools have the card to themselves, for a moment; they are waited for.
fn connect(reader: &CStr, patience: Duration) -> Result<(Card, Vec<u8>), TransportError> {
    let since = Instant::now();
    let context = Context::establish(Scope::User).map_err(error)?;
    let card = loop {
        // Any protocol: virtual readers and some contactless ones speak T=0.
        match context.connect(reader, ShareMode::Shared, Protocols::ANY) {
            Err(Error::SharingViolation) if since.elapsed() < patience => {
                thread::sleep(Duration::from_millis(50));
            }
            other => break other.map_err(error)?,
        }
    };
    let atr = card.status2_owned().map(|status| status.atr().to_vec()).map_err(error)?;
    Ok((card, atr))
}

fn serve(reader: &CStr, patience: Duration, requests: &Receiver<Request>, replies: &Sender<Reply>) {
    let mut card = match connect(reader, patience) {
        Ok((card, atr)) => {
            let _ = replies.send(Ok(atr));
            card
        }
        Err(error) => {
            let _ = replies.send(Err(error));
            return;
        }
    };
    while let Ok(request) = requests.recv() {
        let reply = match request {
            Request::Transmit(command) => transmit(&card, &command),
            Request::End(_) => Ok(Vec::new()),
            Request::Begin => match card.transaction() {
                Err(begin) => Err(error(begin)),
                Ok(transaction) => {
                    let _ = replies.send(Ok(Vec::new()));
                    match serve_transaction(transaction, requests, replies) {
                        Some(end) => end,
                        None => break,
                    }
                }
            },
        };
        if replies.send(reply).is_err() {
            break;
        }
    }
    // Dropped without this, the card would be reset under the programs that share it.
    let _ = card.disconnect(Disposition::LeaveCard);
}

/// Serves until the transaction ends, and returns how that went; nothing when whoever asked is gone.
fn serve_transaction(
    transaction: Transaction<'_>,
    requests: &Receiver<Request>,
    replies: &Sender<Reply>,
) -> Option<Reply> {
    loop {
        let leave = match requests.recv() {
            Ok(Request::Begin) => {
                let _ = replies.send(Ok(Vec::new()));
                continue;
            }
            Ok(Request::Transmit(command)) => {
                let _ = replies.send(transmit(&transaction, &command));
                continue;
            }
            Ok(Request::End(leave)) => Some(leave),
            Err(_) => None,
        };
        let disposition = match leave {
            Some(Leave::AsIs) => Disposition::LeaveCard,
            // Abandoned in the middle: nobody knows what is verified.
            Some(Leave::Reset) | None => Disposition::ResetCard,
        };
        let end = transaction.end(disposition).map(|()| Vec::new());
        return leave.map(|_| end.map_err(|(_, end)| error(end)));
    }
}

fn transmit(card: &Card, command: &[u8]) -> Reply {
    let mut buffer = Zeroizing::new(vec![0; LONGEST_ANSWER]);
    card.transmit(command, &mut buffer).map(<[u8]>::to_vec).map_err(error)
}

/// More than any YubiKey answers at once.
const LONGEST_ANSWER: usize = 8 * 1024;

fn error(error: Error) -> TransportError {
    match error {
        Error::ResetCard => TransportError::Reset,
        // Also a handle whose card or service went away while nobody looked, and a reader that found
        // its card gone in the middle of a command.
        Error::RemovedCard
        | Error::InvalidHandle
        | Error::ReaderUnavailable
        | Error::NotTransacted
        | Error::CommDataLost => TransportError::Removed,
        Error::NoSmartcard | Error::UnknownReader | Error::UnpoweredCard => TransportError::NoCard,
        Error::SharingViolation => TransportError::Busy,
        // A communication error is what pcscd leaves behind that died in the middle of a command.
        Error::NoService | Error::ServiceStopped | Error::Shutdown | Error::CommError => {
            TransportError::NoService
        }
        Error::SecurityViolation | Error::NoAccess => TransportError::Denied,
        other => TransportError::Other(format!("PC/SC: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_fact_sheet_have_their_meanings() {
        for (code, expected) in [
            (Error::SharingViolation, "another program has the card to itself"),
            (Error::ResetCard, "reset by another program"),
            (Error::RemovedCard, "was removed"),
            (Error::NoSmartcard, "no card in the reader"),
            (Error::NoService, "pcscd"),
            (Error::ServiceStopped, "pcscd"),
            (Error::CommError, "pcscd"),
            (Error::SecurityViolation, "polkit"),
            (Error::UnresponsiveCard, "PC/SC: "),
        ] {
            let shown = error(code).to_string();
            assert!(shown.contains(expected), "{code:?}: {shown}");
        }
    }

    #[test]
    fn who_does_not_reply_in_time_is_given_up() {
        let (requests, received) = channel();
        let (_sender, replies) = channel();
        let mut transport = PcscTransport {
            reader: CString::default(),
            bounds: Bounds { command: Duration::from_millis(5), ..Bounds::default() },
            waits: Arc::new(|| ()),
            worker: Some(Worker { requests, replies }),
            extended_length: false,
        };
        let first = transport.transmit(&[0, 0xfd, 0, 0]).unwrap_err();
        assert!(first.to_string().starts_with("no answer within 5 ms"), "{first}");
        let second = transport.transmit(&[0, 0xfd, 0, 0]).unwrap_err();
        assert!(second.to_string().contains("given up"), "{second}");
        assert_eq!(received.iter().count(), 1, "nothing is sent after that");
    }

    #[test]
    fn who_waits_for_another_program_is_told_before_patience_is_over() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let told = Arc::new(AtomicU32::new(0));
        let count = told.clone();
        let (requests, received) = channel();
        let (sender, replies) = channel();
        let mut transport = PcscTransport {
            reader: CString::default(),
            bounds: Bounds { command: Duration::from_secs(5), ..Bounds::default() },
            waits: Arc::new(move || {
                count.fetch_add(1, Ordering::SeqCst);
                // Only now does the other program let go.
                sender.send(Ok(vec![0x90, 0x00])).unwrap();
            }),
            worker: Some(Worker { requests, replies }),
            extended_length: false,
        };
        transport.begin().unwrap();
        assert_eq!(told.load(Ordering::SeqCst), 1);
        drop(received);
        assert!(transport.begin().is_err());
        assert_eq!(told.load(Ordering::SeqCst), 1, "who is gone is not waited for");
    }

    #[test]
    fn an_answer_of_no_octets_is_a_removed_card() {
        let (requests, _received) = channel();
        let (sender, replies) = channel();
        sender.send(Ok(Vec::new())).unwrap();
        let mut transport = PcscTransport {
            reader: CString::default(),
            bounds: Bounds::default(),
            waits: Arc::new(|| ()),
            worker: Some(Worker { requests, replies }),
            extended_length: false,
        };
        let error = transport.transmit(&[0, 0xfd, 0, 0]).unwrap_err();
        assert!(matches!(error, TransportError::Removed), "{error}");
    }
}
