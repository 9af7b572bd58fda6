//! What stands between a secret and a token that counts wrong ones.
//!
//! A PIN, PUK or security officer's PIN goes to a token through [`PinGuard::admit`] and no other
//! way. (A management key and a passphrase have no counter and need no guard.) The guard
//!
//! - refuses what the token's own rules rule out, before anything is sent;
//! - has the counter read first, and spends no last try unless [`LastTry::Use`] says so;
//! - remembers what failed, across processes, so that a job that is started over and over with the
//!   same wrong PIN costs one try. The note is made *before* the secret is sent, so that a process
//!   that is killed or loses its token in between is remembered too;
//! - lets one process at a time present secrets to one token.
//!
//! # What is kept
//!
//! For each token and kind of secret one file in the user's state folder, readable by nobody else:
//! the token, and for each failed secret the counter after it, the time, whether the answer was
//! "wrong" or never came, and the low 8 bits of an HMAC-SHA-256 of the secret under a random key in
//! the same folder. More bits would let a PIN of six digits be found from the file; with 8, one
//! secret in 256 is taken for a failed one and has to be let through by [`PinGuard::clear_fault`].
//! For the same reason one secret has the same 8 bits for every token: other bits for each token
//! would add up.
//!
//! A counter that is higher than the remembered one shows that the right secret was used since, or
//! that nothing was spent, and lifts the fault.
//!
//! # Example
//!
//! ```
//! use signer_core::pin_guard::{Attempt, PinGuard};
//! use signer_core::{Error, PinStatus, Secret, SecretKind, SecretRules, Tries};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let guard = PinGuard::new().in_folder(folder.path().join("pin-guard"));
//! let attempt = Attempt {
//!     id: "yubikey:16021234",
//!     token: "YubiKey 16021234",
//!     kind: SecretKind::Pin,
//!     rules: SecretRules { min_length: 6, max_length: 8, alphabet: SecretRules::DIGITS },
//! };
//! let counter = |left| move || Ok(PinStatus { tries: Tries::left(left), total: Some(3), is_default: None });
//! let pin = Secret::new(b"111111".to_vec());
//!
//! let admitted = guard.admit(&attempt, &pin, counter(3))?;
//! // The card is sent `admitted.octets()` and answers 63C2.
//! let error = admitted.wrong(Tries::left(2));
//! assert!(matches!(error, Error::WrongSecret { tries: Tries::Left(2), .. }));
//!
//! let again = guard.admit(&attempt, &pin, counter(2));
//! assert!(matches!(again, Err(Error::FailedBefore { .. })));
//! # Ok::<(), Error>(())
//! ```

mod admission;
mod counter;
mod fault;
mod folder;
mod process;
mod store;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Clock, Error, PinStatus, Result, Secret, SecretKind, SecretRules, SystemClock, Tries};

pub use admission::{Admitted, Again, Verified};
pub use fault::{Fault, FaultOutcome};

use admission::Target;
use fault::Entry;
use process::{Process, Turn};
use store::Store;

/// The kinds of secrets that tokens count tries of.
const COUNTED: [SecretKind; 3] = [SecretKind::Pin, SecretKind::Puk, SecretKind::SoPin];

/// What every secret passes before it is sent to a token that counts tries.
///
/// Clones share what this process has seen fail: one guard, or clones of one, should serve a whole
/// process.
#[derive(Clone)]
pub struct PinGuard {
    memory: Memory,
    last_try: LastTry,
    patience: Duration,
    clock: Arc<dyn Clock>,
    process: Arc<Process>,
}

/// Where failures are remembered beyond this process.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Memory {
    /// In the user's state folder.
    User,
    /// In this folder.
    Folder(PathBuf),
    /// Nowhere.
    Off,
}

/// What becomes of a folder that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// It is made.
    Made,
    /// It is done without: there is nothing in it.
    LeftOut,
}

/// What is done where one wrong secret more would block it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastTry {
    /// Nothing is sent.
    #[default]
    Refuse,
    /// It is sent all the same.
    Use,
}

/// To whom a secret is about to be sent, and which.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What tells this token from all others, the same whichever way it was opened, such as
    /// `yubikey:16021234`.
    pub id: &'a str,
    /// The token, as a person would name it.
    pub token: &'a str,
    /// Which secret.
    pub kind: SecretKind,
    /// What the token takes.
    pub rules: SecretRules,
}

