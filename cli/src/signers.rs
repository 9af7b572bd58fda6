//! From `--signer` to an open token and a key that signs.

mod asking;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use der::Encode;
use issuer::certificate::ParsedCertificate;
use ledger::Digest;
use signer_core::{
    Backend, CertStore, Introduction, KeyManager, KeyRef, Locator, OpenContext, Permissions,
    Registry, Secret, SecretKind, SecretSpec, SignatureAlgorithm, Signer,
    SubjectPublicKeyInfoOwned, Token,
};

use crate::args::Global;
use crate::backends;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::input;
use crate::settings::{Firmware, SignerSettings};

pub(crate) use asking::{Asking, People};

use asking::secrets;

/// A signer that was chosen and not yet opened.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    /// What it is called: its name in the settings, else its locator.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) locator: Locator,
    /// Its certificate, followed by its chain, where the settings name one.
    pub(crate) certificate: Option<PathBuf>,
    algorithm: Option<SignatureAlgorithm>,
    pinned: Option<Digest>,
    min_firmware: Option<Firmware>,
    registry: &'a Registry,
    with: OpenContext,
}

impl<'a> Chosen<'a> {
    /// The signer that the flag names, else the settings' default.
    ///
    /// # Errors
    /// [`Error::Usage`] when none is named; [`signer_core::Error::NotFound`] for a name that the
    /// settings do not have.
    pub(crate) fn new(context: &Context<'a>, asking: Asking) -> Result<Self> {
        let settings = context.settings()?;
        let named = context.global.signer.as_deref().or(settings.default_signer.as_deref());
        let Some(named) = named else {
            return Err(Error::usage_see(
                "no signer is named, neither by --signer nor by default-signer in the settings",
                "name one: `touchmark key list --signer soft:dak_private_key.pem`",
            ));
        };
        Self::named(context, named, asking)
    }

    /// The signer of that name or locator.
    ///
    /// # Errors
    /// As [`Chosen::new`].
    pub(crate) fn named(context: &Context<'a>, named: &str, asking: Asking) -> Result<Self> {
        let settings = context.settings()?;
        let from_settings = settings.signers.get(named);
        let locator = match from_settings {
            Some(signer) => signer.locator.clone(),
            None if named.contains(':') => named.parse()?,
            None => return Err(unknown(named, settings.signers.keys())),
        };
        let unnamed = SignerSettings::of(locator);
        let configured = from_settings.unwrap_or(&unnamed);
        Self::of(context, named.to_owned(), configured, &context.global, asking)
    }

    /// A key that is about to be made at a place of its own. The flags for secrets are about the
    /// signer, and not about this one.
    ///
    /// # Errors
    /// As [`Chosen::new`].
    pub(crate) fn new_key(context: &Context<'a>, at: Locator, asking: Asking) -> Result<Self> {
        let flags = Global { pin: None, passphrase: None, ..context.global.clone() };
        Self::of(context, at.to_string(), &SignerSettings::of(at), &flags, asking)
    }

    /// The private key of a key file, as the DER of PKCS#8 PrivateKeyInfo. `--pin` is about the
    /// signer, and not about this file.
    ///
    /// # Errors
    /// As [`backends::private_key`].
    pub(crate) fn private_key(context: &Context<'a>, file: &Path) -> Result<Secret> {
        let flags = Global { pin: None, ..context.global.clone() };
        let at = backends::key_file(file);
        let configured = SignerSettings::of(at);
        let file_key =
            Self::of(context, file.display().to_string(), &configured, &flags, Asking::default())?;
        Ok(backends::private_key(file, &file_key.with)?)
    }

    fn of(
        context: &Context<'a>,
        name: String,
        configured: &SignerSettings,
        flags: &Global,
        asking: Asking,
    ) -> Result<Self> {
        let settings = context.settings()?;
        // The flags of `context` as well: `flags` may be without those that are not about this key.
        let flagged = [&context.global.pin, &context.global.passphrase].into_iter().flatten();
        let others = settings.signers.values().flat_map(SignerSettings::secret_sources);
        let secrets =
            secrets(flags, configured, asking)?.with_others(flagged.cloned().chain(others));
        let permissions = match flags.allow_loose_permissions {
            true => Permissions::Loose,
            false => Permissions::Strict,
        };
        Ok(Self {
            name,
            locator: configured.locator.clone(),
            certificate: configured.certificate.clone(),
            algorithm: configured.algorithm,
            pinned: configured.spki_sha256,
            min_firmware: configured.min_firmware.clone(),
            registry: context.registry,
            with: OpenContext {
                secrets,
                permissions,
                guard: context.guard.clone(),
                interaction: context.output.events(),
                isolation: configured.isolation,
                ..OpenContext::default()
            },
        })
    }

