//! The way from a [`Signer`] to RustCrypto's X.509 builders.

use der::asn1::BitString;
use signature::Keypair;
use spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SignatureBitStringEncoding, SubjectPublicKeyInfoOwned,
};

use crate::{Signature, Signer};

/// A [`Signer`] in the clothes that `x509-cert`'s builders expect.
///
/// Touchmark itself calls `finalize`, signs, and then calls `assemble`, so that its own error type
/// comes through and the signature can be checked in between. [`signature::Signer`] is there for
/// other users of the builders; it keeps the cause as `source()`.
#[derive(Clone, Copy, Debug)]
pub struct X509Signer<'a>(pub &'a dyn Signer);

impl Keypair for X509Signer<'_> {
    type VerifyingKey = PublicKey;

    fn verifying_key(&self) -> PublicKey {
        PublicKey(self.0.public_key().clone())
    }
}

impl DynSignatureAlgorithmIdentifier for X509Signer<'_> {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.0.algorithm().identifier())
    }
}

impl signature::Signer<X509Signature> for X509Signer<'_> {
    fn try_sign(&self, message: &[u8]) -> Result<X509Signature, signature::Error> {
        self.0.sign(message).map(X509Signature).map_err(signature::Error::from_source)
    }
}

/// A [`Signature`] that can be put into a certificate's `signatureValue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509Signature(pub Signature);

impl SignatureBitStringEncoding for X509Signature {
    fn to_bitstring(&self) -> der::Result<BitString> {
        BitString::from_bytes(self.0.as_bytes())
    }
}

/// The public key of an [`X509Signer`].
#[derive(Clone, Debug)]
pub struct PublicKey(SubjectPublicKeyInfoOwned);

impl EncodePublicKey for PublicKey {
    fn to_public_key_der(&self) -> spki::Result<der::Document> {
        Ok(der::Document::encode_msg(&self.0)?)
    }
}
