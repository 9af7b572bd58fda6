//! Where secrets are kept that a token is about to be given.

use std::fmt::Debug;

use signer_core::{Secret, SecretKind};

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
}
