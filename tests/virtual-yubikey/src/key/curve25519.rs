//! Keys on the 25519 curves (RFC 7748, RFC 8032).

use ed25519_dalek::{Signer as _, SigningKey};
use getrandom::{
    SysRng,
    rand_core::{Rng as _, UnwrapErr},
};
use x25519_dalek::{PublicKey, StaticSecret};

use super::{KeyError, parts::fixed};

/// A signing key.
pub(super) struct Ed25519(SigningKey);

impl Ed25519 {
    pub(super) fn generate() -> Self {
        Self(SigningKey::from_bytes(&random()))
    }

    /// From the seed.
    pub(super) fn new(seed: &[u8], tag: u8) -> Result<Self, KeyError> {
        Ok(Self(SigningKey::from_bytes(&fixed(seed, tag)?)))
    }

    pub(super) fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub(super) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// A key for agreement.
pub(super) struct X25519(StaticSecret);

impl X25519 {
    pub(super) fn generate() -> Self {
        Self(StaticSecret::from(random()))
    }

    /// From the scalar, clamped when it is used.
    pub(super) fn new(scalar: &[u8], tag: u8) -> Result<Self, KeyError> {
        Ok(Self(StaticSecret::from(fixed::<32>(scalar, tag)?)))
    }

    pub(super) fn scalar(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub(super) fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }

    pub(super) fn agree(&self, peer: &[u8]) -> Result<[u8; 32], KeyError> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| KeyError::BadPeer)?;
        let shared = self.0.diffie_hellman(&PublicKey::from(peer));
        // A peer of small order makes zeros with every key (RFC 7748 section 6.1).
        if shared.was_contributory() { Ok(shared.to_bytes()) } else { Err(KeyError::BadPeer) }
    }
}

fn random() -> [u8; 32] {
    let mut octets = [0; 32];
    UnwrapErr(SysRng).fill_bytes(&mut octets);
    octets
}
