//! Asking for the secrets that a card wants, and presenting them.

use std::sync::Arc;

use signer_core::{
    Error, Event, KeyOrigin, KeySpec, OpenContext, Result, Secret, SecretKind, SecretRequest,
    SecretRules, SecretSpec, TouchPolicy, Tries,
};
use zeroize::Zeroizing;

use crate::advice::Advice;
use crate::card::{Card, Transaction};
use crate::identity::Identity;
use crate::management_key::{self, ManagementKey};
use crate::metadata::ManagementKeyMetadata;
use crate::object::ObjectId;
use crate::pin;
use crate::protected::{AdminData, read_protected_key};
use crate::version::Version;

/// Whoever can be asked for this card's secrets.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    card: Card,
    context: Arc<OpenContext>,
}

impl Asker {
    pub(crate) fn new(card: Card, context: Arc<OpenContext>) -> Self {
        Self { card, context }
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        self.context.interaction.event(event);
    }

    /// Tells what a person should know before such a key is made or used, once for each card.
    pub(crate) fn advise(&self, spec: KeySpec, origin: Option<KeyOrigin>, version: Version) {
        if let Some(advice) = Advice::on_key(spec, origin, version)
            && self.card.is_new(advice)
        {
            let token = &self.card.identity().name;
            self.tell(Event::Advice { token, text: &advice.to_string() });
        }
    }

    /// Makes sure that the PIN is at hand. A person is told how many tries there are, and is not even
    /// asked when none may be spent.
    ///
    /// # Errors
    /// Whatever the secret's source reports, and for a person what the guard refuses.
    pub(crate) fn have_pin(&self) -> Result<()> {
        if self.card.has_pin()? {
            return Ok(());
        }
        let mut tries = Tries::Unknown;
        if matches!(self.context.secrets.source(SecretKind::Pin), None | Some(SecretSpec::Prompt)) {
            tries = self.card.transaction()?.tries(SecretKind::Pin)?.tries;
            let identity = self.card.identity();
            let id = identity.id();
            let attempt = pin::attempt(identity, &id, SecretKind::Pin);
            self.context.guard.check_counter(&attempt, tries)?;
        }
        let pin = self.fetch(SecretKind::Pin, tries, pin::RULES)?;
        self.card.keep_pin(pin)
    }

    /// Presents the PIN that is at hand. It stays at hand when it was right.
    ///
    /// # Errors
    /// As [`Transaction::verify_pin`]; [`Error::NobodyToAsk`] when no PIN is at hand.
    pub(crate) fn verify(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let pin = match transaction.pin().take() {
            Some(pin) => pin,
            None => self.fetch(SecretKind::Pin, Tries::Unknown, pin::RULES)?,
        };
        transaction.verify_pin(&self.context.guard, &pin)?;
        *transaction.pin() = Some(pin);
        Ok(())
    }

    /// A transaction in which the management key has been proved: the one that a source is named for,
    /// else the one that the card keeps for who has the PIN, else the one that a person knows.
    ///
    /// # Errors
    /// Whatever the secrets' sources report, and as [`Transaction::authenticate`].
    pub(crate) fn manage(&self) -> Result<Transaction<'_>> {
        self.manage_with(WithPin::IfNeeded)
    }

    /// As [`Asker::manage`], with the PIN presented in any case.
    pub(crate) fn manage_with_pin(&self) -> Result<Transaction<'_>> {
        self.manage_with(WithPin::Always)
    }

    fn manage_with(&self, with_pin: WithPin) -> Result<Transaction<'_>> {
        let named = match self.card.take_management_secret()? {
            Some(known) => Some(known),
            None => match self.context.secrets.source(SecretKind::ManagementKey) {
                Some(_) => Some(self.fetch_management_key()?),
                None => None,
            },
        };
        let mut keeps_it = false;
        if named.is_none() {
            // Nobody can be asked while the transaction lasts, so the card is looked at first.
            let mut look = self.card.transaction()?;
            keeps_it = AdminData::read(&mut look)?.keeps_management_key();
        }
        let asked = match (&named, keeps_it) {
            (None, false) => Some(self.fetch_management_key()?),
            _ => None,
        };
        if keeps_it || with_pin == WithPin::Always {
            self.have_pin()?;
        }
        let mut transaction = self.card.transaction()?;
        // Then the model and the PIN: both may take another applet's being selected, and that would
        // drop the proof.
        transaction.model()?;
        if keeps_it || with_pin == WithPin::Always {
            self.verify(&mut transaction)?;
        }
        let ManagementKeyMetadata { algorithm, touch, .. } = transaction.management_key_facts()?;
        let kind = SecretKind::ManagementKey;
        let given = named.or(asked);
        let key = match &given {
            Some(text) => ManagementKey::from_hex(algorithm, text, kind)?,
            None => {
                let printed = transaction.object(ObjectId::PRINTED)?;
                let octets = printed.as_deref().and_then(|p| read_protected_key(p));
                let octets = octets.ok_or_else(|| Error::SecretSource {
                    kind,
                    origin: self.card.identity().name.clone(),
                    source: "it says that it keeps it, and does not".into(),
                })?;
                ManagementKey::new(algorithm, Zeroizing::new(octets.to_vec()), kind)?
            }
        };
        if touch != TouchPolicy::Never {
            self.tell(Event::Touch { token: &self.card.identity().name });
        }
        transaction.authenticate(&key)?;
        *transaction.management_secret() = given;
        Ok(transaction)
    }

    fn fetch_management_key(&self) -> Result<Secret> {
        self.fetch(SecretKind::ManagementKey, Tries::Unknown, management_key::RULES)
    }

    fn fetch(&self, kind: SecretKind, tries: Tries, rules: SecretRules) -> Result<Secret> {
        let Identity { serial, name, .. } = self.card.identity();
        let serial = serial.map(|serial| serial.to_string());
        let ask = SecretRequest { kind, token: name, serial: serial.as_deref(), tries, rules };
        self.context.secrets.fetch(&ask)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WithPin {
    IfNeeded,
    Always,
}
