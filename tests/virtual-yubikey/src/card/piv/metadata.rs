//! METADATA: what is in a slot, and how the PIN, PUK and management key are.

use super::Piv;
use super::management_key::REFERENCE as MANAGEMENT_KEY;
use super::reference::{DEFAULT_PIN, DEFAULT_PUK, Reference};
use crate::card::command::Command;
use crate::card::status::{Answer, Status};
use crate::card::tlv::element;

const ALGORITHM: u32 = 0x01;
const POLICY: u32 = 0x02;
const ORIGIN: u32 = 0x03;
const PUBLIC_KEY: u32 = 0x04;
const DEFAULT: u32 = 0x05;
const TRIES: u32 = 0x06;
/// The "algorithm" of a PIN or PUK.
const SECRET: u8 = 0xFF;

impl Piv {
    /// METADATA `F7 00 reference`.
    pub(super) fn metadata(&mut self, command: &Command) -> Answer {
        match (command.p1, command.p2) {
            (0, 0x80) => Ok(of_reference(&self.state.pin, DEFAULT_PIN)),
            (0, 0x81) => Ok(of_reference(&self.state.puk, DEFAULT_PUK)),
            (0, MANAGEMENT_KEY) => {
                let key = &self.state.management;
                Ok([
                    element(ALGORITHM, &[key.algorithm.id()]),
                    element(POLICY, &[0, key.touch as u8]),
                    element(DEFAULT, &[key.is_factory(self.facts).into()]),
                ]
                .concat())
            }
            (0, reference) => {
                let slot = self.slot(reference).map_err(|_| Status::NO_REFERENCE)?;
                let held = self.state.keys.get(&slot).ok_or(Status::NO_REFERENCE)?;
                Ok([
                    element(ALGORITHM, &[held.key.algorithm().id()]),
                    element(POLICY, &[held.pin_policy as u8, held.touch_policy as u8]),
                    element(ORIGIN, &[held.origin as u8]),
                    element(PUBLIC_KEY, &held.key.public_key_tlvs()),
                ]
                .concat())
            }
            _ => Err(Status::WRONG_P1_P2),
        }
    }
}

fn of_reference(reference: &Reference, default: [u8; 8]) -> Vec<u8> {
    [
        element(ALGORITHM, &[SECRET]),
        element(DEFAULT, &[reference.is(default).into()]),
        element(TRIES, &[reference.total(), reference.left()]),
    ]
    .concat()
}