    /// Has its token asked who it is and no more, unless the settings want to know its firmware.
    pub(crate) fn introduced_briefly(mut self) -> Self {
        if self.min_firmware.is_none() {
            self.with.introduction = Introduction::Brief;
        }
        self
    }

    /// Where a secret for it comes from.
    pub(crate) fn source(&self, kind: SecretKind) -> Option<&SecretSpec> {
        self.with.secrets.source(kind)
    }

    /// What its token is opened with.
    pub(crate) fn opened_with(&self) -> &OpenContext {
        &self.with
    }

    /// Opens its token. No secret is asked for yet.
    ///
    /// # Errors
    /// As [`signer_core::Backend::open`]; [`Error::Refused`] for firmware that the settings find too
    /// old.
    pub(crate) fn token(&self) -> Result<Box<dyn Token>> {
        let token = self.backend()?.open(&self.locator, &self.with)?;
        let info = token.info();
        match (&self.min_firmware, &info.version) {
            (Some(wanted), found) if !found.as_ref().is_some_and(|it| wanted.is_met_by(it)) => {
                let found = found.as_deref().unwrap_or("unknown to it");
                Err(Error::Refused {
                    what: format!(
                        "{} has firmware {found}, and the settings ask for {wanted} or later",
                        info.name
                    ),
                    hint: format!(
                        "use a newer token, or change min-firmware of {}; `touchmark token list` \
                         shows what is there",
                        self.name
                    ),
                })
            }
            _ => Ok(token),
        }
    }

