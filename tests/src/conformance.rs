//! What every backend has to do, as one list that is mounted for each of them.
//!
//! A [`Mount`] brings tokens as they leave the factory and declares what they can do ([`Claims`]).
//! [`behaviours`] is the list. What is not declared is checked too: an accessor answers nothing, an
//! operation `Unsupported`. Nothing in the list knows which backend it is about.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails, in its helpers too"
)]

mod administration;
mod certificates;
mod claims;
mod desk;
mod judge;
mod keys;
mod listing;
mod mount;
mod pins;
pub mod pkcs11;
pub mod pkcs11_cards;
mod signing;
pub mod soft;
pub mod yubikey;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use claims::{AdministrationClaims, Claims, Counter, KeyClaims, PinClaims, Shelf};
pub use desk::Desk;
pub use mount::{Bench, Mount};

/// One thing that every backend does: a sentence, and the check.
pub type Behaviour = (&'static str, fn(&Desk<'_>));

/// A list of checks under their own names.
macro_rules! named {
    ($($check:ident),* $(,)?) => { &[$((stringify!($check), $check as fn(&$crate::conformance::Desk<'_>))),*] };
}
pub(crate) use named;

/// The whole list.
#[must_use]
pub fn behaviours() -> Vec<Behaviour> {
    [listing::LIST, keys::LIST, signing::LIST, certificates::LIST, pins::LIST, administration::LIST]
        .concat()
}

/// The part of the list that is about signing.
#[must_use]
pub fn signing() -> Vec<Behaviour> {
    signing::LIST.to_vec()
}

/// Checks the whole list on a mount, each behaviour on a fresh token. What does not hold is named;
/// the panics before say why.
#[must_use]
pub fn failures(mount: &dyn Mount) -> Vec<String> {
    failures_of(&behaviours(), mount)
}

/// The same for a part of the list.
#[must_use]
pub fn failures_of(behaviours: &[Behaviour], mount: &dyn Mount) -> Vec<String> {
    let failed = |(name, check): &Behaviour| {
        let checked = catch_unwind(AssertUnwindSafe(|| check(&Desk::new(mount))));
        checked.err().map(|_| format!("{}: {name}", mount.name()))
    };
    behaviours.iter().filter_map(failed).collect()
}
