//! Putting a token back to its factory state.

use serde_json::json;
use signer_core::{Contents, SecretKind};

use super::{Custodian, tries_value};
use crate::{Error, Result};

impl Custodian<'_> {
    /// What [`Custodian::reset`] would destroy, a line each.
    ///
    /// # Errors
    /// [`signer_core::Error::Unsupported`] where it cannot be reset; otherwise whatever the token
    /// reports on reading.
    pub fn contents(&mut self) -> Result<Vec<String>> {
        let administration = self.administration()?;
        administration.check_reset()?;
        Ok(administration.contents(Contents::All)?)
    }

    /// Puts the token back to its factory state, if `serial` is its serial number. Spends all tries
    /// of PIN and PUK on purpose. `shown` are its [`Custodian::contents`], as somebody agreed to their
    /// end.
    ///
    /// # Errors
    /// [`Error::NotConfirmed`]; otherwise as [`signer_core::Administration::reset`].
    pub fn reset(&mut self, serial: &str, shown: &[String]) -> Result<()> {
        let info = self.token.info();
        if info.serial.as_deref() != Some(serial) {
            return Err(Error::NotConfirmed { token: info.name.clone() });
        }
        self.act("token.reset", "the token was reset", |it, details| {
            let before = it.statuses()?;
            details.insert("tries_before".into(), tries_value(before.pin.tries));
            details.insert("destroyed".into(), json!(shown));
            it.administration()?.reset()?;
            it.forget_faults(&[SecretKind::Pin, SecretKind::Puk]);
            details.insert("tries_after".into(), tries_value(it.statuses()?.pin.tries));
            Ok(())
        })
    }
}
