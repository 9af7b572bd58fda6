//! Making, importing, deleting, moving and attesting keys.

use signer_core::{
    Attested, Cause, Error, Event, KeyInfo, KeyManager, KeyOrigin, KeyPolicy, KeyRef, KeySpec,
    Result, Secret, SubjectPublicKeyInfoOwned, TouchPolicy,
};

use super::{Found, YubiKeyToken, stored_certificate};
use crate::advice::check_generation;
use crate::algorithm::KeyAlgorithm;
use crate::attestation::{Attestation, AttestationError, TrustAnchors};
use crate::card::Transaction;
use crate::model::Model;
use crate::piv::{Probe, needs_firmware};
use crate::private_key::PrivateKey;
use crate::slot::Slot;

impl KeyManager for YubiKeyToken {
    fn generate(&mut self, key: &KeyRef, spec: KeySpec, policy: KeyPolicy) -> Result<KeyInfo> {
        let slot = Slot::of(key)?;
        let model = self.card.model()?;
        let version = model.version;
        check_generation(spec, version)?;
        let algorithm = KeyAlgorithm::of(spec, version)?;
        let mut transaction = self.asker.manage()?;
        self.refuse_occupied(&mut transaction, slot)?;
        self.asker.advise(spec, Some(KeyOrigin::Generated), version);
        let public_key = transaction.generate(slot, algorithm, policy)?;
        let key = describe(model, slot, public_key, policy, KeyOrigin::Generated)?;
        if !version.has_attestation() {
            let told = format!(
                "firmware {version} tells no later run what the public half of this key is, until \
                 a certificate is stored with it"
            );
            self.asker.tell(Event::Advice { token: &self.card.identity().name, text: &told });
        }
        remember(&mut transaction, &key);
        Ok(key)
    }

    fn import(
        &mut self,
        key: &KeyRef,
        private_key_info: &Secret,
        policy: KeyPolicy,
    ) -> Result<KeyInfo> {
        let slot = Slot::of(key)?;
        let private_key = PrivateKey::read(private_key_info)?;
        let model = self.card.model()?;
        let algorithm = KeyAlgorithm::of(private_key.spec, model.version)?;
        let mut transaction = self.asker.manage()?;
        self.refuse_occupied(&mut transaction, slot)?;
        self.asker.advise(private_key.spec, Some(KeyOrigin::Imported), model.version);
        transaction.import(slot, algorithm, &private_key.parts(), policy)?;
        let public_key = private_key.public_key.clone();
        let key = describe(model, slot, public_key, policy, KeyOrigin::Imported)?;
        remember(&mut transaction, &key);
        Ok(key)
    }

    fn delete(&mut self, key: &KeyRef) -> Result<()> {
        let slot = Slot::of(key)?;
        self.need_fifth_series("deleting a key")?;
        self.asker.manage()?.delete_key(slot)
    }

    fn relocate(&mut self, from: &KeyRef, to: &KeyRef) -> Result<()> {
        let (from, to) = (Slot::of(from)?, Slot::of(to)?);
        self.need_fifth_series("moving a key")?;
        let mut transaction = self.asker.manage()?;
        self.refuse_occupied(&mut transaction, to)?;
        transaction.move_key(from, to)
    }

    /// The attestation, made now, and the card's own certificate that it was signed with.
    fn attest(&mut self, key: &KeyRef) -> Result<Vec<Vec<u8>>> {
        let slot = self.slot(key)?;
        if !self.card.model()?.version.has_attestation() {
            return Err(needs_firmware("attesting a key", "4.3.0"));
        }
        let identity = self.card.identity();
        let mut transaction = self.card.transaction()?;
        let leaf = transaction.attest(slot)?.ok_or_else(|| Error::NotFound {
            what: format!("a key that {} made itself in {slot}", identity.name),
        })?;
        let card = stored_certificate(&mut transaction, Slot::ATTESTATION)?.ok_or_else(|| {
            Error::NotFound { what: format!("the attestation certificate of {}", identity.name) }
        })?;
        Ok(vec![leaf, card])
    }

