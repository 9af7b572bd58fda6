//! The user's PIN, and the security officer's that stands where a YubiKey has its PUK.

use cryptoki::session::Session;
use cryptoki::types::AuthPin;
use signer_core::{
    Administration, Contents, Error, ManagementKeyAlgorithm, ManagementKeyInfo, NewManagementKey,
    PinManager, PinStatus, Result, Retries, Secret, SecretKind, SecretRules, TouchPolicy,
};

use crate::fault::Fault;
use crate::gate::{self, Role};
use crate::key_object;
use crate::open_token::As;
use crate::pool::Access;
use crate::raw::RawCalls;
use crate::token::Pkcs11Token;

/// An empty secret means one that is entered at the token, where the token has a way to do so.
impl PinManager for Pkcs11Token {
    fn rules(&self) -> SecretRules {
        self.open.rules()
    }

    fn unblocker(&self) -> SecretKind {
        SecretKind::SoPin
    }

    fn has_pin_pad(&self) -> bool {
        self.open.has_pad()
    }

    fn pin_status(&mut self) -> Result<PinStatus> {
        self.open.tries(Role::User).map(gate::status)
    }

    fn puk_status(&mut self) -> Result<Option<PinStatus>> {
        self.open.tries(Role::Officer).map(|tries| Some(gate::status(tries)))
    }

    /// Whoever is logged in is logged out first: else the module would not look at the PIN.
    fn verify(&mut self, pin: &Secret) -> Result<()> {
        self.with_writer(|open, worker| {
            open.leave(worker)?;
            let pin = (!open.pad_for(pin)).then_some(pin);
            open.present(worker, Role::User, pin, |session, role, pin| {
                Ok(session.login(role, pin)?)
            })?;
            open.leave(worker)
        })
    }

    /// At the token both are entered there, or neither is.
    fn change(&mut self, pin: &Secret, new_pin: &Secret) -> Result<()> {
        let change = self.setting(pin, SecretKind::NewPin, new_pin)?;
        let old = (!self.open.pad_for(pin)).then_some(pin);
        self.with_writer(|open, worker| {
            open.leave(worker)?;
            open.present(worker, Role::User, old, move |session, _, pin| change(session, pin))
        })?;
        self.open.pin_is_now(new_pin);
        Ok(())
    }

    fn unblock(&mut self, puk: &Secret, new_pin: &Secret) -> Result<()> {
        if self.open.pad_for(new_pin) {
            let raw = self.raw("setting a PIN at the token itself")?;
            let entered = Some(SecretKind::NewPin);
            self.open.as_officer(puk, entered, move |session| raw.init_pin_at_pad(session))?;
        } else {
            self.acceptable(SecretKind::NewPin, new_pin)?;
            let new = gate::auth_pin(new_pin.expose())?;
            self.open.as_officer(puk, None, move |session| Ok(gate::reset_pin(session, &new)?))?;
        }
        self.open.pin_is_now(new_pin);
        Ok(())
    }
}

/// Of this a PKCS#11 token has the security officer's PIN alone.
impl Administration for Pkcs11Token {
    fn puk_rules(&self) -> SecretRules {
        self.open.rules()
    }

    fn change_puk(&mut self, puk: &Secret, new_puk: &Secret) -> Result<()> {
        let change = self.setting(puk, SecretKind::NewSoPin, new_puk)?;
        let old = match self.open.pad_for(puk) {
            true => None,
            false => Some(gate::auth_pin(puk.expose())?),
        };
        let entered = old.is_none().then_some(SecretKind::NewSoPin);
        // The officer has just logged in with it, so the old one is right.
        self.open.as_officer(puk, entered, move |session| change(session, old.as_ref()))
    }

    fn set_retries(&mut self, _retries: Retries) -> Result<()> {
        Err(absent("setting how many tries PIN and PUK have"))
    }

    fn replace_factory_secrets(&mut self, _new_pin: &Secret, _new_puk: &Secret) -> Result<()> {
        Err(absent("replacing factory secrets"))
    }

    fn management_key(&mut self) -> Result<ManagementKeyInfo> {
        Err(absent("a management key"))
    }

    fn check_management_key(
        &self,
        _algorithm: ManagementKeyAlgorithm,
        _touch: TouchPolicy,
    ) -> Result<()> {
        Err(absent("a management key"))
    }

    fn verify_management_key(&mut self) -> Result<()> {
        Err(absent("a management key"))
    }

    fn set_management_key(&mut self, _new: &NewManagementKey<'_>) -> Result<()> {
        Err(absent("a management key"))
    }

    /// What it shows without a PIN: one search finds it all.
    fn contents(&mut self, _what: Contents) -> Result<Vec<String>> {
        self.reading(As::Anyone, "listing objects", key_object::contents)
    }

    fn check_reset(&self) -> Result<()> {
        Err(absent("going back to a factory state"))
    }

    fn reset(&mut self) -> Result<()> {
        self.check_reset()
    }
}

impl Pkcs11Token {
    fn with_writer<R>(
        &self,
        act: impl FnOnce(&crate::open_token::OpenToken, &mut crate::pool::Worker) -> Result<R, Fault>,
    ) -> Result<R> {
        let doing = |fault: Fault| fault.doing(format!("working with {}", self.open.name()));
        let mut borrowed = self.open.session(Access::Write, As::Anyone).map_err(doing)?;
        let worker = borrowed.worker().map_err(doing)?;
        act(&self.open, worker).map_err(doing)
    }

    /// What puts a new secret in place of an old one: here, or both at the token.
    fn setting(
        &self,
        old: &Secret,
        kind: SecretKind,
        new: &Secret,
    ) -> Result<impl FnOnce(&Session, Option<&AuthPin>) -> Result<(), Fault> + Send + 'static> {
        let at_the_token = self.open.pad_for(old);
        if at_the_token != self.open.pad_for(new) {
            return Err(Error::Unsupported {
                operation: "entering one of two secrets at the token".into(),
                needs: "both from there, or a source for each".into(),
            });
        }
        let (raw, new) = match at_the_token {
            true => (Some(self.raw("changing a PIN at the token itself")?), None),
            false => {
                self.acceptable(kind, new)?;
                refuse_equal(old, new, kind)?;
                (None, Some(gate::auth_pin(new.expose())?))
            }
        };
        Ok(move |session: &Session, old: Option<&AuthPin>| match (raw, old, &new) {
            (Some(raw), ..) => raw.set_pin_at_pad(session),
            (None, Some(old), Some(new)) => Ok(session.set_pin(old, new)?),
            (None, ..) => Err(Fault::Nonsense("no PIN".into())),
        })
    }

    fn raw(&self, operation: &str) -> Result<RawCalls> {
        self.open.module().raw().ok_or_else(|| Error::Unsupported {
            operation: format!("{operation} through p11-kit"),
            needs: "the module itself in module-path".into(),
        })
    }

    fn acceptable(&self, kind: SecretKind, secret: &Secret) -> Result<()> {
        match self.open.rules().objection(secret.expose()) {
            None => Ok(()),
            Some(reason) => {
                Err(Error::SecretUnusable { kind, origin: "its source".into(), reason })
            }
        }
    }
}

/// A change that changes nothing is a slip.
fn refuse_equal(old: &Secret, new: &Secret, kind: SecretKind) -> Result<()> {
    if old != new {
        return Ok(());
    }
    let (origin, reason) = ("its source".into(), "it is the old one".into());
    Err(Error::SecretUnusable { kind, origin, reason })
}

fn absent(operation: &str) -> Error {
    Error::Unsupported { operation: operation.into(), needs: "a PIV token".into() }
}
