#![doc = include_str!("../README.md")]

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
