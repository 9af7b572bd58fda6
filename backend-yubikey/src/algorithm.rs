//! Kinds of keys as the card numbers them, and their public halves.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{BitString, Null, UintRef};
use der::{Any, Encode, Sequence};
use signer_core::{AlgorithmIdentifierOwned, Error, KeySpec, Result, SubjectPublicKeyInfoOwned};

use crate::tlv::{Elements, TlvError, element, elements};
use crate::version::Version;

/// A kind of key (SP 800-78-5 table 6-2, and Yubico's extensions of it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum KeyAlgorithm {
    Rsa1024,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    P256,
    P384,
    Ed25519,
    X25519,
}

impl KeyAlgorithm {
    const NUMBERS: [(Self, u8); 8] = [
        (Self::Rsa1024, 0x06),
        (Self::Rsa2048, 0x07),
        (Self::Rsa3072, 0x05),
        (Self::Rsa4096, 0x16),
        (Self::P256, 0x11),
        (Self::P384, 0x14),
        (Self::Ed25519, 0xe0),
        (Self::X25519, 0xe1),
    ];

    /// The kind with this number.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        Self::NUMBERS.iter().find(|(_, known)| *known == number).map(|(kind, _)| *kind)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        // Each kind is in the table; a test holds it to that.
        Self::NUMBERS.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, number)| *number)
    }

    /// The kind that the card has for this key.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for what this firmware does not have.
    pub fn of(spec: KeySpec, version: Version) -> Result<Self> {
        let (kind, since) = match spec {
            KeySpec::P256 => (Self::P256, Version::new(1, 0, 0)),
            KeySpec::Rsa(2048) => (Self::Rsa2048, Version::new(1, 0, 0)),
            KeySpec::P384 => (Self::P384, Version::new(4, 0, 0)),
            KeySpec::Ed25519 => (Self::Ed25519, Version::new(5, 7, 0)),
            KeySpec::Rsa(3072) => (Self::Rsa3072, Version::new(5, 7, 0)),
            KeySpec::Rsa(4096) => (Self::Rsa4096, Version::new(5, 7, 0)),
            other => {
                return Err(Error::Unsupported {
                    operation: format!("a {other} key on a YubiKey"),
                    needs: "one of p256, p384, ed25519, rsa2048, rsa3072, rsa4096".into(),
                });
            }
        };
        if version.is_at_least(since.major, since.minor, since.patch) {
            return Ok(kind);
        }
        Err(Error::Unsupported {
            operation: format!("a {spec} key on firmware {version}"),
            needs: format!("firmware {since}"),
        })
    }

    /// Octets of an RSA modulus.
    #[must_use]
    pub fn modulus_length(self) -> Option<usize> {
        match self {
            Self::Rsa1024 => Some(128),
            Self::Rsa2048 => Some(256),
            Self::Rsa3072 => Some(384),
            Self::Rsa4096 => Some(512),
            _ => None,
        }
    }

    /// The public key that the card tells in elements 81 and 82 (RSA) or 86 (all others).
    ///
    /// # Errors
    /// [`TlvError`] when it is not one of this kind.
    pub fn public_key(self, octets: &[u8]) -> Result<SubjectPublicKeyInfoOwned, TlvError> {
        let parts = Elements::of(octets);
        if let Some(length) = self.modulus_length() {
            let (modulus, exponent) = (parts.value(MODULUS)?, parts.value(EXPONENT)?);
            if modulus.len() != length || exponent.is_empty() || exponent.len() > 8 {
                return Err(TlvError::Value { tag: MODULUS });
            }
            return rsa(modulus, exponent).ok_or(TlvError::Value { tag: MODULUS });
        }
        let point = parts.value(POINT)?;
        let curve = match (self, point) {
            (Self::P256, [0x04, rest @ ..]) if rest.len() == 64 => Some(rfc5912::SECP_256_R_1),
            (Self::P384, [0x04, rest @ ..]) if rest.len() == 96 => Some(rfc5912::SECP_384_R_1),
            (Self::Ed25519 | Self::X25519, raw) if raw.len() == 32 => None,
            _ => return Err(TlvError::Value { tag: POINT }),
        };
        let oid = match self {
            Self::Ed25519 => rfc8410::ID_ED_25519,
            Self::X25519 => rfc8410::ID_X_25519,
            _ => rfc5912::ID_EC_PUBLIC_KEY,
        };
        let parameters = curve.map(|curve| Any::from(&curve));
        subject_public_key(oid, parameters, point).ok_or(TlvError::Value { tag: POINT })
    }

    /// What the card answers for a public key, so that tests need no second list of tags.
    #[must_use]
    pub fn elements_of_point(point: &[u8]) -> Vec<u8> {
        element(POINT, point).to_vec()
    }

    /// As [`KeyAlgorithm::elements_of_point`], for RSA.
    #[must_use]
    pub fn elements_of_modulus(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        elements(&[(MODULUS, modulus), (EXPONENT, exponent)]).to_vec()
    }
}

