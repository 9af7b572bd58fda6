//! Whether there is a key in a slot, where the firmware has no command that tells.

use signer_core::{Result, SignatureAlgorithm};

use crate::algorithm::KeyAlgorithm;
use crate::card::Transaction;
use crate::message;
use crate::slot::Slot;
use crate::status::Meaning;

/// What a slot's answers to being used come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// There is no key.
    Empty,
    /// There is one.
    Occupied,
    /// The card asks for the PIN whatever it is asked for, so nothing is learned.
    Untold,
}

impl Transaction<'_> {
    /// Asks each kind of key that firmware before 5.3 has for a signature, without giving the PIN.
    /// An empty slot, or a key of another kind, answers 6A80; the kind that is there asks for the PIN
    /// or a touch (6982), or signs. What is signed says that it means nothing, and is thrown away. No
    /// try is spent; a key that wants a touch blinks until it gives up.
    ///
    /// # Errors
    /// [`signer_core::Error::Device`] for an answer that says neither.
    pub(crate) fn probe(&mut self, slot: Slot) -> Result<Probe> {
        let mut asked_for_the_pin = 0;
        for (kind, algorithm) in KINDS {
            let input = message::prepare(MESSAGE, algorithm, kind)?;
            match self.use_key(slot, kind, &input) {
                Ok(_) => return Ok(Probe::Occupied),
                Err(error) => match error.meaning() {
                    Some(Meaning::Unauthorised) => asked_for_the_pin += 1,
                    // Also a kind that this firmware does not have, and a slot.
                    Some(meaning) if says_there_is_none(meaning) => {}
                    _ => {
                        let name = &self.identity().name;
                        return Err(error.doing(format!("looking for a key in {slot} of {name}")));
                    }
                },
            }
        }
        Ok(match asked_for_the_pin {
            0 => Probe::Empty,
            all if all == KINDS.len() => Probe::Untold,
            _ => Probe::Occupied,
        })
    }
}

/// The kinds of firmware before 5.3; the likelier first.
const KINDS: [(KeyAlgorithm, SignatureAlgorithm); 4] = [
    (KeyAlgorithm::P256, SignatureAlgorithm::EcdsaP256Sha256),
    (KeyAlgorithm::Rsa2048, SignatureAlgorithm::RsaPkcs1Sha256),
    (KeyAlgorithm::P384, SignatureAlgorithm::EcdsaP384Sha384),
    (KeyAlgorithm::Rsa1024, SignatureAlgorithm::RsaPkcs1Sha256),
];

const MESSAGE: &[u8] = b"Whether there is a key in this slot. This signature means nothing else.";

fn says_there_is_none(meaning: Meaning) -> bool {
    use Meaning::{BadData, BadReference, NotFound, TooLong, Unsupported};
    matches!(meaning, BadData | BadReference | NotFound | TooLong | Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Card;
    use crate::transport::InProcess;

    /// A card with firmware 4.2.6 that answers so to each kind of [`KINDS`].
    fn probed(answers: [&'static [u8]; 4]) -> Result<Probe> {
        let card = InProcess(move |command: &[u8]| match command {
            [_, 0xa4, ..] => b"4.2.6\x90\x00".to_vec(),
            [_, 0x1d, ..] => b"\x05\x05\x03\x04\x02\x06\x90\x00".to_vec(),
            [0x00, 0x87, number, 0x9c, ..] => {
                let at = KINDS.iter().position(|(kind, _)| kind.number() == *number).unwrap();
                answers[at].to_vec()
            }
            other => panic!("{other:02x?}"),
        });
        let card = Card::open("a test", Box::new(card)).unwrap();
        let mut transaction = card.transaction().unwrap();
        transaction.probe(Slot::SIGNATURE)
    }

    #[test]
    fn a_key_shows_by_asking_for_the_pin_or_by_signing() {
        const NONE: &[u8] = &[0x6a, 0x80];
        const PIN: &[u8] = &[0x69, 0x82];
        const SIGNED: &[u8] = &[0x7c, 0x03, 0x82, 0x01, 0x05, 0x90, 0x00];
        assert_eq!(probed([NONE; 4]).unwrap(), Probe::Empty);
        for at in 0..4 {
            for told in [PIN, SIGNED] {
                let mut answers = [NONE; 4];
                answers[at] = told;
                assert_eq!(probed(answers).unwrap(), Probe::Occupied, "{answers:02x?}");
            }
        }
        assert_eq!(probed([PIN; 4]).unwrap(), Probe::Untold);
        assert!(probed([NONE, &[0x6f, 0x00], NONE, NONE]).is_err());
    }
}
