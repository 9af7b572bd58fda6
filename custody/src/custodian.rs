//! Who acts on a token, and writes down what was done.

mod birth;
mod management_key;
mod pin;
mod reset;
mod retries;

use ledger::{Act, Ledger};
use serde_json::{Map, Value, json};
use signer_core::pin_guard::Fault;
use signer_core::{
    Administration, OpenContext, PinManager, PinStatus, Secret, SecretKind, SecretRequest,
    SecretRules, SecretSpec, Token, TokenInfo, Tries,
};

use crate::{Deposit, Error, Escrow, Fate, Receipt, Result};

pub use management_key::ManagementKeyWish;

/// Acts on one open token.
#[derive(Debug)]
pub struct Custodian<'a> {
    token: Box<dyn Token>,
    with: &'a OpenContext,
    ledger: Option<&'a mut Ledger>,
    escrow: Option<&'a dyn Escrow>,
    receipts: Vec<Receipt>,
    in_doubt: bool,
    /// Whether an act that failed may have got half way.
    steps: Steps,
}

/// Whether an act does one thing to the token or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    /// An answer from the token that it refuses says that nothing was done.
    One,
    /// Some may have been done before one was refused.
    Several,
}

/// What a token says about PIN and PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// What unblocks the PIN: a PUK or an SO PIN.
    pub unblocker: SecretKind,
    /// The PIN.
    pub pin: PinStatus,
    /// What unblocks it, where the token tells.
    pub puk: Option<PinStatus>,
}

/// What an act has to tell, as it goes along.
type Details = Map<String, Value>;

impl<'a> Custodian<'a> {
    /// Takes charge of a token. `with` is what it was opened with; acts are recorded in `ledger`
    /// where there is one, and new secrets kept in `escrow`.
    pub fn new(
        token: Box<dyn Token>,
        with: &'a OpenContext,
        ledger: Option<&'a mut Ledger>,
        escrow: Option<&'a dyn Escrow>,
    ) -> Self {
        Self {
            token,
            with,
            ledger,
            escrow,
            receipts: Vec::new(),
            in_doubt: false,
            steps: Steps::One,
        }
    }

    /// Where the secrets of this custodian's acts can be found again.
    #[must_use]
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// Whether some of these secrets may be the token's now or not, for want of an answer.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// What is known of the token without a secret.
    #[must_use]
    pub fn token(&self) -> &TokenInfo {
        self.token.info()
    }

    /// What the token says about PIN and PUK. Spends no try and is not recorded.
    ///
    /// # Errors
    /// Whatever the token reports on reading.
    pub fn statuses(&mut self) -> Result<Statuses> {
        let manager = self.pin_manager()?;
        Ok(Statuses {
            unblocker: manager.unblocker(),
            pin: manager.pin_status()?,
            puk: manager.puk_status()?,
        })
    }

