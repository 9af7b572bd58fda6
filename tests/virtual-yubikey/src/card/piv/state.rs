//! What the applet keeps without power.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::management_key::ManagementKey;
use super::reference::{DEFAULT_PIN, DEFAULT_PUK, DEFAULT_TRIES, Reference};
use crate::card::object::DataObject;
use crate::card::octets::Octets;
use crate::card::tlv::element;
use crate::model::Facts;
use crate::{Attestor, FactoryFacts, Origin, PinPolicy, PrivateKey, Slot, TouchPolicy};

/// The certificate in a certificate object.
pub(super) const CERTIFICATE: u32 = 0x70;

/// PIN, PUK, management key, keys and objects.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) pin: Reference,
    pub(super) puk: Reference,
    /// A PIN or PUK was changed since the last reset.
    pub(super) references_changed: bool,
    pub(super) management: ManagementKey,
    pub(super) keys: BTreeMap<Slot, SlotKey>,
    /// By the number of their tag; never empty ones.
    pub(super) objects: BTreeMap<u32, Octets>,
}

/// A key in a slot.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SlotKey {
    pub(super) key: PrivateKey,
    pub(super) pin_policy: PinPolicy,
    pub(super) touch_policy: TouchPolicy,
    pub(super) origin: Origin,
}

impl State {
    /// As it leaves the factory.
    pub(crate) fn manufactured(facts: &Facts, serial: u32) -> Self {
        let mut state = Self::factory(facts);
        if facts.attestation {
            let attestor = Attestor::manufacture(&FactoryFacts {
                firmware: facts.firmware,
                serial,
                form_factor: facts.form_factor_octet(),
                fips: facts.fips,
            });
            let key = SlotKey {
                key: attestor.key().clone(),
                pin_policy: PinPolicy::Never,
                touch_policy: TouchPolicy::Never,
                origin: Origin::Imported,
            };
            let certificate = element(CERTIFICATE, attestor.certificate());
            state.keys.insert(Slot::ATTESTATION, key);
            let object = DataObject::ATTESTATION_CERTIFICATE.number();
            state.objects.insert(object, Octets(certificate));
        }
        state
    }

    /// The same, but for slot F9.
    fn factory(facts: &Facts) -> Self {
        Self {
            pin: Reference::new(DEFAULT_PIN, DEFAULT_TRIES),
            puk: Reference::new(DEFAULT_PUK, DEFAULT_TRIES),
            references_changed: false,
            management: ManagementKey::factory(facts),
            keys: BTreeMap::new(),
            objects: BTreeMap::new(),
        }
    }

    /// All back to the factory's, but the key and certificate of slot F9, whoever made them.
    pub(super) fn reset(&mut self, facts: &Facts) {
        let Self { mut keys, mut objects, .. } = std::mem::replace(self, Self::factory(facts));
        keys.retain(|slot, _| *slot == Slot::ATTESTATION);
        objects.retain(|tag, _| *tag == DataObject::ATTESTATION_CERTIFICATE.number());
        (self.keys, self.objects) = (keys, objects);
    }

    /// PIN, PUK and management key are all other than in the factory.
    pub(crate) fn has_own_secrets(&self, facts: &Facts) -> bool {
        !self.pin.is(DEFAULT_PIN) && !self.puk.is(DEFAULT_PUK) && !self.management.is_factory(facts)
    }

    /// Octets of all other objects together.
    pub(super) fn memory_used_without(&self, object: DataObject) -> usize {
        let others = self.objects.iter().filter(|(number, _)| **number != object.number());
        others.map(|(_, octets)| octets.0.len()).sum()
    }
}
