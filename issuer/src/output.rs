//! Files made from committed certificates.

use std::path::{Path, PathBuf};

use signer_core::SubjectPublicKeyInfoOwned;

use crate::certificate::{CertificateError, ParsedCertificate};
use crate::gate::{Refusal, Rule};
use crate::issuer::Issuer;
use crate::pem::{self, Kind};
use crate::public_key_text::{PublicKeyForm, PublicKeyTextError, public_key_text};
use crate::staging::{Staged, Staging, StagingError};

/// A certificate whose files could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The certificate from the ledger cannot be read.
    #[error("the certificate from the ledger cannot be read")]
    Certificate(#[from] CertificateError),
    /// Its public key has no such text form.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyTextError),
    /// A file could not be written.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

/// The text of a chain file: the device certificate, then every certificate of the issuer's file,
/// in order.
#[must_use]
pub fn chain_text(certificate: &[u8], issuer: &Issuer) -> String {
    let mut text = pem::encode(Kind::Certificate, certificate);
    text.push_str(&above_text(issuer));
    text
}

fn above_text(issuer: &Issuer) -> String {
    [issuer.certificate()]
        .into_iter()
        .chain(issuer.above())
        .map(|one| pem::encode(Kind::Certificate, one.der()))
        .collect()
}

/// The three files of one device in a batch: `STEM.pem`, `STEM.chain.pem`, `STEM.pub.txt`.
#[derive(Debug)]
pub struct DeviceFiles<'a> {
    folder: &'a Path,
    above: String,
    form: PublicKeyForm,
}

impl<'a> DeviceFiles<'a> {
    /// Files in `folder`, with chains up from `issuer` and public keys in `form`.
    #[must_use]
    pub fn new(folder: &'a Path, issuer: &Issuer, form: PublicKeyForm) -> Self {
        Self { folder, above: above_text(issuer), form }
    }

    /// The names of the files of a device.
    #[must_use]
    pub fn names(stem: &str) -> [String; 3] {
        [format!("{stem}.pem"), format!("{stem}.chain.pem"), format!("{stem}.pub.txt")]
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder
    }

    /// Checks that a key has the form that its file is to have, before it is certified.
    ///
    /// # Errors
    /// A [`Refusal`] by `key-type`.
    pub(crate) fn check_key(&self, key: &SubjectPublicKeyInfoOwned) -> Result<(), Refusal> {
        match public_key_text(key, self.form) {
            Ok(_) => Ok(()),
            Err(error) => Err(Refusal::new(Rule::KeyType, error.to_string())),
        }
    }

    /// Stages the files of one certificate that differ from what is there already.
    ///
    /// # Errors
    /// [`OutputError`] when the public key has no such form, or a file cannot be written.
    pub(crate) fn stage(
        &self,
        staging: &Staging,
        stem: &str,
        certificate: &[u8],
    ) -> Result<Vec<Staged>, OutputError> {
        let parsed = ParsedCertificate::from_der(certificate)?;
        let own = pem::encode(Kind::Certificate, certificate);
        let chain = format!("{own}{}", self.above);
        let key = public_key_text(parsed.spki(), self.form)?;
        let mut staged = Vec::with_capacity(3);
        for (name, text) in Self::names(stem).iter().zip([own, chain, key]) {
            if !holds(&self.folder.join(name), text.as_bytes()) {
                staged.push(staging.stage(name, text.as_bytes())?);
            }
        }
        Ok(staged)
    }
}

/// Whether a file holds exactly these octets already: then a batch that is run again leaves it be.
fn holds(path: &Path, octets: &[u8]) -> bool {
    let same_size = std::fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_file() && found.len() == octets.len() as u64);
    same_size && std::fs::read(path).is_ok_and(|found| found == octets)
}

/// The files of a single certificate, each where the operator wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SingleFiles {
    /// The certificate.
    pub certificate: Option<PathBuf>,
    /// The certificate and its chain.
    pub chain: Option<PathBuf>,
    /// The public key for the control log.
    pub public_key: Option<PathBuf>,
}

impl SingleFiles {
    /// Writes the files, each whole or not at all; files that lie in one folder appear together.
    ///
    /// # Errors
    /// [`OutputError`]; running the same request again makes them from the ledger.
    pub fn write(
        &self,
        certificate: &[u8],
        issuer: &Issuer,
        form: PublicKeyForm,
    ) -> Result<(), OutputError> {
        let mut files: Vec<(&Path, String)> = Vec::new();
        if let Some(path) = &self.certificate {
            files.push((path, pem::encode(Kind::Certificate, certificate)));
        }
        if let Some(path) = &self.chain {
            files.push((path, chain_text(certificate, issuer)));
        }
        if let Some(path) = &self.public_key {
            let parsed = ParsedCertificate::from_der(certificate)?;
            files.push((path, public_key_text(parsed.spki(), form)?));
        }
        let contents: Vec<(&Path, &[u8])> =
            files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        Ok(crate::staging::write_all(&contents)?)
    }
}
