//! PKCS#11 tokens through the whole program.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

#[path = "pkcs11/crash.rs"]
mod crash;
#[path = "pkcs11/doctor.rs"]
mod doctor;
#[path = "pkcs11/ending.rs"]
mod ending;
#[path = "pkcs11/four_signers.rs"]
mod four_signers;
#[path = "pkcs11/guard.rs"]
mod guard;
#[path = "pkcs11/interop.rs"]
mod interop;
#[path = "pkcs11/matrix.rs"]
mod matrix;
#[path = "pkcs11/own_certificate.rs"]
mod own_certificate;
#[path = "pkcs11/station.rs"]
mod station;
#[path = "pkcs11/traps.rs"]
mod traps;
