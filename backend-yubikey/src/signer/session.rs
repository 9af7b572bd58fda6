//! A run of signatures in as few transactions as is polite.

use std::fmt;
use std::time::{Duration, Instant};

use signer_core::{Result, Signature, SigningSession};

use super::YubiKeySigner;
use crate::card::Transaction;

/// Holds a transaction from the first signature on, and takes it anew every now and then so that
/// other programs get their turn.
pub(super) struct YubiKeySession<'s> {
    signer: &'s YubiKeySigner,
    turn: Option<Turn<'s>>,
    /// Whether there was a turn before this one, so that somebody else may have been at the card.
    resumed: bool,
}

struct Turn<'s> {
    transaction: Transaction<'s>,
    since: Instant,
    signatures: u32,
}

impl<'s> YubiKeySession<'s> {
    pub(super) fn new(signer: &'s YubiKeySigner) -> Self {
        Self { signer, turn: None, resumed: false }
    }

    fn turn(&mut self) -> Result<Turn<'s>> {
        match self.turn.take() {
            Some(turn) if !turn.is_over() => return Ok(turn),
            // Ended before the next one is begun: it has the card.
            over => drop(over),
        }
        let mut transaction = self.signer.begin()?;
        if self.resumed {
            transaction.check_serial()?;
        }
        self.resumed = true;
        Ok(Turn { transaction, since: Instant::now(), signatures: 0 })
    }
}

impl SigningSession for YubiKeySession<'_> {
    /// After an error the transaction is over, and the card is left clean.
    fn sign(&mut self, message: &[u8]) -> Result<Signature> {
        let mut turn = self.turn()?;
        let signature = self.signer.sign_in(&mut turn.transaction, message)?;
        turn.signatures += 1;
        self.turn = Some(turn);
        Ok(signature)
    }
}

impl fmt::Debug for YubiKeySession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YubiKeySession").field("signer", self.signer).finish_non_exhaustive()
    }
}

/// Signatures in a transaction that somebody else began, and ends.
#[derive(Debug)]
pub(crate) struct WithinTransaction<'s, 't> {
    pub(crate) signer: &'s YubiKeySigner,
    pub(crate) transaction: &'s mut Transaction<'t>,
}

impl SigningSession for WithinTransaction<'_, '_> {
    fn sign(&mut self, message: &[u8]) -> Result<Signature> {
        self.signer.sign_in(self.transaction, message)
    }
}

impl Turn<'_> {
    fn is_over(&self) -> bool {
        self.signatures >= MOST_SIGNATURES || self.since.elapsed() >= LONGEST
    }
}

/// Signatures in one turn.
const MOST_SIGNATURES: u32 = 256;
/// A turn; Windows takes the card away from who idles for five seconds.
const LONGEST: Duration = Duration::from_secs(2);
