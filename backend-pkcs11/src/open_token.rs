//! One token that this process works with: where it is, its sessions, and its one login.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::RvError;
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Limit, Slot, TokenInfo};
use cryptoki::types::AuthPin;
use signer_core::pin_guard::{Attempt, Verified};
use signer_core::{
    Error, Event, OpenContext, Result, Secret, SecretKind, SecretRequest, SecretRules, Tries,
};

use crate::fault::Fault;
use crate::gate::{self, Pin, Presented, Role};
use crate::lane::Posted;
use crate::module::{Inside, Module};
use crate::pool::{Access, Borrowed, Pool, Seat, Worker};
use crate::slots::{self, Identity, Seen};

/// A token, open.
#[derive(Debug)]
pub(crate) struct OpenToken {
    identity: Identity,
    name: String,
    /// What the guard remembers it by.
    id: String,
    rules: SecretRules,
    context: OpenContext,
    place: Mutex<Seen>,
    login: Mutex<Login>,
    pool: Pool,
    // Dropped last: sessions are closed before the module is finalised.
    module: Module,
}

/// The user's PIN, from the first login on: a token that was pulled and put back wants it again.
#[derive(Debug, Default)]
struct Login {
    pin: Option<Secret>,
    /// Set while the token holds it for right.
    verified: Option<Verified>,
}

/// Who has to be logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    Anyone,
    User,
}

/// Something that was handed over to a session's thread.
#[derive(Debug)]
pub(crate) struct UnderWay<R> {
    posted: Posted<Result<R, Fault>>,
    _inside: Inside,
}

impl OpenToken {
    /// `id` is that of its [`signer_core::TokenInfo`].
    pub(crate) fn new(module: Module, seen: Seen, context: OpenContext, id: String) -> Self {
        let identity = seen.identity();
        let name = identity.name();
        let most = match seen.info.max_session_count() {
            Limit::Max(most) => Some(most),
            _ => None,
        };
        Self {
            id,
            rules: rules(&seen.info),
            place: Mutex::new(seen),
            login: Mutex::default(),
            pool: Pool::new(most),
            identity,
            name,
            context,
            module,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn rules(&self) -> SecretRules {
        self.rules
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    /// What the token says of itself now, wherever it is by now.
    pub(crate) fn info(&self) -> Result<TokenInfo, Fault> {
        Ok(self.locate()?.info)
    }

    /// The slot that it was last seen in.
    pub(crate) fn slot(&self) -> Slot {
        locked(&self.place).slot
    }

    /// Whether its private keys want a PIN at all.
    fn wants_login(&self) -> bool {
        locked(&self.place).info.login_required()
    }

    /// The token's slot and flags, read anew. Where another token or none has come into its slot it
    /// is looked for everywhere.
    fn locate(&self) -> Result<Seen, Fault> {
        let mut place = locked(&self.place);
        let slot = place.slot;
        let info = self.module.ask(move |pkcs11| pkcs11.get_token_info(slot));
        if let Ok(info) = info {
            let seen = place.with(info);
            if seen.identity() == self.identity {
                *place = seen;
                return Ok(place.clone());
            }
        } else {
            self.module.usable()?;
        }
        let tokens = slots::tokens(&self.module)?;
        match tokens.into_iter().find(|seen| seen.identity() == self.identity) {
            Some(seen) => {
                *place = seen;
                Ok(place.clone())
            }
            None => Err(Fault::Told(Error::NotFound {
                what: format!("{} of {}", self.name, self.module.path().display()),
            })),
        }
    }

    /// Does something on a session's thread, for as long as `bound`.
    pub(crate) fn on<R: Send + 'static>(
        &self,
        worker: &mut Worker,
        bound: Duration,
        act: impl FnOnce(&Session) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        self.seated(worker, bound, move |seat| match &seat.session {
            Some(session) => act(session),
            None => Err(closed()),
        })
    }

    fn seated<R: Send + 'static>(
        &self,
        worker: &mut Worker,
        bound: Duration,
        act: impl FnOnce(&mut Seat) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let _inside = self.module.enter()?;
        let answer = worker.lane.call(bound, act);
        if worker.lane.is_hung() {
            self.module.give_up();
        }
        answer?
    }

    /// Hands something over to a session's thread, to be done after what was handed over before.
    pub(crate) fn post<R: Send + 'static>(
        &self,
        worker: &mut Worker,
        act: impl FnOnce(&Session) -> Result<R, Fault> + Send + 'static,
    ) -> Result<UnderWay<R>, Fault> {
        let inside = self.module.enter()?;
        let posted = worker.lane.post(move |seat: &mut Seat| match &seat.session {
            Some(session) => act(session),
            None => Err(closed()),
        })?;
        Ok(UnderWay { posted, _inside: inside })
    }

