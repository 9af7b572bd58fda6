//! GENERAL AUTHENTICATE with a private key: signatures, decryption, key agreement.

use super::Piv;
use crate::card::command::Command;
use crate::card::status::{Answer, Status};
use crate::card::tlv::{element, only, read_all};
use crate::{Algorithm, PinPolicy, Slot};

const DYNAMIC_TEMPLATE: u32 = 0x7C;
const CHALLENGE: u32 = 0x81;
const RESPONSE: u32 = 0x82;
const EXPONENTIATION: u32 = 0x85;

impl Piv {
    /// `87 alg slot`: `7C L 82 00 81 L data` (sign, decrypt) or `85 L point` (agree).
    ///
    /// `pin_fresh`: the command before was a VERIFY that succeeded.
    pub(super) fn authenticate(&mut self, command: &Command, pin_fresh: bool) -> Answer {
        let slot = self.slot(command.p2)?;
        let held = self.state.keys.get(&slot).filter(|_| slot != Slot::ATTESTATION);
        let held = held.ok_or(Status::WRONG_DATA)?;
        if Algorithm::from_id(command.p1) != Some(held.key.algorithm()) {
            return Err(Status::WRONG_DATA);
        }
        let template = only(&command.data, DYNAMIC_TEMPLATE).and_then(read_all);
        let template = template.ok_or(Status::WRONG_DATA)?;
        let mut inputs =
            template.iter().filter(|part| part.tag != RESPONSE || !part.value.is_empty());
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            return Err(Status::WRONG_DATA);
        };
        let allowed = match held.pin_policy {
            PinPolicy::Never => true,
            PinPolicy::Once => self.session.pin_verified,
            PinPolicy::Always => pin_fresh,
        };
        if !allowed {
            return Err(Status::SECURITY_STATUS);
        }
        // Before the touch: nobody is asked to touch for what will fail anyhow.
        let result = match input.tag {
            CHALLENGE => held.key.sign(input.value),
            EXPONENTIATION => held.key.agree(input.value),
            _ => return Err(Status::WRONG_DATA),
        };
        let result = result.map_err(|_| Status::WRONG_DATA)?;
        if !self.contact.allows(held.touch_policy, self.facts.touch_time_out) {
            return Err(Status::SECURITY_STATUS);
        }
        Ok(element(DYNAMIC_TEMPLATE, &element(RESPONSE, &result)))
    }
}
