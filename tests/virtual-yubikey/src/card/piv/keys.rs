//! GENERATE, IMPORT, MOVE and ATTEST.

use super::Piv;
use super::state::{CERTIFICATE, SlotKey};
use crate::card::command::Command;
use crate::card::object::DataObject;
use crate::card::status::{Answer, Status};
use crate::card::tlv::{element, only, read, read_all};
use crate::{Algorithm, Origin, PinPolicy, PrivateKey, Slot, Statement, TouchPolicy, attest};

const PUBLIC_KEY: u32 = 0x7F49;
const CONTROL: u32 = 0xAC;
const ALGORITHM: u32 = 0x80;
const PIN_POLICY: u32 = 0xAA;
const TOUCH_POLICY: u32 = 0xAB;
/// MOVE to here deletes.
const NOWHERE: u8 = 0xFF;

impl Piv {
    /// GENERATE `47 00 slot`: `AC L 80 01 alg [AA 01 pin] [AB 01 touch]`.
    ///
    /// What was in the slot is gone; a certificate for it stays, as on the hardware.
    pub(super) fn generate(&mut self, command: &Command) -> Answer {
        self.require_management()?;
        let slot = self.slot(command.p2)?;
        if command.p1 != 0 {
            return Err(Status::WRONG_P1_P2);
        }
        let control = only(&command.data, CONTROL).and_then(read_all).ok_or(Status::WRONG_DATA)?;
        let mut algorithm = None;
        let mut policies = Policies::default_of(slot, self.facts.fips);
        for part in control {
            match (part.tag, part.value) {
                (ALGORITHM, [id]) => algorithm = Some(self.algorithm(*id)?),
                (PIN_POLICY | TOUCH_POLICY, value) => {
                    self.take_policy(&mut policies, part.tag, value)?
                }
                _ => return Err(Status::WRONG_DATA),
            }
        }
        let key = PrivateKey::generate(algorithm.ok_or(Status::WRONG_DATA)?);
        let answer = element(PUBLIC_KEY, &key.public_key_tlvs());
        self.state_mut().keys.insert(slot, policies.of_key(key, Origin::Generated));
        Ok(answer)
    }

    /// IMPORT `FE alg slot`: the parts of the key, then policies as in GENERATE.
    pub(super) fn import(&mut self, command: &Command) -> Answer {
        self.require_management()?;
        let slot = self.slot(command.p2)?;
        let algorithm = self.algorithm(command.p1)?;
        let mut policies = Policies::default_of(slot, self.facts.fips);
        let mut parts = Vec::new();
        for part in read_all(&command.data).ok_or(Status::WRONG_DATA)? {
            match (part.tag, u8::try_from(part.tag)) {
                (PIN_POLICY | TOUCH_POLICY, _) => {
                    self.take_policy(&mut policies, part.tag, part.value)?
                }
                (_, Ok(tag @ 0x01..=0x08)) => parts.push((tag, part.value)),
                _ => return Err(Status::WRONG_DATA),
            }
        }
        let key = PrivateKey::import(algorithm, &parts).map_err(|_| Status::WRONG_DATA)?;
        self.state_mut().keys.insert(slot, policies.of_key(key, Origin::Imported));
        Ok(Vec::new())
    }

    /// MOVE `F6 to from`; `FF` as the target deletes. The certificates stay where they are, and the
    /// key of F9 can be deleted only.
    pub(super) fn move_key(&mut self, command: &Command) -> Answer {
        self.require_management()?;
        let from = self.slot(command.p2)?;
        let to = match command.p1 {
            NOWHERE => None,
            reference => Some(self.slot(reference)?),
        };
        if to.is_some() && (to == Some(Slot::ATTESTATION) || from == Slot::ATTESTATION) {
            return Err(Status::NO_SLOT);
        }
        if !self.state.keys.contains_key(&from) {
            return Err(Status::NO_REFERENCE);
        }
        if to.is_some_and(|to| self.state.keys.contains_key(&to)) {
            return Err(Status::WRONG_DATA);
        }
        let keys = &mut self.state_mut().keys;
        if let (Some(key), Some(to)) = (keys.remove(&from), to) {
            keys.insert(to, key);
        }
        Ok(Vec::new())
    }

