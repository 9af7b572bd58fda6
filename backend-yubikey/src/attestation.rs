//! Attestations: what a YubiKey says of a key that it made itself, and whether a YubiKey says it.
//!
//! The chain is the leaf, made by the card for one slot; the card's own certificate, from slot F9;
//! perhaps intermediates; and one of Yubico's roots. It is checked as Yubico makes it and not as RFC 5280
//! section 6.1 says: some genuine F9 certificates lack basicConstraints, and one root forbids them by
//! its path length. The roots are pinned instead.
//!
//! An attestation has no nonce: it proves that the key was made on this token, in this slot, with these
//! policies, at some time.

mod anchors;

use const_oid::ObjectIdentifier;
use der::asn1::UintRef;
use der::{Decode, Encode, SliceReader};
use signer_core::{PinPolicy, SubjectPublicKeyInfoOwned, TouchPolicy, VerifyingKey};
use x509_cert::Certificate;

use crate::device_info::{FIPS, FormFactor};
use crate::policy::{pin_policy, touch_policy};
use crate::slot::Slot;
use crate::version::Version;

pub use anchors::TrustAnchors;

/// What a card vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The slot that the key was made in.
    pub slot: Slot,
    /// The key.
    pub public_key: SubjectPublicKeyInfoOwned,
    /// The card's serial number, unless it hides it.
    pub serial: Option<u32>,
    /// The card's firmware at that time.
    pub version: Version,
    /// When the key wants the PIN.
    pub pin: PinPolicy,
    /// When the key wants a touch.
    pub touch: TouchPolicy,
    /// The card's shape, where the firmware tells.
    pub form_factor: Option<FormFactor>,
    /// Whether the card is one of the FIPS series.
    pub is_fips: bool,
}

/// An attestation that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// A certificate that cannot be read.
    #[error("the {which} is no certificate: {reason}")]
    Malformed {
        /// Which.
        which: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A certificate that lacks what an attestation has.
    #[error("the attestation says nothing usable about the {what}")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// It is about another slot than the one that was asked about.
    #[error("the attestation is about {slot}")]
    AnotherSlot {
        /// Which.
        slot: Slot,
    },
    /// The card's own certificate did not sign it.
    #[error("the attestation was not signed by the key in slot f9 of this YubiKey")]
    NotByThisCard,
    /// No anchor signed the card's certificate.
    #[error("the certificate in slot f9, issued by {issuer:?}, leads to no trusted root")]
    Untrusted {
        /// Who issued it.
        issuer: String,
    },
}

impl Attestation {
    /// Reads what a leaf says, without asking who says it.
    ///
    /// # Errors
    /// [`AttestationError::Malformed`] and [`AttestationError::Missing`].
    pub fn read(leaf: &[u8]) -> Result<Self, AttestationError> {
        let leaf = certificate("attestation", leaf)?;
        let missing = |what| AttestationError::Missing { what };
        let slot = slot_of(&leaf).ok_or_else(|| missing("slot"))?;
        let version: [u8; 3] = raw(&leaf, 3).ok_or_else(|| missing("firmware"))?;
        let [pin, touch] = raw(&leaf, 8).ok_or_else(|| missing("policies"))?;
        let form = raw(&leaf, 9).map(|[form]: [u8; 1]| form);
        Ok(Self {
            slot,
            public_key: leaf.tbs_certificate().subject_public_key_info().clone(),
            serial: extension(&leaf, 7).and_then(serial),
            version: Version::from(version),
            pin: pin_policy(pin, slot).ok_or_else(|| missing("PIN policy"))?,
            touch: touch_policy(touch).ok_or_else(|| missing("touch policy"))?,
            form_factor: form.and_then(FormFactor::numbered),
            is_fips: form.is_some_and(|form| form & FIPS != 0),
        })
    }

    /// Reads what a leaf says, after checking that a card says it whose own certificate (from slot F9)
    /// leads to one of the anchors.
    ///
    /// # Errors
    /// [`AttestationError`].
    pub fn verify(
        leaf: &[u8],
        card: &[u8],
        anchors: &TrustAnchors,
    ) -> Result<Self, AttestationError> {
        let signer = certificate("certificate in slot f9", card)?;
        if !is_signed_by(leaf, &certificate("attestation", leaf)?, &signer) {
            return Err(AttestationError::NotByThisCard);
        }
        if !anchors.vouch_for(card, &signer) {
            let issuer = signer.tbs_certificate().issuer().to_string();
            return Err(AttestationError::Untrusted { issuer });
        }
        Self::read(leaf)
    }
}

fn certificate(which: &'static str, der: &[u8]) -> Result<Certificate, AttestationError> {
    Certificate::from_der(der)
        .map_err(|error| AttestationError::Malformed { which, reason: error.to_string() })
}

/// Whether `issuer` is the one that the certificate names, and signed it: over the octets as they
/// are, not as they would be written again.
fn is_signed_by(der: &[u8], certificate: &Certificate, issuer: &Certificate) -> bool {
    let named = certificate.tbs_certificate().issuer().to_der().ok();
    let name = issuer.tbs_certificate().subject().to_der().ok();
    if named.is_none() || named != name {
        return false;
    }
    let Some(signed) = signed_part(der) else { return false };
    let Some(signature) = certificate.signature().as_bytes() else { return false };
    VerifyingKey::new(issuer.tbs_certificate().subject_public_key_info())
        .is_ok_and(|key| key.verify(certificate.signature_algorithm(), signed, signature).is_ok())
}

