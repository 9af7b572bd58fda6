//! PIN and PUK: verify, change, unblock.

use signer_core::{PinStatus, SecretKind, Tries};

use super::{Custodian, Details, tries_value};
use crate::Result;

impl Custodian<'_> {
    /// Presents the PIN.
    ///
    /// # Errors
    /// As [`signer_core::PinManager::verify`].
    pub fn verify_pin(&mut self) -> Result<()> {
        self.act("pin.verify", "the PIN was verified", |it, details| {
            let before = it.pin_before(details)?;
            let rules = it.pin_manager()?.rules();
            let pin = it.secret(SecretKind::Pin, rules, before.tries)?;
            it.pin_manager()?.verify(&pin)?;
            full_again(details, &before);
            Ok(())
        })
    }

    /// Changes the PIN.
    ///
    /// # Errors
    /// As [`signer_core::PinManager::change`].
    pub fn change_pin(&mut self) -> Result<()> {
        self.act("pin.change", "the PIN was changed", |it, details| {
            let before = it.pin_before(details)?;
            let rules = it.pin_manager()?.rules();
            let pin = it.secret(SecretKind::Pin, rules, before.tries)?;
            let new_pin = it.secret(SecretKind::NewPin, rules, Tries::Unknown)?;
            it.pin_manager()?.change(&pin, &new_pin)?;
            it.forget_faults(&[SecretKind::Pin]);
            full_again(details, &before);
            Ok(())
        })
    }

    /// Sets a new PIN by means of the PUK, or of the SO PIN where the token has that.
    ///
    /// # Errors
    /// As [`signer_core::PinManager::unblock`].
    pub fn unblock_pin(&mut self) -> Result<()> {
        self.act("pin.unblock", "the PIN was unblocked", |it, details| {
            let before = it.puk_before(details)?;
            let pin_rules = it.pin_manager()?.rules();
            let puk_rules = it.administration()?.puk_rules();
            let tries = before.map_or(Tries::Unknown, |status| status.tries);
            let unblocker = it.pin_manager()?.unblocker();
            let puk = it.secret(unblocker, puk_rules, tries)?;
            let new_pin = it.secret(SecretKind::NewPin, pin_rules, Tries::Unknown)?;
            it.pin_manager()?.unblock(&puk, &new_pin)?;
            it.forget_faults(&[SecretKind::Pin]);
            if let Some(before) = before {
                full_again(details, &before);
            }
            Ok(())
        })
    }

    /// Changes the PUK, or the SO PIN where the token has that.
    ///
    /// # Errors
    /// As [`signer_core::Administration::change_puk`].
    pub fn change_puk(&mut self) -> Result<()> {
        self.act("puk.change", "the PUK was changed", |it, details| {
            let before = it.puk_before(details)?;
            let rules = it.administration()?.puk_rules();
            let tries = before.map_or(Tries::Unknown, |status| status.tries);
            let unblocker = it.pin_manager()?.unblocker();
            let new_unblocker = match unblocker {
                SecretKind::SoPin => SecretKind::NewSoPin,
                _ => SecretKind::NewPuk,
            };
            let puk = it.secret(unblocker, rules, tries)?;
            let new_puk = it.secret(new_unblocker, rules, Tries::Unknown)?;
            it.administration()?.change_puk(&puk, &new_puk)?;
            it.forget_faults(&[unblocker]);
            if let Some(before) = before {
                full_again(details, &before);
            }
            Ok(())
        })
    }

    fn pin_before(&mut self, details: &mut Details) -> Result<PinStatus> {
        let status = self.pin_manager()?.pin_status()?;
        details.insert("tries_before".into(), tries_value(status.tries));
        Ok(status)
    }

    fn puk_before(&mut self, details: &mut Details) -> Result<Option<PinStatus>> {
        let status = self.pin_manager()?.puk_status()?;
        if let Some(status) = status {
            details.insert("tries_before".into(), tries_value(status.tries));
        }
        Ok(status)
    }
}

/// The right secret restores its counter, as SP 800-73-5 part 2 section 3.2 has it, so it need not
/// be read again.
fn full_again(details: &mut Details, before: &PinStatus) {
    let after = before.total.map_or(Tries::Unknown, Tries::left);
    details.insert("tries_after".into(), tries_value(after));
}
