//! The PIV applet of a YubiKey in software, for testing what talks to one.

mod algorithm;
mod policy;
mod slot;

pub use algorithm::Algorithm;
pub use policy::{Origin, PinPolicy, TouchPolicy};
pub use slot::Slot;
