//! The management applet: what the key is.

use super::command::Command;
use super::status::{Answer, Status};
use super::tlv::element;
use crate::model::Facts;

/// What SELECT answers.
pub(super) fn select(facts: &Facts) -> Vec<u8> {
    let [major, minor, patch] = facts.firmware;
    format!("Virtual mgr - FW version {major}.{minor}.{patch}").into_bytes()
}

/// Executes a command; `approved` is whether the key is in the approved mode of FIPS.
pub(super) fn execute(command: &Command, facts: &Facts, serial: u32, approved: bool) -> Answer {
    match (command.ins, command.p1, command.p2) {
        (0x1D, 0, 0) => Ok(configuration(facts, serial, approved)),
        (0x1D, ..) => Err(Status::WRONG_P1_P2),
        _ => Err(Status::UNKNOWN_INSTRUCTION),
    }
}

/// READ CONFIG: one octet of length, then elements.
fn configuration(facts: &Facts, serial: u32, approved: bool) -> Vec<u8> {
    let mut elements = Vec::new();
    let mut add = |tag, value: &[u8]| elements.extend(element(tag, value));
    let five = facts.firmware >= [5, 0, 0];
    let over_usb: &[u8] = if five { &[0x02, 0x3F] } else { &[0x3F] };
    add(0x01, over_usb);
    add(0x02, &serial.to_be_bytes());
    add(0x03, over_usb);
    if five {
        add(0x04, &[facts.form_factor_octet()]);
        add(0x05, &facts.firmware);
        add(0x0D, &[0x02, 0x3B]);
        add(0x0E, &[0x02, 0x3B]);
    }
    add(0x0A, &[0x00]);
    if facts.firmware >= [5, 7, 0] {
        // A mask of its own: PIV is bit 2 here.
        let piv = |yes: bool| [0x00, if yes { 0x02 } else { 0x00 }];
        add(0x14, &piv(facts.fips));
        add(0x15, &piv(approved));
        add(0x16, &[u8::from(facts.complexity)]);
        add(0x18, &[0x00, 0x00]);
    }
    let mut answer = vec![u8::try_from(elements.len()).unwrap_or(u8::MAX)];
    answer.extend(elements);
    answer
}
