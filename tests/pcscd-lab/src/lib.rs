//! A private pcscd with virtual YubiKeys in it, for tests and for the command line.

#![cfg(target_os = "linux")]

mod client;
mod daemon;
mod driver;
mod error;
mod lab;
mod pcscd;
mod tools;
mod warden;
pub mod with_pcscd;
mod ykman;

pub use client::ReaderState;
pub use driver::{Driver, Meeting, READER_NAME};
pub use error::Error;
pub use lab::Lab;
pub use pcscd::Pcscd;
pub use tools::{TOOLS, tool};
pub use ykman::{Ykman, YkmanRun};
