//! The PIV applet.

mod authenticate;
mod data;
mod keys;
mod management_key;
mod metadata;
mod pin;
mod reference;
mod state;

use std::mem;

use super::command::Command;
use super::status::{Answer, Status};
use super::switches::Switches;
use super::touch::Contact;
use crate::model::{Facts, Model};

pub use management_key::ManagementAlgorithm;
pub(crate) use state::State;

/// What SELECT answers (SP 800-73-5 part 2, table 3; shorter, as Yubico has it).
const APPLICATION_PROPERTIES: &[u8] =
    b"\x61\x11\x4F\x06\x00\x00\x10\x00\x01\x00\x79\x07\x4F\x05\xA0\x00\x00\x03\x08";

/// The applet: what it keeps, and what it forgets without power.
pub(super) struct Piv {
    pub(super) facts: &'static Facts,
    pub(super) serial: u32,
    pub(super) switches: Switches,
    pub(super) contact: Contact,
    state: State,
    changed: bool,
    session: Session,
}

/// What was shown since the applet was selected.
#[derive(Debug, Default)]
struct Session {
    pin_verified: bool,
    /// The PIN was verified by the command just before.
    pin_fresh: bool,
    management: bool,
    handshake: Option<management_key::Handshake>,
}

impl Piv {
    pub(super) fn new(model: Model, serial: u32, state: State) -> Self {
        let facts = model.facts();
        Self {
            facts,
            serial,
            switches: Switches::of(facts),
            contact: Contact::new(),
            state,
            changed: false,
            session: Session::default(),
        }
    }

    /// What SELECT answers.
    pub(super) fn select(&mut self) -> Vec<u8> {
        self.session.handshake = None;
        APPLICATION_PROPERTIES.to_vec()
    }

    /// Forgets the PIN, the management key and what is under way.
    pub(super) fn forget_session(&mut self) {
        self.session = Session::default();
    }

    /// Something came in that is no PIV command.
    pub(super) fn disturb(&mut self) {
        self.session.pin_fresh = false;
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Whether the state changed since this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        mem::take(&mut self.changed)
    }

    /// Executes a whole command.
    pub(super) fn execute(&mut self, command: &Command) -> Answer {
        let pin_fresh = mem::take(&mut self.session.pin_fresh);
        let facts = self.facts;
        match command.ins {
            0x20 => self.verify(command),
            0x24 => self.change_reference(command),
            0x2C => self.reset_retry_counter(command),
            0x47 => self.generate(command),
            0x87 if command.p2 == management_key::REFERENCE => {
                self.authenticate_management(command)
            }
            0x87 => self.authenticate(command, pin_fresh),
            0xCB => self.get_data(command),
            0xDB => self.put_data(command),
            0xF6 if facts.moves => self.move_key(command),
            0xF7 if facts.metadata => self.metadata(command),
            0xF8 if facts.serial_command => Ok(self.serial.to_be_bytes().to_vec()),
            0xF9 if facts.attestation => self.attest(command),
            0xFA => self.set_retries(command),
            0xFB => self.reset(command),
            0xFD => Ok(facts.firmware.to_vec()),
            0xFE => self.import(command),
            0xFF => self.set_management_key(command),
            _ => Err(Status::UNKNOWN_INSTRUCTION),
        }
    }

    /// The state, to change it.
    fn state_mut(&mut self) -> &mut State {
        self.changed = true;
        &mut self.state
    }

    fn require_management(&self) -> Result<(), Status> {
        if self.session.management { Ok(()) } else { Err(Status::SECURITY_STATUS) }
    }

    /// RESET: only when PIN and PUK are both blocked.
    fn reset(&mut self, command: &Command) -> Answer {
        match (command.p1, command.p2) {
            _ if self.state.pin.left() > 0 || self.state.puk.left() > 0 => Err(Status::CONDITIONS),
            (0, 0) => {
                let facts = self.facts;
                self.state_mut().reset(facts);
                self.forget_session();
                Ok(Vec::new())
            }
            _ => Err(Status::WRONG_P1_P2),
        }
    }
}