    /// ATTEST `F9 slot 00`: a certificate, for a key that was made here.
    pub(super) fn attest(&mut self, command: &Command) -> Answer {
        let slot = self.slot(command.p1)?;
        if command.p2 != 0 || slot == Slot::ATTESTATION {
            return Err(Status::WRONG_DATA);
        }
        let generated = |key: &&SlotKey| key.origin == Origin::Generated;
        let subject = self.state.keys.get(&slot).filter(generated).ok_or(Status::WRONG_DATA)?;
        let signer = self.state.keys.get(&Slot::ATTESTATION).ok_or(Status::WRONG_DATA)?;
        let certificate = self.state.objects.get(&DataObject::ATTESTATION_CERTIFICATE.number());
        let certificate =
            certificate.and_then(|object| read(&object.0)).map(|(element, _)| element);
        let certificate = certificate.filter(|element| element.tag == CERTIFICATE);
        let certificate = certificate.ok_or(Status::WRONG_DATA)?;
        let statement = Statement {
            slot,
            key: &subject.key,
            pin_policy: subject.pin_policy,
            touch_policy: subject.touch_policy,
            firmware: self.facts.firmware,
            serial: self.serial,
            form_factor: self.facts.form_factor_octet(),
        };
        attest(&signer.key, certificate.value, &statement).map_err(|_| Status::WRONG_DATA)
    }

    /// The slot of a key reference that this firmware has.
    pub(super) fn slot(&self, reference: u8) -> Result<Slot, Status> {
        let there = match reference {
            0x82..=0x95 => self.facts.retired_slots,
            0xF9 => self.facts.attestation,
            _ => true,
        };
        Slot::from_reference(reference).filter(|_| there).ok_or(Status::NO_SLOT)
    }

    fn algorithm(&self, id: u8) -> Result<Algorithm, Status> {
        let known = Algorithm::from_id(id);
        known.filter(|kind| self.facts.algorithms.contains(kind)).ok_or(Status::WRONG_DATA)
    }

    fn take_policy(&self, policies: &mut Policies, tag: u32, value: &[u8]) -> Result<(), Status> {
        let facts = self.facts;
        match (tag, value) {
            _ if !facts.policies => return Err(Status::WRONG_DATA),
            // As if it were not there.
            (_, [0]) => {}
            (PIN_POLICY, [1]) if !facts.fips => policies.pin = PinPolicy::Never,
            (PIN_POLICY, [2]) => policies.pin = PinPolicy::Once,
            (PIN_POLICY, [3]) => policies.pin = PinPolicy::Always,
            (TOUCH_POLICY, [1]) => policies.touch = TouchPolicy::Never,
            (TOUCH_POLICY, [2]) => policies.touch = TouchPolicy::Always,
            (TOUCH_POLICY, [3]) if facts.touch_cached => policies.touch = TouchPolicy::Cached,
            _ => return Err(Status::WRONG_DATA),
        }
        Ok(())
    }
}

/// What a new key will ask for.
struct Policies {
    pin: PinPolicy,
    touch: TouchPolicy,
}

impl Policies {
    fn default_of(slot: Slot, fips: bool) -> Self {
        let pin = match slot {
            Slot::SIGNATURE => PinPolicy::Always,
            Slot::CARD_AUTHENTICATION if !fips => PinPolicy::Never,
            _ => PinPolicy::Once,
        };
        Self { pin, touch: TouchPolicy::Never }
    }

    fn of_key(&self, key: PrivateKey, origin: Origin) -> SlotKey {
        SlotKey { key, pin_policy: self.pin, touch_policy: self.touch, origin }
    }
}