const MODULUS: u32 = 0x81;
const EXPONENT: u32 = 0x82;
const POINT: u32 = 0x86;

/// RSAPublicKey of RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<SubjectPublicKeyInfoOwned> {
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus).ok()?,
        public_exponent: UintRef::new(exponent).ok()?,
    };
    let der = key.to_der().ok()?;
    subject_public_key(rfc5912::RSA_ENCRYPTION, Some(Any::from(Null)), &der)
}

fn subject_public_key(
    oid: ObjectIdentifier,
    parameters: Option<Any>,
    key: &[u8],
) -> Option<SubjectPublicKeyInfoOwned> {
    let algorithm = AlgorithmIdentifierOwned { oid, parameters };
    let subject_public_key = BitString::from_bytes(key).ok()?;
    Some(SubjectPublicKeyInfoOwned { algorithm, subject_public_key })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWEST: Version = Version::new(5, 7, 1);

    #[test]
    fn numbers_name_their_kinds() {
        for (kind, number) in KeyAlgorithm::NUMBERS {
            assert_eq!((KeyAlgorithm::numbered(number), kind.number()), (Some(kind), number));
        }
        assert_eq!(KeyAlgorithm::numbered(0x03), None);
    }

    #[test]
    fn public_keys_become_what_x509_writes() {
        let mut modulus = vec![0x80; 256];
        modulus[255] = 1;
        for (spec, octets) in [
            (KeySpec::P256, element(POINT, &[&[4][..], &[1; 64]].concat()).to_vec()),
            (KeySpec::P384, element(POINT, &[&[4][..], &[1; 96]].concat()).to_vec()),
            (KeySpec::Ed25519, element(POINT, &[1; 32]).to_vec()),
            (KeySpec::Rsa(2048), KeyAlgorithm::elements_of_modulus(&modulus, &[1, 0, 1])),
        ] {
            let kind = KeyAlgorithm::of(spec, NEWEST).unwrap();
            assert_eq!(KeySpec::of(&kind.public_key(&octets).unwrap()).unwrap(), spec);
        }
    }

    #[test]
    fn keys_of_another_shape_are_refused() {
        for octets in [
            vec![],
            element(POINT, &[]).to_vec(),
            element(POINT, &[4; 64]).to_vec(),
            element(POINT, &[2; 65]).to_vec(),
            element(POINT, &[4; 97]).to_vec(),
        ] {
            assert!(KeyAlgorithm::P256.public_key(&octets).is_err(), "{octets:02x?}");
        }
        let short = KeyAlgorithm::elements_of_modulus(&[0x80; 128], &[1, 0, 1]);
        assert!(KeyAlgorithm::Rsa2048.public_key(&short).is_err());
    }

    #[test]
    fn older_firmware_says_which_one_is_needed() {
        let error = KeyAlgorithm::of(KeySpec::Ed25519, Version::new(5, 4, 3)).unwrap_err();
        assert!(error.to_string().ends_with("needs firmware 5.7.0"), "{error}");
        assert!(KeyAlgorithm::of(KeySpec::P384, Version::new(1, 0, 4)).is_err());
        assert!(KeyAlgorithm::of(KeySpec::Rsa(2049), NEWEST).is_err());
    }
}
