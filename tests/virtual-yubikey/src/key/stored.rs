//! A key as the state file has it.

use serde::{Deserialize, Serialize};

use super::{KeyError, Material, PrivateKey, curve25519, rsa_key, weierstrass};
use crate::{Algorithm, hex};

/// Algorithm, and in hexadecimal the scalar, the seed, or both primes one after the other.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    algorithm: Algorithm,
    secret: String,
}

impl From<PrivateKey> for Stored {
    fn from(key: PrivateKey) -> Self {
        let secret = match &*key.0 {
            Material::Rsa(_, key) => key.stored(),
            Material::P256(key) => key.scalar(),
            Material::P384(key) => key.scalar(),
            Material::Ed25519(key) => key.seed().to_vec(),
            Material::X25519(key) => key.scalar().to_vec(),
        };
        Self { algorithm: key.algorithm(), secret: hex::encode(&secret) }
    }
}

impl TryFrom<Stored> for PrivateKey {
    type Error = KeyError;

    fn try_from(stored: Stored) -> Result<Self, KeyError> {
        // The part's tag in IMPORT, for messages.
        let tag = match stored.algorithm {
            Algorithm::P256 | Algorithm::P384 => 0x06,
            Algorithm::Ed25519 => 0x07,
            Algorithm::X25519 => 0x08,
            _ => 0x01,
        };
        let secret = hex::decode(&stored.secret).ok_or(KeyError::BadPart { tag })?;
        let material = match stored.algorithm {
            Algorithm::P256 => Material::P256(weierstrass::P256::new(&secret, tag)?),
            Algorithm::P384 => Material::P384(weierstrass::P384::new(&secret, tag)?),
            Algorithm::Ed25519 => Material::Ed25519(curve25519::Ed25519::new(&secret, tag)?),
            Algorithm::X25519 => Material::X25519(curve25519::X25519::new(&secret, tag)?),
            algorithm => Material::Rsa(algorithm, rsa_key::Key::from_stored(algorithm, &secret)?),
        };
        Ok(Self::from(material))
    }
}
