//! Making, importing, deleting, moving and attesting keys.

use signer_core::{
    Error, KeyInfo, KeyManager, KeyOrigin, KeyPolicy, KeyRef, KeySpec, PinPolicy, Result, Secret,
    SubjectPublicKeyInfoOwned, TouchPolicy,
};

use super::{Found, YubiKeyToken, stored_certificate};
use crate::advice::check_generation;
use crate::algorithm::KeyAlgorithm;
use crate::attestation::{Attestation, AttestationError, TrustAnchors};
use crate::card::Transaction;
use crate::piv::needs_firmware;
use crate::private_key::PrivateKey;
use crate::slot::Slot;

impl KeyManager for YubiKeyToken {
    fn generate(&mut self, key: &KeyRef, spec: KeySpec, policy: KeyPolicy) -> Result<KeyInfo> {
        let slot = Slot::of(key)?;
        let version = self.card.identity().version;
        check_generation(spec, version)?;
        let algorithm = KeyAlgorithm::of(spec, version)?;
        let mut transaction = self.asker.manage()?;
        refuse_occupied(&mut transaction, slot)?;
        self.asker.advise(spec, Some(KeyOrigin::Generated));
        let public_key = transaction.generate(slot, algorithm, policy)?;
        self.describe(slot, public_key, policy, KeyOrigin::Generated)
    }

    fn import(
        &mut self,
        key: &KeyRef,
        private_key_info: &Secret,
        policy: KeyPolicy,
    ) -> Result<KeyInfo> {
        let slot = Slot::of(key)?;
        let private_key = PrivateKey::read(private_key_info)?;
        let algorithm = KeyAlgorithm::of(private_key.spec, self.card.identity().version)?;
        let mut transaction = self.asker.manage()?;
        refuse_occupied(&mut transaction, slot)?;
        self.asker.advise(private_key.spec, Some(KeyOrigin::Imported));
        transaction.import(slot, algorithm, &private_key.parts(), policy)?;
        let public_key = private_key.public_key.clone();
        self.describe(slot, public_key, policy, KeyOrigin::Imported)
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
        refuse_occupied(&mut transaction, to)?;
        transaction.move_key(from, to)
    }

    /// The attestation, made now, and the card's own certificate that it was signed with.
    fn attest(&mut self, key: &KeyRef) -> Result<Vec<Vec<u8>>> {
        let slot = self.slot(key)?;
        let identity = self.card.identity();
        if !identity.version.has_attestation() {
            return Err(needs_firmware("attesting a key", "4.3.0"));
        }
        let mut transaction = self.card.transaction()?;
        let leaf = transaction.attest(slot)?.ok_or_else(|| Error::NotFound {
            what: format!("a key that {} made itself in {slot}", identity.name),
        })?;
        let card = stored_certificate(&mut transaction, Slot::ATTESTATION)?.ok_or_else(|| {
            Error::NotFound { what: format!("the attestation certificate of {}", identity.name) }
        })?;
        Ok(vec![leaf, card])
    }
}

impl YubiKeyToken {
    /// The attestation of a slot's key, believed only when it leads to one of the anchors and is
    /// about this card, this slot and the key that is in it now.
    ///
    /// # Errors
    /// [`Error::Device`] with an [`AttestationError`], or as [`KeyManager::attest`];
    /// [`Error::AnotherKey`] when the slot holds another key by now.
    pub fn attestation(&mut self, key: &KeyRef, anchors: &TrustAnchors) -> Result<Attestation> {
        let slot = self.slot(key)?;
        let chain = self.attest(key)?;
        let doing = || format!("checking the attestation of {slot} of {}", self.info.model);
        let refused =
            |error: AttestationError| Error::Device { doing: doing(), source: Box::new(error) };
        let [leaf, card] = chain.as_slice() else {
            return Err(refused(AttestationError::Missing { what: "card's certificate" }));
        };
        let attestation = Attestation::verify(leaf, card, anchors).map_err(refused)?;
        if attestation.slot != slot {
            return Err(refused(AttestationError::Missing { what: "slot" }));
        }
        // A card that hides its serial number does so here too.
        if attestation.serial.is_some() && attestation.serial != self.card.identity().serial {
            return Err(refused(AttestationError::NotByThisCard));
        }
        let found = Found::need(&mut self.card.transaction()?, slot)?;
        super::certificates::same_key(&attestation.public_key, &found.public_key, slot)?;
        Ok(attestation)
    }

    /// What was not asked for is the slot's default. Keys of the FIPS series always want the PIN.
    fn describe(
        &self,
        slot: Slot,
        public_key: SubjectPublicKeyInfoOwned,
        asked: KeyPolicy,
        origin: KeyOrigin,
    ) -> Result<KeyInfo> {
        let default = match slot.default_pin_policy() {
            PinPolicy::Never if self.card.identity().is_fips => PinPolicy::Once,
            default => default,
        };
        let policy = KeyPolicy {
            pin: asked.pin.or(Some(default)),
            touch: asked.touch.or(Some(TouchPolicy::Never)),
        };
        let spec = KeySpec::of(&public_key)?;
        Ok(KeyInfo { key: slot.key_ref(), spec, public_key, policy, origin: Some(origin) })
    }

    fn need_fifth_series(&self, operation: &str) -> Result<()> {
        match self.card.identity().version.has_fifth_series_extras() {
            true => Ok(()),
            false => Err(needs_firmware(operation, "5.7.0")),
        }
    }
}

/// The card overwrites in silence. Before firmware 5.3 a key that was imported without a certificate
/// cannot be seen, and is overwritten.
fn refuse_occupied(transaction: &mut Transaction<'_>, slot: Slot) -> Result<()> {
    match Found::read(transaction, slot)? {
        None => Ok(()),
        Some(_) => Err(Error::AlreadyExists {
            what: format!("a key in {slot} of {}", transaction.identity().name),
        }),
    }
}
