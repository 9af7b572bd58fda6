//! The management key: GENERAL AUTHENTICATE on 9B, and SET MANAGEMENT KEY.

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;
use serde::{Deserialize, Serialize};

use super::Piv;
use crate::TouchPolicy;
use crate::card::command::Command;
use crate::card::octets::Octets;
use crate::card::status::{Answer, Status};
use crate::card::tlv::{Element, element, only, read_all};
use crate::model::Facts;

/// Its key reference.
pub(super) const REFERENCE: u8 = 0x9B;

/// In the factory: 1 to 8, three times.
const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

const DYNAMIC_TEMPLATE: u32 = 0x7C;
const WITNESS: u32 = 0x80;
const CHALLENGE: u32 = 0x81;
const RESPONSE: u32 = 0x82;

/// A kind of management key, by its PIV algorithm identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum ManagementAlgorithm {
    Tdes = 0x03,
    Aes128 = 0x08,
    Aes192 = 0x0A,
    Aes256 = 0x0C,
}

/// The key that GENERATE, IMPORT, PUT DATA and others ask for.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ManagementKey {
    pub(super) algorithm: ManagementAlgorithm,
    pub(super) touch: TouchPolicy,
    key: Octets,
}

/// What the card waits for; good for one answer.
#[derive(Debug)]
pub(super) enum Handshake {
    /// The deciphered witness, and a challenge for the card.
    Witness(Vec<u8>),
    /// The enciphered challenge.
    Challenge(Vec<u8>),
}

impl ManagementAlgorithm {
    /// Its identifier.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The kind of an identifier; `00` is another name of 3DES.
    pub fn from_id(id: u8) -> Option<Self> {
        let all = [Self::Tdes, Self::Aes128, Self::Aes192, Self::Aes256];
        all.into_iter().find(|kind| kind.id() == id || id == 0 && *kind == Self::Tdes)
    }

    /// Octets of a key.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Tdes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    fn block_length(self) -> usize {
        if self == Self::Tdes { 8 } else { 16 }
    }
}

impl ManagementKey {
    pub(super) fn factory(facts: &Facts) -> Self {
        let algorithm = facts.default_management;
        Self { algorithm, touch: TouchPolicy::Never, key: Octets(FACTORY.to_vec()) }
    }

    /// Whether kind and octets are those of the factory.
    pub(super) fn is_factory(&self, facts: &Facts) -> bool {
        self.algorithm == facts.default_management && self.key.0 == FACTORY
    }

    /// Enciphers one block; none when it has another length.
    fn encipher(&self, block: &[u8]) -> Option<Vec<u8>> {
        match self.algorithm {
            ManagementAlgorithm::Tdes => encipher::<TdesEde3>(&self.key.0, block),
            ManagementAlgorithm::Aes128 => encipher::<Aes128>(&self.key.0, block),
            ManagementAlgorithm::Aes192 => encipher::<Aes192>(&self.key.0, block),
            ManagementAlgorithm::Aes256 => encipher::<Aes256>(&self.key.0, block),
        }
    }
}

impl Piv {
    /// GENERAL AUTHENTICATE `87 alg 9B`, mutual (80, then 80 and 81) or single (81, then 82).
    pub(super) fn authenticate_management(&mut self, command: &Command) -> Answer {
        let handshake = self.session.handshake.take();
        let algorithm = self.state.management.algorithm;
        if ManagementAlgorithm::from_id(command.p1) != Some(algorithm) {
            return Err(Status::WRONG_DATA);
        }
        let template = only(&command.data, DYNAMIC_TEMPLATE).and_then(read_all);
        let template = template.ok_or(Status::WRONG_DATA)?;
        match template.as_slice() {
            [Element { tag: WITNESS, value: [] }] => {
                let witness = random(algorithm.block_length())?;
                let answer = self.encipher(&witness)?;
                self.session.handshake = Some(Handshake::Witness(witness));
                Ok(template_of(WITNESS, &answer))
            }
            [Element { tag: CHALLENGE, value: [] }] => {
                let challenge = random(algorithm.block_length())?;
                let answer = template_of(CHALLENGE, &challenge);
                self.session.handshake = Some(Handshake::Challenge(challenge));
                Ok(answer)
            }
            [
                Element { tag: WITNESS, value: witness },
                Element { tag: CHALLENGE, value: challenge },
                ..,
            ] => {
                let expected = match handshake {
                    Some(Handshake::Witness(expected)) => expected,
                    _ => return Err(Status::SECURITY_STATUS),
                };
                let answer = self.encipher(challenge)?;
                self.admit(*witness == expected.as_slice())?;
                Ok(template_of(RESPONSE, &answer))
            }
            [Element { tag: RESPONSE, value: response }] => {
                let expected = match handshake {
                    Some(Handshake::Challenge(challenge)) => self.encipher(&challenge)?,
                    _ => return Err(Status::SECURITY_STATUS),
                };
                self.admit(*response == expected.as_slice())?;
                Ok(Vec::new())
            }
            _ => Err(Status::WRONG_DATA),
        }
    }

    /// SET MANAGEMENT KEY `FF FF touch`: algorithm, 9B, length, key.
    pub(super) fn set_management_key(&mut self, command: &Command) -> Answer {
        self.require_management()?;
        let touch = match (command.p1, command.p2) {
            (0xFF, 0xFF) => TouchPolicy::Never,
            (0xFF, 0xFE) if self.facts.policies => TouchPolicy::Always,
            (0xFF, 0xFD) if self.facts.touch_cached => TouchPolicy::Cached,
            _ => return Err(Status::WRONG_P1_P2),
        };
        let [id, REFERENCE, length, key @ ..] = command.data.as_slice() else {
            return Err(Status::WRONG_DATA);
        };
        let algorithm = ManagementAlgorithm::from_id(*id)
            .filter(|kind| self.facts.management_algorithms.contains(kind))
            .filter(|kind| usize::from(*length) == key.len() && key.len() == kind.key_length())
            .ok_or(Status::WRONG_DATA)?;
        self.state_mut().management = ManagementKey { algorithm, touch, key: Octets(key.to_vec()) };
        Ok(Vec::new())
    }

    /// Notes who showed the right key, once the card was touched where that is asked for.
    fn admit(&mut self, right: bool) -> Result<(), Status> {
        let touch = self.state.management.touch;
        self.session.management = right && self.contact.allows(touch, self.facts.touch_time_out);
        self.require_management()
    }

    fn encipher(&self, block: &[u8]) -> Answer {
        self.state.management.encipher(block).ok_or(Status::WRONG_DATA)
    }
}

fn encipher<C: KeyInit + BlockCipherEncrypt>(key: &[u8], block: &[u8]) -> Option<Vec<u8>> {
    let cipher = C::new_from_slice(key).ok()?;
    let mut block = Array::<u8, C::BlockSize>::try_from(block).ok()?;
    cipher.encrypt_block(&mut block);
    Some(block.to_vec())
}

fn random(length: usize) -> Answer {
    let mut octets = vec![0; length];
    getrandom::fill(&mut octets).map_err(|_| Status::MEMORY_FAILURE)?;
    Ok(octets)
}

fn template_of(tag: u32, value: &[u8]) -> Vec<u8> {
    element(DYNAMIC_TEMPLATE, &element(tag, value))
}
