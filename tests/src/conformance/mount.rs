//! Where tokens come from.

use std::fmt::Debug;

use signer_core::{Backend, Locator};

use super::Claims;

/// One kind of token.
pub trait Mount: Debug + Sync {
    /// What it is called where something fails.
    fn name(&self) -> String;

    /// What its tokens can do.
    fn claims(&self) -> Claims;

    /// A token as it leaves the factory, with nothing else around.
    fn bench(&self) -> Box<dyn Bench>;
}

/// One token, and what is known of it from outside.
pub trait Bench: Debug {
    /// Who opens it.
    fn backend(&self) -> &dyn Backend;

    /// The token.
    fn token(&self) -> Locator;

    /// Places for keys on it, one at least. All are empty, but for the first of a token that neither
    /// makes keys nor takes them: that has one of the usual kind.
    fn places(&self) -> Vec<Locator>;

    /// A token of this kind that is not there.
    fn absent(&self) -> Locator;

    /// The secrets that it has, and others that it would take.
    fn secrets(&self) -> Secrets;

    /// How many PINs and PUKs it was shown so far, where the bench can count them.
    fn presented(&self) -> Option<u64>;

    /// Takes its power away and gives it back, where it has any.
    fn power_cycle(&self);
}

/// Secrets of a token.
#[derive(Clone, Copy, Debug)]
pub struct Secrets {
    /// The PIN that it has.
    pub pin: &'static str,
    /// The PUK that it has.
    pub puk: &'static str,
    /// The management key that it has, in hexadecimal.
    pub management_key: &'static str,
    /// A PIN that it would take.
    pub new_pin: &'static str,
    /// A PUK that it would take.
    pub new_puk: &'static str,
}
