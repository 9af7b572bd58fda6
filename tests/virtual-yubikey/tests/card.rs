//! The card, APDU by APDU.
#![cfg(test)]

#[path = "card/client.rs"]
mod client;
#[path = "card/golden.rs"]
mod golden;
#[path = "card/keys.rs"]
mod keys;
#[path = "card/models.rs"]
mod models;
#[path = "card/objects.rs"]
mod objects;
#[path = "card/pin_model.rs"]
mod pin_model;
#[path = "card/policies.rs"]
mod policies;
#[path = "card/random.rs"]
mod random;
#[path = "card/references.rs"]
mod references;
#[path = "card/state.rs"]
mod state;
#[path = "card/transcript.rs"]
mod transcript;
#[path = "card/transfer.rs"]
mod transfer;
