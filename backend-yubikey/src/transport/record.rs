//! Conversations with a card as text, taken down and played back.
//!
//! One line each: `begin`, `> COMMAND`, `< ANSWER`, `end` or `reset`, `reconnect`, with octets in
//! hexadecimal. Octets that are secret are taken down as `..`, which stands for any octet when it is
//! played back.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Leave, Transport, TransportError};

/// A transport that is listened to.
#[derive(Debug)]
pub struct Recorder<T> {
    inner: T,
    lines: Arc<Mutex<Vec<String>>>,
}

impl<T: Transport> Recorder<T> {
    /// Listens to `inner`; what is said can be read in the list.
    pub fn new(inner: T) -> (Self, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        (Self { inner, lines: lines.clone() }, lines)
    }

    fn note(&self, line: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl<T: Transport> Transport for Recorder<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let privacy = Privacy::of(command);
        self.note(format!("> {}", hex(command, privacy.command)));
        let answer = self.inner.transmit(command);
        match &answer {
            Ok(answer) => {
                let body = answer.len().saturating_sub(2);
                let start = if privacy.answer { 0 } else { body };
                self.note(format!("< {}", hex(answer, Some((start, body)))));
            }
            Err(error) => self.note(format!("! {error}")),
        }
        answer
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        self.note("begin".into());
        self.inner.begin()
    }

    fn end(&mut self, leave: Leave) -> Result<(), TransportError> {
        self.note(word(leave).into());
        self.inner.end(leave)
    }

    fn reconnect(&mut self) -> Result<(), TransportError> {
        self.note("reconnect".into());
        self.inner.reconnect()
    }

    fn takes_extended_length(&self) -> bool {
        self.inner.takes_extended_length()
    }
}

/// A conversation that is played back: each command has to come as it was taken down, and gets the
/// answer of then. Clones play the same conversation.
#[derive(Clone, Debug)]
pub struct Replay {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Replay {
    /// Plays back these lines. Empty ones and those that start with `#` are left out.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { lines: Arc::new(Mutex::new(lines.map(str::to_owned).collect())) }
    }

    /// The lines that were not played yet.
    #[must_use]
    pub fn rest(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn next(&self, expected: &str) -> Result<(), TransportError> {
        match self.pop() {
            Some(line) if line == expected => Ok(()),
            other => Err(astray(other.as_deref(), expected)),
        }
    }

    fn pop(&self) -> Option<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Transport for Replay {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let shown = || format!("> {}", hex(command, Privacy::of(command).command));
        let line = self.pop();
        let pattern = line.as_deref().and_then(|line| line.strip_prefix("> ")).and_then(octets);
        if !pattern.is_some_and(|pattern| fits(&pattern, command)) {
            return Err(astray(line.as_deref(), &shown()));
        }
        match self.pop().as_deref().map(|line| line.split_at_checked(2)) {
            Some(Some(("< ", answer))) => {
                let octets = octets(answer).unwrap_or_default();
                Ok(octets.into_iter().map(Option::unwrap_or_default).collect())
            }
            Some(Some(("! ", "reset"))) => Err(TransportError::Reset),
            Some(Some(("! ", "removed"))) => Err(TransportError::Removed),
            Some(Some(("! ", other))) => Err(TransportError::Other(other.to_owned())),
            _ => Err(astray(None, &shown())),
        }
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        self.next("begin")
    }

    fn end(&mut self, leave: Leave) -> Result<(), TransportError> {
        self.next(word(leave))
    }

    fn reconnect(&mut self) -> Result<(), TransportError> {
        self.next("reconnect")
    }
}

fn word(leave: Leave) -> &'static str {
    match leave {
        Leave::AsIs => "end",
        Leave::Reset => "reset",
    }
}

fn astray(line: Option<&str>, found: &str) -> TransportError {
    let expected = line.unwrap_or("the end of the conversation");
    TransportError::Other(format!("expected {expected}, and it was {found}"))
}

/// Which octets of a command and of its answer are secret.
struct Privacy {
    command: Option<(usize, usize)>,
    answer: bool,
}

impl Privacy {
    fn of(command: &[u8]) -> Self {
        // VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, IMPORT, SET MANAGEMENT KEY, and the
        // handshake of the management key.
        let secret = match command {
            [_, 0x20 | 0x24 | 0x2c | 0xfe | 0xff, ..] | [_, 0x87, _, 0x9b, ..] => true,
            // A management key that is kept on the card.
            [_, 0xdb, ..] => command.windows(3).any(|name| name == PRINTED),
            _ => false,
        };
        let answer = matches!(command, [_, 0xcb, ..]) && command.windows(3).any(|n| n == PRINTED);
        // An extended length starts with a zero; what is behind the length is secret.
        let start = if command.get(4) == Some(&0) { 7 } else { 5 };
        Self { command: secret.then_some((start, command.len())), answer }
    }
}

const PRINTED: [u8; 3] = [0x5f, 0xc1, 0x09];

fn hex(octets: &[u8], secret: Option<(usize, usize)>) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    let (from, to) = secret.unwrap_or_default();
    for (index, octet) in octets.iter().enumerate() {
        if (from..to).contains(&index) {
            text.push_str("..");
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "{octet:02x}");
        }
    }
    text
}

/// Pairs of hexadecimal digits, or of dots for any octet; blanks in between do not count.
fn octets(text: &str) -> Option<Vec<Option<u8>>> {
    let text: String = text.split_whitespace().collect();
    let pair = |pair: &[u8]| match pair {
        b".." => Some(None),
        pair => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().map(Some),
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

fn fits(pattern: &[Option<u8>], octets: &[u8]) -> bool {
    pattern.len() == octets.len()
        && pattern.iter().zip(octets).all(|(want, have)| want.is_none_or(|want| want == *have))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::InProcess;

    #[test]
    fn what_is_taken_down_can_be_played_back_and_holds_no_secret() {
        let card = InProcess(|command: &[u8]| match command {
            [_, 0xcb, ..] => b"\x53\x03key\x90\x00".to_vec(),
            _ => vec![0x90, 0x00],
        });
        let (mut recorder, lines) = Recorder::new(card);
        let verify = b"\x00\x20\x00\x80\x08123456\xff\xff";
        let handshake = b"\x00\x87\x0a\x9b\x00\x00\x047c028000";
        let printed = b"\x00\xcb\x3f\xff\x00\x00\x05\x5c\x03\x5f\xc1\x09";
        recorder.begin().unwrap();
        for command in [&verify[..], handshake, printed, b"\x00\xfd\x00\x00\x00"] {
            recorder.transmit(command).unwrap();
        }
        recorder.end(Leave::AsIs).unwrap();
        let text = lines.lock().unwrap().join("\n");
        assert_eq!(
            text,
            "begin\n> 0020008008................\n< 9000\n> 00870a9b000004................\
             \n< 9000\n> 00cb3fff0000055c035fc109\n< ..........9000\n> 00fd000000\n< 9000\nend"
        );

        let mut replay = Replay::of(&text);
        replay.begin().unwrap();
        assert_eq!(replay.transmit(verify).unwrap(), [0x90, 0x00]);
        let error = replay.transmit(verify).unwrap_err().to_string();
        assert!(error.contains("00870a9b") && !error.contains("3132"), "{error}");
    }
}
