//! One card and its transactions.
//!
//! The lock is a borrow: a [`Transaction`] has the card to itself, begins with the PIV applet
//! selected, and leaves on drop a card on which nothing stays verified.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use signer_core::pin_guard::Verified;
use signer_core::{Error, Result, Secret};
use zeroize::Zeroizing;

use crate::apdu::{Command, Framing};
use crate::channel::{CardError, Channel};
use crate::identity::{self, Identity};
use crate::metadata::ManagementKeyMetadata;
use crate::transport::{Leave, Transport, TransportError};

/// One YubiKey, shared by its token and the signers that came from it.
#[derive(Clone)]
pub struct Card {
    connection: Arc<Mutex<Connection>>,
    identity: Arc<Identity>,
}

impl Card {
    /// Takes over a connection and asks the card who it is. This drops what an earlier program left
    /// verified on it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is no YubiKey with PIV, [`Error::Device`] otherwise.
    pub fn open(reader: &str, transport: Box<dyn Transport>) -> Result<Self> {
        let mut channel = Channel::new(transport);
        let identity = match identify(&mut channel, reader) {
            // Reset or pulled and put back between connecting and asking.
            Err(CardError::Transport(error)) if error.is_lost_connection() => {
                let again = channel.transport.reconnect().map_err(CardError::from);
                again.and_then(|()| identify(&mut channel, reader))
            }
            other => other,
        };
        let identity = match identity {
            Err(error) if error.meaning().is_some() => {
                return Err(Error::NotFound { what: format!("a YubiKey with PIV in {reader}") });
            }
            Err(error) => return Err(error.doing(format!("talking to the card in {reader}"))),
            Ok(identity) => Arc::new(identity),
        };
        if let Some(most) = identity.version.longest_command()
            && channel.transport.takes_extended_length()
        {
            channel.framing = Framing::Extended { most };
        }
        let connection =
            Connection { channel, identity: identity.clone(), pin: None, management_key: None };
        Ok(Self { connection: Arc::new(Mutex::new(connection)), identity })
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Has the card alone, with the PIV applet selected. Where the connection was lost it is made
    /// anew, once, and then only the same serial number will do.
    ///
    /// # Errors
    /// [`Error::NotFound`] when another YubiKey is in its place, [`Error::Device`] otherwise.
    pub fn transaction(&self) -> Result<Transaction<'_>> {
        let mut connection = self.lock()?;
        connection.begin()?;
        Ok(Transaction { connection, verified: None, unclean: false })
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

fn identify(channel: &mut Channel, reader: &str) -> Result<Identity, CardError> {
    channel.transport.begin()?;
    let identity = identity::read(channel, reader);
    let ended = channel.transport.end(Leave::AsIs);
    let identity = identity?;
    ended?;
    Ok(identity)
}

/// How long a thread waits for another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What outlives a transaction.
struct Connection {
    channel: Channel,
    identity: Arc<Identity>,
    /// The PIN, once it was right; forgotten when it was wrong or no answer came.
    pin: Option<Secret>,
    /// What was learned of the management key; forgotten when it is changed.
    management_key: Option<ManagementKeyMetadata>,
}

impl Connection {
    fn begin(&mut self) -> Result<()> {
        let name = self.identity.name.clone();
        let doing = || format!("beginning a transaction with {name}");
        let lost = match self.begin_once() {
            Ok(()) => return Ok(()),
            Err(CardError::Transport(error)) if error.is_lost_connection() => error,
            Err(error) if error.meaning().is_some() => {
                return Err(Error::NotFound { what: format!("the PIV applet of {name}") });
            }
            Err(error) => return Err(error.doing(doing())),
        };
        self.channel.transport.reconnect().map_err(|e| CardError::from(e).doing(doing()))?;
        self.begin_once().map_err(|error| error.doing(doing()))?;
        let same = match (self.identity.serial, &lost) {
            // Nothing to know it by, but a reset pulls nothing out.
            (None, TransportError::Reset) => Ok(()),
            (None, _) => Err(Error::NotFound {
                what: format!(
                    "{name}, which was removed and cannot be known again without a serial"
                ),
            }),
            (Some(_), _) => self.check_serial(),
        };
        same.inspect_err(|_| self.end(Leave::AsIs))
    }

    fn begin_once(&mut self) -> Result<(), CardError> {
        self.channel.transport.begin()?;
        let selected = self.channel.send(&identity::select(&identity::PIV));
        selected.map(drop).inspect_err(|_| self.end(Leave::AsIs))
    }

    /// Refuses any card but the one that was opened; PIV is selected before and after.
    fn check_serial(&mut self) -> Result<()> {
        let name = &self.identity.name;
        let found = identity::serial(&mut self.channel, self.identity.version)
            .map_err(|error| error.doing(format!("reading the serial number of {name}")))?;
        if found == self.identity.serial {
            return Ok(());
        }
        let found = found.map_or_else(|| "without a serial".into(), |serial| serial.to_string());
        let what = format!("{name}; in its place is YubiKey {found}");
        Err(Error::NotFound { what })
    }

    fn end(&mut self, leave: Leave) {
        // There is nothing left to do about it.
        let _ = self.channel.transport.end(leave);
    }
}

/// The card to oneself, with the PIV applet selected. Dropping it leaves the card clean: another
/// applet is selected when something was verified, which every firmware drops it for, and the card is
/// reset when that fails.
pub struct Transaction<'a> {
    connection: MutexGuard<'a, Connection>,
    pub(crate) verified: Option<Verified>,
    unclean: bool,
}

impl Transaction<'_> {
    /// Who the card is.
    #[must_use]
    pub fn identity(&self) -> Arc<Identity> {
        self.connection.identity.clone()
    }

    /// Sends a command of the PIV applet. What a status word means is for who sent it to say. Not
    /// for everybody: a PIN goes through its own door.
    pub(crate) fn send(&mut self, command: &Command) -> Result<Zeroizing<Vec<u8>>, CardError> {
        self.connection.channel.send(command)
    }

    /// Refuses any card but the one that was opened.
    ///
    /// # Errors
    /// [`Error::NotFound`], naming what is there instead.
    pub fn check_serial(&mut self) -> Result<()> {
        match self.connection.identity.serial {
            None => Ok(()),
            Some(_) => self.connection.check_serial(),
        }
    }

    /// Drops what is verified, whoever did it, and selects PIV again.
    pub(crate) fn start_over(&mut self) -> Result<(), CardError> {
        self.verified = None;
        self.select_another()?;
        self.unclean = false;
        self.send(&identity::select(&identity::PIV)).map(drop)
    }

    /// Something is about to be verified that has to be dropped again.
    pub(crate) fn must_be_cleaned(&mut self) {
        self.unclean = true;
    }

    pub(crate) fn pin(&mut self) -> &mut Option<Secret> {
        &mut self.connection.pin
    }

    pub(crate) fn known_management_key(&mut self) -> &mut Option<ManagementKeyMetadata> {
        &mut self.connection.management_key
    }

    fn select_another(&mut self) -> Result<(), CardError> {
        match self.send(&identity::select(&identity::MANAGEMENT)) {
            Err(CardError::Status(_)) => self.send(&identity::select(&identity::OTP)).map(drop),
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
        Error::Device { doing: doing.into(), source: Box::new(self) }
    }
}