    fn attestation(&mut self, key: &KeyRef, anchors: &[Vec<u8>]) -> Result<Attested> {
        let slot = self.slot(key)?;
        let certificates = self.attest(&slot.key_ref())?;
        let unreadable = |error: AttestationError| Error::Device {
            doing: format!("reading the attestation of {slot}"),
            source: Box::new(error),
        };
        let [leaf, card] = certificates.as_slice() else {
            return Err(unreadable(AttestationError::Missing { what: "card's certificate" }));
        };
        let said = Attestation::read(leaf).map_err(unreadable)?;
        let trusted = anchors.iter().try_fold(TrustAnchors::yubico(), |all, anchor| {
            all.with_root(anchor).map_err(unreadable)
        })?;
        let doubt = self.doubt(slot, leaf, card, &trusted)?;
        Ok(Attested {
            certificates,
            key: said.slot.key_ref(),
            public_key: said.public_key,
            policy: KeyPolicy { pin: Some(said.pin), touch: Some(said.touch) },
            serial: said.serial.map(|serial| serial.to_string()),
            version: said.version.to_string(),
            form_factor: said.form_factor.map(|form| form.to_string()),
            is_fips: said.is_fips,
            doubt,
        })
    }
}

impl YubiKeyToken {
    /// Why an attestation proves nothing of the key that is in the slot now; nothing when it does.
    fn doubt(
        &mut self,
        slot: Slot,
        leaf: &[u8],
        card: &[u8],
        anchors: &TrustAnchors,
    ) -> Result<Option<Cause>> {
        let attestation = match Attestation::verify(leaf, card, anchors) {
            Ok(attestation) => attestation,
            Err(doubt) => return Ok(Some(doubt.into())),
        };
        if attestation.slot != slot {
            return Ok(Some(AttestationError::AnotherSlot { slot: attestation.slot }.into()));
        }
        // A card that hides its serial number does so here too.
        if attestation.serial.is_some() && attestation.serial != self.card.identity().serial {
            return Ok(Some(AttestationError::NotByThisCard.into()));
        }
        let found = Found::need(&mut self.card.transaction()?, slot)?;
        let same = super::certificates::same_key(&attestation.public_key, &found.public_key, slot);
        Ok(same.err().map(Cause::from))
    }

    /// The card overwrites in silence, so a slot that is not empty is refused.
    fn refuse_occupied(&self, transaction: &mut Transaction<'_>, slot: Slot) -> Result<()> {
        let (name, version) = (&self.card.identity().name, transaction.model()?.version);
        let occupied = match Found::read(transaction, slot)? {
            Some(_) => true,
            None if version.has_metadata() => false,
            None => match transaction.probe(slot)? {
                Probe::Empty => false,
                Probe::Occupied => true,
                Probe::Untold => {
                    self.asker.tell(Event::Advice {
                        token: name,
                        text: &format!(
                            "firmware {version} does not tell whether there is a key in {slot}; if \
                             one was imported there without a certificate, it is overwritten now"
                        ),
                    });
                    false
                }
            },
        };
        match occupied {
            false => Ok(()),
            true => Err(Error::AlreadyExists { what: format!("a key in {slot} of {name}") }),
        }
    }

    fn need_fifth_series(&self, operation: &str) -> Result<()> {
        match self.card.model()?.version.has_fifth_series_extras() {
            true => Ok(()),
            false => Err(needs_firmware(operation, "5.7.0")),
        }
    }
}

/// What was not asked for is the slot's default.
fn describe(
    model: Model,
    slot: Slot,
    public_key: SubjectPublicKeyInfoOwned,
    asked: KeyPolicy,
    origin: KeyOrigin,
) -> Result<KeyInfo> {
    let policy = KeyPolicy {
        pin: asked.pin.or(Some(model.default_pin_policy(slot))),
        touch: asked.touch.or(Some(TouchPolicy::Never)),
    };
    let spec = KeySpec::of(&public_key)?;
    Ok(KeyInfo { key: slot.key_ref(), spec, public_key, policy, origin: Some(origin) })
}

/// In place of the key that was in the slot before.
fn remember(transaction: &mut Transaction<'_>, key: &KeyInfo) {
    let made = transaction.made();
    made.retain(|known| known.key != key.key);
    made.push(key.clone());
}
