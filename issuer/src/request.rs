//! Making a certification request (RFC 2986) from a config, with any signer.

use der::Encode;
use der::asn1::BitString;
use signer_core::{Signer, VerifyError};
use x509_cert::request::CertReq;

use crate::conf::{self, RequestTemplate};
use crate::csr::{Csr, CsrError};

/// A request that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] conf::Error),
    /// A part of it cannot be encoded.
    #[error("the request cannot be encoded")]
    Encoding(#[from] der::Error),
    /// The key could not be used.
    #[error(transparent)]
    Signer(#[from] signer_core::Error),
    /// What was built cannot be read again.
    #[error("the request that was built cannot be read again")]
    Unreadable(#[from] CsrError),
    /// The signature that the key made does not hold.
    #[error("the signature that the key made does not hold")]
    Signature(#[from] VerifyError),
}

/// Makes and signs the request that a config describes, and checks it as a receiver would.
///
/// # Errors
/// [`RequestError`].
pub fn build(template: &RequestTemplate<'_>, signer: &dyn Signer) -> Result<Csr, RequestError> {
    let info = template.info(signer.public_key())?;
    let signature = signer.sign(&info.to_der()?)?;
    let request = CertReq {
        info,
        algorithm: signer.algorithm().identifier(),
        signature: BitString::from_bytes(signature.as_bytes())?,
    };
    let csr = Csr::from_der(request.to_der()?)?;
    csr.verify()?;
    Ok(csr)
}
