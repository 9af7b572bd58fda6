//! How APDUs reach a card.

#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod record;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One connection to one card.
///
/// Only [`Transport::transmit`] has to be written. The rest is for carriers that several programs
/// share, and does nothing where the card is this program's alone.
pub trait Transport: fmt::Debug + Send {
    /// Sends one command APDU and returns the answer with its two status octets (ISO 7816-3
    /// section 12.1). It is sent once, whatever happens: a command may carry a PIN.
    ///
    /// # Errors
    /// [`TransportError`] when no answer came. The card may have acted all the same.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError>;

    /// Keeps everybody else away from the card until [`Transport::end`].
    ///
    /// # Errors
    /// [`TransportError::Reset`], [`TransportError::Removed`] or [`TransportError::NoService`] when
    /// the connection has to be made anew first; [`TransportError::Overrun`] when somebody else did
    /// not let go of the card.
    fn begin(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    /// Lets others have the card again.
    ///
    /// # Errors
    /// Whatever the carrier reports. The transaction is over all the same.
    fn end(&mut self, _leave: Leave) -> Result<(), TransportError> {
        Ok(())
    }

    /// Makes the connection anew, to whatever card is at the same place now. What was selected and
    /// verified is gone, and the caller has to look at the serial number again.
    ///
    /// # Errors
    /// [`TransportError::NoCard`] when there is none any more, and whatever the carrier reports.
    fn reconnect(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    /// Whether commands of more than 255 octets go through (ISO 7816-3 section 12.1.3). They do over
    /// USB; contactless readers need command chaining.
    fn takes_extended_length(&self) -> bool {
        true
    }
}

/// What becomes of a card when a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It stays as it is.
    AsIs,
    /// It is reset: nothing stays selected or verified.
    Reset,
}

/// Where cards are found.
pub trait Readers: fmt::Debug + Send + Sync {
    /// The names of the places where there may be a YubiKey.
    ///
    /// # Errors
    /// [`TransportError::NoService`] and whatever else the system reports.
    fn names(&self) -> Result<Vec<String>, TransportError>;

    /// Connects to the card at one of these places.
    ///
    /// # Errors
    /// [`TransportError::NoCard`], [`TransportError::Busy`], and whatever else the system reports.
    fn connect(&self, name: &str) -> Result<Box<dyn Transport>, TransportError>;

    /// As [`Readers::connect`], and has it told when somebody else is waited for, then and in later
    /// transactions of this connection. Carriers that nobody else can hold tell nothing.
    ///
    /// # Errors
    /// As [`Readers::connect`].
    fn connect_telling(
        &self,
        name: &str,
        _waits: Waits,
    ) -> Result<Box<dyn Transport>, TransportError> {
        self.connect(name)
    }
}

/// Called when another program that has the card is waited for, before patience is over; once for
/// each wait. It is called on the thread that waits.
pub type Waits = Arc<dyn Fn() + Send + Sync>;

/// Why no answer came from a card.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// Another program reset the card.
    #[error("the card was reset by another program")]
    Reset,
    /// The card was pulled, and perhaps put back.
    #[error("the card was removed")]
    Removed,
    /// There is no card.
    #[error("there is no card in the reader")]
    NoCard,
    /// Another program has the card to itself.
    #[error("another program has the card to itself; {CULPRITS}")]
    Busy,
    /// The smart card service is not running, or was restarted.
    #[error("the smart card service does not answer; on Linux it is pcscd")]
    NoService,
    /// The smart card service refuses this user.
    #[error("the smart card service refuses this user; on Linux polkit decides")]
    Denied,
    /// No answer within the bound. The command may still be carried out.
    #[error("no answer within {}; {CULPRITS}", in_words(*.bound))]
    Overrun {
        /// The bound.
        bound: Duration,
    },
    /// The connection was given up, because no answer came in time or it could not be made anew.
    #[error("the connection to the card was given up")]
    GivenUp,
    /// An answer that is none.
    #[error("the answer has {octets} octets, which is no answer")]
    Truncated {
        /// How many octets came.
        octets: usize,
    },
    /// Everything else.
    #[error("{0}")]
    Other(String),
}

/// Who holds a card that one would like to have: named, because nobody thinks of it.
const CULPRITS: &str = "often it is scdaemon (GnuPG), a browser or another PKCS#11 program";

impl TransportError {
    /// Whether a connection that is made anew may help.
    #[must_use]
    pub fn is_lost_connection(&self) -> bool {
        matches!(self, Self::Reset | Self::Removed | Self::NoService | Self::GivenUp)
    }
}

/// How long is waited for the answer to what is asked of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connecting, transactions, and every command that neither makes an RSA key nor may wait for a
    /// touch.
    pub command: Duration,
    /// What may wait for a touch. The card itself gives up after 15 s.
    pub touch: Duration,
    /// Making an RSA key.
    pub rsa_generation: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(10),
            touch: Duration::from_secs(20),
            rsa_generation: Duration::from_secs(300),
        }
    }
}

impl Bounds {
    /// The bound of one command, which its second octet decides.
    #[must_use]
    pub fn of(&self, command: &[u8]) -> Duration {
        match command.get(1) {
            Some(0x47) => self.rsa_generation,
            Some(0x87) => self.touch,
            _ => self.command,
        }
    }
}

/// A card inside this process: any function from command to answer.
pub struct InProcess<F>(pub F);

impl<F: FnMut(&[u8]) -> Vec<u8> + Send> Transport for InProcess<F> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        Ok((self.0)(command))
    }
}

impl<F> fmt::Debug for InProcess<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess(..)")
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        (**self).begin()
    }

    fn end(&mut self, leave: Leave) -> Result<(), TransportError> {
        (**self).end(leave)
    }

    fn reconnect(&mut self) -> Result<(), TransportError> {
        (**self).reconnect()
    }

    fn takes_extended_length(&self) -> bool {
        (**self).takes_extended_length()
    }
}

fn in_words(bound: Duration) -> String {
    match bound.as_secs() {
        0 => format!("{} ms", bound.as_millis()),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_octet_decides_how_long_is_waited() {
        let bounds = Bounds::default();
        for (command, seconds) in [
            (&[0x00, 0x47, 0x00, 0x9c][..], 300),
            (&[0x10, 0x87, 0x07, 0x9c], 20),
            (&[0x00, 0x20, 0x00, 0x80], 10),
            (&[], 10),
        ] {
            assert_eq!(bounds.of(command).as_secs(), seconds, "{command:02x?}");
        }
    }

    #[test]
    fn an_overrun_says_who_may_hold_the_card() {
        let error = TransportError::Overrun { bound: Duration::from_secs(10) };
        assert!(error.to_string().contains("10 s; often it is scdaemon"), "{error}");
    }
}
