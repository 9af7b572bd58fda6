//! What a signer and a token are: traits, types, errors, secrets and locators.

pub mod verify;
