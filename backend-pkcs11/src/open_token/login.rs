//! The one login with a token, and every other secret that it is given.

use cryptoki::error::RvError;
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::types::AuthPin;
use signer_core::pin_guard::{Attempt, Verified};
use signer_core::{Event, Result, Secret, SecretKind, SecretRequest, Tries};

use super::{As, OpenToken, locked};
use crate::fault::Fault;
use crate::gate::{self, Pin, Presented, Role};
use crate::pool::{Access, Worker};
use crate::slots;

/// The user's PIN, from the first login on: a token that was pulled and put back wants it again.
#[derive(Debug, Default)]
pub(super) struct Login {
    pin: Option<Secret>,
    /// Set while the token holds it for right.
    verified: Option<Verified>,
}

impl OpenToken {
    /// Logs the process in, unless it is.
    pub(super) fn login(&self, worker: &mut Worker) -> Result<(), Fault> {
        if !self.wants_login() {
            return Ok(());
        }
        // Held throughout, so that of many threads that find themselves logged out one logs in.
        let mut login = locked(&self.login);
        let bound = self.module.bounds().call;
        let state =
            self.on(worker, bound, |session| Ok(session.get_session_info()?.session_state()))?;
        match state {
            SessionState::RoUser | SessionState::RwUser => return Ok(()),
            SessionState::RwSecurityOfficer => {
                self.on(worker, bound, |session| Ok(session.logout()?))?;
            }
            SessionState::RoPublic | SessionState::RwPublic => (),
        }
        if login.pin.is_none() && !self.at_the_token()? {
            login.pin = Some(self.fetch(Role::User)?);
        }
        // One that is refused is kept: the guard knows it, so nobody is asked for another.
        login.verified = None;
        let presented =
            self.presented(worker, Role::User, login.pin.as_ref(), |session, role, pin| {
                logged_in(session.login(role, pin))
            });
        login.verified = presented?.1;
        Ok(())
    }

    /// Presents a secret, or has it entered at the token when there is none, by way of a call.
    pub(crate) fn present<R: Send + 'static>(
        &self,
        worker: &mut Worker,
        role: Role,
        secret: Option<&Secret>,
        act: impl FnOnce(&Session, UserType, Option<&AuthPin>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        self.presented(worker, role, secret, act).map(|(value, _)| value)
    }

    /// Presents the PIN of the login once more, to a key that wants it each time.
    pub(crate) fn present_again<R: Send + 'static>(
        &self,
        worker: &mut Worker,
        act: impl FnOnce(&Session, UserType, Option<&AuthPin>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let mut login = locked(&self.login);
        // Another part of the program may have logged in, with a PIN that was not asked for here.
        if login.pin.is_none() && !self.at_the_token()? {
            login.pin = Some(self.fetch(Role::User)?);
        }
        let Login { pin, verified } = &mut *login;
        let mut act = Some(act);
        if let Some(secret) = pin.as_ref()
            && let Some(answer) = gate::present_again(
                verified,
                &self.attempt(Role::User),
                secret,
                || self.tries(Role::User),
                |octets| match act.take() {
                    Some(act) => self.send(worker, Role::User, octets, act),
                    None => Err(Fault::Ended),
                },
            )
        {
            return answer;
        }
        let Some(act) = act else { return Err(Fault::Ended) };
        let (value, now) = self.presented(worker, Role::User, pin.as_ref(), act)?;
        *verified = now;
        Ok(value)
    }

    /// The PIN is another one now, so a login that is mended needs that.
    pub(crate) fn pin_is_now(&self, pin: &Secret) {
        let mut login = locked(&self.login);
        login.verified = None;
        if login.pin.is_some() {
            // One that was entered at the token is not known here.
            let known = Some(pin).filter(|pin| !pin.expose().is_empty());
            login.pin = known.map(|pin| Secret::new(pin.expose().to_vec()));
        }
        // What failed before may be right from now on. What cannot be forgotten is refused with the
        // way out.
        let _ = self.context.guard.clear_fault(&self.id, SecretKind::Pin);
    }

    fn presented<R: Send + 'static>(
        &self,
        worker: &mut Worker,
        role: Role,
        secret: Option<&Secret>,
        act: impl FnOnce(&Session, UserType, Option<&AuthPin>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<Presented<R>, Fault> {
        gate::present(
            &self.context.guard,
            &self.attempt(role),
            secret.map_or(Pin::AtTheToken, Pin::Known),
            || self.tries(role),
            |octets| self.send(worker, role, octets, act),
        )
    }

    /// Does it in the worker's session; without octets they are entered at the token.
    fn send<R: Send + 'static>(
        &self,
        worker: &mut Worker,
        role: Role,
        octets: Option<&[u8]>,
        act: impl FnOnce(&Session, UserType, Option<&AuthPin>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let bounds = self.module.bounds();
        let bound = match octets {
            Some(_) => bounds.call,
            None => {
                self.told_to_enter(role.kind());
                bounds.pin_pad
            }
        };
        let user = if role == Role::User { UserType::User } else { UserType::So };
        let pin = octets.map(gate::auth_pin).transpose()?;
        self.on(worker, bound, move |session| act(session, user, pin.as_ref()))
    }

    fn attempt(&self, role: Role) -> Attempt<'_> {
        Attempt { id: &self.id, token: &self.name, kind: role.kind(), rules: self.rules }
    }

