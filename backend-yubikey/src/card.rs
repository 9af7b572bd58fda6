//! One card and its transactions.
//!
//! The lock is a borrow: a [`Transaction`] has the card to itself, sees to it that PIV is selected
//! before anything else is said, and leaves on drop a card on which nothing stays verified.

mod connection;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use signer_core::pin_guard::Verified;
use signer_core::{Error, KeyInfo, PinStatus, Result, Secret, SecretKind, Seen};
use zeroize::Zeroizing;

use crate::advice::Advice;
use crate::apdu::Command;
use crate::channel::{CardError, Channel};
use crate::identity::{self, Identity};
use crate::metadata::ManagementKeyMetadata;
use crate::model::Model;
use crate::transport::{Leave, Transport};

use connection::{Connection, is_absence};

/// One YubiKey, shared by its token and the signers that came from it.
#[derive(Clone)]
pub struct Card {
    connection: Arc<Mutex<Connection>>,
    identity: Arc<Identity>,
    /// What it is, once that was asked.
    model: Arc<OnceLock<Model>>,
    /// What the counters were when they were read last.
    seen: Arc<Mutex<Seen>>,
    /// What was told of it already.
    advised: Arc<Mutex<Vec<Advice>>>,
}

impl Card {
    /// Takes over a connection and asks the card who it is and what. This drops what an earlier
    /// program left verified on it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is no YubiKey with PIV, [`Error::Device`] otherwise.
    pub fn open(reader: &str, transport: Box<dyn Transport>) -> Result<Self> {
        Self::introduce(reader, transport, |channel| {
            identity::read(channel, reader).map(|(identity, model)| (identity, Some(model)))
        })
    }

    /// Takes over a connection and asks the card only who it is; what it is, once somebody wants to
    /// know. Where another program left something verified this does not drop it.
    ///
    /// # Errors
    /// As [`Card::open`].
    pub fn open_briefly(reader: &str, transport: Box<dyn Transport>) -> Result<Self> {
        Self::introduce(reader, transport, |channel| identity::read_briefly(channel, reader))
    }

    fn introduce(
        reader: &str,
        transport: Box<dyn Transport>,
        ask: impl Fn(&mut Channel) -> Result<(Identity, Option<Model>), CardError>,
    ) -> Result<Self> {
        let mut channel = Channel::new(transport);
        let alone = |channel: &mut Channel| {
            channel.transport.begin()?;
            let told = ask(channel);
            let ended = channel.transport.end(Leave::AsIs);
            let told = told?;
            ended?;
            Ok(told)
        };
        let told = match alone(&mut channel) {
            // Reset or pulled and put back between connecting and asking.
            Err(CardError::Transport(error)) if error.is_lost_connection() => {
                let again = channel.transport.reconnect().map_err(CardError::from);
                again.and_then(|()| alone(&mut channel))
            }
            other => other,
        };
        let (identity, known) = match told {
            Err(error) if is_absence(&error) => {
                return Err(Error::NotFound { what: format!("a YubiKey with PIV in {reader}") });
            }
            Err(error) => return Err(error.doing(format!("talking to the card in {reader}"))),
            Ok((identity, model)) => (Arc::new(identity), model),
        };
        let mut connection = Connection {
            channel,
            identity: identity.clone(),
            model: Arc::default(),
            pin: None,
            // Whether it still is, after others had their turn, is made sure of before it matters.
            selected: known.is_none(),
            management_key: None,
            management_secret: None,
            made: Vec::new(),
            seen: Arc::default(),
        };
        if let Some(model) = known {
            connection.learn(model);
        }
        let (model, seen) = (Arc::clone(&connection.model), Arc::clone(&connection.seen));
        let connection = Arc::new(Mutex::new(connection));
        Ok(Self { connection, identity, model, seen, advised: Arc::default() })
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is. Not for who has a [`Transaction`] with it: [`Transaction::model`].
    ///
    /// # Errors
    /// As [`Card::transaction`], where nobody asked before.
    pub fn model(&self) -> Result<Model> {
        match self.known_model() {
            Some(model) => Ok(model),
            None => self.transaction()?.model(),
        }
    }

    /// What it is, where that was asked already.
    pub(crate) fn known_model(&self) -> Option<Model> {
        self.model.get().copied()
    }

    /// Has the card alone, with the PIV applet selected. Where the connection was lost it is made
    /// anew, once, and then only the same serial number will do.
    ///
    /// # Errors
    /// [`Error::NotFound`] when another YubiKey is in its place, [`Error::Device`] otherwise.
    pub fn transaction(&self) -> Result<Transaction<'_>> {
        let mut connection = self.lock()?;
        let sure = connection.begin()?;
        Ok(Transaction { connection, verified: None, unclean: false, sure })
    }

    /// Whether this is told for the first time.
    pub(crate) fn is_new(&self, advice: Advice) -> bool {
        let mut advised = self.advised.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !advised.contains(&advice);
        if is_new {
            advised.push(advice);
        }
        is_new
    }

    /// What the counters were when they were read last.
    pub(crate) fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the PIN is at hand.
    pub(crate) fn has_pin(&self) -> Result<bool> {
        Ok(self.lock()?.pin.is_some())
    }

    /// Takes the PIN at hand; whether it is right shows when it is presented.
    pub(crate) fn keep_pin(&self, pin: Secret) -> Result<()> {
        self.lock()?.pin = Some(pin);
        Ok(())
    }

    /// The management key as it was given, if it was right before on this card.
    pub(crate) fn take_management_secret(&self) -> Result<Option<Secret>> {
        Ok(self.lock()?.management_secret.take())
    }

