//! What this process alone has seen: whole secrets can be told apart here, and turns are taken.

use std::fmt;
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;

use super::counter;
use super::fault::{Fault, FaultOutcome};
use crate::{Error, PinStatus, Result, Secret, SecretKind};

/// A secret as this process tells it from others, under a key that nothing else has.
pub(super) type Mac = [u8; 32];

/// What this process has seen fail, and which tokens it is busy with.
#[derive(Default)]
pub(super) struct Process {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    key: Option<hmac::Key>,
    marks: Vec<Mark>,
    busy: Vec<String>,
}

struct Mark {
    id: String,
    mac: Mac,
    fault: Fault,
}

impl Process {
    /// Tells a secret from others.
    pub(super) fn mac(&self, secret: &Secret) -> Result<Mac> {
        let mut state = self.state();
        let key = match &mut state.key {
            Some(key) => key,
            none => {
                none.insert(hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(
                    |_| Error::Device {
                        doing: "drawing randomness".into(),
                        source: "the system gives none".into(),
                    },
                )?)
            }
        };
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(key, secret.expose()).as_ref());
        Ok(mac)
    }

    /// How this very secret failed here. One that was wrong stays wrong until it is forgotten; one
    /// whose answer never came is let through when the counter shows that nothing was spent.
    pub(super) fn failed(
        &self,
        id: &str,
        kind: SecretKind,
        mac: &Mac,
        now: &PinStatus,
    ) -> Option<Fault> {
        let state = self.state();
        let mark = state.marks.iter().find(|mark| mark.is_of(id, kind, mac))?;
        let lifted = mark.fault.outcome == FaultOutcome::Unknown
            && counter::shows_success(mark.fault.after, now);
        (!lifted).then(|| mark.fault.clone())
    }

    /// Notes how a secret failed, or that no answer came yet.
    pub(super) fn mark(&self, id: &str, kind: SecretKind, mac: Mac, fault: Fault) {
        let mut state = self.state();
        state.marks.retain(|mark| !mark.is_of(id, kind, &mac));
        state.marks.push(Mark { id: id.to_owned(), mac, fault });
    }

    /// Takes back what was noted of one secret.
    pub(super) fn unmark(&self, id: &str, kind: SecretKind, mac: &Mac) {
        self.state().marks.retain(|mark| !mark.is_of(id, kind, mac));
    }

    /// Takes back what was noted of all secrets of a kind.
    pub(super) fn forget(&self, id: &str, kind: SecretKind) -> bool {
        let mut state = self.state();
        let before = state.marks.len();
        state.marks.retain(|mark| mark.id != id || mark.fault.kind != kind);
        state.marks.len() != before
    }

    /// All that failed at a token.
    pub(super) fn faults(&self, id: &str) -> Vec<Fault> {
        let state = self.state();
        let of_token = state.marks.iter().filter(|mark| mark.id == id);
        of_token.map(|mark| mark.fault.clone()).collect()
    }

    /// Waits until no other thread presents a secret to this token; nothing when that takes longer
    /// than `patience`.
    pub(super) fn turn(process: &Arc<Self>, id: &str, patience: Duration) -> Option<Turn> {
        let is_busy = |state: &mut State| state.busy.iter().any(|busy| busy == id);
        let waited = process.freed.wait_timeout_while(process.state(), patience, is_busy);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if is_busy(&mut state) {
            return None;
        }
        state.busy.push(id.to_owned());
        Some(Turn { process: Arc::clone(process), id: id.to_owned(), lock: None })
    }

    /// Every change is whole by itself, so a thread that panicked has left nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process(..)")
    }
}

impl Mark {
    fn is_of(&self, id: &str, kind: SecretKind, mac: &Mac) -> bool {
        self.id == id && self.fault.kind == kind && verify_slices_are_equal(&self.mac, mac).is_ok()
    }
}

/// The right to present secrets to one token, until it is dropped.
pub(super) struct Turn {
    process: Arc<Process>,
    id: String,
    lock: Option<File>,
}

impl Turn {
    /// Keeps other processes away as well, by a locked file.
    pub(super) fn hold(&mut self, lock: File) {
        self.lock = Some(lock);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // The file first: a thread that is woken up wants to lock it.
        self.lock = None;
        self.process.state().busy.retain(|busy| *busy != self.id);
        self.process.freed.notify_all();
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turn({:?})", self.id)
    }
}
