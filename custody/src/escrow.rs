//! Where secrets are kept that a token is about to be given.

mod folder;
mod paper;

use std::fmt::Debug;

use signer_core::{Secret, SecretKind};

pub use folder::EscrowFolder;

/// A secret that a token is about to be given.
#[derive(Clone, Copy, Debug)]
pub struct Deposit<'a> {
    /// The token, as a person would name it.
    pub token: &'a str,
    /// Its serial number, where it has one.
    pub serial: Option<&'a str>,
    /// Which secret it will be.
    pub kind: SecretKind,
    /// The secret.
    pub secret: &'a Secret,
}

/// Where a deposit can be found again, as it is told to a person and to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(pub String);

/// What became of a secret after it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The token has it.
    Taken,
    /// The token was not told, or refused; it has the one that it had.
    Refused,
}

/// What keeps a secret from being kept.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Somewhere secrets are kept. On return of [`Escrow::deposit`] the secret is there to stay and was
/// read back: only then is the token told.
pub trait Escrow: Debug {
    /// Keeps a secret.
    ///
    /// # Errors
    /// Whatever keeps it from being kept for certain.
    fn deposit(
        &self,
        deposit: &Deposit<'_>,
    ) -> Result<Receipt, Box<dyn std::error::Error + Send + Sync>>;

    /// Notes what became of a secret, so that whoever looks for it knows which one the token has.
    /// It is not called where nobody knows: then two secrets have to be looked at. Answers where the
    /// deposit is to be found from now on.
    ///
    /// # Errors
    /// Whatever keeps it from being noted; the secret is still where it was.
    fn settle(
        &self,
        receipt: &Receipt,
        _fate: Fate,
    ) -> Result<Receipt, Box<dyn std::error::Error + Send + Sync>> {
        Ok(receipt.clone())
    }
}
