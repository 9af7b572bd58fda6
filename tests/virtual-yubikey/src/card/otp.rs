//! The OTP applet, as far as it tells the serial number: the only way to it below firmware 5.

use super::command::Command;
use super::status::{Answer, Status};
use crate::model::Facts;

/// What SELECT answers: version, programming sequence, touch level.
pub(super) fn select(facts: &Facts) -> Vec<u8> {
    // The applets of a NEO have versions of their own; this one goes by the key's.
    let [major, minor, patch] = if facts.firmware < [4, 0, 0] { [3, 4, 0] } else { facts.firmware };
    vec![major, minor, patch, 0x00, 0x00, 0x00]
}

/// Executes a command.
pub(super) fn execute(command: &Command, facts: &Facts, serial: u32) -> Answer {
    match (command.ins, command.p1) {
        (0x01, 0x10) => Ok(serial.to_be_bytes().to_vec()),
        (0x01, _) => Err(Status::WRONG_P1_P2),
        (0x03, _) => Ok(select(facts)),
        _ => Err(Status::UNKNOWN_INSTRUCTION),
    }
}
