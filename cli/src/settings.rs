//! The settings file, `touchmark.toml`: found, trusted, read and checked.

mod error;
mod file;
mod find;
mod firmware;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use custody::age::Recipient;
use issuer::profile::{NotAfter, Profile};
use ledger::{Digest, Location};
use signer_core::{Locator, SecretSpec, SignatureAlgorithm};

pub(crate) use error::Error;
pub(crate) use firmware::Firmware;

/// What the settings file says. Every path in it starts from the file's folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// The file; nothing when there is none, and then all else is empty.
    pub(crate) file: Option<PathBuf>,
    /// The signer that is meant where none is named.
    pub(crate) default_signer: Option<String>,
    /// The signers by name.
    pub(crate) signers: BTreeMap<String, SignerSettings>,
    /// How certificates are issued.
    pub(crate) issue: IssueSettings,
    /// Where new secrets of tokens are kept.
    pub(crate) escrow: EscrowSettings,
    /// Certificates that attestations are believed by, besides those of the tokens' makers.
    pub(crate) attestation_roots: Vec<PathBuf>,
    /// The name of this station.
    pub(crate) station: Option<String>,
    /// The profiles by name, besides those that are built in.
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// One `[signer.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SignerSettings {
    /// Where the key is.
    pub(crate) locator: Locator,
    /// The issuer's certificate, followed by its chain.
    pub(crate) certificate: Option<PathBuf>,
    /// Where the PIN comes from.
    pub(crate) pin: Option<SecretSpec>,
    /// Where the passphrase of a key file comes from.
    pub(crate) passphrase: Option<SecretSpec>,
    /// Where the PUK comes from.
    pub(crate) puk: Option<SecretSpec>,
    /// Where the management key comes from.
    pub(crate) management_key: Option<SecretSpec>,
    /// What the key signs by.
    pub(crate) algorithm: Option<SignatureAlgorithm>,
    /// The SHA-256 that the key's SubjectPublicKeyInfo must have.
    pub(crate) spki_sha256: Option<Digest>,
    /// The oldest firmware that its token may have.
    pub(crate) min_firmware: Option<Firmware>,
}

/// `[escrow]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EscrowSettings {
    /// The folder.
    pub(crate) folder: Option<PathBuf>,
    /// Who can read what is kept there; nobody but the owner of plain files when empty.
    pub(crate) recipients: Vec<Recipient>,
}

/// `[issue]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IssueSettings {
    /// The OpenSSL config with the extensions.
    pub(crate) extfile: Option<PathBuf>,
    /// The section of it.
    pub(crate) extensions: Option<String>,
    /// For how many days a certificate is valid.
    pub(crate) days: Option<u32>,
    /// The ledger.
    pub(crate) ledger: Option<Location>,
    /// The profile by name.
    pub(crate) profile: Option<String>,
    /// What is done where a certificate would outlive its issuer, whatever the profile says.
    pub(crate) not_after: Option<NotAfter>,
}

impl Settings {
    /// Finds and reads the settings file: the one that is named, else `$TOUCHMARK_SETTINGS`, else
    /// the first that exists of `./touchmark.toml`, the user's and the system's.
    ///
    /// # Errors
    /// [`Error::Missing`] when one is named and not there; as [`Settings::read`].
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, Error> {
        match find::file(named)? {
            Some((path, file)) => Self::from_file(&path, file),
            None => Ok(Self::default()),
        }
    }

    fn from_file(path: &Path, file: std::fs::File) -> Result<Self, Error> {
        let text = find::read_trusted(path, file)?;
        file::parse(&text, path)
    }
}

impl SignerSettings {
    /// A signer of which only the locator is known.
    pub(crate) fn of(locator: Locator) -> Self {
        Self {
            locator,
            certificate: None,
            pin: None,
            passphrase: None,
            puk: None,
            management_key: None,
            algorithm: None,
            spki_sha256: None,
            min_firmware: None,
        }
    }

    /// Where its secrets come from.
    pub(crate) fn secret_sources(&self) -> impl Iterator<Item = SecretSpec> {
        // A locator was read once with its source in it, so that source is one.
        let in_locator = self.locator.pin_source().ok().flatten();
        [&self.pin, &self.passphrase, &self.puk, &self.management_key]
            .into_iter()
            .flatten()
            .cloned()
            .chain(in_locator)
    }

    /// The files that it consists of.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        // Only a locator of a file names one; others name nothing that exists.
        let key = self.locator.file().ok();
        let secrets = self.secret_sources().filter_map(|source| match source {
            SecretSpec::File(path) => Some(PathBuf::from(path)),
            _ => None,
        });
        key.into_iter().chain(self.certificate.clone()).chain(secrets)
    }
}
