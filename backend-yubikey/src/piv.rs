//! The commands of the PIV applet (SP 800-73-5 part 2, and Yubico's extensions of it).

mod keys;
mod management;
mod objects;
mod probe;

use signer_core::{Error, PinStatus, Result, SecretKind, Tries};

use crate::apdu::Command;
use crate::card::Transaction;
use crate::channel::CardError;
use crate::metadata;
use crate::status::Meaning;

pub(crate) use management::check_retries;
pub(crate) use probe::Probe;

impl Transaction<'_> {
    /// The counter of PIN or PUK, without spending a try. Before firmware 5.3 only the PIN's is told,
    /// and neither the total nor whether it is the factory's.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn tries(&mut self, kind: SecretKind) -> Result<PinStatus> {
        let status = self.read_tries(kind)?;
        self.saw(kind, status);
        Ok(status)
    }

    fn read_tries(&mut self, kind: SecretKind) -> Result<PinStatus> {
        let identity = self.identity();
        let doing = || format!("reading the {kind} counter of {}", identity.name);
        let reference = if kind == SecretKind::Pin { PIN } else { PUK };
        let known = self.known_model();
        if known.is_none_or(|model| model.version.has_metadata()) {
            match self.send(&Command::new(0xf7, 0x00, reference)) {
                Ok(answer) => {
                    let status = metadata::pin_status(&answer).map_err(CardError::from);
                    return status.map_err(|error| error.doing(doing()));
                }
                // The command came with firmware 5.3.
                Err(error)
                    if known.is_none() && error.meaning() == Some(Meaning::UnknownCommand) => {}
                Err(error) => return Err(error.doing(doing())),
            }
        }
        let tries = match kind {
            SecretKind::Pin => self.empty_verify().map_err(|error| error.doing(doing()))?,
            _ => Tries::Unknown,
        };
        Ok(PinStatus { tries, total: None, is_default: None })
    }

    /// VERIFY without data tells the counter, but nothing when somebody is verified already.
    fn empty_verify(&mut self) -> Result<Tries, CardError> {
        for _ in 0..2 {
            match self.send(&Command::new(0x20, 0x00, PIN)) {
                Ok(_) => self.start_over()?,
                Err(error) => match error.meaning() {
                    Some(Meaning::Wrong(tries)) => return Ok(tries),
                    Some(Meaning::Blocked) => return Ok(Tries::Blocked),
                    _ => return Err(error),
                },
            }
        }
        Ok(Tries::Unknown)
    }
}

pub(crate) const PIN: u8 = 0x80;
pub(crate) const PUK: u8 = 0x81;

/// What needs firmware that this card does not have.
pub(crate) fn needs_firmware(operation: &str, firmware: &str) -> Error {
    Error::Unsupported { operation: operation.into(), needs: format!("firmware {firmware}") }
}