fn signed_part(der: &[u8]) -> Option<&[u8]> {
    use der::Reader;
    let mut reader = SliceReader::new(der).ok()?;
    reader
        .sequence(|fields: &mut SliceReader<'_>| {
            let signed = fields.tlv_bytes()?;
            fields.tlv_bytes()?;
            fields.tlv_bytes()?;
            Ok::<_, der::Error>(signed)
        })
        .ok()
}

/// `CN=YubiKey PIV Attestation 9c`.
fn slot_of(leaf: &Certificate) -> Option<Slot> {
    let subject = leaf.tbs_certificate().subject().to_string();
    subject.strip_prefix("CN=YubiKey PIV Attestation ")?.parse().ok()
}

/// The content of the extension 1.3.6.1.4.1.41482.3.`arc`.
fn extension(leaf: &Certificate, arc: u32) -> Option<&[u8]> {
    let oid = ATTESTATION.push_arc(arc).ok()?;
    let extensions = leaf.tbs_certificate().extensions()?;
    extensions.iter().find(|e| e.extn_id == oid).map(|e| e.extn_value.as_bytes())
}

/// Most contents are bare octets; a card that wraps them into an OCTET STRING is understood too.
fn raw<const N: usize>(leaf: &Certificate, arc: u32) -> Option<[u8; N]> {
    let content = extension(leaf, arc)?;
    match content {
        [0x04, length, rest @ ..] if usize::from(*length) == N && rest.len() == N => {
            rest.try_into().ok()
        }
        bare => bare.try_into().ok(),
    }
}

fn serial(content: &[u8]) -> Option<u32> {
    let number = UintRef::from_der(content).ok()?;
    let octets = number.as_bytes();
    (octets.len() <= 4).then(|| octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)))
}

/// Yubico's arc for PIV attestations.
const ATTESTATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3");

#[cfg(test)]
mod tests {
    use pem_rfc7468::decode_vec;
    use signer_core::KeySpec;

    use super::*;

    macro_rules! genuine {
        ($name:literal) => {
            decode_vec(include_bytes!(concat!("../tests/attestations/", $name, ".pem"))).unwrap().1
        };
    }

    #[test]
    fn what_genuine_cards_attested_is_read_and_believed() {
        let anchors = TrustAnchors::yubico();
        let attestation = Attestation::verify(
            &genuine!("factory-5.4.3-9a"),
            &genuine!("factory-5.4.3-f9"),
            &anchors,
        )
        .unwrap();
        assert_eq!(attestation.slot, Slot::AUTHENTICATION);
        assert_eq!(attestation.serial, Some(15_732_500));
        assert_eq!(attestation.version, Version::new(5, 4, 3));
        assert_eq!((attestation.pin, attestation.touch), (PinPolicy::Once, TouchPolicy::Never));
        assert_eq!(attestation.form_factor, Some(FormFactor::UsbCNano));
        assert_eq!(KeySpec::of(&attestation.public_key).unwrap(), KeySpec::P256);

        // Its F9 certificate has no basicConstraints and hangs from the U2F root of path length 0.
        let attestation = Attestation::verify(
            &genuine!("factory-4.3.7-9a"),
            &genuine!("factory-4.3.7-f9"),
            &anchors,
        )
        .unwrap();
        assert_eq!(attestation.version, Version::new(4, 3, 7));
        assert_eq!((attestation.serial, attestation.form_factor), (None, None));
    }

    #[test]
    fn an_attestation_of_another_card_is_not_believed() {
        let crossed = Attestation::verify(
            &genuine!("factory-5.4.3-9a"),
            &genuine!("factory-4.3.7-f9"),
            &TrustAnchors::yubico(),
        );
        assert_eq!(crossed, Err(AttestationError::NotByThisCard));
    }

    #[test]
    fn a_single_flipped_bit_is_not_believed() {
        let (leaf, card) = (genuine!("factory-5.4.3-9a"), genuine!("factory-5.4.3-f9"));
        let anchors = TrustAnchors::yubico();
        for at in (0..leaf.len()).step_by(7) {
            let mut leaf = leaf.clone();
            leaf[at] ^= 1;
            assert!(Attestation::verify(&leaf, &card, &anchors).is_err(), "octet {at}");
        }
    }

    #[test]
    fn without_the_root_nothing_is_believed() {
        let (leaf, card) = (genuine!("factory-5.4.3-9a"), genuine!("factory-5.4.3-f9"));
        let refused = Attestation::verify(&leaf, &card, &TrustAnchors::none()).unwrap_err();
        assert!(refused.to_string().contains("Yubico PIV Root CA Serial 263751"), "{refused}");
        assert!(Attestation::read(&leaf).is_ok(), "reading is not believing");
    }

    #[test]
    fn a_root_of_ones_own_is_believed_when_it_is_named() {
        let (leaf, card) = (genuine!("factory-5.4.3-9a"), genuine!("factory-5.4.3-f9"));
        let root = decode_vec(include_bytes!("attestation/anchors/yubico-piv-ca-1.pem")).unwrap().1;
        let anchors = TrustAnchors::none().with_root(&root).unwrap();
        assert!(Attestation::verify(&leaf, &card, &anchors).is_ok());
        assert!(TrustAnchors::none().with_root(b"no certificate").is_err());
    }
}
