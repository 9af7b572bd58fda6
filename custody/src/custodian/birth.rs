//! The first act on a token: an empty one is made into one that has a PIN.

use std::sync::Arc;

use ledger::Ledger;
use signer_core::{
    Backend, EmptyToken, Error, KeyInfo, KeyRef, Locator, NewToken, OpenContext, Result as Answer,
    SecretKind, SignatureAlgorithm, Signer, Token, TokenInfo, Tries,
};

use super::Custodian;
use crate::{Escrow, Result};

impl<'a> Custodian<'a> {
    /// Takes charge of a token that is empty yet; [`Custodian::initialize`] is all it can be asked.
    pub fn of_empty(
        at: &Locator,
        empty: &EmptyToken,
        with: &'a OpenContext,
        ledger: Option<&'a mut Ledger>,
        escrow: Option<&'a dyn Escrow>,
    ) -> Self {
        let info = TokenInfo {
            locator: at.clone(),
            name: empty.name.clone(),
            model: empty.name.clone(),
            serial: None,
            version: None,
            counts_tries: true,
        };
        Self::new(Box::new(Newborn(info)), with, ledger, escrow)
    }

    /// Makes the empty token a token of this label, with a new SO PIN and a new PIN.
    ///
    /// # Errors
    /// As [`Backend::initialize`].
    pub fn initialize(
        &mut self,
        backend: &dyn Backend,
        empty: &EmptyToken,
        label: &str,
    ) -> Result<TokenInfo> {
        self.act("token.init", "the token was initialised", |it, details| {
            details.insert("label".into(), label.into());
            it.need_escrow(&[SecretKind::NewSoPin, SecretKind::NewPin])?;
            let so_pin = it.secret(SecretKind::NewSoPin, empty.rules, Tries::Unknown)?;
            let pin = it.secret(SecretKind::NewPin, empty.rules, Tries::Unknown)?;
            let at = it.token().locator.clone();
            let new = NewToken { label, so_pin: &so_pin, pin: &pin };
            let made = backend.initialize(&at, &new, it.with)?;
            it.token = Box::new(Newborn(made.clone()));
            Ok(made)
        })
    }
}

/// A token of which no more is asked than what it is called.
#[derive(Debug)]
struct Newborn(TokenInfo);

impl Token for Newborn {
    fn info(&self) -> &TokenInfo {
        &self.0
    }

    fn keys(&mut self) -> Answer<Vec<KeyInfo>> {
        Ok(Vec::new())
    }

    fn signer(
        &mut self,
        key: &KeyRef,
        _algorithm: Option<SignatureAlgorithm>,
    ) -> Answer<Arc<dyn Signer>> {
        Err(Error::NotFound { what: format!("{key} of {}", self.0.name) })
    }
}
