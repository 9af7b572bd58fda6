//! The PIV applet of a YubiKey in software, for testing what talks to one.

mod algorithm;
mod asn1;
mod attestation;
mod hex;
mod key;
mod policy;
mod slot;

pub use algorithm::Algorithm;
pub use attestation::{
    AttestationError, Attestor, FactoryFacts, ROOT_CERTIFICATE_PEM, Statement, attest,
};
pub use key::{KeyError, PrivateKey};
pub use policy::{Origin, PinPolicy, TouchPolicy};
pub use slot::Slot;
