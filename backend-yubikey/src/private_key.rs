//! Private keys on their way into a card.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair,
};
use const_oid::db::{rfc5912, rfc8410};
use der::Decode;
use pkcs8::PrivateKeyInfoRef;
use signer_core::{Error, KeySpec, Result, Secret, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::tlv::{Elements, TlvError};

/// A private key in the parts that the card takes.
pub(crate) struct PrivateKey {
    pub(crate) spec: KeySpec,
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    parts: Vec<(u32, Zeroizing<Vec<u8>>)>,
}

impl PrivateKey {
    /// Reads the DER of PKCS#8 PrivateKeyInfo (RFC 5958), and checks that its halves belong
    /// together.
    ///
    /// # Errors
    /// [`Error::MalformedKey`], and [`Error::Unsupported`] for a kind that no card has.
    pub(crate) fn read(pkcs8: &Secret) -> Result<Self> {
        let malformed = |reason: String| Error::MalformedKey {
            origin: "the key to be imported".into(),
            reason,
        };
        let der = pkcs8.expose();
        let info = PrivateKeyInfoRef::from_der(der).map_err(|e| malformed(e.to_string()))?;
        let inner = info.private_key.as_bytes();
        let public = public_half(&info, der).map_err(malformed)?;
        let public_key = SubjectPublicKeyInfoOwned::from_der(public.as_ref())
            .map_err(|error| malformed(error.to_string()))?;
        let spec = KeySpec::of(&public_key)?;
        let parts = match spec {
            KeySpec::P256 => scalar(inner, 32),
            KeySpec::P384 => scalar(inner, 48),
            KeySpec::Ed25519 => seed(inner),
            KeySpec::Rsa(bits) => rsa(inner, usize::from(bits) / 16),
            other => {
                return Err(Error::Unsupported {
                    operation: format!("importing a {other} key"),
                    needs: "one of p256, p384, ed25519, rsa2048, rsa3072, rsa4096".into(),
                });
            }
        };
        let parts = parts.map_err(|error| malformed(error.to_string()))?;
        Ok(Self { spec, public_key, parts })
    }

    /// The parts, by their tags in the command IMPORT.
    pub(crate) fn parts(&self) -> Vec<(u32, &[u8])> {
        self.parts.iter().map(|(tag, part)| (*tag, part.as_slice())).collect()
    }
}

type Parts = Result<Vec<(u32, Zeroizing<Vec<u8>>)>, TlvError>;

const EC_SCALAR: u32 = 0x06;
const ED25519_SEED: u32 = 0x07;
const SEQUENCE: u32 = 0x30;
const INTEGER: u32 = 0x02;
const OCTET_STRING: u32 = 0x04;

fn public_half<'a>(
    info: &PrivateKeyInfoRef<'_>,
    der: &[u8],
) -> Result<PublicKeyX509Der<'a>, String> {
    let failed = |_| "its public key cannot be computed".to_owned();
    match info.algorithm.oid {
        rfc5912::ID_EC_PUBLIC_KEY => {
            let algorithm = match info.algorithm.parameters_oid() {
                Ok(rfc5912::SECP_256_R_1) => &ECDSA_P256_SHA256_ASN1_SIGNING,
                Ok(rfc5912::SECP_384_R_1) => &ECDSA_P384_SHA384_ASN1_SIGNING,
                _ => return Err("its curve is neither P-256 nor P-384".into()),
            };
            let pair = EcdsaKeyPair::from_private_key_der(algorithm, der);
            pair.map_err(|e| e.to_string())?.public_key().as_der().map_err(failed)
        }
        rfc8410::ID_ED_25519 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
            pair.map_err(|e| e.to_string())?.public_key().as_der().map_err(failed)
        }
        rfc5912::RSA_ENCRYPTION => {
            let pair = RsaKeyPair::from_pkcs8(der);
            pair.map_err(|e| e.to_string())?.public_key().as_der().map_err(failed)
        }
        other => Err(format!("algorithm {other} is not one of EC, Ed25519 and RSA")),
    }
}

/// ECPrivateKey of RFC 5915: version, then the scalar.
fn scalar(inner: &[u8], length: usize) -> Parts {
    let scalar = Elements::of(Elements::of(inner).value(SEQUENCE)?).value(OCTET_STRING)?;
    Ok(vec![(EC_SCALAR, left_padded(scalar, length)?)])
}

/// CurvePrivateKey of RFC 8410 section 7.
fn seed(inner: &[u8]) -> Parts {
    let seed = Elements::of(inner).value(OCTET_STRING)?;
    Ok(vec![(ED25519_SEED, left_padded(seed, 32)?)])
}

/// RSAPrivateKey of RFC 8017 appendix A.1.2: version, n, e, d, p, q, dP, dQ, qInv. The card takes the
/// last five, each of half the modulus' length, and knows no exponent but 65537.
fn rsa(inner: &[u8], half: usize) -> Parts {
    let wrong = TlvError::Value { tag: INTEGER };
    let mut numbers = Vec::with_capacity(9);
    for element in Elements::of(Elements::of(inner).value(SEQUENCE)?) {
        numbers.push(element?.1);
    }
    let [_, _, exponent, _, parts @ ..] = numbers.as_slice() else { return Err(wrong) };
    if *exponent != [0x01, 0x00, 0x01] || parts.len() != 5 {
        return Err(wrong);
    }
    (1..).zip(parts).map(|(tag, part)| Ok((tag, left_padded(part, half)?))).collect()
}

fn left_padded(number: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, TlvError> {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let missing = length.checked_sub(number.len()).ok_or(TlvError::Value { tag: INTEGER })?;
    let mut padded = Zeroizing::new(vec![0; missing]);
    padded.reserve_exact(number.len());
    padded.extend_from_slice(number);
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::KeySize;

    use super::*;

    fn read(pkcs8: &[u8]) -> PrivateKey {
        PrivateKey::read(&Secret::new(pkcs8.to_vec())).unwrap()
    }

    fn shape(key: &PrivateKey) -> Vec<(u32, usize)> {
        key.parts().iter().map(|(tag, part)| (*tag, part.len())).collect()
    }

    #[test]
    fn keys_become_the_parts_that_the_card_takes() {
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let key = read(p256.to_pkcs8v1().unwrap().as_ref());
        assert_eq!((key.spec, shape(&key)), (KeySpec::P256, vec![(6, 32)]));
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
        let key = read(p384.to_pkcs8v1().unwrap().as_ref());
        assert_eq!((key.spec, shape(&key)), (KeySpec::P384, vec![(6, 48)]));
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let key = read(ed25519.to_pkcs8v1().unwrap().as_ref());
        assert_eq!((key.spec, shape(&key)), (KeySpec::Ed25519, vec![(7, 32)]));
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = read(rsa.as_der().unwrap().as_ref());
        let parts: Vec<_> = (1..=5).map(|tag| (tag, 128)).collect();
        assert_eq!((key.spec, shape(&key)), (KeySpec::Rsa(2048), parts));
    }

    #[test]
    fn a_short_number_is_filled_up_and_a_long_one_refused() {
        assert_eq!(*left_padded(&[0, 1, 2], 4).unwrap(), [0, 0, 1, 2]);
        assert_eq!(*left_padded(&[0, 0, 1, 2, 3, 4], 4).unwrap(), [1, 2, 3, 4]);
        assert!(left_padded(&[1, 2, 3, 4, 5], 4).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for rubbish in [&b""[..], b"\x30\x00", b"no key at all"] {
            assert!(PrivateKey::read(&Secret::new(rubbish.to_vec())).is_err());
        }
    }
}
