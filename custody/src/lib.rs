//! A token's life: what is done to its PIN, PUK and management key from the first day to the reset.
//!
//! A [`Custodian`] acts on one open token. It asks for the secrets that an act needs, has new ones
//! escrowed before the token is told of them, and writes each act into the ledger: who, which
//! token, how many tries before and after, how it ended. No secret ever gets there.
//!
//! It knows tokens only as [`signer_core::Token`]; what a token cannot do it says itself.

pub mod age;
mod custodian;
mod error;
mod escrow;

pub use custodian::{Custodian, ManagementKeyWish, Statuses, tries_value};
pub use error::{Error, Result};
pub use escrow::{Deposit, Escrow, EscrowFolder, Fate, Receipt};
