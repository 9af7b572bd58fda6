//! Making one certificate in two halves: the part that is signed, and the whole with its signature.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::Encode;
use der::asn1::BitString;
use ledger::Serial;
use signer_core::{
    Signature, Signer, SubjectPublicKeyInfoOwned, VerifyError, VerifyingKey, X509Signer,
};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::certificate::{CertificateError, ParsedCertificate};
use crate::issuer::{Issuer, extension};

/// A certificate that could not be made, or that came out other than it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// A part of it cannot be encoded.
    #[error("the certificate cannot be encoded")]
    Encoding(#[from] der::Error),
    /// The parts do not make a certificate.
    #[error("the certificate cannot be built: {0}")]
    Build(x509_cert::builder::Error),
    /// The profile cannot be written down.
    #[error("the profile cannot be written down")]
    Profile(#[source] serde_json::Error),
    /// What was built cannot be read again.
    #[error("the certificate that was built cannot be read again")]
    Unreadable(#[from] CertificateError),
    /// The signature that the key made does not hold.
    #[error("the signature that the issuing key made does not hold")]
    Signature(#[from] VerifyError),
    /// What was built is not what was asked for.
    #[error("the certificate that was built has another {0} than was asked for")]
    Differs(&'static str),
}

impl From<x509_cert::builder::Error> for MintError {
    fn from(error: x509_cert::builder::Error) -> Self {
        Self::Build(error)
    }
}

/// What a certificate is to say, but for its issuer and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) subject: &'a Name,
    pub(crate) public_key: &'a SubjectPublicKeyInfoOwned,
    pub(crate) extensions: &'a [Extension],
    pub(crate) serial: &'a Serial,
}

/// The first half: a certificate that lacks its signature.
pub(crate) struct Blank {
    builder: CertificateBuilder<Names>,
    signed_part: Vec<u8>,
}

impl Blank {
    /// Lays out a certificate. Times are cut to whole seconds, as X.509 has no smaller ones.
    pub(crate) fn new(
        plan: &Plan<'_>,
        issuer: &Issuer,
        not_before: SystemTime,
        not_after: SystemTime,
    ) -> Result<Self, MintError> {
        Self::by(plan, (issuer.certificate().subject(), issuer.signer()), not_before, not_after)
    }

    /// The same, by who has no certificate yet: a name and its key.
    pub(crate) fn by(
        plan: &Plan<'_>,
        (issuer, signer): (&Name, &dyn Signer),
        not_before: SystemTime,
        not_after: SystemTime,
    ) -> Result<Self, MintError> {
        let names = Names { issuer: issuer.clone(), subject: plan.subject.clone() };
        let validity = Validity::new(time(not_before)?, time(not_after)?);
        let serial = SerialNumber::new(plan.serial.as_bytes())?;
        let mut builder =
            CertificateBuilder::new(names, serial, validity, plan.public_key.clone())?;
        for extension in plan.extensions {
            builder.add_extension(extension.clone())?;
        }
        let signed_part = builder.finalize(&X509Signer(signer))?;
        Ok(Self { builder, signed_part })
    }

    /// What has to be signed: the DER of the TBSCertificate.
    pub(crate) fn signed_part(&self) -> &[u8] {
        &self.signed_part
    }

    /// The second half: the whole certificate.
    pub(crate) fn assemble(
        self,
        signature: &Signature,
        issuer: &Issuer,
    ) -> Result<Vec<u8>, MintError> {
        self.assemble_by(signature, issuer.signer())
    }

    /// The same, by a key that has no certificate yet.
    pub(crate) fn assemble_by(
        self,
        signature: &Signature,
        signer: &dyn Signer,
    ) -> Result<Vec<u8>, MintError> {
        let bits = BitString::from_bytes(signature.as_bytes())?;
        Ok(self.builder.assemble(bits, &X509Signer(signer))?.to_der()?)
    }
}

/// Reads a fresh certificate back and checks it against what was asked for and against its issuer.
pub(crate) fn check(der: &[u8], plan: &Plan<'_>, issuer: &Issuer) -> Result<(), MintError> {
    let by = (issuer.certificate().subject(), issuer.verifying_key());
    let certificate = check_by(der, plan, by)?;
    let named: Option<AuthorityKeyIdentifier> = extension(certificate.extensions());
    if let (Some(identifier), Some(issuers)) =
        (named.and_then(|aki| aki.key_identifier), issuer.subject_key_identifier())
    {
        same(identifier == issuers.0, "authority key identifier")?;
    }
    Ok(())
}

/// The same by who has no certificate yet: a name, and the key that checks what it signed. Answers
/// what was read.
pub(crate) fn check_by(
    der: &[u8],
    plan: &Plan<'_>,
    (issuer, key): (&Name, &VerifyingKey),
) -> Result<ParsedCertificate, MintError> {
    let certificate = ParsedCertificate::from_der(der)?;
    let whole = certificate.x509();
    let signature = whole.signature().as_bytes().ok_or(VerifyError::BadSignature)?;
    key.verify(whole.signature_algorithm(), certificate.tbs_der(), signature)?;
    let tbs = whole.tbs_certificate();
    same(certificate.subject() == plan.subject, "subject")?;
    same(certificate.spki() == plan.public_key, "public key")?;
    same(certificate.issuer() == issuer, "issuer")?;
    same(certificate.extensions() == plan.extensions, "list of extensions")?;
    same(tbs.serial_number().as_bytes() == plan.serial.as_bytes(), "serial number")?;
    same(tbs.signature() == whole.signature_algorithm(), "inner signature algorithm")?;
    Ok(certificate)
}

fn same(equal: bool, what: &'static str) -> Result<(), MintError> {
    match equal {
        true => Ok(()),
        false => Err(MintError::Differs(what)),
    }
}

/// The names of a certificate. All extensions come from the caller, so the profile adds none.
struct Names {
    issuer: Name,
    subject: Name,
}

impl BuilderProfile for Names {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _subject_key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(Vec::new())
    }
}

fn time(time: SystemTime) -> Result<Time, der::Error> {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time::try_from(UNIX_EPOCH + Duration::from_secs(seconds))
}
