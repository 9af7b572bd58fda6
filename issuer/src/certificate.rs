//! A certificate together with the bytes it was read from.
//!
//! Signatures are checked over the original bytes, never over a re-encoding: a parser that normalises what it
//! reads would otherwise verify something else than what was signed.

use der::{Decode, Encode, Reader, SliceReader};
use sha2::{Digest, Sha256};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::name::Name;

/// Bytes that are not one certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The bytes do not decode as RFC 5280's Certificate, or something follows it.
    #[error("not a DER X.509 certificate")]
    Malformed(#[from] der::Error),
}

/// One parsed certificate and its DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedCertificate {
    der: Vec<u8>,
    tbs: std::ops::Range<usize>,
    inner: Certificate,
}

impl ParsedCertificate {
    /// Parses exactly one DER certificate.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`], also for bytes after the certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let inner = Certificate::from_der(der)?;
        let tbs = signed_range(der)?;
        Ok(Self { der: der.to_vec(), tbs, inner })
    }

    /// The certificate's bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bytes that the issuer signed.
    pub fn tbs_der(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or_default()
    }

    /// The decoded fields.
    pub fn x509(&self) -> &Certificate {
        &self.inner
    }

    /// Who the certificate is about.
    pub fn subject(&self) -> &Name {
        self.inner.tbs_certificate().subject()
    }

    /// Who signed it.
    pub fn issuer(&self) -> &Name {
        self.inner.tbs_certificate().issuer()
    }

    /// The certified public key.
    pub fn spki(&self) -> &SubjectPublicKeyInfoOwned {
        self.inner.tbs_certificate().subject_public_key_info()
    }

    /// The extensions in their order; empty when there are none.
    pub fn extensions(&self) -> &[Extension] {
        self.inner.tbs_certificate().extensions().map_or(&[], Vec::as_slice)
    }

    /// SHA-256 of the whole certificate.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// A [`der::Error`] when the key cannot be encoded again; not known to happen for a parsed certificate.
    pub fn spki_sha256(&self) -> der::Result<[u8; 32]> {
        Ok(Sha256::digest(self.spki().to_der()?).into())
    }
}

/// Where the part that is signed stands in a certificate or request: both are a SEQUENCE of that part,
/// the algorithm and the signature.
pub(crate) fn signed_range(der: &[u8]) -> der::Result<std::ops::Range<usize>> {
    let mut reader = SliceReader::new(der)?;
    let mut range = 0..0;
    reader.sequence(|fields: &mut SliceReader<'_>| {
        let start = usize::try_from(fields.position())?;
        let tbs = fields.tlv_bytes()?;
        range = start..start + tbs.len();
        fields.drain(fields.remaining_len())?;
        Ok::<_, der::Error>(())
    })?;
    Ok(range)
}
