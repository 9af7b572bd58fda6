//! Making a certificate that a key gives itself, from a config, with any signer.

use std::io;
use std::time::{Duration, SystemTime};

use signer_core::{Signer, SigningSession, VerifyError, VerifyingKey};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use crate::certificate::ParsedCertificate;
use crate::conf::{self, RequestTemplate};
use crate::mint::{self, Blank, Plan};
use crate::serial::SerialSource;

pub use crate::mint::MintError;

/// A self-signed certificate that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfSignedError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] conf::Error),
    /// The validity has no end that a certificate can name.
    #[error("a certificate cannot be valid for {days} days from now on")]
    Days {
        /// What was asked for.
        days: u32,
    },
    /// There is no serial number.
    #[error("no serial number can be drawn")]
    Serial(#[source] io::Error),
    /// The key could not be used.
    #[error(transparent)]
    Signer(#[from] signer_core::Error),
    /// Its public half cannot check what it signed.
    #[error("the key cannot be used")]
    Key(#[from] VerifyError),
    /// The certificate cannot be made, or came out other than it should.
    #[error(transparent)]
    Mint(#[from] MintError),
}

/// Makes and signs the certificate that a config describes, as `openssl req -x509 -config` does:
/// subject and issuer are the request's subject, the extensions those of `x509_extensions`. It is read
/// anew and checked against what was meant, its signature included, before it is given away. `session`
/// is a run of signatures by `signer`.
///
/// # Errors
/// [`SelfSignedError`].
pub fn build(
    template: &RequestTemplate<'_>,
    (signer, session): (&dyn Signer, &mut dyn SigningSession),
    serials: &dyn SerialSource,
    not_before: SystemTime,
    days: u32,
) -> Result<ParsedCertificate, SelfSignedError> {
    let not_after = end(not_before, days)?;
    let serial = serials.serial().map_err(SelfSignedError::Serial)?;
    let number = SerialNumber::new(serial.as_bytes()).map_err(MintError::from)?;
    let public_key = signer.public_key();
    let extensions = template.self_signed_extensions(public_key, &number)?;
    let subject = template.subject();
    let plan = Plan { subject, public_key, extensions: &extensions, serial: &serial };
    let blank = Blank::by(&plan, (subject, signer), not_before, not_after)?;
    let signature = session.sign(blank.signed_part())?;
    let der = blank.assemble_by(&signature, signer)?;
    Ok(mint::check_by(&der, &plan, (subject, &VerifyingKey::new(public_key)?))?)
}

fn end(not_before: SystemTime, days: u32) -> Result<SystemTime, SelfSignedError> {
    let unusable = SelfSignedError::Days { days };
    let wanted = not_before.checked_add(Duration::from_secs(u64::from(days) * 86_400));
    // RFC 5280 section 4.1.2.5: nothing beyond the year 9999 can be written.
    wanted.filter(|end| days > 0 && Time::try_from(*end).is_ok()).ok_or(unusable)
}
