//! What is done to the token as a whole.

use signer_core::pin_guard::{Fault, FaultOutcome};
use signer_core::{
    Administration, Contents, Error, KeySpec, ManagementKeyAlgorithm, ManagementKeyInfo,
    ManagementKeyProtection, NewManagementKey, Result, Retries, Secret, SecretKind, SecretRules,
    TouchPolicy,
};

use super::pins::refuse_equal;
use super::{Found, YubiKeyToken};
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
        self.refuse_bio("changing the PUK")?;
        refuse_equal(puk, new_puk, SecretKind::NewPuk)?;
        self.card.transaction()?.change_puk(&self.context.guard, puk, new_puk)
    }

    fn verify_for_retries(&mut self) -> Result<()> {
        self.asker.manage_with_pin().map(drop)
    }

    fn set_retries(&mut self, retries: Retries) -> Result<()> {
        self.refuse_bio("setting the retry limits")?;
        check_retries(retries)?;
        let mut transaction = self.asker.manage_with_pin()?;
        // Before, since without an answer nobody knows: the factory's may be right from now on.
        self.forget_faults();
        transaction.set_retries(retries)
    }

    fn replace_factory_secrets(&mut self, new_pin: &Secret, new_puk: &Secret) -> Result<()> {
        self.forget_unanswered_puk()?;
        let guard = &self.context.guard;
        let (pin, puk) = (Secret::new(FACTORY_PIN.to_vec()), Secret::new(FACTORY_PUK.to_vec()));
        let mut transaction = self.card.transaction()?;
        let (pin_is_new, puk_is_factory) = match transaction.model()?.version.has_metadata() {
            true => {
                let pin_is_factory = transaction.tries(SecretKind::Pin)?.is_default != Some(false);
                if pin_is_factory {
                    was_right(transaction.change_pin(guard, &pin, new_pin))?;
                }
                let puk = transaction.tries(SecretKind::Puk)?;
                (pin_is_factory, puk.is_default != Some(false))
            }
            // The PUK is replaced last, so the factory's still being there shows that the PIN is the
            // factory's or the new one; and otherwise it is the new one or the old one. Asked in this
            // order, neither costs more than a try. The PUK is only looked at here: replaced first, it
            // would tell a run that is cut short now nothing.
            false => match was_right(transaction.change_puk(guard, &puk, &puk))? {
                true => {
                    was_right(transaction.change_pin(guard, &pin, new_pin))?;
                    (true, true)
                }
                false => (was_right(transaction.verify_pin(guard, new_pin))?, false),
            },
        };
        if pin_is_new {
            // Setting the limits may follow, and wants the PIN that the token has now.
            *transaction.pin() = Some(Secret::new(new_pin.expose().to_vec()));
        }
        if puk_is_factory {
            was_right(transaction.change_puk(guard, &puk, new_puk))?;
        }
        Ok(())
    }

    fn management_key(&mut self) -> Result<ManagementKeyInfo> {
        let mut transaction = self.card.transaction()?;
        let model = transaction.model()?;
        let told = transaction.management_key_metadata()?;
        let protection = match AdminData::read(&mut transaction)?.keeps_management_key() {
            true => ManagementKeyProtection::Pin,
            false => ManagementKeyProtection::None,
        };
        Ok(ManagementKeyInfo {
            algorithm: told.map_or(ManagementKeyAlgorithm::TripleDes, |key| key.algorithm),
            best_algorithm: match model.version.has_aes_management_keys() {
                true => ManagementKeyAlgorithm::Aes256,
                false => ManagementKeyAlgorithm::TripleDes,
            },
            touch: told.map(|key| key.touch),
            is_default: told.and_then(|key| key.is_default),
            protection,
        })
    }

    fn check_management_key(
        &self,
        algorithm: ManagementKeyAlgorithm,
        touch: TouchPolicy,
    ) -> Result<()> {
        let model = self.card.model()?;
        let version = model.version;
        match algorithm {
            ManagementKeyAlgorithm::TripleDes if model.has_fips_rules() => {
                let name = &self.card.identity().name;
                return Err(Error::Unsupported {
                    operation: format!("a 3DES management key for {name}"),
                    needs: "AES, for a token of the FIPS series".into(),
                });
            }
            ManagementKeyAlgorithm::TripleDes => {}
            _ if version.has_aes_management_keys() => {}
            _ => return Err(needs_firmware("an AES management key", "5.4.2")),
        }
        match touch {
            TouchPolicy::Cached if !version.has_attestation() => {
                Err(needs_firmware("a cached touch", "4.3.0"))
            }
            TouchPolicy::Always if !version.has_policies() => {
                Err(needs_firmware("a touch for the management key", "4.0.0"))
            }
            _ => Ok(()),
        }
    }

    fn verify_management_key(&mut self) -> Result<()> {
        self.asker.manage().map(drop)
    }

    /// With protection, the card is given the key to keep after it is set. The old one may be kept
    /// there and nowhere else, and must not be gone before it is of no use; who sets a new one has
    /// that one.
    fn set_management_key(&mut self, new: &NewManagementKey<'_>) -> Result<()> {
        self.check_management_key(new.algorithm, new.touch)?;
        let key = ManagementKey::from_hex(new.algorithm, new.key, SecretKind::NewManagementKey)?;
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
        let model = transaction.model()?;
        let (mut lines, mut certificates) = (Vec::new(), Vec::new());
        for slot in Slot::all().filter(|slot| model.has(*slot)) {
            let found = Found::read(&mut transaction, slot)?;
            if found.is_some() || what == Contents::All || !model.version.has_metadata() {
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

    fn check_reset(&self) -> Result<()> {
        self.refuse_bio("resetting the PIV applet")
    }

    fn reset(&mut self) -> Result<()> {
        self.check_reset()?;
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

    /// A PUK that no answer came to may be the factory's, which was being replaced when the link was
    /// cut. Before firmware 5.3 no counter shows that it was not wrong, and setting the limits
    /// restores what it may cost to present it again.
    fn forget_unanswered_puk(&self) -> Result<()> {
        let (guard, id) = (&self.context.guard, self.card.identity().id());
        let unanswered =
            |fault: &Fault| (fault.kind, fault.outcome) == (SecretKind::Puk, FaultOutcome::Unknown);
        let tells = self.card.model()?.version.has_metadata();
        if !tells && guard.faults(&id)?.iter().any(unanswered) {
            guard.clear_fault(&id, SecretKind::Puk)?;
        }
        Ok(())
    }
}

const FACTORY_PIN: &[u8] = b"123456";
const FACTORY_PUK: &[u8] = b"12345678";

/// Whether a secret was the token's.
fn was_right(presented: Result<()>) -> Result<bool> {
    match presented {
        Ok(()) => Ok(true),
        Err(Error::WrongSecret { .. } | Error::FailedBefore { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}
