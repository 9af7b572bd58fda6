//! RSA keys: the private operation on raw blocks, as a card does it.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use getrandom::{SysRng, rand_core::UnwrapErr};
use rsa::{
    BoxedUint, RsaPrivateKey,
    hazmat::rsa_decrypt,
    pkcs8::DecodePrivateKey as _,
    traits::{PrivateKeyParts as _, PublicKeyParts as _},
};

use super::{KeyError, Parts};
use crate::Algorithm;

/// The only exponent a YubiKey has.
const EXPONENT: u64 = 65_537;

/// A private key in CRT form.
pub(super) struct Key(RsaPrivateKey);

impl Key {
    /// A new key of an RSA algorithm's size.
    pub(super) fn generate(algorithm: Algorithm) -> Self {
        // aws-lc finds primes several times faster, but makes no 1024-bit keys.
        let size = match algorithm {
            Algorithm::Rsa4096 => Some(KeySize::Rsa4096),
            Algorithm::Rsa3072 => Some(KeySize::Rsa3072),
            Algorithm::Rsa2048 => Some(KeySize::Rsa2048),
            _ => None,
        };
        let fast = size.and_then(|size| {
            let document: Pkcs8V1Der<'_> = KeyPair::generate(size).ok()?.as_der().ok()?;
            RsaPrivateKey::from_pkcs8_der(document.as_ref()).ok()
        });
        let slow = || RsaPrivateKey::new(&mut UnwrapErr(SysRng), octets(algorithm) * 8);
        #[expect(clippy::expect_used, reason = "every size here is one that the crate takes")]
        Self(fast.unwrap_or_else(|| slow().expect("1024 bits or more")))
    }

    /// From p, q, dP, dQ and qInv. The last three follow from the first two, and must.
    pub(super) fn import(algorithm: Algorithm, parts: &Parts<'_>) -> Result<Self, KeyError> {
        parts.none_but(&[1, 2, 3, 4, 5])?;
        let expected = octets(algorithm) / 2;
        let number = |tag| {
            let value = parts.value(tag)?;
            if value.len() == expected {
                Ok(value)
            } else {
                Err(KeyError::PartLength { tag, expected, actual: value.len() })
            }
        };
        let key = Self::from_primes(number(1)?, number(2)?)?;
        for (tag, derived) in
            [(3, key.0.dp().cloned()), (4, key.0.dq().cloned()), (5, key.0.crt_coefficient())]
        {
            let sent = unsigned(number(tag)?);
            if derived.is_none_or(|derived| derived != sent) {
                return Err(KeyError::BadPart { tag });
            }
        }
        Ok(key)
    }

    /// From PKCS#8.
    pub(super) fn from_pem(pem: &str) -> Result<Self, rsa::pkcs8::Error> {
        RsaPrivateKey::from_pkcs8_pem(pem).map(Self)
    }

    /// From both primes, one after the other.
    pub(super) fn from_stored(algorithm: Algorithm, primes: &[u8]) -> Result<Self, KeyError> {
        let half = octets(algorithm) / 2;
        match primes.split_at_checked(half) {
            Some((p, q)) if q.len() == half => Self::from_primes(p, q),
            _ => Err(KeyError::PartLength { tag: 1, expected: half, actual: primes.len() / 2 }),
        }
    }

    /// From the two primes, as long as each other. That they are prime is taken on trust, as a card
    /// does.
    fn from_primes(p: &[u8], q: &[u8]) -> Result<Self, KeyError> {
        for (tag, prime) in [(1, p), (2, q)] {
            // The modulus has all its bits only when both have; what is even is not prime.
            let full = prime.first().is_some_and(|first| *first >= 0x80);
            if !full || prime.last().is_none_or(|last| last % 2 == 0) {
                return Err(KeyError::BadPart { tag });
            }
        }
        let key = RsaPrivateKey::from_p_q(unsigned(p), unsigned(q), BoxedUint::from(EXPONENT))
            .map_err(|_| KeyError::BadPart { tag: 2 })?;
        if key.n().bits() as usize != (p.len() + q.len()) * 8 || key.dp().is_none() {
            return Err(KeyError::BadPart { tag: 2 });
        }
        Ok(Self(key))
    }

    /// Both primes, one after the other, each of half the modulus' octets.
    pub(super) fn stored(&self) -> Vec<u8> {
        self.0.primes().iter().flat_map(|prime| prime.to_be_bytes()).collect()
    }

    pub(super) fn modulus(&self) -> Vec<u8> {
        self.0.n_bytes().into_vec()
    }

    pub(super) fn exponent(&self) -> Vec<u8> {
        self.0.e_bytes().into_vec()
    }

    /// The private operation on a block as long as the modulus.
    pub(super) fn apply(&self, block: &[u8]) -> Result<Vec<u8>, KeyError> {
        let expected = self.0.size();
        let wrong = KeyError::DataLength { expected, actual: block.len() };
        if block.len() != expected {
            return Err(wrong);
        }
        let number =
            BoxedUint::from_be_slice(block, self.0.n_bits_precision()).map_err(|_| wrong)?;
        // Nobody times a card that is made of software for tests, so nothing is blinded.
        let result = rsa_decrypt(None::<&mut UnwrapErr<SysRng>>, &self.0, &number)
            .map_err(|_| KeyError::BlockTooLarge)?;
        Ok(result.to_be_bytes().into_vec())
    }
}

/// Octets of an RSA algorithm's modulus.
fn octets(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Rsa1024 => 128,
        Algorithm::Rsa3072 => 384,
        Algorithm::Rsa4096 => 512,
        _ => 256,
    }
}

fn unsigned(octets: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(octets)
}
