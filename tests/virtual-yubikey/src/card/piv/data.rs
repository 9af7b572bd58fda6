//! GET DATA and PUT DATA.

use super::Piv;
use crate::card::command::Command;
use crate::card::object::DataObject;
use crate::card::octets::Octets;
use crate::card::status::{Answer, Status};
use crate::card::tlv::{element, only, read};

const TAG_LIST: u32 = 0x5C;
const DATA: u32 = 0x53;

/// The discovery object: AID, and that the PIV PIN alone is in use (SP 800-73-5 part 1, table 18).
const DISCOVERY: &[u8] =
    b"\x7E\x12\x4F\x0B\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00\x5F\x2F\x02\x40\x00";

impl Piv {
    /// GET DATA `CB 3F FF`: `5C L tag`.
    pub(super) fn get_data(&mut self, command: &Command) -> Answer {
        check_header(command)?;
        let tag = only(&command.data, TAG_LIST).and_then(DataObject::from_tag);
        let tag = tag.ok_or(Status::WRONG_DATA)?;
        if tag == DataObject::DISCOVERY {
            return Ok(DISCOVERY.to_vec());
        }
        let object = self.state.objects.get(&tag.number()).ok_or(Status::NOT_FOUND)?;
        if tag.is_behind_the_pin() && !self.session.pin_verified {
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
            if self.state.objects.contains_key(&tag.number()) {
                self.state_mut().objects.remove(&tag.number());
            }
            return Ok(Vec::new());
        }
        if self.state.memory_used_without(tag) + data.len() > self.switches.memory {
            return Err(Status::NO_SPACE);
        }
        self.state_mut().objects.insert(tag.number(), Octets(data.to_vec()));
        Ok(Vec::new())
    }
}

fn check_header(command: &Command) -> Result<(), Status> {
    let right = (command.p1, command.p2) == (0x3F, 0xFF);
    if right { Ok(()) } else { Err(Status::WRONG_P1_P2) }
}

/// What PUT DATA names and brings; none for what is not written this way.
fn tag_and_data(data: &[u8]) -> Option<(DataObject, &[u8])> {
    let (list, rest) = read(data)?;
    let object = DataObject::from_tag(list.value).filter(|object| object.is_writable())?;
    (list.tag == TAG_LIST).then_some((object, only(rest, DATA)?))
}
