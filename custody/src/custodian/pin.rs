//! PIN and PUK: verify, change, unblock.

use signer_core::{PinStatus, Secret, SecretKind, SecretRules, SecretSpec, Seen, Tries};

use super::{Custodian, Details, tries_value};
use crate::Result;

impl Custodian<'_> {
    /// Presents the PIN.
    ///
    /// # Errors
    /// As [`signer_core::PinManager::verify`].
    pub fn verify_pin(&mut self) -> Result<()> {
        self.present("pin.verify", "the PIN was verified", SecretKind::Pin, None, |it, tries| {
            let rules = it.pin_manager()?.rules();
            let pad = it.entered_at_token(&[SecretKind::Pin])?;
            let pin = it.secret_or_pad(pad, SecretKind::Pin, rules, tries)?;
            Ok(it.pin_manager()?.verify(&pin)?)
        })
    }

    /// Changes the PIN.
    ///
    /// # Errors
    /// As [`signer_core::PinManager::change`].
    pub fn change_pin(&mut self) -> Result<()> {
        self.present("pin.change", "the PIN was changed", SecretKind::Pin, NEW_PIN, |it, tries| {
            let pad = it.entered_at_token(&[SecretKind::Pin, SecretKind::NewPin])?;
            let rules = it.pin_manager()?.rules();
            let pin = it.secret_or_pad(pad, SecretKind::Pin, rules, tries)?;
            let new_pin = it.secret_or_pad(pad, SecretKind::NewPin, rules, Tries::Unknown)?;
            it.pin_manager()?.change(&pin, &new_pin)?;
            it.forget_faults(&[SecretKind::Pin]);
            Ok(())
        })
    }

    /// Sets a new PIN by means of the PUK, or of the SO PIN where the token has that.
    ///
    /// # Errors
    /// As [`signer_core::PinManager::unblock`].
    pub fn unblock_pin(&mut self) -> Result<()> {
        let unblocker = self.pin_manager()?.unblocker();
        self.present("pin.unblock", "the PIN was unblocked", unblocker, NEW_PIN, |it, tries| {
            let pin_rules = it.pin_manager()?.rules();
            let puk_rules = it.administration()?.puk_rules();
            let pad = it.entered_at_token(&[unblocker])?;
            let puk = it.secret_or_pad(pad, unblocker, puk_rules, tries)?;
            let pad = it.entered_at_token(&[SecretKind::NewPin])?;
            let new_pin = it.secret_or_pad(pad, SecretKind::NewPin, pin_rules, Tries::Unknown)?;
            it.pin_manager()?.unblock(&puk, &new_pin)?;
            it.forget_faults(&[SecretKind::Pin]);
            Ok(())
        })
    }

    /// What the token has to unblock its PIN with: a PUK or an SO PIN.
    ///
    /// # Errors
    /// [`signer_core::Error::Unsupported`] where it has no PIN.
    pub fn unblocker(&mut self) -> Result<SecretKind> {
        Ok(self.pin_manager()?.unblocker())
    }

    /// Changes the PUK, or the SO PIN where the token has that.
    ///
    /// # Errors
    /// As [`signer_core::Administration::change_puk`].
    pub fn change_puk(&mut self) -> Result<()> {
        let unblocker = self.pin_manager()?.unblocker();
        let new = match unblocker {
            SecretKind::SoPin => SecretKind::NewSoPin,
            _ => SecretKind::NewPuk,
        };
        self.present("puk.change", "the PUK was changed", unblocker, Some(new), |it, tries| {
            let pad = it.entered_at_token(&[unblocker, new])?;
            let rules = it.administration()?.puk_rules();
            let puk = it.secret_or_pad(pad, unblocker, rules, tries)?;
            let new_puk = it.secret_or_pad(pad, new, rules, Tries::Unknown)?;
            it.administration()?.change_puk(&puk, &new_puk)?;
            it.forget_faults(&[unblocker]);
            Ok(())
        })
    }

    /// An act that presents a secret and sets another, with the counter of the one that is presented
    /// before and after in the record. A person is
    /// told the counter before being asked. For other sources the guard reads it, right before the
    /// secret is sent, and reading it twice would cost a round trip.
    fn present(
        &mut self,
        name: &str,
        done: &str,
        kind: SecretKind,
        new: Option<SecretKind>,
        what: impl FnOnce(&mut Self, Tries) -> Result<()>,
    ) -> Result<()> {
        self.act(name, done, |it, details| {
            it.need_escrow(new.as_slice())?;
            let asks = matches!(it.with.secrets.source(kind), None | Some(SecretSpec::Prompt));
            let kept = it.pin_manager()?.seen().is_some();
            let before = match asks || !kept {
                true => it.status(kind)?,
                false => None,
            };
            note_before(details, before);
            let outcome = what(it, before.map_or(Tries::Unknown, |status| status.tries));
            let before = before.or(it.pin_manager()?.seen().and_then(|seen| of(kind, seen)));
            note_before(details, before);
            outcome?;
            if let Some(before) = before {
                full_again(details, &before);
            }
            Ok(())
        })
    }

    /// Whether these are entered at the token: it has a way to do so, and no source is named for any.
    fn entered_at_token(&mut self, kinds: &[SecretKind]) -> Result<bool> {
        let named = kinds.iter().any(|kind| self.with.secrets.source(*kind).is_some());
        Ok(!named && self.pin_manager()?.has_pin_pad())
    }

    /// Asks for a secret; where it is entered at the token, an empty one stands for it.
    fn secret_or_pad(
        &mut self,
        pad: bool,
        kind: SecretKind,
        rules: SecretRules,
        tries: Tries,
    ) -> Result<Secret> {
        match pad {
            true => Ok(Secret::new(Vec::new())),
            false => self.secret(kind, rules, tries),
        }
    }

    fn status(&mut self, kind: SecretKind) -> Result<Option<PinStatus>> {
        let manager = self.pin_manager()?;
        Ok(match kind {
            SecretKind::Pin => Some(manager.pin_status()?),
            _ => manager.puk_status()?,
        })
    }
}

const NEW_PIN: Option<SecretKind> = Some(SecretKind::NewPin);

fn of(kind: SecretKind, seen: Seen) -> Option<PinStatus> {
    match kind {
        SecretKind::Pin => seen.pin,
        _ => seen.puk,
    }
}

fn note_before(details: &mut Details, before: Option<PinStatus>) {
    if let Some(before) = before {
        details.insert("tries_before".into(), tries_value(before.tries));
    }
}

/// The right secret restores its counter, as SP 800-73-5 part 2 section 3.2 has it, so it need not
/// be read again.
fn full_again(details: &mut Details, before: &PinStatus) {
    let after = before.total.map_or(Tries::Unknown, Tries::left);
    details.insert("tries_after".into(), tries_value(after));
}
