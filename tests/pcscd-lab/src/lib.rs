//! A private pcscd with virtual YubiKeys in it, for tests and for the command line.

#![cfg(target_os = "linux")]

mod client;
mod daemon;
mod driver;
mod error;
mod lab;
mod pcscd;
mod warden;
pub mod with_pcscd;

pub use client::ReaderState;
pub use driver::{Driver, Meeting, READER_NAME};
pub use error::Error;
pub use lab::Lab;
pub use pcscd::Pcscd;
