//! A secret that was let through, and what became of it.

use std::fmt;

use super::counter;
use super::fault::{Entry, Fault, FaultOutcome};
use super::process::{Mac, Turn};
use super::store::Store;
use super::{Attempt, Missing, PinGuard};
use crate::{Error, PinStatus, Secret, SecretKind, Tries};

/// A secret that may be sent to the token, once. It is noted down as failed already; what the token
/// answers is told by one of the methods that consume this. Dropped without one, as on the way out
/// of an error or a panic, it stays a failure whose answer never came.
#[must_use = "what became of the secret has to be told"]
pub struct Admitted<'s> {
    secret: &'s Secret,
    target: Target,
    before: PinStatus,
    store: Option<Store>,
    entries: Vec<Entry>,
    // Last, so that the turn ends when everything else is done.
    turn: Turn,
}

impl<'s> Admitted<'s> {
    pub(super) fn new(
        secret: &'s Secret,
        target: Target,
        before: PinStatus,
        turn: Turn,
        store: Option<Store>,
        entries: Vec<Entry>,
    ) -> Self {
        Self { secret, target, before, store, entries, turn }
    }

    /// The octets to send. What sends them should take this type and not the secret itself.
    #[must_use]
    pub fn octets(&self) -> &'s [u8] {
        self.secret.expose()
    }

    /// The counter as it was read before.
    #[must_use]
    pub fn status(&self) -> PinStatus {
        self.before
    }

    /// The token took it for right.
    pub fn accepted(self) -> Verified {
        let Target { guard, id, kind, mac, .. } = &self.target;
        guard.process.unmark(id, *kind, mac);
        if let Some(store) = &self.store {
            // What stays behind is lifted by the counter, which is full now.
            let _ = store.remove(id, *kind);
        }
        drop(self.turn);
        Verified { target: self.target, unbroken: true }
    }

    /// The token took it for wrong, and says how many tries are left. Returns the error to report.
    #[must_use]
    pub fn wrong(mut self, left: Tries) -> Error {
        let after = counter::after_wrong(&self.before, left);
        if let Some(last) = self.entries.last_mut() {
            last.fault.outcome = FaultOutcome::Wrong;
            last.fault.after = after;
        }
        let fault = self.target.wrong(after);
        let Target { guard, id, token, kind, mac } = self.target;
        guard.process.mark(&id, kind, mac, fault);
        if let Some(store) = &self.store {
            // When this fails, the answer that never came is what is remembered.
            let _ = store.save(&id, kind, &self.entries);
        }
        Error::WrongSecret { kind, token, tries: after }
    }

    /// No answer came, or one that says nothing: the link was lost, or it took too long. The try
    /// counts as spent until the counter shows otherwise.
    pub fn unknown(self) {}

    /// The token answered without having looked at the secret, so that no try can have been spent:
    /// no such command, not this application, already logged in.
    pub fn not_compared(mut self) {
        let Target { guard, id, kind, mac, .. } = &self.target;
        guard.process.unmark(id, *kind, mac);
        self.entries.pop();
        if let Some(store) = &self.store {
            let _ = store.save(id, *kind, &self.entries);
        }
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A secret that the token took for right in the transaction that is still going on.
///
/// It belongs to that transaction and must end with it. As long as it lasts, the same secret may be
/// sent again, as a key of policy `always` wants it for each signature, without reading the counter
/// (it is full) and without noting anything down: a secret that is known to be right spends nothing.
#[derive(Debug)]
pub struct Verified {
    target: Target,
    unbroken: bool,
}

impl Verified {
    /// Lets the same secret through once more. Nothing when it is another secret, or when the last
    /// answer was not that it is right: then the way is through [`PinGuard::admit`].
    pub fn again<'v, 's>(&'v mut self, secret: &'s Secret) -> Option<Again<'v, 's>> {
        let mac = self.target.guard.process.mac(secret).ok()?;
        // Both are HMACs under a key of this process; comparing them tells nothing about the secret.
        if !self.unbroken || mac != self.target.mac {
            return None;
        }
        self.unbroken = false;
        Some(Again { verified: self, secret })
    }
}

/// A secret that may be sent once more; see [`Verified`]. Dropped without an answer it ends the
/// [`Verified`] that it came from.
#[derive(Debug)]
#[must_use = "what became of the secret has to be told"]
pub struct Again<'v, 's> {
    verified: &'v mut Verified,
    secret: &'s Secret,
}

impl<'s> Again<'_, 's> {
    /// The octets to send.
    #[must_use]
    pub fn octets(&self) -> &'s [u8] {
        self.secret.expose()
    }

    /// The token took it for right again.
    pub fn accepted(self) {
        self.verified.unbroken = true;
    }

    /// The token took it for wrong all of a sudden: somebody changed it. Returns the error to
    /// report.
    #[must_use]
    pub fn wrong(self, left: Tries) -> Error {
        let target = &self.verified.target;
        let Target { guard, id, token, kind, mac } = target;
        let fault = target.wrong(left);
        guard.process.mark(id, *kind, *mac, fault.clone());
        // This process will not send it again whatever becomes of the note for others.
        if let Ok((_turn, Some(store))) = guard.turn(id, token, Missing::Made)
            && let (Ok(tag), Ok(mut entries)) = (store.tag(self.secret), store.load(id, *kind))
        {
            entries.push(Entry { tag: Some(tag), fault });
            let _ = store.save(id, *kind, &entries);
        }
        Error::WrongSecret { kind: *kind, token: token.clone(), tries: left }
    }
}

/// Which secret of which token it is about.
pub(super) struct Target {
    guard: PinGuard,
    id: String,
    token: String,
    kind: SecretKind,
    mac: Mac,
}

impl Target {
    pub(super) fn new(guard: PinGuard, attempt: &Attempt<'_>, mac: Mac) -> Self {
        let Attempt { id, token, kind, .. } = *attempt;
        Self { guard, id: id.to_owned(), token: token.to_owned(), kind, mac }
    }

    fn wrong(&self, after: Tries) -> Fault {
        let since = self.guard.clock.now();
        Fault { kind: self.kind, outcome: FaultOutcome::Wrong, after, since }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.id)
    }
}
