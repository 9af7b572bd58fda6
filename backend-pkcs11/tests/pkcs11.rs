//! The backend on real modules: SoftHSM2, Kryoptic, and one that fails as it is told.

#![cfg(test)]

#[path = "pkcs11/certificates.rs"]
mod certificates;
#[path = "pkcs11/common.rs"]
mod common;
#[path = "pkcs11/faults.rs"]
mod faults;
#[path = "pkcs11/isolation.rs"]
mod isolation;
#[path = "pkcs11/pin_pad.rs"]
mod pin_pad;
#[path = "pkcs11/pins.rs"]
mod pins;
#[path = "pkcs11/tokens.rs"]
mod tokens;
#[path = "pkcs11/traps.rs"]
mod traps;