    /// Does something and records it, however it ends. An act that failed is told as it failed,
    /// even where the ledger fails too.
    fn act<T>(
        &mut self,
        name: &str,
        done: &str,
        what: impl FnOnce(&mut Self, &mut Details) -> Result<T>,
    ) -> Result<T> {
        let mut details = Details::new();
        let receipts = self.receipts.len();
        self.steps = Steps::One;
        let outcome = what(self, &mut details);
        let escrow = self.settle(receipts, &outcome);
        if !escrow.is_empty() {
            details.insert("escrow".into(), json!(escrow));
        }
        let ending = match &outcome {
            Ok(_) => "done".to_owned(),
            Err(error) => {
                if let Error::Signer(signer_core::Error::WrongSecret { tries, .. }) = error {
                    details.insert("tries_after".into(), tries_value(*tries));
                }
                error.to_string()
            }
        };
        details.insert("outcome".into(), ending.into());
        let recorded = self.record(name, details);
        match (outcome, recorded) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(source)) => {
                Err(Error::Unrecorded { done: done.to_owned(), source: Box::new(source) })
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Writes an act on this token into the ledger, where there is one.
    fn record(&mut self, name: &str, mut details: Details) -> ledger::Result<()> {
        let info = self.token.info();
        details.insert("token".into(), info.locator.to_string().into());
        details.insert("serial".into(), json!(info.serial));
        let act = Act { name: name.to_owned(), details: Value::Object(details) };
        match &mut self.ledger {
            Some(ledger) => ledger.record(&act).map(drop),
            None => Ok(()),
        }
    }

    /// Refuses a random secret that nobody would keep. What an act sets is looked at here before it
    /// asks for anything or shows the token a secret.
    fn need_escrow(&self, kinds: &[SecretKind]) -> Result<()> {
        let random = |kind| self.with.secrets.source(kind) == Some(&SecretSpec::Random);
        match kinds.iter().copied().find(|kind| random(*kind)) {
            Some(kind) if self.escrow.is_none() => Err(Error::NoEscrow { kind }),
            _ => Ok(()),
        }
    }

    /// Asks for a secret that the token will be given or shown. A random one is in escrow when this
    /// returns, and so is every other one where an escrow is named.
    fn secret(&mut self, kind: SecretKind, rules: SecretRules, tries: Tries) -> Result<Secret> {
        self.need_escrow(&[kind])?;
        let info = self.token.info();
        let (token, serial) = (info.name.clone(), info.serial.clone());
        let serial = serial.as_deref();
        let ask = SecretRequest { kind, token: &token, serial, tries, rules };
        let secret = self.with.secrets.fetch(&ask)?;
        if kind.is_new() {
            self.check_new(kind, &secret)?;
            self.deposit(&Deposit { token: &token, serial, kind, secret: &secret })?;
        }
        Ok(secret)
    }

    /// Refuses a new secret that the token would refuse, before anything is put away or sent.
    fn check_new(&mut self, kind: SecretKind, secret: &Secret) -> Result<()> {
        let manager = self.token.pin_manager();
        let objection =
            manager.map(|manager| manager.objection_to_new(kind, secret)).transpose()?;
        match objection.flatten() {
            None => Ok(()),
            Some(reason) => {
                let source = self.with.secrets.source(kind);
                let origin = source.map_or_else(|| "its source".into(), ToString::to_string);
                Err(signer_core::Error::SecretUnusable { kind, origin, reason }.into())
            }
        }
    }

    fn deposit(&mut self, deposit: &Deposit<'_>) -> Result<()> {
        let Some(escrow) = self.escrow else { return Ok(()) };
        let kind = deposit.kind;
        let receipt = escrow.deposit(deposit).map_err(|source| Error::Escrow { kind, source })?;
        self.receipts.push(receipt);
        Ok(())
    }

    /// Tells the escrow what became of the secrets that it was given in this act, where that is
    /// known, and answers where they are.
    fn settle<T>(&mut self, first: usize, outcome: &Result<T>) -> Vec<String> {
        let fate = match outcome {
            Ok(_) => Some(Fate::Taken),
            Err(error) if self.steps == Steps::One && error.left_the_token_alone() => {
                Some(Fate::Refused)
            }
            Err(_) => None,
        };
        self.in_doubt |= fate.is_none() && self.receipts.len() > first;
        let receipts = self.receipts.iter_mut().skip(first);
        let settled = receipts.map(|receipt| {
            if let (Some(escrow), Some(fate)) = (self.escrow, fate)
                // What cannot be noted leaves the secret where it was, as one of two to be tried.
                && let Ok(place) = escrow.settle(receipt, fate)
            {
                *receipt = place;
            }
            receipt.0.clone()
        });
        settled.collect()
    }

    /// Forgets what failed, once the token has another secret of that kind: what was wrong before
    /// may be right now. The token was changed, so a memory that cannot be written is no reason to
    /// say it was not; the guard's own refusal names the way out.
    fn forget_faults(&mut self, kinds: &[SecretKind]) {
        let id = self.token.info().id();
        for kind in kinds {
            let _ = self.with.guard.clear_fault(&id, *kind);
        }
    }

    /// What failed before and holds automation up, as the counters stand now.
    ///
    /// # Errors
    /// As [`signer_core::PinGuard::faults`].
    pub fn faults(&self, now: &Statuses) -> Result<Vec<Fault>> {
        let faults = self.with.guard.faults(&self.token.info().id())?;
        let lifted = |fault: &Fault| match fault.kind {
            SecretKind::Pin => fault.is_lifted_by(&now.pin),
            _ => now.puk.is_some_and(|puk| fault.is_lifted_by(&puk)),
        };
        Ok(faults.into_iter().filter(|fault| !lifted(fault)).collect())
    }

    /// Lets a secret through again that failed before, or that is taken for one that did; whether
    /// there was any.
    ///
    /// # Errors
    /// As [`signer_core::PinGuard::clear_fault`], and for an act that could not be recorded.
    pub fn clear_faults(&mut self) -> Result<bool> {
        self.act("pin.clear-fault", "the fault was cleared", |it, details| {
            let id = it.token.info().id();
            let mut any = false;
            for kind in [SecretKind::Pin, SecretKind::Puk, SecretKind::SoPin] {
                any |= it.with.guard.clear_fault(&id, kind)?;
            }
            details.insert("any".into(), any.into());
            Ok(any)
        })
    }

    fn pin_manager(&mut self) -> Result<&mut dyn PinManager> {
        let name = self.token.info().name.clone();
        self.token.pin_manager().ok_or_else(|| lacks(&name, "a PIN"))
    }

    fn administration(&mut self) -> Result<&mut dyn Administration> {
        let name = self.token.info().name.clone();
        self.token.administration().ok_or_else(|| lacks(&name, "a PUK or a management key"))
    }
}

fn lacks(token: &str, what: &str) -> Error {
    signer_core::Error::Unsupported {
        operation: format!("{what} on {token}"),
        needs: "a token that has one".into(),
    }
    .into()
}

/// Tries as the ledger tells them: a number, or a word where the token knows none.
#[must_use]
pub fn tries_value(tries: Tries) -> Value {
    match tries {
        Tries::Left(count) => json!(count),
        Tries::Last => json!(1),
        Tries::Blocked => json!(0),
        Tries::Low => json!("low"),
        Tries::Unknown => json!("unknown"),
    }
}
