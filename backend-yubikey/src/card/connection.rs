//! A card's connection, with what outlives a transaction.

use std::sync::{Arc, Mutex, OnceLock};

use signer_core::{Error, KeyInfo, Result, Secret, Seen};

use crate::apdu::Framing;
use crate::channel::{CardError, Channel};
use crate::identity::{self, Identity};
use crate::metadata::ManagementKeyMetadata;
use crate::model::Model;
use crate::status::Meaning;
use crate::transport::{Leave, TransportError};

/// What outlives a transaction.
pub(super) struct Connection {
    pub(super) channel: Channel,
    pub(super) identity: Arc<Identity>,
    pub(super) model: Arc<OnceLock<Model>>,
    /// The PIN, once it was right; forgotten when it was wrong or no answer came.
    pub(super) pin: Option<Secret>,
    /// Whether the PIV applet was selected when this program last had the card.
    pub(super) selected: bool,
    /// What was learned of the management key; forgotten when it is changed.
    pub(super) management_key: Option<ManagementKeyMetadata>,
    pub(super) seen: Arc<Mutex<Seen>>,
    /// The management key as it was given, once it was right: nobody is asked twice, and a source
    /// that can be read once is enough for an act of several steps.
    pub(super) management_secret: Option<Secret>,
    /// The keys that were made or imported here: firmware before 5.3 does not tell of all of them
    /// again. Forgotten with the connection, since another key may be there afterwards.
    pub(super) made: Vec<KeyInfo>,
}

impl Connection {
    /// Takes note of what the card is, and of how much it takes at a time.
    pub(super) fn learn(&mut self, model: Model) {
        let _ = self.model.set(model);
        if let Some(most) = model.version.longest_command()
            && self.channel.transport.takes_extended_length()
        {
            self.channel.framing = Framing::Extended { most };
        }
    }

    /// What the card is, and the serial number that it shows beside; PIV is selected afterwards.
    pub(super) fn ask_for_model(&mut self) -> Result<(Option<u32>, Model), CardError> {
        self.selected = false;
        let told = identity::read_model(&mut self.channel)?;
        self.select_piv().map(|()| told)
    }

    /// Whether PIV was selected anew is answered; where not, it still has to be made sure of.
    pub(super) fn begin(&mut self) -> Result<bool> {
        match self.begin_once() {
            Ok(selected) => Ok(selected),
            Err(CardError::Transport(error)) if error.is_lost_connection() => {
                self.begin_again(&error).map(|()| true)
            }
            Err(error) if is_absence(&error) => {
                Err(Error::NotFound { what: format!("the PIV applet of {}", self.identity.name) })
            }
            Err(error) => Err(error.doing(self.beginning())),
        }
    }

    /// Makes a lost connection anew, once; then only the same card will do.
    pub(super) fn begin_again(&mut self, lost: &TransportError) -> Result<()> {
        self.selected = false;
        self.made.clear();
        let made = self.channel.transport.reconnect().map_err(CardError::from);
        made.and_then(|()| self.begin_once()).map_err(|error| error.doing(self.beginning()))?;
        let same = match (self.identity.serial, lost) {
            // Nothing to know it by, but a reset pulls nothing out.
            (None, TransportError::Reset) => Ok(()),
            (None, _) => Err(Error::NotFound {
                what: format!(
                    "{}, which was removed and cannot be known again without a serial",
                    self.identity.name
                ),
            }),
            (Some(_), _) => self.check_serial(),
        };
        same.inspect_err(|_| self.end(Leave::AsIs))
    }

    fn beginning(&self) -> String {
        format!("beginning a transaction with {}", self.identity.name)
    }

    fn begin_once(&mut self) -> Result<bool, CardError> {
        self.channel.transport.begin()?;
        if self.selected {
            return Ok(false);
        }
        self.select_piv().map(|()| true).inspect_err(|_| self.end(Leave::AsIs))
    }

    pub(super) fn select_piv(&mut self) -> Result<(), CardError> {
        self.selected = false;
        self.channel.send(&identity::select(&identity::PIV))?;
        self.selected = true;
        Ok(())
    }

    /// Refuses any card but the one that was opened; PIV is selected before and after.
    pub(super) fn check_serial(&mut self) -> Result<()> {
        let name = &self.identity.name;
        let version = self.model.get().map(|model| model.version);
        let found = identity::serial(&mut self.channel, version)
            .map_err(|error| error.doing(format!("reading the serial number of {name}")))?;
        self.compare_serial(found)
    }

    pub(super) fn compare_serial(&self, found: Option<u32>) -> Result<()> {
        if found == self.identity.serial {
            return Ok(());
        }
        let name = &self.identity.name;
        let found = found.map_or_else(|| "without a serial".into(), |serial| serial.to_string());
        let what = format!("{name}; in its place is YubiKey {found}");
        Err(Error::NotFound { what })
    }

    pub(super) fn end(&mut self, leave: Leave) {
        self.selected &= leave == Leave::AsIs;
        // There is nothing left to do about it.
        let _ = self.channel.transport.end(leave);
    }
}

/// Whether the card says that it is another kind of card; one that failed may well be the right one.
pub(super) fn is_absence(error: &CardError) -> bool {
    error.meaning().is_some_and(|meaning| meaning != Meaning::Fault)
}
