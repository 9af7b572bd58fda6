//! What is done to the token as a whole.

use signer_core::{
    Administration, Contents, Error, KeySpec, ManagementKeyAlgorithm, ManagementKeyInfo,
    ManagementKeyProtection, NewManagementKey, Result, Retries, Secret, SecretKind, SecretRules,
    TouchPolicy,
};

use super::pins::refuse_equal;
use super::{Found, YubiKeyToken, is_on};
use crate::management_key::ManagementKey;
use crate::object::ObjectId;
use crate::pin;
use crate::piv::{check_retries, needs_firmware};
use crate::protected::{AdminData, protected_key};
use crate::slot::Slot;

impl Administration for YubiKeyToken {
    fn puk_rules(&self) -> SecretRules {
        pin::RULES
    }

    fn change_puk(&mut self, puk: &Secret, new_puk: &Secret) -> Result<()> {
        self.card.identity().refuse_bio("changing the PUK")?;
        refuse_equal(puk, new_puk, SecretKind::NewPuk)?;
        self.card.transaction()?.change_puk(&self.context.guard, puk, new_puk)
    }

    fn verify_for_retries(&mut self) -> Result<()> {
        self.asker.manage_with_pin().map(drop)
    }

    fn set_retries(&mut self, retries: Retries) -> Result<()> {
        self.card.identity().refuse_bio("setting the retry limits")?;
        check_retries(retries)?;
        self.asker.manage_with_pin()?.set_retries(retries)?;
        self.forget_faults();
        Ok(())
    }

    fn replace_factory_secrets(&mut self, new_pin: &Secret, new_puk: &Secret) -> Result<()> {
        let guard = self.context.guard.clone();
        let mut transaction = self.card.transaction()?;
        if transaction.tries(SecretKind::Pin)?.is_default != Some(false) {
            let factory = Secret::new(FACTORY_PIN.to_vec());
            let changed = transaction.change_pin(&guard, &factory, new_pin);
            // Setting the limits may follow, and wants the PIN that the token has now.
            if changed.is_ok() {
                *transaction.pin() = Some(Secret::new(new_pin.expose().to_vec()));
            }
            left_alone(changed)?;
        }
        if transaction.tries(SecretKind::Puk)?.is_default != Some(false) {
            let factory = Secret::new(FACTORY_PUK.to_vec());
            left_alone(transaction.change_puk(&guard, &factory, new_puk))?;
        }
        Ok(())
    }

    fn management_key(&mut self) -> Result<ManagementKeyInfo> {
        let mut transaction = self.card.transaction()?;
        let told = transaction.management_key_metadata()?;
        let protection = match AdminData::read(&mut transaction)?.keeps_management_key() {
            true => ManagementKeyProtection::Pin,
            false => ManagementKeyProtection::None,
        };
        Ok(ManagementKeyInfo {
            algorithm: told.map_or(ManagementKeyAlgorithm::TripleDes, |key| key.algorithm),
            best_algorithm: match self.card.identity().version.has_aes_management_keys() {
                true => ManagementKeyAlgorithm::Aes256,
                false => ManagementKeyAlgorithm::TripleDes,
            },
            touch: told.map(|key| key.touch),
            is_default: told.and_then(|key| key.is_default),
            protection,
        })
    }

    fn verify_management_key(&mut self) -> Result<()> {
        self.asker.manage().map(drop)
    }

    /// With protection, the card is given the key to keep after it is set. The old one may be kept
    /// there and nowhere else, and must not be gone before it is of no use; who sets a new one has
    /// that one.
    fn set_management_key(&mut self, new: &NewManagementKey<'_>) -> Result<()> {
        let version = self.card.identity().version;
        let key = ManagementKey::from_hex(new.algorithm, new.key, SecretKind::NewManagementKey)?;
        if new.algorithm != ManagementKeyAlgorithm::TripleDes && !version.has_aes_management_keys()
        {
            return Err(needs_firmware("an AES management key", "5.4.2"));
        }
        if new.touch == TouchPolicy::Cached && !version.has_attestation() {
            return Err(needs_firmware("a cached touch", "4.3.0"));
        }
        if new.touch == TouchPolicy::Always && !version.has_policies() {
            return Err(needs_firmware("a touch for the management key", "4.0.0"));
        }
        if key.is_degenerate() {
            return Err(Error::SecretUnusable {
                kind: SecretKind::NewManagementKey,
                origin: "its source".into(),
                reason: "two of its three parts are one, which leaves single DES".into(),
            });
        }
        let protect = new.protection == ManagementKeyProtection::Pin;
        let mut transaction = match protect {
            true => self.asker.manage_with_pin()?,
            false => self.asker.manage()?,
        };
        let noted = AdminData::read(&mut transaction)?;
        let kept = noted.keeps_management_key();
        transaction.set_management_key(&key, new.touch)?;
        transaction.authenticate(&key)?;
        match (protect, kept) {
            (true, _) => {
                transaction.put_object(ObjectId::PRINTED, &protected_key(key.expose()))?;
                let noted = noted.keeping_management_key();
                transaction.put_object(ObjectId::ADMIN_DATA, &noted.encode())
            }
            (false, true) => {
                // The note last: with it, who does this again sees that there is something to do.
                transaction.put_object(ObjectId::PRINTED, &[])?;
                let noted = noted.without_management_key();
                transaction.put_object(ObjectId::ADMIN_DATA, &noted.encode())
            }
            (false, false) => Ok(()),
        }
    }

    /// Where the firmware tells of keys, a certificate without one is looked for only when all is
    /// asked for.
    fn contents(&mut self, what: Contents) -> Result<Vec<String>> {
        let mut transaction = self.card.transaction()?;
        let (mut lines, mut certificates) = (Vec::new(), Vec::new());
        for slot in Slot::all().filter(|slot| is_on(self.card.identity(), *slot)) {
            let found = Found::read(&mut transaction, slot)?;
            if found.is_some()
                || what == Contents::All
                || !self.card.identity().version.has_metadata()
            {
                certificates.push(slot);
            }
            if let Some(Found { public_key, .. }) = found {
                lines.push(match KeySpec::of(&public_key) {
                    Ok(spec) => format!("{spec} key in {slot}"),
                    Err(_) => format!("key in {slot}, of a kind that does not sign here"),
                });
            }
        }
        for slot in certificates {
            // One that cannot be read is there all the same.
            if transaction.object(slot.certificate())?.is_some() {
                lines.push(format!("certificate in {slot}"));
            }
        }
        if what == Contents::All && AdminData::read(&mut transaction)?.keeps_management_key() {
            lines.push("the management key that the token keeps".into());
        }
        Ok(lines)
    }

    fn reset(&mut self) -> Result<()> {
        self.card.identity().refuse_bio("resetting the PIV applet")?;
        self.card.transaction()?.reset()?;
        self.forget_faults();
        Ok(())
    }
}

impl YubiKeyToken {
    /// PIN and PUK are others now: what failed before may be right. Should that not be noted down,
    /// the full counters lift the faults as well.
    fn forget_faults(&self) {
        let id = self.card.identity().id();
        for kind in [SecretKind::Pin, SecretKind::Puk] {
            let _ = self.context.guard.clear_fault(&id, kind);
        }
    }
}

const FACTORY_PIN: &[u8] = b"123456";
const FACTORY_PUK: &[u8] = b"12345678";

/// A factory secret that is wrong was replaced already.
fn left_alone(changed: Result<()>) -> Result<()> {
    match changed {
        Err(Error::WrongSecret { .. } | Error::FailedBefore { .. }) => Ok(()),
        other => other,
    }
}
