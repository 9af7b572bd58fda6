//! PKCS#10 certification requests (RFC 2986) as devices send them.

use std::ops::Range;

use const_oid::ObjectIdentifier;
use der::{Decode, Tag};
use signer_core::{SubjectPublicKeyInfoOwned, VerifyError, VerifyingKey};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::request::CertReq;

use crate::certificate::signed_range;
use crate::pem::{self, Kind, PemError};

/// A certification request together with the bytes it was read from.
#[derive(Clone, Debug)]
pub struct Csr {
    der: Vec<u8>,
    signed: Range<usize>,
    request: CertReq,
}

/// Input that is no certification request at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// There is not exactly one request in the input.
    #[error(transparent)]
    Intake(#[from] PemError),
    /// The request's DER is not RFC 2986's CertificationRequest.
    #[error("no PKCS#10 certification request")]
    Malformed(#[source] der::Error),
}

impl Csr {
    /// The largest input that is looked at, in octets. A P-256 request has about 300, one of
    /// RSA-4096 with many extensions about 3,000.
    pub const MOST_OCTETS: usize = 64 * 1024;

    /// Reads the one request in PEM (with any text around it) or DER input.
    ///
    /// # Errors
    /// [`CsrError`]: the input is not a request, or holds several.
    pub fn read(input: &[u8]) -> Result<Self, CsrError> {
        let block = pem::read_one(input, Kind::CertificateRequest, Self::MOST_OCTETS)?;
        Self::from_der(block.der)
    }

    /// Takes over exactly one request in DER.
    ///
    /// # Errors
    /// [`CsrError::Malformed`], also for bytes after the request.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CsrError> {
        let request = CertReq::from_der(&der).map_err(CsrError::Malformed)?;
        let signed = signed_range(&der).map_err(CsrError::Malformed)?;
        Ok(Self { der, signed, request })
    }

    /// The request's DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What the request says: the CertificationRequestInfo, over which its signature is made.
    #[must_use]
    pub fn signed_der(&self) -> &[u8] {
        self.der.get(self.signed.clone()).unwrap_or_default()
    }

    /// Who the certificate is asked for.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.request.info.subject
    }

    /// The key that is to be certified.
    #[must_use]
    pub fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.request.info.public_key
    }

    /// Checks that the request was signed by the key it is about, over the bytes as they came.
    ///
    /// # Errors
    /// [`VerifyError`] says whether it is the key, the algorithm or the signature.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let signature = self.request.signature.as_bytes().ok_or(VerifyError::BadSignature)?;
        VerifyingKey::new(self.public_key())?.verify(
            &self.request.algorithm,
            self.signed_der(),
            signature,
        )
    }

    /// The extensions that the request asks for, by PKCS#9's extensionRequest or its older
    /// Microsoft twin.
    ///
    /// # Errors
    /// A [`der::Error`] when such an attribute is there and is not one list of extensions, or is
    /// there twice: RFC 2985 section 5.4.2 gives it a single value.
    pub fn requested_extensions(&self) -> der::Result<Vec<Extension>> {
        let mut extensions = Vec::new();
        for kind in [EXTENSION_REQUEST, MICROSOFT_EXTENSIONS] {
            let all = self.request.info.attributes.iter().filter(|one| one.oid == kind);
            let lists: Vec<_> = all.map(|attribute| attribute.values.as_slice()).collect();
            match lists.as_slice() {
                [] => {}
                [[list]] => extensions.extend(list.decode_as::<Vec<Extension>>()?),
                _ => return Err(Tag::Set.value_error().into()),
            }
        }
        Ok(extensions)
    }
}

/// RFC 2985 section 5.4.2.
pub(crate) const EXTENSION_REQUEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
const MICROSOFT_EXTENSIONS: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.14");
