//! Many devices with keys of their own, made in this process: a thousand `openssl req` take 20
//! seconds, a thousand of these take a fraction of one.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use der::Decode;
use issuer::conf::{Config, Options};
use issuer::csr::Csr;
use issuer::pem::{Kind, encode};
use issuer::request;
use signer_core::{Result, Signature, SignatureAlgorithm, Signer, SubjectPublicKeyInfoOwned};

/// A device's key, in memory only.
#[derive(Debug)]
pub struct DeviceKey {
    pair: EcdsaKeyPair,
    public_key: SubjectPublicKeyInfoOwned,
}

impl DeviceKey {
    /// Makes a P-256 key.
    ///
    /// # Panics
    /// When the cryptographic library fails.
    #[must_use]
    pub fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let public_key = SubjectPublicKeyInfoOwned::from_der(der.as_ref()).unwrap();
        Self { pair, public_key }
    }
}

impl Signer for DeviceKey {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaP256Sha256
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        let signature = self.pair.sign(&SystemRandom::new(), message).unwrap();
        Ok(Signature::new(signature.as_ref().to_vec()))
    }
}

/// A request with the subject of a config such as `device.conf`, for a new key.
///
/// # Panics
/// When the config cannot be used.
#[must_use]
pub fn csr(config: &Config) -> Csr {
    request::build(&config.request().unwrap(), &DeviceKey::generate()).unwrap()
}

/// Writes `count` requests into `folder`, as `0000000.csr` and so on.
///
/// # Panics
/// When a file cannot be written or the config cannot be used.
pub fn write_csrs(config: &Path, folder: &Path, count: usize) {
    std::fs::create_dir_all(folder).unwrap();
    let config = Config::load(config, &Options::operator()).unwrap();
    for n in 0..count {
        let pem = encode(Kind::CertificateRequest, csr(&config).der());
        std::fs::write(folder.join(format!("{n:07}.csr")), pem).unwrap();
    }
}
