//! One token that this process works with: where it is, and its sessions.

mod login;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::RvError;
use cryptoki::session::Session;
use cryptoki::slot::{Limit, Slot, TokenInfo};
use signer_core::{Error, OpenContext, SecretRules};

use crate::fault::Fault;
use crate::module::Module;
use crate::pool::{Access, Borrowed, Pool, Seat, Worker};
use crate::slots::{self, Identity, Seen};

use login::Login;

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

/// Who has to be logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    Anyone,
    User,
}

/// What came of a row of steps: their results, and what ended it early.
pub(crate) type Row<R> = (Vec<R>, Option<Fault>);

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

    /// Does the same with each of `items` on a session's thread, up to the first that fails. Each may
    /// take as long as a call may.
    pub(crate) fn on_each<I: Send + 'static, R: Send + 'static>(
        &self,
        worker: &mut Worker,
        items: Vec<I>,
        act: impl Fn(&Session, &I) -> Result<R, Fault> + Send + 'static,
    ) -> Result<Row<R>, Fault> {
        self.module.usable()?;
        let answer = worker.lane.call_long(self.module.bounds().call, move |seat, beat| {
            let mut done = Vec::with_capacity(items.len());
            let Some(session) = &seat.session else { return (done, Some(closed())) };
            for item in &items {
                match seat.door.enter().and_then(|_inside| act(session, item)) {
                    Ok(one) => done.push(one),
                    Err(fault) => return (done, Some(fault)),
                }
                beat.tell();
            }
            (done, None)
        });
        if worker.lane.is_hung() {
            self.module.give_up();
        }
        answer
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
        let (pkcs11, door) = (self.module.pkcs11().clone(), self.module.door()?);
        let opened = self.seated(worker, self.module.bounds().call, move |seat| {
            let new = match access {
                Access::Read => pkcs11.open_ro_session(slot)?,
                Access::Write => pkcs11.open_rw_session(slot)?,
            };
            seat.door = door;
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

fn closed() -> Fault {
    Fault::Code { function: Function::GetSessionInfo, code: RvError::SessionHandleInvalid }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
