//! PIV slots of YubiKeys, over PC/SC or any other carrier of APDUs.
//!
//! Locators are `yubikey:serial=16021234;slot=9c`. From the bottom up:
//!
//! - [`transport`]: how APDUs reach a card; one method has to be written for a new carrier;
//! - [`apdu`], [`status`], [`tlv`] and the answers' own modules: what is said, typed, and readable
//!   without a card;
//! - [`Card`] and [`Transaction`]: a card to oneself, left clean on drop, and the commands of PIV;
//! - [`pin`]: the one door for PIN and PUK;
//! - [`YubiKeyBackend`] and [`YubiKeyToken`]: what every backend offers.
//!
//! # Example
//!
//! A card can be any function from command to answer.
//!
//! ```
//! use backend_yubikey::transport::InProcess;
//! use backend_yubikey::Card;
//!
//! // SELECT and READ CONFIG of the management applet; everything else is unknown.
//! let card = InProcess(|command: &[u8]| match command[1] {
//!     0xa4 => b"5.7.1\x90\x00".to_vec(),
//!     0x1d => b"\x0b\x02\x04\x00\xcc\x07\xc9\x05\x03\x05\x07\x01\x90\x00".to_vec(),
//!     _ => b"\x6d\x00".to_vec(),
//! });
//! let card = Card::open("a test", Box::new(card))?;
//! assert_eq!(card.identity().name, "YubiKey 13371337");
//! # Ok::<(), signer_core::Error>(())
//! ```

pub mod advice;
pub mod algorithm;
pub mod apdu;
pub mod attestation;
mod backend;
mod card;
pub mod certificate;
mod channel;
pub mod device_info;
mod identity;
pub mod management_key;
mod message;
pub mod metadata;
mod model;
pub mod object;
pub mod pin;
mod piv;
mod policy;
mod private_key;
mod protected;
mod secrets;
mod signer;
pub mod slot;
pub mod status;
pub mod tlv;
mod token;
pub mod transport;
pub mod version;

pub use backend::YubiKeyBackend;
pub use card::{Card, Transaction};
pub use channel::CardError;
pub use identity::Identity;
pub use model::Model;
pub use protected::AdminData;
pub use token::YubiKeyToken;
