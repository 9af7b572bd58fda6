//! Who signs: key, certificate and chain as one value.

use std::sync::Arc;
use std::time::SystemTime;

use const_oid::AssociatedOid;
use der::Decode;
use ledger::Digest;
use signer_core::{Signer, VerifyError, VerifyingKey};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectKeyIdentifier};

use crate::certificate::{CertificateError, ParsedCertificate};
use crate::device_oids;
use crate::pem::{self, Kind, PemError};
use crate::public_key_text::{PublicKeyTextError, key_identity};

/// A key, the certificate that speaks for it, and the certificates above.
///
/// That key and certificate belong together, and that the certificate may issue at all, is for the
/// policy gate ([`crate::gate`]) to say, so that a refusal is on record.
#[derive(Debug)]
pub struct Issuer {
    signer: Arc<dyn Signer>,
    certificate: ParsedCertificate,
    above: Vec<ParsedCertificate>,
    verifying_key: VerifyingKey,
    key_digest: Digest,
    device_type: Option<String>,
}

/// An issuer file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The file holds no readable certificates.
    #[error("the issuer's certificate cannot be read")]
    Pem(#[from] PemError),
    /// A block is no certificate.
    #[error("the certificate at line {line} of the issuer's file cannot be read")]
    Certificate {
        /// Line of the block.
        line: usize,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// The signing key cannot be used for checking what it signed.
    #[error("the issuing key cannot be used")]
    Key(#[from] VerifyError),
    /// The signing key's public half cannot be written.
    #[error("the issuing key's public half cannot be written")]
    PublicKey(#[from] PublicKeyTextError),
}

impl Issuer {
    /// The largest issuer file, in octets; a real one of four certificates has 5,000.
    pub const MOST_OCTETS: usize = 1024 * 1024;

    /// Puts together a key and the file of its certificate followed by the certificates above it.
    ///
    /// # Errors
    /// [`IssuerError`] when the file or the key cannot be read as such.
    pub fn read(signer: Arc<dyn Signer>, file: &[u8]) -> Result<Self, IssuerError> {
        let mut chain = pem::read_all(file, Kind::Certificate, Self::MOST_OCTETS)?
            .into_iter()
            .map(|block| {
                ParsedCertificate::from_der(&block.der)
                    .map_err(|source| IssuerError::Certificate { line: block.line, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if chain.is_empty() {
            return Err(PemError::Empty.into());
        }
        let certificate = chain.remove(0);
        let verifying_key = VerifyingKey::new(signer.public_key())?;
        let key_digest = key_identity(signer.public_key())?;
        let device_type = device_oids::device_type_id(certificate.subject());
        Ok(Self { signer, certificate, above: chain, verifying_key, key_digest, device_type })
    }

    /// The key.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// The certificate that speaks for the key.
    #[must_use]
    pub fn certificate(&self) -> &ParsedCertificate {
        &self.certificate
    }

    /// The certificates above it, in the order of the file.
    #[must_use]
    pub fn above(&self) -> &[ParsedCertificate] {
        &self.above
    }

    /// The key's [`key_identity`].
    #[must_use]
    pub fn key_digest(&self) -> Digest {
        self.key_digest
    }

    /// The DeviceTypeId that it issues for, where it says one.
    #[must_use]
    pub fn device_type(&self) -> Option<&str> {
        self.device_type.as_deref()
    }

    /// The key that checks what the signer signed.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// The moment from which every certificate of the file is valid.
    #[must_use]
    pub fn youngest(&self) -> SystemTime {
        let start = |one: &ParsedCertificate| {
            one.x509().tbs_certificate().validity().not_before.to_system_time()
        };
        self.above.iter().map(start).fold(start(&self.certificate), SystemTime::max)
    }

    /// Whether the certificate is for the signer's key.
    #[must_use]
    pub fn key_matches(&self) -> bool {
        key_identity(self.certificate.spki()).is_ok_and(|identity| identity == self.key_digest)
    }

    /// The certificate's basicConstraints, where they are there and readable.
    #[must_use]
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        extension(self.certificate.extensions())
    }

    /// The certificate's keyUsage, where it is there and readable.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        extension(self.certificate.extensions())
    }

    /// The certificate's subjectKeyIdentifier, where it is there and readable.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<SubjectKeyIdentifier> {
        extension(self.certificate.extensions())
    }
}

/// The extension of type `T`, where it is there and readable.
pub(crate) fn extension<T>(extensions: &[Extension]) -> Option<T>
where
    T: AssociatedOid + for<'a> Decode<'a>,
{
    let found = extensions.iter().find(|extension| extension.extn_id == T::OID)?;
    T::from_der(found.extn_value.as_bytes()).ok()
}
