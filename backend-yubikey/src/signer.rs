//! Signing with a key in a slot.

mod session;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signer_core::{
    Error, Event, KeyOrigin, KeyPolicy, KeySpec, OpenContext, PinPolicy, Result, Signature,
    SignatureAlgorithm, Signer, SigningSession, SubjectPublicKeyInfoOwned, TouchPolicy,
    VerifyingKey,
};

use crate::algorithm::KeyAlgorithm;
use crate::card::{Card, Transaction};
use crate::channel::CardError;
use crate::message;
use crate::model::Model;
use crate::secrets::Asker;
use crate::slot::Slot;
use crate::status::Meaning;
use crate::token::Found;

pub(crate) use session::WithinTransaction;
use session::YubiKeySession;

/// A key in a slot, ready to sign.
#[derive(Debug)]
pub(crate) struct YubiKeySigner {
    card: Card,
    model: Model,
    asker: Asker,
    slot: Slot,
    key: KeyAlgorithm,
    algorithm: SignatureAlgorithm,
    public_key: SubjectPublicKeyInfoOwned,
    verifying_key: VerifyingKey,
    /// As far as the card tells.
    policy: KeyPolicy,
    /// What weaknesses depend on.
    kind: (KeySpec, Option<KeyOrigin>),
    /// When the last touch was given, for keys that keep it for a while.
    touched: Mutex<Option<Instant>>,
}

impl YubiKeySigner {
    /// `algorithm` fits the public key, which is that of the slot.
    pub(crate) fn new(
        (card, model): (Card, Model),
        context: Arc<OpenContext>,
        slot: Slot,
        (key, algorithm): (KeyAlgorithm, SignatureAlgorithm),
        Found { public_key, policy, origin }: Found,
    ) -> Result<Self> {
        let spec = KeySpec::of(&public_key)?;
        let verifying_key = VerifyingKey::new(&public_key).map_err(|error| Error::Device {
            doing: format!("reading the public key of {slot} of {}", card.identity().name),
            source: Box::new(error),
        })?;
        let asker = Asker::new(card.clone(), context);
        let touched = Mutex::new(None);
        Ok(Self {
            card,
            model,
            asker,
            slot,
            key,
            algorithm,
            public_key,
            verifying_key,
            policy,
            kind: (spec, origin),
            touched,
        })
    }

    /// When the key wants the PIN, or is taken to where the card does not tell.
    pub(crate) fn pin_policy(&self) -> PinPolicy {
        self.policy.pin.unwrap_or_else(|| self.model.default_pin_policy(self.slot))
    }

    /// A transaction to sign in, with the PIN at hand: it is fetched before, so that nobody has to
    /// wait while a person types.
    fn begin(&self) -> Result<Transaction<'_>> {
        if self.pin_policy() != PinPolicy::Never {
            self.asker.have_pin()?;
        }
        self.card.transaction()
    }

    fn sign_in(&self, transaction: &mut Transaction<'_>, message: &[u8]) -> Result<Signature> {
        let input = message::prepare(message, self.algorithm, self.key)?;
        self.asker.advise(self.kind.0, self.kind.1, self.model.version);
        let needs_pin = match self.pin_policy() {
            PinPolicy::Never => false,
            PinPolicy::Once => transaction.verified.is_none(),
            PinPolicy::Always => true,
        };
        if needs_pin {
            self.asker.verify(transaction)?;
        }
        let mut answer = self.use_key(transaction, &input);
        // Where the card tells no policy, the refusal does. It has cost nothing.
        let guessed = self.policy.pin.is_none() && !needs_pin;
        if guessed && is_refused(&answer) {
            self.asker.verify(transaction)?;
            answer = self.use_key(transaction, &input);
        }
        let octets = answer.map_err(|error| self.explain(error))?;
        self.check(message, &octets)?;
        Ok(Signature::new(octets))
    }

    fn use_key(
        &self,
        transaction: &mut Transaction<'_>,
        input: &[u8],
    ) -> Result<Vec<u8>, CardError> {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let wants_touch = match self.policy.touch {
            None | Some(TouchPolicy::Never) => false,
            Some(TouchPolicy::Always) => true,
            Some(TouchPolicy::Cached) => touched.is_none_or(|at| at.elapsed() >= TOUCH_IS_KEPT),
        };
        if wants_touch {
            self.asker.tell(Event::Touch { token: &self.card.identity().name });
        }
        let answer = transaction.use_key(self.slot, self.key, input);
        if wants_touch && answer.is_ok() {
            *touched = Some(Instant::now());
        }
        answer
    }

    /// What a refusal means for this key, whose PIN was right if it wants one.
    fn explain(&self, error: CardError) -> Error {
        let (slot, name) = (self.slot, &self.card.identity().name);
        match error.meaning() {
            Some(Meaning::Unauthorised) => match self.policy.touch {
                Some(TouchPolicy::Never) => error.doing(format!("signing with {slot} of {name}")),
                _ => error.doing(format!("waiting for a touch of {name} to sign with {slot}")),
            },
            // No key, or one of another kind than it was.
            Some(Meaning::BadData | Meaning::NotFound | Meaning::BadReference) => {
                Error::NotFound { what: format!("a {:?} key in {slot} of {name}", self.key) }
            }
            _ => error.doing(format!("signing with {slot} of {name}")),
        }
    }

    /// A signature leaves this house only when it is one: bits flip, and tokens get swapped.
    fn check(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let identifier = self.algorithm.identifier();
        self.verifying_key.verify(&identifier, message, signature).map_err(|error| Error::Device {
            doing: format!(
                "checking the signature by {} of {}",
                self.slot,
                self.card.identity().name
            ),
            source: Box::new(error),
        })
    }
}

impl Signer for YubiKeySigner {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        let mut transaction = self.begin()?;
        self.sign_in(&mut transaction, message)
    }

    fn session(&self) -> Result<Box<dyn SigningSession + '_>> {
        Ok(Box::new(YubiKeySession::new(self)))
    }
}

/// The card keeps a touch for 15 seconds; a moment less, so that nobody is left waiting unasked.
const TOUCH_IS_KEPT: Duration = Duration::from_secs(14);

fn is_refused(answer: &Result<Vec<u8>, CardError>) -> bool {
    matches!(answer, Err(error) if error.meaning() == Some(Meaning::Unauthorised))
}
