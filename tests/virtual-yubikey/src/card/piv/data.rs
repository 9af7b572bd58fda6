//! GET DATA and PUT DATA.

use super::Piv;
use super::state::ATTESTATION_CERTIFICATE;
use crate::card::command::Command;
use crate::card::octets::Octets;
use crate::card::status::{Answer, Status};
use crate::card::tlv::{element, only, read};

const TAG_LIST: u32 = 0x5C;
const DATA: u32 = 0x53;
const DISCOVERY: u32 = 0x7E;
/// Readable with the PIN alone: fingerprints, facial image, printed information, iris images.
const BEHIND_THE_PIN: [u32; 4] = [0x5F_C103, 0x5F_C108, 0x5F_C109, 0x5F_C121];

/// The discovery object: AID, and that the PIV PIN alone is in use (SP 800-73-5 part 1, table 18).
const DISCOVERY_OBJECT: &[u8] =
    b"\x7E\x12\x4F\x0B\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00\x5F\x2F\x02\x40\x00";

impl Piv {
    /// GET DATA `CB 3F FF`: `5C L tag`.
    pub(super) fn get_data(&mut self, command: &Command) -> Answer {
        check_header(command)?;
        let tag = only(&command.data, TAG_LIST).and_then(number).ok_or(Status::WRONG_DATA)?;
        if tag == DISCOVERY {
            return Ok(DISCOVERY_OBJECT.to_vec());
        }
        let object = self.state.objects.get(&tag).ok_or(Status::NOT_FOUND)?;
        if BEHIND_THE_PIN.contains(&tag) && !self.session.pin_verified {
            return Err(Status::SECURITY_STATUS);
        }
        Ok(element(DATA, &object.0))
    }

    /// PUT DATA `DB 3F FF`: `5C L tag 53 L data`; no data takes the object away.
    pub(super) fn put_data(&mut self, command: &Command) -> Answer {
        check_header(command)?;
        self.require_management()?;
        let (tag, data) = tag_and_data(&command.data).ok_or(Status::WRONG_DATA)?;
        if data.is_empty() {
            if self.state.objects.contains_key(&tag) {
                self.state_mut().objects.remove(&tag);
            }
            return Ok(Vec::new());
        }
        let before = self.state.objects.get(&tag).map_or(0, |object| object.0.len());
        let used =
            self.state.memory_used() - if tag == ATTESTATION_CERTIFICATE { 0 } else { before };
        if tag != ATTESTATION_CERTIFICATE && used + data.len() > self.switches.memory {
            return Err(Status::NO_SPACE);
        }
        self.state_mut().objects.insert(tag, Octets(data.to_vec()));
        Ok(Vec::new())
    }
}

fn check_header(command: &Command) -> Result<(), Status> {
    let right = (command.p1, command.p2) == (0x3F, 0xFF);
    if right { Ok(()) } else { Err(Status::WRONG_P1_P2) }
}

/// What PUT DATA names and brings; none for what is not written this way.
fn tag_and_data(data: &[u8]) -> Option<(u32, &[u8])> {
    let (list, rest) = read(data)?;
    let tag = number(list.value).filter(|tag| matches!(tag, 0x5F_0000..=0x5F_FFFF))?;
    (list.tag == TAG_LIST).then_some((tag, only(rest, DATA)?))
}

/// A tag of one to three octets as a number.
fn number(tag: &[u8]) -> Option<u32> {
    let sized = (1..=3).contains(&tag.len());
    sized.then(|| tag.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}