    /// Waits for what was handed over, for as long as a call may take.
    pub(crate) fn collect<R>(
        &self,
        worker: &mut Worker,
        under_way: UnderWay<R>,
    ) -> Result<R, Fault> {
        let answer = worker.lane.collect(under_way.posted, self.module.bounds().call);
        if worker.lane.is_hung() {
            self.module.give_up();
        }
        answer?
    }

    /// A session of at least this access, logged in where that is asked for.
    pub(crate) fn session(&self, access: Access, who: As) -> Result<Borrowed<'_>, Fault> {
        let bounds = self.module.bounds();
        let mut borrowed = self.pool.borrow(bounds.session)?;
        if let Err(fault) = self.ensure(borrowed.worker()?, access) {
            if fault.code() != Some(RvError::SessionCount) || !borrowed.give_up() {
                return Err(fault);
            }
            // The token has no more sessions, so one of those that are there has to do.
            borrowed = self.pool.borrow(bounds.session)?;
            self.ensure(borrowed.worker()?, access)?;
        }
        if who == As::User {
            self.login(borrowed.worker()?)?;
        }
        Ok(borrowed)
    }

    /// Opens the worker's session, if it has none that may do as much.
    fn ensure(&self, worker: &mut Worker, access: Access) -> Result<(), Fault> {
        // Whether it is still there shows when it is used; then it is mended.
        if worker.open >= Some(access) {
            return Ok(());
        }
        self.reopen(worker, access)
    }

    /// Opens a new session in place of the worker's. The old one is closed only after that: closing
    /// the last session would log out.
    fn reopen(&self, worker: &mut Worker, access: Access) -> Result<(), Fault> {
        let slot = self.locate()?.slot;
        let (pkcs11, hung) = (self.module.pkcs11().clone(), self.module.hung());
        let opened = self.seated(worker, self.module.bounds().call, move |seat| {
            let new = match access {
                Access::Read => pkcs11.open_ro_session(slot)?,
                Access::Write => pkcs11.open_rw_session(slot)?,
            };
            seat.hung = hung;
            seat.session = Some(new);
            Ok(())
        });
        worker.open = opened.is_ok().then_some(access);
        opened
    }

    /// Makes good what a pulled token, an idle time-out or another part of the program undid: a new
    /// session, and the login.
    pub(crate) fn mend(&self, worker: &mut Worker, who: As) -> Result<(), Fault> {
        let access = worker.open.unwrap_or(Access::Read);
        self.reopen(worker, access)?;
        match who {
            As::User => self.login(worker),
            As::Anyone => Ok(()),
        }
    }

    /// Does something in a session; when that turns out to be lost, once more in a new one. `act`
    /// does nothing by halves before it says that its session is lost.
    pub(crate) fn run<R: Send + 'static>(
        &self,
        access: Access,
        who: As,
        bound: Duration,
        act: impl Fn(&Session) -> Result<R, Fault> + Clone + Send + 'static,
    ) -> Result<R, Fault> {
        let mut borrowed = self.session(access, who)?;
        let worker = borrowed.worker()?;
        match self.on(worker, bound, act.clone()) {
            Err(fault) if fault.is_lost_session() => {
                self.mend(worker, who)?;
                self.on(worker, bound, act)
            }
            answer => answer,
        }
    }

    /// Logs the process in, unless it is.
    fn login(&self, worker: &mut Worker) -> Result<(), Fault> {
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

    /// Closes the sessions that nobody uses, and waits for that: SoftHSM2 crashes when one is closed
    /// while the module is being finalised.
    fn close_idle(&self) {
        for mut worker in self.pool.drain() {
            // The session's own end cannot be told to anybody, and leaves nothing behind.
            let _ = self.seated(&mut worker, self.module.bounds().call, |seat| {
                seat.session = None;
                Ok(())
            });
        }
    }
}

impl Drop for OpenToken {
    fn drop(&mut self) {
        self.close_idle();
    }
}

/// The length that a token takes for a PIN, as far as it can be believed.
pub(crate) fn rules(info: &TokenInfo) -> SecretRules {
    let min_length = info.min_pin_length().clamp(1, 255);
    let max_length = match info.max_pin_length() {
        0 => 255,
        most => most.clamp(min_length, 255),
    };
    SecretRules { min_length, max_length, alphabet: SecretRules::DIGITS }
}

fn logged_in(answer: Result<(), cryptoki::error::Error>) -> Result<(), Fault> {
    match answer {
        // Another part of the program did; all sessions of a process share one login.
        Err(cryptoki::error::Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        answer => Ok(answer?),
    }
}

fn closed() -> Fault {
    Fault::Code { function: Function::GetSessionInfo, code: RvError::SessionHandleInvalid }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
