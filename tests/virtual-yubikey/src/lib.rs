//! The PIV applet of a YubiKey in software, for testing what talks to one.

mod algorithm;
mod asn1;
mod attestation;
mod card;
mod hex;
mod key;
mod model;
mod policy;
mod slot;
mod transcript;

pub use algorithm::Algorithm;
pub use attestation::{
    AttestationError, Attestor, FactoryFacts, ROOT_CERTIFICATE_PEM, Statement, attest,
};
pub use card::{
    BlockedAnswer, Card, Clock, Finger, ManagementAlgorithm, SelectAgain, Snapshot, Store,
    Switches, Touch,
};
pub use key::{KeyError, PrivateKey};
pub use model::{Facts, Model, PinRules, UnknownModel};
pub use policy::{Origin, PinPolicy, TouchPolicy};
pub use slot::Slot;
pub use transcript::{Described, Transcript};