    /// The backend of its locator.
    ///
    /// # Errors
    /// As [`Registry::backend`].
    pub(crate) fn backend(&self) -> Result<&'a dyn Backend> {
        Ok(self.registry.backend(&self.locator)?)
    }

    /// Which key of its token is meant.
    ///
    /// # Errors
    /// As [`signer_core::Backend::key`].
    pub(crate) fn key(&self) -> Result<KeyRef> {
        Ok(self.backend()?.key(&self.locator)?)
    }

    /// Where its key is, in words that name the token it was found on and no other: for people and the
    /// ledger, whatever was typed.
    ///
    /// # Errors
    /// As [`Chosen::key`].
    pub(crate) fn place(&self, token: &dyn Token) -> Result<String> {
        Ok(token.info().locator.of_key(&self.key()?).to_string())
    }

    /// Opens its key for signing, by `algorithm` or else the settings'.
    ///
    /// # Errors
    /// As [`Token::signer`]; [`signer_core::Error::AnotherKey`] when it is not the pinned one.
    pub(crate) fn signer(&self, algorithm: Option<SignatureAlgorithm>) -> Result<Arc<dyn Signer>> {
        self.signer_of(&mut *self.token()?, algorithm)
    }

    /// The same, of its token that is open already.
    ///
    /// # Errors
    /// As [`Chosen::signer`].
    pub(crate) fn signer_of(
        &self,
        token: &mut dyn Token,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Arc<dyn Signer>> {
        let signer = token.signer(&self.key()?, algorithm.or(self.algorithm))?;
        self.check_pinned(signer.public_key())?;
        Ok(signer)
    }

    /// Where its key is, as [`Chosen::place`] tells it, and its public half, without signing anything.
    ///
    /// # Errors
    /// As [`Chosen::signer`].
    pub(crate) fn public_key(&self) -> Result<(String, SubjectPublicKeyInfoOwned)> {
        let (mut token, wanted) = (self.token()?, self.key()?);
        let keys = token.keys()?;
        let mut found = keys.iter().filter(|key| wanted == KeyRef::Sole || key.key == wanted);
        let public_key = match (found.next(), found.next()) {
            (Some(key), None) => key.public_key.clone(),
            // The token itself says best what was not found, or what is ambiguous.
            _ => token.signer(&wanted, None)?.public_key().clone(),
        };
        self.check_pinned(&public_key)?;
        Ok((self.place(&*token)?, public_key))
    }

    /// Its certificate, followed by its chain: from the file that the settings name, else from the
    /// token.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Content`] for the file; [`signer_core::Error::Unsupported`] for
    /// a token that stores no certificates.
    pub(crate) fn certificates(&self) -> Result<Vec<ParsedCertificate>> {
        if let Some(file) = &self.certificate {
            return input::certificates(file);
        }
        let (mut token, key) = (self.token()?, self.key()?);
        let store = self.cert_store(&mut *token, "reading a certificate from")?;
        let mut stored = vec![store.read(&key)?];
        stored.extend(store.read_chain(&key)?);
        let parsed = stored.iter().map(|der| {
            ParsedCertificate::from_der(der).map_err(|error| signer_core::Error::Device {
                doing: format!("reading the certificate of {}", self.name),
                source: Box::new(error),
            })
        });
        Ok(parsed.collect::<Result<_, _>>()?)
    }

    /// What makes and destroys keys on its token. `doing` reads before the signer's name where nothing
    /// does.
    ///
    /// # Errors
    /// [`signer_core::Error::Unsupported`] for such a token.
    pub(crate) fn key_manager<'t>(
        &self,
        token: &'t mut dyn Token,
        doing: &str,
    ) -> Result<&'t mut dyn KeyManager> {
        Ok(token.key_manager().ok_or_else(|| signer_core::Error::Unsupported {
            operation: format!("{doing} {}", self.name),
            needs: "another kind of token".into(),
        })?)
    }

    /// The certificates that its token stores. `doing` reads before the signer's name where it stores
    /// none.
    ///
    /// # Errors
    /// [`signer_core::Error::Unsupported`] for a token that stores none.
    pub(crate) fn cert_store<'t>(
        &self,
        token: &'t mut dyn Token,
        doing: &str,
    ) -> Result<&'t mut dyn CertStore> {
        Ok(token.cert_store().ok_or_else(|| signer_core::Error::Unsupported {
            operation: format!("{doing} {}", self.name),
            needs: "`certificate` in its settings, or a token that stores certificates".into(),
        })?)
    }

    /// Refuses an output that would replace a file of this signer, or what [`Context::spare`] spares.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(crate) fn spare(&self, output: &Path, context: &Context<'_>) -> Result<()> {
        match self.files().any(|file| input::same_file(&file, output)) {
            true => Err(Error::usage(format!(
                "{} is a file of the signer {} and would be overwritten",
                output.display(),
                self.name
            ))),
            false => context.spare(output),
        }
    }

    /// The files of its key and certificate.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        // Only a locator of a file names one; others name nothing that exists.
        self.locator.file().ok().into_iter().chain(self.certificate.clone())
    }

    /// What it signs by where the command line names nothing else.
    pub(crate) fn algorithm(&self) -> Option<SignatureAlgorithm> {
        self.algorithm
    }

    /// Checks that a key is the one that the settings pin.
    fn check_pinned(&self, found: &SubjectPublicKeyInfoOwned) -> Result<()> {
        let found = fingerprint(found)?;
        match self.pinned {
            Some(expected) if expected != found => Err(signer_core::Error::AnotherKey {
                origin: self.name.clone(),
                expected: expected.to_string(),
                found: found.to_string(),
            }
            .into()),
            _ => Ok(()),
        }
    }
}

/// SHA-256 of the DER of a SubjectPublicKeyInfo.
///
/// # Errors
/// [`signer_core::Error::MalformedKey`] when it cannot be encoded.
pub(crate) fn fingerprint(public_key: &SubjectPublicKeyInfoOwned) -> Result<Digest> {
    let der = public_key.to_der().map_err(|error| signer_core::Error::MalformedKey {
        origin: "the public key".into(),
        reason: error.to_string(),
    })?;
    Ok(Digest::of(&der))
}

fn unknown<'a>(named: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let known = match known.as_slice() {
        [] => "the settings name none".into(),
        names => format!("the settings name {}", names.join(", ")),
    };
    signer_core::Error::NotFound { what: format!("signer {named:?} ({known})") }.into()
}
