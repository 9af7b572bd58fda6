//! VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER and SET RETRIES.
//!
//! A try is spent in the state before anything is answered, and the state is kept before an answer
//! leaves the card (see [`super::super::Store`]).

use super::Piv;
use super::reference::{DEFAULT_PIN, DEFAULT_PUK, Kind, Reference, acceptable};
use crate::card::command::Command;
use crate::card::status::{Answer, Status};
use crate::card::switches::BlockedAnswer;

/// Key references (SP 800-73-5 part 1, table 4).
const PIN: u8 = 0x80;
const PUK: u8 = 0x81;

impl Piv {
    /// VERIFY `20`: `00 80` and 8 octets, or none to ask; `FF 80` to log out.
    pub(super) fn verify(&mut self, command: &Command) -> Answer {
        match (command.p2, command.p1, command.data.as_slice()) {
            (PIN, 0x00, []) => self.pin_status(),
            (PIN, 0xFF, []) if self.facts.logout => {
                self.session.pin_verified = false;
                Ok(Vec::new())
            }
            (PIN, 0x00, data) => {
                let pin = <[u8; 8]>::try_from(data).map_err(|_| Status::WRONG_DATA)?;
                self.session.pin_verified = false;
                self.check(Kind::Pin, pin)?;
                self.session.pin_verified = true;
                self.session.pin_fresh = true;
                Ok(Vec::new())
            }
            (PIN, ..) => Err(Status::WRONG_P1_P2),
            _ => Err(Status::NO_REFERENCE),
        }
    }

    /// CHANGE REFERENCE DATA `24 00 80|81`: old value and new.
    ///
    /// The old value comes first: a wrong one costs a try whatever the new one is, or a key with rules
    /// for PINs could not be blocked the way `ykman piv reset` does it, with empty values. A change
    /// does not verify the PIN.
    pub(super) fn change_reference(&mut self, command: &Command) -> Answer {
        let kind = match (command.p1, command.p2) {
            (0, PIN) => Kind::Pin,
            (0, PUK) => Kind::Puk,
            _ => return Err(Status::NO_REFERENCE),
        };
        let [old, new] = two_values(&command.data)?;
        let checked = self.check(kind, old);
        if kind == Kind::Pin && checked.is_err() {
            self.session.pin_verified = false;
        }
        checked?;
        self.change(kind, new)
    }

    /// RESET RETRY COUNTER `2C 00 80`: PUK and new PIN; also when the PIN is not blocked.
    pub(super) fn reset_retry_counter(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, PIN) {
            return Err(Status::NO_REFERENCE);
        }
        let [puk, new] = two_values(&command.data)?;
        self.check(Kind::Puk, puk)?;
        self.change(Kind::Pin, new)
    }

    /// SET RETRIES `FA pin puk`: both get new totals, and their factory values.
    pub(super) fn set_retries(&mut self, command: &Command) -> Answer {
        self.require_management()?;
        if !self.session.pin_verified {
            return Err(Status::SECURITY_STATUS);
        }
        if command.p1 == 0 || command.p2 == 0 {
            return Err(Status::WRONG_P1_P2);
        }
        if self.facts.fips && self.state.references_changed {
            return Err(Status::CONDITIONS);
        }
        *self.reference_mut(Kind::Pin) = Reference::new(DEFAULT_PIN, command.p1);
        *self.reference_mut(Kind::Puk) = Reference::new(DEFAULT_PUK, command.p2);
        self.session.pin_verified = false;
        Ok(Vec::new())
    }

    fn pin_status(&self) -> Answer {
        let left = self.state.pin.left();
        if self.session.pin_verified && self.facts.status_of_verified {
            Ok(Vec::new())
        } else if left == 0 && self.switches.blocked_status == BlockedAnswer::Blocked {
            Err(Status::BLOCKED)
        } else {
            Err(self.wrong(left))
        }
    }

    /// Compares a value with the PIN or PUK and pays for it.
    fn check(&mut self, kind: Kind, value: [u8; 8]) -> Result<(), Status> {
        let reference = self.reference(kind);
        if reference.left() == 0 {
            return Err(Status::BLOCKED);
        }
        if reference.is(value) {
            if !reference.is_full() {
                self.reference_mut(kind).refill();
            }
            return Ok(());
        }
        match self.reference_mut(kind).spend() {
            0 if self.switches.last_try == BlockedAnswer::Blocked => Err(Status::BLOCKED),
            left => Err(self.wrong(left)),
        }
    }

    /// Gives the PIN or PUK a new value, if the rules allow it.
    fn change(&mut self, kind: Kind, new: [u8; 8]) -> Answer {
        if !acceptable(kind, new, self.facts.pin_rules, self.switches.complexity) {
            return Err(Status::CONDITIONS);
        }
        self.reference_mut(kind).set(new);
        self.state_mut().references_changed = true;
        Ok(Vec::new())
    }

    fn reference(&self, kind: Kind) -> &Reference {
        match kind {
            Kind::Pin => &self.state.pin,
            Kind::Puk => &self.state.puk,
        }
    }

    fn reference_mut(&mut self, kind: Kind) -> &mut Reference {
        let state = self.state_mut();
        match kind {
            Kind::Pin => &mut state.pin,
            Kind::Puk => &mut state.puk,
        }
    }

    /// The status word of a wrong value; it has room for 15 tries.
    fn wrong(&self, left: u8) -> Status {
        Status(self.facts.wrong | u16::from(left.min(15)))
    }
}

fn two_values(data: &[u8]) -> Result<[[u8; 8]; 2], Status> {
    let (values, rest) = data.as_chunks();
    match values {
        [first, second] if rest.is_empty() => Ok([*first, *second]),
        _ => Err(Status::WRONG_DATA),
    }
}
