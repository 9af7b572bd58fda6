//! PIN and PUK.

use signer_core::{Error, PinManager, PinStatus, Result, Secret, SecretKind, SecretRules, Seen};

use super::YubiKeyToken;
use crate::{management_key, pin};

impl PinManager for YubiKeyToken {
    fn rules(&self) -> SecretRules {
        pin::RULES
    }

    fn objection_to_new(&self, kind: SecretKind, secret: &Secret) -> Result<Option<String>> {
        match kind {
            SecretKind::NewPin | SecretKind::NewPuk => {
                pin::objection(kind, secret.expose(), || self.card.model())
            }
            SecretKind::NewManagementKey => Ok(management_key::not_hexadecimal(secret.expose())),
            _ => Ok(None),
        }
    }

    fn seen(&self) -> Option<Seen> {
        Some(self.card.seen())
    }

    fn pin_status(&mut self) -> Result<PinStatus> {
        self.card.transaction()?.tries(SecretKind::Pin)
    }

    /// Nothing before firmware 5.3, nor for the Bio series, which has no PUK.
    fn puk_status(&mut self) -> Result<Option<PinStatus>> {
        let model = self.card.model()?;
        if !model.version.has_metadata() || model.is_bio() {
            return Ok(None);
        }
        self.card.transaction()?.tries(SecretKind::Puk).map(Some)
    }

    fn verify(&mut self, pin: &Secret) -> Result<()> {
        self.card.transaction()?.verify_pin(&self.context.guard, pin)
    }

    fn change(&mut self, pin: &Secret, new_pin: &Secret) -> Result<()> {
        refuse_equal(pin, new_pin, SecretKind::NewPin)?;
        self.card.transaction()?.change_pin(&self.context.guard, pin, new_pin)
    }

    fn unblock(&mut self, puk: &Secret, new_pin: &Secret) -> Result<()> {
        self.refuse_bio("unblocking the PIN")?;
        self.card.transaction()?.unblock_pin(&self.context.guard, puk, new_pin)
    }
}

/// A change that changes nothing is a slip.
pub(super) fn refuse_equal(old: &Secret, new: &Secret, kind: SecretKind) -> Result<()> {
    if old != new {
        return Ok(());
    }
    Err(Error::SecretUnusable {
        kind,
        origin: "its source".into(),
        reason: "it is the old one".into(),
    })
}
