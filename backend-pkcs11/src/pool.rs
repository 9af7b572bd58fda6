//! The sessions that a process has with one token: few, kept open, each on a thread of its own.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::session::Session;

use crate::fault::Fault;
use crate::lane::Lane;
use crate::module::Door;

/// More help nobody: SoftHSM2 signs no faster with four than with two.
const MOST: usize = 16;

/// What lives on a session's thread. A session is for one thread at a time.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    pub(crate) session: Option<Session>,
    /// The way into the module, once there is a session.
    pub(crate) door: Door,
}

impl Drop for Seat {
    /// Closes the session, unless that would mean a call to a module that hangs.
    fn drop(&mut self) {
        if self.door.usable().is_err() {
            std::mem::forget(self.session.take());
        }
    }
}

/// What a session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A session's thread, with what is known of its session without asking.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) lane: Lane<Seat>,
    pub(crate) open: Option<Access>,
}

/// The sessions with one token. Those that are not in use stay open: closing the last one would log
/// the whole process out.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    idle: Vec<Worker>,
    out: usize,
    most: usize,
}

impl Pool {
    /// `most` is what the token itself allows, where it says so.
    pub(crate) fn new(most: Option<u64>) -> Self {
        let most = most.and_then(|it| usize::try_from(it).ok()).unwrap_or(MOST).clamp(1, MOST);
        Self { state: Mutex::new(State { idle: Vec::new(), out: 0, most }), freed: Condvar::new() }
    }

    /// One worker, for as long as the loan is kept. Waits for one to be given back when all are out.
    pub(crate) fn borrow(&self, bound: Duration) -> Result<Borrowed<'_>, Fault> {
        let (mut state, timeout) = self
            .freed
            .wait_timeout_while(self.state(), bound, |state| {
                state.idle.is_empty() && state.out >= state.most
            })
            .unwrap_or_else(PoisonError::into_inner);
        let worker = match state.idle.pop() {
            Some(worker) => worker,
            None if timeout.timed_out() => return Err(Fault::Busy(state.out)),
            None => Worker { lane: Lane::new("pkcs11 session")?, open: None },
        };
        state.out += 1;
        Ok(Borrowed { pool: self, worker: Some(worker) })
    }

    /// All workers that are not in use, for good.
    pub(crate) fn drain(&self) -> Vec<Worker> {
        std::mem::take(&mut self.state().idle)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker on loan.
#[derive(Debug)]
pub(crate) struct Borrowed<'a> {
    pool: &'a Pool,
    worker: Option<Worker>,
}

impl Borrowed<'_> {
    pub(crate) fn worker(&mut self) -> Result<&mut Worker, Fault> {
        self.worker.as_mut().ok_or(Fault::Ended)
    }

    /// Gives the worker up because the token has no session for it, and takes the number of sessions
    /// that there are for the most there can be. False when there are none at all.
    pub(crate) fn give_up(mut self) -> bool {
        // Its thread ends after the lock is let go.
        let _worker = self.worker.take();
        let mut state = self.pool.state();
        state.out = state.out.saturating_sub(1);
        let others = state.idle.len() + state.out;
        state.most = others.max(1);
        others > 0
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        // One that was given up is counted out already.
        let Some(worker) = self.worker.take() else { return };
        let mut state = self.pool.state();
        state.out = state.out.saturating_sub(1);
        // One that hangs is left to itself.
        if !worker.lane.is_hung() {
            state.idle.push(worker);
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_workers_than_the_token_allows() {
        let pool = Pool::new(Some(2));
        let first = pool.borrow(Duration::from_secs(20)).unwrap();
        let second = pool.borrow(Duration::from_secs(20)).unwrap();
        assert!(matches!(pool.borrow(Duration::from_millis(5)), Err(Fault::Busy(2))));
        drop(first);
        assert!(pool.borrow(Duration::from_secs(20)).is_ok());
        drop(second);
        assert_eq!(pool.drain().len(), 2);
    }

    #[test]
    fn a_token_without_a_further_session_is_not_asked_for_one_again() {
        let pool = Pool::new(None);
        let first = pool.borrow(Duration::from_secs(20)).unwrap();
        let second = pool.borrow(Duration::from_secs(20)).unwrap();
        assert!(second.give_up());
        assert!(matches!(pool.borrow(Duration::from_millis(5)), Err(Fault::Busy(1))));
        assert!(!first.give_up());
    }
}
