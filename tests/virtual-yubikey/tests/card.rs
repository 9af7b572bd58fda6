//! The card, APDU by APDU.
#![cfg(test)]

#[path = "card/client.rs"]
mod client;
#[path = "card/golden.rs"]
mod golden;
#[path = "card/pin_model.rs"]
mod pin_model;
#[path = "card/policies.rs"]
mod policies;
#[path = "card/random.rs"]
mod random;
