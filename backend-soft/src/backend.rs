//! The backend: from a locator to a key file.

use signer_core::{
    Backend, Error, KeyRef, Locator, OpenContext, Result, Secret, SecretKind, Token, TokenInfo,
};

use crate::token::SoftToken;

/// Keys in PEM files.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoftBackend;

impl Backend for SoftBackend {
    fn scheme(&self) -> &'static str {
        "soft"
    }

    fn list(&self, _with: &OpenContext) -> Result<Vec<TokenInfo>> {
        Ok(Vec::new())
    }

    fn key(&self, at: &Locator) -> Result<KeyRef> {
        at.file().map(|_| KeyRef::Sole)
    }

    fn open(&self, at: &Locator, with: &OpenContext) -> Result<Box<dyn Token>> {
        Ok(Box::new(self.soft_token(at, with)?))
    }
}

impl SoftBackend {
    /// The private key of a key file, as the DER of PKCS#8 PrivateKeyInfo (RFC 5958): what
    /// [`signer_core::KeyManager::import`] brings to another token.
    ///
    /// # Errors
    /// As [`Backend::open`], and for a wrong passphrase.
    pub fn private_key(&self, at: &Locator, with: &OpenContext) -> Result<Secret> {
        self.soft_token(at, with)?.private_key()
    }

    fn soft_token(self, at: &Locator, with: &OpenContext) -> Result<SoftToken> {
        at.allow_query(&[])?;
        let path = at.file()?;
        if path.is_dir() {
            return Err(Error::Locator {
                text: at.to_string(),
                reason: "it names a folder, not a key file".into(),
            });
        }
        let mut context = with.clone();
        // The locator's own source is the nearest; a `pin` serves as the passphrase, so that
        // settings stay the same when only the locator changes.
        let named = at.pin_source()?.or_else(|| context.secrets.source(SecretKind::Pin).cloned());
        if let (Some(spec), None) = (named, context.secrets.source(SecretKind::Passphrase)) {
            context.secrets = context.secrets.with(SecretKind::Passphrase, spec);
        }
        Ok(SoftToken::new(at.clone(), path, context))
    }
}