impl Default for PinGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl PinGuard {
    /// A guard that remembers failures in the user's state folder (`$XDG_STATE_HOME` or
    /// `~/.local/state`, and `%LOCALAPPDATA%` on Windows, in `touchmark/pin-guard`) and spends no
    /// last try. The folder is first looked at by the first [`PinGuard::admit`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            memory: Memory::User,
            last_try: LastTry::Refuse,
            patience: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
            process: Arc::new(Process::default()),
        }
    }

    /// Remembers failures in this folder instead, which is made when it is missing.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.memory = Memory::Folder(folder.into());
        self
    }

    /// Remembers failures for as long as this process lives, and keeps no files.
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        self.memory = Memory::Off;
        self
    }

    /// What to do where one wrong secret more would block it.
    #[must_use]
    pub fn with_last_try(mut self, last_try: LastTry) -> Self {
        self.last_try = last_try;
        self
    }

    /// How long to wait for another process that is presenting a secret to the same token; 10
    /// seconds unless told.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Where the time of a failure comes from.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Whether this counter allows a try at all, before a person is asked for the secret.
    ///
    /// # Errors
    /// [`Error::Blocked`], and [`Error::LastTryRefused`] unless the last try may be used.
    pub fn check_counter(&self, attempt: &Attempt<'_>, tries: Tries) -> Result<()> {
        let (kind, token) = (attempt.kind, attempt.token.to_owned());
        match tries {
            Tries::Blocked | Tries::Left(0) => Err(Error::Blocked { kind, token }),
            tries if !tries.may_be_spent() && self.last_try == LastTry::Refuse => {
                Err(Error::LastTryRefused { kind, token })
            }
            _ => Ok(()),
        }
    }

    /// Lets a secret through, or says why not; nothing was spent then.
    ///
    /// `read` reads the token's counter without spending a try. It is called when no other process
    /// can present a secret any more, and belongs into the same card transaction as the sending.
    /// A counter of 15 without a total is taken for "15 or more", as status word 63CF means it.
    ///
    /// # Errors
    /// [`Error::SecretUnusable`] for what the token's rules rule out; [`Error::Blocked`] and
    /// [`Error::LastTryRefused`]; [`Error::FailedBefore`] for a secret that failed before;
    /// [`Error::FailureMemory`] when it could not be noted down; [`Error::TokenBusy`] when another
    /// process does not finish; and whatever `read` reports.
    pub fn admit<'s>(
        &self,
        attempt: &Attempt<'_>,
        secret: &'s Secret,
        read: impl FnOnce() -> Result<PinStatus>,
    ) -> Result<Admitted<'s>> {
        if let Some(reason) = attempt.rules.objection(secret.expose()) {
            let (kind, origin) = (attempt.kind, "its source".to_owned());
            return Err(Error::SecretUnusable { kind, origin, reason });
        }
        let (turn, store) = self.turn(attempt.id, attempt.token, Missing::Made)?;
        let status = read()?;
        if status.tries.count() == Some(0) {
            return Err(Error::Blocked { kind: attempt.kind, token: attempt.token.to_owned() });
        }

        let mac = self.process.mac(secret)?;
        let failed = |fault: Fault| Error::FailedBefore {
            kind: attempt.kind,
            token: attempt.token.to_owned(),
            fault,
        };
        if let Some(fault) = self.process.failed(attempt.id, attempt.kind, &mac, &status) {
            return Err(failed(fault));
        }
        let mut entries = Vec::new();
        let mut tag = 0;
        if let Some(store) = &store {
            tag = store.tag(secret)?;
            entries = store.load(attempt.id, attempt.kind)?;
            entries.retain(|entry| !counter::shows_success(entry.fault.after, &status));
            if let Some(entry) = entries.iter().find(|entry| entry.is_of(tag)) {
                return Err(failed(entry.fault.clone()));
            }
        }
        self.check_counter(attempt, status.tries)?;

        let fault = Fault {
            kind: attempt.kind,
            outcome: FaultOutcome::Unknown,
            after: counter::after_one_more(&status),
            since: self.clock.now(),
        };
        entries.push(Entry { tag: Some(tag), fault: fault.clone() });
        if let Some(store) = &store {
            store.save(attempt.id, attempt.kind, &entries)?;
        }
        self.process.mark(attempt.id, attempt.kind, mac, fault);
        let target = Target::new(self.clone(), attempt, mac);
        Ok(Admitted::new(secret, target, status, turn, store, entries))
    }

    /// What failed at this token and was neither lifted nor cleared: this is what holds automation
    /// up. [`Fault::is_lifted_by`] tells whether the present counter does away with it. Nothing is
    /// made where nothing is.
    ///
    /// # Errors
    /// [`Error::FailureMemory`], and [`Error::TokenBusy`] as for [`PinGuard::admit`].
    pub fn faults(&self, id: &str) -> Result<Vec<Fault>> {
        let (_turn, store) = self.turn(id, id, Missing::LeftOut)?;
        let Some(store) = store else { return Ok(self.process.faults(id)) };
        let mut faults = Vec::new();
        for kind in COUNTED {
            faults.extend(store.load(id, kind)?.into_iter().map(|entry| entry.fault));
        }
        Ok(faults)
    }

    /// Forgets what failed, and tells whether there was anything. Also to be called when the token
    /// has been given another secret of that kind: what was wrong before may be right now.
    ///
    /// # Errors
    /// [`Error::FailureMemory`], and [`Error::TokenBusy`] as for [`PinGuard::admit`].
    pub fn clear_fault(&self, id: &str, kind: SecretKind) -> Result<bool> {
        let (_turn, store) = self.turn(id, id, Missing::LeftOut)?;
        let known = self.process.forget(id, kind);
        Ok(match &store {
            Some(store) => store.remove(id, kind)? || known,
            None => known,
        })
    }

    /// Waits until nobody else presents a secret to this token.
    fn turn(&self, id: &str, token: &str, missing: Missing) -> Result<(Turn, Option<Store>)> {
        let folder = match &self.memory {
            Memory::User => Some(folder::of_user()?),
            Memory::Folder(folder) => Some(folder.clone()),
            Memory::Off => None,
        };
        let wanted = |folder: &PathBuf| missing == Missing::Made || folder.exists();
        let store = folder.filter(wanted).map(Store::open).transpose()?;
        let busy = || Error::TokenBusy { token: token.to_owned() };
        let mut turn = Process::turn(&self.process, id, self.patience).ok_or_else(busy)?;
        if let Some(store) = &store {
            turn.hold(store.lock(id, self.patience)?.ok_or_else(busy)?);
        }
        Ok((turn, store))
    }
}

impl fmt::Debug for PinGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinGuard")
            .field("memory", &self.memory)
            .field("last_try", &self.last_try)
            .finish_non_exhaustive()
    }
}
