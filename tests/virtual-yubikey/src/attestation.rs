//! Attestation: what the card certifies about a key that it made.
//!
//! The forms are those of a YubiKey: Yubico's extensions carry raw octets where a standard would
//! have DER inside, but for the serial number.

mod certificate;
mod factory;

use getrandom::SysRng;
use getrandom::rand_core::TryRng as _;
use thiserror::Error;

use crate::{KeyError, PinPolicy, PrivateKey, Slot, TouchPolicy, asn1};
use certificate::{Draft, Extension, Name, Parent};

pub use factory::{Attestor, FactoryFacts, ROOT_CERTIFICATE_PEM};

/// What an attestation says.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// Where the key is.
    pub slot: Slot,
    /// The key.
    pub key: &'a PrivateKey,
    /// When it wants the PIN.
    pub pin_policy: PinPolicy,
    /// When it wants a touch.
    pub touch_policy: TouchPolicy,
    /// Major, minor, patch.
    pub firmware: [u8; 3],
    /// The token's serial number.
    pub serial: u32,
    /// As the management applet has it, with 80 for FIPS; 0 where the token knows none, and then
    /// the attestation has none either.
    pub form_factor: u8,
}

/// Why there is no attestation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttestationError {
    /// What lies in the F9 certificate object is no certificate.
    #[error("the attestation key's certificate cannot be read")]
    BadCertificate,
    /// The key in F9 does not sign.
    #[error("failed to sign the attestation")]
    Key(#[from] KeyError),
    /// The system gave no random serial number.
    #[error("no randomness for the serial number")]
    Randomness,
}

/// The certificate (DER) that a signing key issues about another key.
///
/// Issuer and validity are copied from the signer's certificate; the serial number is 16 random
/// octets; the subject is `CN=YubiKey PIV Attestation 9c` with the slot in lower case. Signed with
/// sha256WithRSAEncryption or ecdsa-with-SHA256.
///
/// # Errors
/// The signer's certificate cannot be read, or the signer is a key on curve 25519.
pub fn attest(
    signer: &PrivateKey,
    signer_certificate: &[u8],
    statement: &Statement<'_>,
) -> Result<Vec<u8>, AttestationError> {
    let parent = Parent::read(signer_certificate).ok_or(AttestationError::BadCertificate)?;
    let mut serial = [0; 16];
    SysRng.try_fill_bytes(&mut serial).map_err(|_| AttestationError::Randomness)?;
    let mut extensions = vec![
        Extension::raw(3, &statement.firmware),
        Extension::raw(7, &asn1::integer(&statement.serial.to_be_bytes())),
        Extension::raw(8, &[statement.pin_policy as u8, statement.touch_policy as u8]),
    ];
    if statement.form_factor != 0 {
        extensions.push(Extension::raw(9, &[statement.form_factor]));
    }
    let draft = Draft {
        serial: &serial,
        issuer: parent.subject,
        validity: parent.validity,
        subject: &Name::common(&format!("YubiKey PIV Attestation {}", statement.slot)),
        key: &statement.key.spki_der(),
        extensions: &extensions,
    };
    Ok(draft.sign(signer)?)
}