    /// Waits for other threads of this program, but not for ever: one of them may be waiting for
    /// this one.
    fn lock(&self) -> Result<MutexGuard<'_, Connection>> {
        let since = Instant::now();
        loop {
            match self.connection.try_lock() {
                Ok(connection) => return Ok(connection),
                // A transaction has no state that a panic could leave half done.
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Device {
                        doing: format!("waiting for {}", self.identity.name),
                        source: "this program is using it in another session".into(),
                    });
                }
            }
        }
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("identity", &self.identity).finish_non_exhaustive()
    }
}

const GET_METADATA: u8 = 0xf7;

/// How long a thread waits for another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The card to oneself, with the PIV applet selected. Dropping it leaves the card clean: another
/// applet is selected when something was verified, which every firmware drops it for, and the card is
/// reset when that fails.
pub struct Transaction<'a> {
    connection: MutexGuard<'a, Connection>,
    pub(crate) verified: Option<Verified>,
    unclean: bool,
    /// Whether PIV is known to be selected in this very transaction.
    sure: bool,
}

impl Transaction<'_> {
    /// Who the card is.
    #[must_use]
    pub fn identity(&self) -> Arc<Identity> {
        self.connection.identity.clone()
    }

    /// What the card is. Where nobody asked before, another applet tells it, and what is verified is
    /// dropped.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn model(&mut self) -> Result<Model> {
        if let Some(known) = self.known_model() {
            return Ok(known);
        }
        let said_nothing = !self.sure;
        (self.verified, self.sure) = (None, false);
        let told = match self.connection.ask_for_model() {
            Err(CardError::Transport(error)) if said_nothing && error.is_lost_connection() => {
                self.connection.begin_again(&error)?;
                self.connection.ask_for_model()
            }
            other => other,
        };
        let (serial, model) = told.map_err(|error| {
            error.doing(format!("asking {} for its model", self.connection.identity.name))
        })?;
        if serial.is_some() {
            self.connection.compare_serial(serial)?;
        }
        (self.unclean, self.sure) = (false, true);
        self.connection.learn(model);
        Ok(model)
    }

    /// What the card is, where that was asked already.
    pub(crate) fn known_model(&self) -> Option<Model> {
        self.connection.model.get().copied()
    }

    /// Sends a command of the PIV applet. What a status word means is for who sent it to say. Not
    /// for everybody: a PIN goes through its own door.
    pub(crate) fn send(&mut self, command: &Command) -> Result<Zeroizing<Vec<u8>>, CardError> {
        if self.sure {
            return self.connection.channel.send(command);
        }
        self.sure = true;
        // No other applet of a YubiKey knows GET METADATA, so an answer to it shows that nobody
        // selected another one since. Everything else, and above all a PIN, waits for SELECT.
        if matches!(command.header(), [GET_METADATA, ..]) {
            match self.connection.channel.send(command) {
                Ok(answer) => return Ok(answer),
                Err(CardError::Transport(error)) if error.is_lost_connection() => {
                    let again = self.connection.begin_again(&error);
                    again.map_err(|error| CardError::Token(Box::new(error)))?;
                    return self.connection.channel.send(command);
                }
                Err(_) => {}
            }
        }
        self.connection.select_piv()?;
        self.connection.channel.send(command)
    }

    /// Refuses any card but the one that was opened.
    ///
    /// # Errors
    /// [`Error::NotFound`], naming what is there instead.
    pub fn check_serial(&mut self) -> Result<()> {
        if self.connection.identity.serial.is_none() {
            return Ok(());
        }
        if !self.sure {
            let name = self.connection.identity.name.clone();
            let selected = self.connection.select_piv();
            selected.map_err(|error| error.doing(format!("selecting PIV on {name}")))?;
            self.sure = true;
        }
        self.connection.check_serial()
    }

    /// Drops what is verified, whoever did it, and selects PIV again.
    pub(crate) fn start_over(&mut self) -> Result<(), CardError> {
        self.verified = None;
        self.select_another()?;
        self.unclean = false;
        self.connection.select_piv()
    }

    /// Something is about to be verified that has to be dropped again.
    pub(crate) fn must_be_cleaned(&mut self) {
        self.unclean = true;
    }

    pub(crate) fn pin(&mut self) -> &mut Option<Secret> {
        &mut self.connection.pin
    }

    pub(crate) fn saw(&mut self, kind: SecretKind, status: PinStatus) {
        let mut seen = self.connection.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match kind {
            SecretKind::Pin => seen.pin = Some(status),
            _ => seen.puk = Some(status),
        }
    }

    pub(crate) fn known_management_key(&mut self) -> &mut Option<ManagementKeyMetadata> {
        &mut self.connection.management_key
    }

    pub(crate) fn management_secret(&mut self) -> &mut Option<Secret> {
        &mut self.connection.management_secret
    }

    pub(crate) fn made(&mut self) -> &mut Vec<KeyInfo> {
        &mut self.connection.made
    }

    fn select_another(&mut self) -> Result<(), CardError> {
        let Connection { channel, selected, .. } = &mut *self.connection;
        *selected = false;
        match channel.send(&identity::select(&identity::MANAGEMENT)) {
            Err(CardError::Status(_)) => channel.send(&identity::select(&identity::OTP)).map(drop),
            other => other.map(drop),
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        let leave = match self.unclean && self.select_another().is_err() {
            true => Leave::Reset,
            false => Leave::AsIs,
        };
        self.connection.end(leave);
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("card", &self.connection.identity.name)
            .finish_non_exhaustive()
    }
}

impl CardError {
    /// As the error of everything above this layer.
    #[must_use]
    pub fn doing(self, doing: impl Into<String>) -> Error {
        match self {
            Self::Token(error) => *error,
            other => Error::Device { doing: doing.into(), source: Box::new(other) },
        }
    }
}
