//! Which roots are trusted.

use serde::Serialize;
use signer_core::verify::verify_signature;

use super::names::same_name;
use crate::certificate::{CertificateError, ParsedCertificate};
use crate::pem::{self, Kind, PemError};

/// SHA-256 of the device vendor's "AmazonDHA Root Certificate", as published.
pub const VENDOR_ROOT_SHA256: [u8; 32] = [
    0x9a, 0x1e, 0x8c, 0x60, 0xef, 0x73, 0x97, 0x85, 0xa2, 0x51, 0x3a, 0xc4, 0x77, 0x06, 0x0e, 0xcf,
    0x37, 0x82, 0x85, 0xba, 0xb0, 0xf8, 0x7e, 0xf8, 0x29, 0xae, 0xbb, 0xd3, 0xec, 0x7f, 0xaf, 0xda,
];

/// Where a trust anchor comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum AnchorSource {
    /// The device vendor's root, known by its published fingerprint.
    Vendor,
    /// A file that the operator named.
    File {
        /// The name given to [`TrustAnchors::add`].
        name: String,
    },
}

/// A file of trust anchors that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// It holds no readable PEM or DER.
    #[error("trust anchors cannot be read")]
    Pem(#[from] PemError),
    /// A block is not a certificate.
    #[error("trust anchor at line {line} cannot be read")]
    Certificate {
        /// Line of the block.
        line: usize,
        /// Why.
        #[source]
        source: CertificateError,
    },
}

/// The roots that are trusted.
///
/// An anchor is used as RFC 5280 section 6.1.1 (d) has it, by name and key: a renewed certificate of the same
/// self-signed root is trusted too. The vendor's root is recognised by its fingerprint, and so must be in the chain.
#[derive(Debug, Clone, Default)]
pub struct TrustAnchors {
    vendor: Option<[u8; 32]>,
    files: Vec<(String, ParsedCertificate)>,
}

impl TrustAnchors {
    /// Nothing is trusted.
    pub fn none() -> Self {
        Self::default()
    }

    /// The device vendor's root is trusted.
    pub fn vendor() -> Self {
        Self { vendor: Some(VENDOR_ROOT_SHA256), files: Vec::new() }
    }

    /// Trusts every certificate of a PEM or DER file of at most `limit` bytes; returns how many there are.
    ///
    /// # Errors
    /// [`AnchorError`]; nothing is added then.
    pub fn add(&mut self, name: &str, input: &[u8], limit: usize) -> Result<usize, AnchorError> {
        let anchors = pem::read_all(input, Kind::Certificate, limit)?
            .iter()
            .map(|block| {
                ParsedCertificate::from_der(&block.der)
                    .map(|one| (name.to_owned(), one))
                    .map_err(|source| AnchorError::Certificate { line: block.line, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let count = anchors.len();
        self.files.extend(anchors);
        Ok(count)
    }

    /// Where the trust in this very certificate comes from; `None` when it is no anchor.
    pub fn source(&self, certificate: &ParsedCertificate) -> Option<AnchorSource> {
        if self.vendor == Some(certificate.sha256()) {
            return Some(AnchorSource::Vendor);
        }
        self.file(|anchor| anchor.der() == certificate.der())
    }

    /// As [`Self::source`], for a certificate whose signature by its own key is checked as well: then an anchor
    /// with the same name and key vouches for it. Without that check the rest of it could be anyone's.
    pub(super) fn self_signed_source(&self, root: &ParsedCertificate) -> Option<AnchorSource> {
        self.source(root).or_else(|| {
            self.file(|anchor| anchor.subject() == root.subject() && anchor.spki() == root.spki())
        })
    }

    fn file(&self, found: impl Fn(&ParsedCertificate) -> bool) -> Option<AnchorSource> {
        let (name, _) = self.files.iter().find(|(_, anchor)| found(anchor))?;
        Some(AnchorSource::File { name: name.clone() })
    }

    /// The anchor that issued this certificate. When only the name fits, that anchor is returned all the same,
    /// so that validation says what is wrong with the signature.
    pub(super) fn issuer_of(&self, certificate: &ParsedCertificate) -> Option<&ParsedCertificate> {
        let named = || {
            let all = self.files.iter().map(|(_, anchor)| anchor);
            all.filter(|anchor| same_name(anchor.subject(), certificate.issuer()))
        };
        named().find(|anchor| signed(certificate, anchor)).or_else(|| named().next())
    }
}

fn signed(certificate: &ParsedCertificate, issuer: &ParsedCertificate) -> bool {
    certificate.x509().signature().as_bytes().is_some_and(|signature| {
        let algorithm = certificate.x509().signature_algorithm();
        verify_signature(issuer.spki(), algorithm, certificate.tbs_der(), signature).is_ok()
    })
}
