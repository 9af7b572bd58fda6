//! Retry limits, which cannot be set without losing PIN and PUK for a moment.

use ledger::{EntryFilter, Event};
use serde_json::{Value, json};
use signer_core::{Retries, SecretKind, Tries};

use super::{Custodian, Details, Steps, tries_value};
use crate::{Error, Result};

/// The act, before and after.
const BEGUN: &str = "pin.set-retries.begin";
const ENDED: &str = "pin.set-retries";

impl Custodian<'_> {
    /// Sets how many tries PIN and PUK have, and new ones of both: the token falls back to the
    /// factory's in between. Cut short there, the next call for the same token sees so from the
    /// ledger and goes on where the last one stopped, asking for the new secrets alone.
    ///
    /// # Errors
    /// [`Error::NoLedger`] without a ledger, [`Error::NoTries`]; otherwise as
    /// [`signer_core::Administration::set_retries`].
    pub fn set_retries(&mut self, retries: Retries) -> Result<()> {
        if retries.pin == 0 || retries.puk == 0 {
            return Err(Error::NoTries);
        }
        let cut_short = self.was_cut_short()?;
        self.act(ENDED, "the retry limits were set", |it, details| {
            it.steps = Steps::Several;
            details.insert("pin_tries".into(), json!(retries.pin));
            details.insert("puk_tries".into(), json!(retries.puk));
            it.need_escrow(&[SecretKind::NewPin, SecretKind::NewPuk])?;
            let before = it.statuses()?;
            details.insert("tries_before".into(), tries_value(before.pin.tries));
            // Known to be right before new ones are asked for and put away. After a cut nobody knows
            // whether the token still has its old PIN.
            if !cut_short {
                it.administration()?.verify_for_retries()?;
            }
            let pin_rules = it.pin_manager()?.rules();
            let puk_rules = it.administration()?.puk_rules();
            let new_pin = it.secret(SecretKind::NewPin, pin_rules, Tries::Unknown)?;
            let new_puk = it.secret(SecretKind::NewPuk, puk_rules, Tries::Unknown)?;
            // What a run that was cut short left behind comes first: after it the PIN is known.
            if cut_short {
                details.insert("resumed".into(), json!(true));
                it.administration()?.replace_factory_secrets(&new_pin, &new_puk)?;
            }
            let limits = |status: signer_core::PinStatus| status.total;
            let now = it.statuses()?;
            let as_wanted = limits(now.pin) == Some(retries.pin)
                && now.puk.and_then(limits) == Some(retries.puk);
            if !(cut_short && as_wanted) {
                let mut begun = Details::new();
                begun.insert("pin_tries".into(), json!(retries.pin));
                begun.insert("puk_tries".into(), json!(retries.puk));
                it.record(BEGUN, begun)?;
                it.administration()?.set_retries(retries)?;
                it.administration()?.replace_factory_secrets(&new_pin, &new_puk)?;
            }
            it.forget_faults(&[SecretKind::Pin, SecretKind::Puk]);
            details.insert("tries_after".into(), json!(retries.pin));
            Ok(())
        })
    }

    /// Whether the ledger's last word about this token's retry limits is that they were begun.
    fn was_cut_short(&self) -> Result<bool> {
        let Some(ledger) = &self.ledger else {
            return Err(Error::NoLedger { act: "setting the retry limits" });
        };
        let serial = json!(self.token.info().serial);
        let mut cut_short = false;
        for entry in ledger.entries(EntryFilter { kind: Some("act".into()), ..Default::default() })
        {
            let Event::Act(act) = entry?.event else { continue };
            if act.details.get("serial") != Some(&serial) {
                continue;
            }
            match act.name.as_str() {
                BEGUN => cut_short = true,
                ENDED if act.details.get("outcome") == Some(&Value::from("done")) => {
                    cut_short = false;
                }
                "token.reset" => cut_short = false,
                _ => {}
            }
        }
        Ok(cut_short)
    }
}
