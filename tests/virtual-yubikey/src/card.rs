//! The card: APDUs in, APDUs out.

mod command;
mod management;
mod object;
mod octets;
mod otp;
mod piv;
mod status;
mod switches;
mod tlv;
mod touch;
mod transfer;

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::model::Model;
use piv::{Piv, State};
use status::{Answer, Status};
use transfer::{Incoming, Transfer};

pub(crate) use command::Command;
pub(crate) use object::DataObject;
pub use piv::ManagementAlgorithm;
pub use switches::{BlockedAnswer, SelectAgain, Switches};
pub(crate) use tlv::{Element, read as read_element};
pub use touch::{Clock, Finger, Touch};

const SELECT: u8 = 0xA4;
const GET_RESPONSE: u8 = 0xC0;

/// The serial number of a card that was given none.
const SERIAL: u32 = 16_021_234;

/// A YubiKey: its PIV applet, and as much of its management and OTP applets as tells what it is.
///
/// ```
/// use virtual_yubikey::{Card, Model};
///
/// let mut card = Card::new("5.7.1".parse::<Model>()?);
/// let select = b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08";
/// assert!(card.transmit(select).ends_with(b"\x90\x00"));
/// // VERSION.
/// assert_eq!(card.transmit(b"\x00\xFD\x00\x00\x00"), b"\x05\x07\x01\x90\x00");
/// # Ok::<(), virtual_yubikey::UnknownModel>(())
/// ```
pub struct Card {
    model: Model,
    piv: Piv,
    applet: Option<Applet>,
    transfer: Transfer,
    store: Option<Box<dyn Store>>,
}

/// Where a card keeps what it must not forget.
pub trait Store: Send {
    /// Keeps the state of the card; called after each change and before the answer is given, so
    /// that nobody learns whether a PIN was right before the try is on record.
    ///
    /// # Errors
    /// When it could not be kept; the card then answers 6581 in place of what it had to say.
    fn keep(&mut self, snapshot: &Snapshot) -> io::Result<()>;
}

/// All that a card keeps without power: model, serial number, PIN, PUK, keys, objects.
///
/// It holds secrets in clear, as only a card for tests may.
#[derive(Clone, Serialize, Deserialize)]
pub struct Snapshot {
    model: Model,
    serial: u32,
    piv: State,
}

impl Snapshot {
    /// Which key it is of.
    pub fn model(&self) -> Model {
        self.model
    }

