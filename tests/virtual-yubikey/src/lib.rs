//! The PIV applet of a YubiKey in software, for testing what talks to one.
//!
//! A [`Card`] takes command APDUs and gives answers, as a key of its [`Model`] does. What needs time,
//! chance or somebody at the desk is the test's to say: a [`Finger`] that touches or does not, a
//! [`Clock`] to drive, [`Switches`] for what is not known of the hardware. Its state goes to a
//! [`Store`] before an answer leaves, and a [`Transcript`] puts a session into words.
//!
//! ```
//! use virtual_yubikey::{Card, Transcript};
//!
//! let mut card = Card::new("5.4.3".parse()?);
//! let mut transcript = Transcript::new();
//! let mut said = Vec::new();
//! for apdu in [&b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08"[..], b"\x00\x20\x00\x80\x08000000\xFF\xFF"] {
//!     let name = transcript.command(apdu).name;
//!     said.push(format!("{name}: {}", transcript.answer(&card.transmit(apdu))));
//! }
//! assert_eq!(said, [
//!     "SELECT PIV: 61114f0600001000010079074f05a0000003089000",
//!     "VERIFY: 63c2",
//! ]);
//! # Ok::<(), virtual_yubikey::UnknownModel>(())
//! ```
//!
//! A [`Device`] is a card that fails when told to ([`Fault`]) and keeps a [`Log`]; [`StateFile`] is a
//! store that outlives any kill; `Server` puts a device into a reader.

mod algorithm;
mod asn1;
mod attestation;
mod card;
mod command_name;
mod device;
mod fault;
mod hex;
mod key;
mod log;
mod model;
mod policy;
#[cfg(unix)]
mod serve;
mod slot;
mod state_file;
mod transcript;

pub use algorithm::Algorithm;
pub use attestation::{
    AttestationError, Attestor, FactoryFacts, ROOT_CERTIFICATE_PEM, Statement, attest,
};
pub use card::{
    BlockedAnswer, Card, Clock, Finger, ManagementAlgorithm, SelectAgain, Snapshot, Store,
    Switches, Touch,
};
pub use command_name::{CommandName, UnknownCommand};
pub use device::{Device, Reply};
pub use fault::{Effect, Fault, FaultFileError};
pub use key::{KeyError, PrivateKey};
pub use log::{Entry, Log};
pub use model::{Facts, Model, PinRules, UnknownModel};
pub use policy::{Origin, PinPolicy, TouchPolicy};
#[cfg(unix)]
pub use serve::Server;
pub use slot::Slot;
pub use state_file::{Durability, StateError, StateFile};
pub use transcript::{Described, Transcript};

/// Has the README's example compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