    /// Logs in as the security officer, does something, and logs out. `entered` is the secret that a
    /// person enters at the token while it is done, if any.
    pub(crate) fn as_officer<R: Send + 'static>(
        &self,
        secret: &Secret,
        entered: Option<SecretKind>,
        act: impl FnOnce(&Session) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R> {
        let doing = |fault: Fault| fault.doing(format!("working with {}", self.name));
        // The officer cannot log in while there are read-only sessions, nor beside the user.
        self.close_idle();
        let mut borrowed = self.session(Access::Write, As::Anyone).map_err(doing)?;
        let worker = borrowed.worker().map_err(doing)?;
        self.leave(worker).map_err(doing)?;
        let secret = (!self.pad_for(secret)).then_some(secret);
        self.present(worker, Role::Officer, secret, |session, role, pin| {
            Ok(session.login(role, pin)?)
        })
        .map_err(doing)?;
        let bounds = self.module.bounds();
        let bound = match entered {
            None => bounds.call,
            Some(kind) => {
                self.told_to_enter(kind);
                bounds.pin_pad
            }
        };
        let answer = self.on(worker, bound, act);
        let left = self.leave(worker);
        let value = answer.map_err(doing)?;
        left.map_err(doing)?;
        Ok(value)
    }

    /// Whether a user who was logged in is so no more, or the session is gone: modules are seen to
    /// answer CKR_GENERAL_ERROR then.
    pub(crate) fn is_logged_out(&self, worker: &mut Worker) -> bool {
        let state = self.on(worker, self.module.bounds().call, |session| {
            Ok(session.get_session_info()?.session_state())
        });
        match state {
            Ok(SessionState::RoUser | SessionState::RwUser) => false,
            Ok(_) => self.wants_login(),
            Err(fault) => fault.is_lost_session(),
        }
    }

    /// Logs whoever is logged in out.
    pub(crate) fn leave(&self, worker: &mut Worker) -> Result<(), Fault> {
        self.on(worker, self.module.bounds().call, |session| match session.logout() {
            Err(cryptoki::error::Error::Pkcs11(RvError::UserNotLoggedIn, _)) => Ok(()),
            answer => Ok(answer?),
        })
    }

    /// Whether secrets can be entered at the token (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    pub(crate) fn has_pad(&self) -> bool {
        locked(&self.place).info.protected_authentication_path()
    }

    /// Whether a secret stands for "at the token": an empty one, where the token has a way to enter
    /// it.
    pub(crate) fn pad_for(&self, secret: &Secret) -> bool {
        secret.expose().is_empty() && self.has_pad()
    }

    /// Has a person told to enter a secret at the token.
    pub(crate) fn told_to_enter(&self, kind: SecretKind) {
        self.context.interaction.event(Event::PinPad { token: &self.name, kind });
    }

    /// Whether the PIN is to be entered at the token: it can be, and no source is named for it.
    fn at_the_token(&self) -> Result<bool, Fault> {
        let secrets = &self.context.secrets;
        let elsewhere =
            secrets.source(SecretKind::Pin).is_some() || secrets.is_withheld(SecretKind::Pin);
        Ok(!elsewhere && self.info()?.protected_authentication_path())
    }

    pub(crate) fn tries(&self, role: Role) -> Result<Tries> {
        let info = self.info()?;
        Ok(match role {
            Role::User => slots::user_tries(&info),
            Role::Officer => slots::officer_tries(&info),
        })
    }

    fn fetch(&self, role: Role) -> Result<Secret> {
        let tries = self.tries(role)?;
        self.context.guard.check_counter(&self.attempt(role), tries)?;
        self.context.secrets.fetch(&SecretRequest {
            kind: role.kind(),
            token: &self.name,
            serial: Some(self.identity.serial.as_str()).filter(|it| !it.is_empty()),
            tries,
            rules: self.rules,
        })
    }
}

fn logged_in(answer: Result<(), cryptoki::error::Error>) -> Result<(), Fault> {
    match answer {
        // Another part of the program did; all sessions of a process share one login.
        Err(cryptoki::error::Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        answer => Ok(answer?),
    }
}