    /// Its serial number.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The same state with another serial number: another key in the same port, with the same PIN
    /// and keys. The certificate of slot F9 stays the one that was made for the old number.
    #[must_use]
    pub fn with_serial(self, serial: u32) -> Self {
        Self { serial, ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applet {
    Piv,
    Management,
    Otp,
}

impl Card {
    /// A card as it leaves the factory, with power, and no applet selected.
    pub fn new(model: Model) -> Self {
        Self::with_serial(model, SERIAL)
    }

    /// The same with this serial number.
    pub fn with_serial(model: Model, serial: u32) -> Self {
        Self::from_snapshot(Snapshot {
            model,
            serial,
            piv: State::manufactured(model.facts(), serial),
        })
    }

    /// A card with the state of another, with power, and no applet selected.
    pub fn from_snapshot(snapshot: Snapshot) -> Self {
        let Snapshot { model, serial, piv } = snapshot;
        Self {
            model,
            piv: Piv::new(model, serial, piv),
            applet: None,
            transfer: Transfer::default(),
            store: None,
        }
    }

    /// Executes one command APDU; the answer is its data and the status word.
    pub fn transmit(&mut self, apdu: &[u8]) -> Vec<u8> {
        let answer = self.execute(apdu);
        if self.piv.take_changed() {
            let snapshot = self.store.is_some().then(|| self.snapshot());
            if let (Some(store), Some(snapshot)) = (&mut self.store, snapshot)
                && store.keep(&snapshot).is_err()
            {
                self.transfer.clear();
                self.piv.forget_session();
                return Status::MEMORY_FAILURE.octets().to_vec();
            }
        }
        answer
    }

    /// Takes the power away and gives it back: no applet is selected, nothing is verified.
    pub fn power_cycle(&mut self) {
        self.applet = None;
        self.transfer.clear();
        self.piv.forget_session();
        self.piv.contact.forget();
    }

    /// The answer to reset, over USB.
    pub fn atr(&self) -> &'static [u8] {
        self.model.facts().atr
    }

    /// Which key it is.
    pub fn model(&self) -> Model {
        self.model
    }

    /// Its serial number.
    pub fn serial(&self) -> u32 {
        self.piv.serial
    }

    /// All that it keeps without power.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { model: self.model, serial: self.piv.serial, piv: self.piv.state().clone() }
    }

    /// Becomes the card of the snapshot, after a power cycle. Store, finger, clock and switches stay.
    pub fn restore(&mut self, snapshot: Snapshot) {
        let Self { piv, store, .. } = std::mem::replace(self, Self::from_snapshot(snapshot));
        (self.piv.switches, self.piv.contact) = (piv.switches, piv.contact);
        self.store = store;
        self.piv.contact.forget();
    }

    /// Keeps each change in this store from now on.
    pub fn set_store(&mut self, store: impl Store + 'static) {
        self.store = Some(Box::new(store));
    }

    /// What is not known for sure of the hardware, to choose.
    pub fn switches(&mut self) -> &mut Switches {
        &mut self.piv.switches
    }

    /// Puts somebody else in front of the card. A new card is touched at once.
    pub fn set_finger(&mut self, finger: Finger) {
        self.piv.contact.finger = finger;
    }

    /// Gives it another clock. A new card has one that tests drive.
    pub fn set_clock(&mut self, clock: Clock) {
        self.piv.contact.forget();
        self.piv.contact.clock = clock;
    }

    /// Its clock.
    pub fn clock(&self) -> &Clock {
        &self.piv.contact.clock
    }

    /// How often it asked for a touch.
    pub fn touches_asked(&self) -> u64 {
        self.piv.contact.asked
    }

    fn execute(&mut self, apdu: &[u8]) -> Vec<u8> {
        let command = match Command::parse(apdu).ok_or(Status::WRONG_LENGTH).and_then(check_class) {
            Ok(command) => command,
            Err(status) => return self.refuse(status),
        };
        let extended = command.extended;
        if command.ins == GET_RESPONSE {
            return match self.transfer.next(extended) {
                Some(part) => part,
                None => self.refuse(Status::CONDITIONS),
            };
        }
        if self.transfer.interrupted_by(&command) {
            self.piv.disturb();
        }
        match self.transfer.take(command, self.model.facts().buffer) {
            Incoming::Link => Status::OK.octets().to_vec(),
            Incoming::TooLong => self.refuse(Status::WRONG_LENGTH),
            Incoming::Whole(command) => match self.dispatch(&command) {
                Ok(data) => self.transfer.answer(data, extended),
                Err(status) => status.octets().to_vec(),
            },
        }
    }

    /// Answers what is no command that an applet would see.
    fn refuse(&mut self, status: Status) -> Vec<u8> {
        self.transfer.clear();
        self.piv.disturb();
        status.octets().to_vec()
    }

    fn dispatch(&mut self, command: &Command) -> Answer {
        let facts = self.model.facts();
        match self.applet {
            _ if command.ins == SELECT => self.select(command),
            Some(Applet::Piv) => self.piv.execute(command),
            Some(Applet::Management) => {
                let approved = facts.fips && self.piv.state().has_own_secrets(facts);
                management::execute(command, facts, self.piv.serial, approved)
            }
            Some(Applet::Otp) => otp::execute(command, facts, self.piv.serial),
            None => Err(Status::UNKNOWN_INSTRUCTION),
        }
    }

    /// SELECT `A4 04`. An applet that is not there leaves the selected one selected.
    fn select(&mut self, command: &Command) -> Answer {
        self.piv.disturb();
        if command.p1 != 0x04 {
            return Err(Status::WRONG_P1_P2);
        }
        let facts = self.model.facts();
        let applet = Applet::named(&command.data)
            .filter(|applet| *applet != Applet::Management || facts.management)
            .ok_or(Status::NOT_FOUND)?;
        let again = self.applet == Some(applet);
        self.applet = Some(applet);
        if !again || self.piv.switches.select_again == SelectAgain::DropsState {
            self.piv.forget_session();
        }
        Ok(match applet {
            Applet::Piv => self.piv.select(),
            Applet::Management => management::select(facts),
            Applet::Otp => otp::select(facts),
        })
    }
}

impl Applet {
    /// The applet of an identifier, or of the first octets of one.
    fn named(name: &[u8]) -> Option<Self> {
        let all: [(Self, &[u8], usize); 3] = [
            (Self::Piv, b"\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00", 5),
            (Self::Management, b"\xA0\x00\x00\x05\x27\x47\x11\x17", 8),
            (Self::Otp, b"\xA0\x00\x00\x05\x27\x20\x01\x01", 7),
        ];
        let named = |(_, whole, least): &(Self, &[u8], usize)| {
            name.len() >= *least && whole.starts_with(name)
        };
        all.into_iter().find(named).map(|(applet, ..)| applet)
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, serial) = (self.model, self.piv.serial);
        f.debug_struct("Card")
            .field("model", &model)
            .field("serial", &serial)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, serial, .. } = self;
        f.debug_struct("Snapshot")
            .field("model", model)
            .field("serial", serial)
            .finish_non_exhaustive()
    }
}

/// Only plain and chained commands; nothing of secure messaging, no logical channels.
fn check_class(command: Command) -> Result<Command, Status> {
    match command.cla {
        0x00 | 0x10 => Ok(command),
        0x04..=0x0F | 0x14..=0x1F => Err(Status::NO_SECURE_MESSAGING),
        _ => Err(Status::UNKNOWN_CLASS),
    }
}
