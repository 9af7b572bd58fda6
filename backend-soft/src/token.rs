//! A key file as a token.

use std::path::PathBuf;
use std::sync::Arc;

use signer_core::{
    Error, KeyInfo, KeyManager, KeyPolicy, KeyRef, KeySpec, Locator, OpenContext, Result, Secret,
    SecretKind, SecretRequest, SecretRules, SignatureAlgorithm, Signer, Token, TokenInfo, Tries,
};

use crate::key_file;
use crate::private_key::PrivateKey;
use crate::signer::SoftSigner;

/// One key file, which need not exist yet.
#[derive(Debug)]
pub(crate) struct SoftToken {
    info: TokenInfo,
    path: PathBuf,
    context: OpenContext,
}

impl SoftToken {
    pub(crate) fn new(locator: Locator, path: PathBuf, context: OpenContext) -> Self {
        let info = TokenInfo {
            locator,
            name: path.display().to_string(),
            model: "key file".into(),
            serial: None,
            version: None,
            counts_tries: false,
        };
        Self { info, path, context }
    }

    fn read(&self) -> Result<PrivateKey> {
        key_file::read(&self.path, self.context.permissions, &|| self.ask(SecretKind::Passphrase))
    }

    pub(crate) fn private_key(&self) -> Result<Secret> {
        let document = self.read()?.to_pkcs8().map_err(|reason| Error::MalformedKey {
            origin: self.path.display().to_string(),
            reason,
        })?;
        Ok(Secret::new(document.as_bytes().to_vec()))
    }

    fn ask(&self, kind: SecretKind) -> Result<Secret> {
        self.context.secrets.fetch(&SecretRequest {
            kind,
            token: &self.path.display().to_string(),
            serial: None,
            tries: Tries::Unknown,
            rules: SecretRules::PASSPHRASE,
        })
    }
}

impl Token for SoftToken {
    fn info(&self) -> &TokenInfo {
        &self.info
    }

    fn keys(&mut self) -> Result<Vec<KeyInfo>> {
        self.read().map(|key| vec![describe(&key)])
    }

    fn signer(
        &mut self,
        key: &KeyRef,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Arc<dyn Signer>> {
        self.only(key)?;
        let key = self.read()?;
        let algorithm = SignatureAlgorithm::for_key(algorithm, key.spec())?;
        Ok(Arc::new(SoftSigner::new(self.path.display().to_string(), key, algorithm)))
    }

    fn key_manager(&mut self) -> Option<&mut dyn KeyManager> {
        Some(self)
    }
}

impl KeyManager for SoftToken {
    /// Writes a new PKCS#8 file, encrypted when a source for a new passphrase was named.
    fn generate(&mut self, key: &KeyRef, spec: KeySpec, policy: KeyPolicy) -> Result<KeyInfo> {
        self.only(key)?;
        if policy != KeyPolicy::default() {
            return Err(Error::Unsupported {
                operation: "a PIN or touch policy for a key file".into(),
                needs: "a token that asks for a PIN or a touch".into(),
            });
        }
        // Looked for before a passphrase is asked for or chosen, and again when it is written.
        if self.path.exists() {
            return Err(Error::AlreadyExists { what: self.path.display().to_string() });
        }
        let passphrase = match self.context.secrets.source(SecretKind::NewPassphrase) {
            Some(_) => Some(self.ask(SecretKind::NewPassphrase)?),
            None => None,
        };
        let key = PrivateKey::generate(spec)?;
        key_file::write(&self.path, &key, passphrase.as_ref())?;
        Ok(describe(&key))
    }
}

impl SoftToken {
    /// A key file has one key and no names for it.
    fn only(&self, key: &KeyRef) -> Result<()> {
        match key {
            KeyRef::Sole => Ok(()),
            other => Err(Error::NotFound { what: format!("{other} in {}", self.path.display()) }),
        }
    }
}

fn describe(key: &PrivateKey) -> KeyInfo {
    KeyInfo {
        key: KeyRef::Sole,
        spec: key.spec(),
        public_key: key.public_key().clone(),
        policy: KeyPolicy::default(),
        origin: None,
    }
}
