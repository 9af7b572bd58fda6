//! Commands to answers: framing, chaining and fetching what did not fit.

use zeroize::Zeroizing;

use crate::apdu::{Command, Framing};
use crate::status::{Meaning, StatusError, StatusWord};
use crate::tlv::TlvError;
use crate::transport::{Transport, TransportError};

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// No answer came.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The card said no.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The answer is not what the command has for an answer.
    #[error("the card's answer is not understood")]
    Answer(#[from] TlvError),
    /// The connection was lost and made anew, and the card is not the one that it was.
    #[error(transparent)]
    Token(Box<signer_core::Error>),
    /// The card never came to the end of its answer.
    #[error("the card's answer does not end")]
    Endless,
}

impl CardError {
    /// What the card said, where it said something.
    #[must_use]
    pub fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Status(error) => Some(error.status.meaning()),
            _ => None,
        }
    }
}

/// A transport, and how commands are framed for it.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) framing: Framing,
}

impl Channel {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport, framing: Framing::Short }
    }

    /// Sends a command and collects its answer; everything but 9000 is an error.
    pub(crate) fn send(&mut self, command: &Command) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let failed = |status| StatusError { header: command.header(), status };
        let mut parts = command.encode(self.framing);
        let last = parts.pop().unwrap_or_default();
        for part in &parts {
            let (status, _) = self.transmit(part)?;
            if status != StatusWord::OK {
                return Err(failed(status).into());
            }
        }
        let (mut status, mut answer) = self.transmit(&last)?;
        // A command with a secret is sent once, whatever the card would like.
        if status.meaning() == Meaning::WrongLe && !command.is_secret() {
            (status, answer) = self.transmit(&with_le(&last, status))?;
        }
        for _ in 0..MOST_PARTS {
            if status.meaning() != Meaning::MoreData || answer.len() > LONGEST {
                break;
            }
            let [_, waiting] = status.0.to_be_bytes();
            let (next, part) = self.transmit(&[0x00, 0xc0, 0x00, 0x00, waiting])?;
            // Made anew instead of grown in place: a buffer that moves leaves a copy behind.
            answer = Zeroizing::new([answer.as_slice(), &part].concat());
            status = next;
        }
        match status.meaning() {
            Meaning::Done => Ok(answer),
            Meaning::MoreData => Err(CardError::Endless),
            _ => Err(failed(status).into()),
        }
    }

    fn transmit(
        &mut self,
        octets: &[u8],
    ) -> Result<(StatusWord, Zeroizing<Vec<u8>>), TransportError> {
        let mut answer = Zeroizing::new(self.transport.transmit(octets)?);
        let Some((body, [high, low])) = answer.split_last_chunk() else {
            return Err(match answer.len() {
                0 => TransportError::Removed,
                octets => TransportError::Truncated { octets },
            });
        };
        let (length, status) = (body.len(), u16::from_be_bytes([*high, *low]));
        answer.truncate(length);
        Ok((StatusWord(status), answer))
    }
}

/// Parts of one answer: the longest has 12 of 256 octets, and a card may use smaller ones.
const MOST_PARTS: usize = 64;
/// No answer is longer.
const LONGEST: usize = 16 * 1024;

/// A short command again, with the length that the card asked for.
fn with_le(command: &[u8], status: StatusWord) -> Zeroizing<Vec<u8>> {
    let mut again = Zeroizing::new(command.to_vec());
    let [_, le] = status.0.to_be_bytes();
    match again.as_mut_slice() {
        [_, _, _, _, last] => *last = le,
        _ => again.push(le),
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::InProcess;
    use crate::transport::record::Replay;

    fn channel(text: &str) -> (Channel, Replay) {
        let replay = Replay::of(text);
        (Channel::new(Box::new(replay.clone())), replay)
    }

    #[test]
    fn an_answer_in_parts_is_put_together() {
        let (mut channel, replay) = channel(
            "> 00cb3fff055c035fc102\n< aabb6102\n> 00c0000002\n< ccdd6101\n> 00c0000001\n< ee9000",
        );
        let command = Command::new(0xcb, 0x3f, 0xff).with([0x5c, 3, 0x5f, 0xc1, 2]);
        assert_eq!(*channel.send(&command).unwrap(), [0xaa, 0xbb, 0xcc, 0xdd, 0xee]);
        assert!(replay.rest().is_empty());
    }

    #[test]
    fn a_wrong_length_is_put_right_once_and_never_for_a_secret() {
        let (mut channel, _) = channel("> 00fd000000\n< 6c03\n> 00fd000003\n< 0507019000");
        assert_eq!(*channel.send(&Command::new(0xfd, 0, 0)).unwrap(), [5, 7, 1]);

        let (mut channel, replay) = self::channel("> 0020008002....\n< 6c03");
        let secret = Zeroizing::new(vec![1, 2]);
        let error = channel.send(&Command::new(0x20, 0, 0x80).with_secret(secret)).unwrap_err();
        assert_eq!(error.meaning(), Some(Meaning::WrongLe));
        assert!(replay.rest().is_empty());
    }

    #[test]
    fn cards_that_never_end_are_left() {
        for answer in [&[0x61, 0x00][..], &[0xaa, 0x61, 0xff], &[0x6c, 0x10]] {
            let mut sent = 0;
            let answers = answer.to_vec();
            let card = InProcess(move |_: &[u8]| {
                sent += 1;
                assert!(sent < 100, "it goes on and on");
                answers.clone()
            });
            let mut channel = Channel::new(Box::new(card));
            assert!(channel.send(&Command::new(0xfd, 0, 0)).is_err(), "{answer:02x?}");
        }
    }

    #[test]
    fn answers_without_a_status_are_no_answers() {
        for (answer, expected) in [(vec![], "removed"), (vec![0x90], "1 octets")] {
            let mut channel = Channel::new(Box::new(InProcess(move |_: &[u8]| answer.clone())));
            let error = channel.send(&Command::new(0xfd, 0, 0)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
