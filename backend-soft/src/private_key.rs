//! Private keys in memory: reading their encodings, making them, signing with them.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaKeyPair,
};
use const_oid::db::{rfc5912, rfc8410};
use der::{Decode, SecretDocument};
use pkcs8::PrivateKeyInfoRef;
use signer_core::{
    Error, KeySpec, Result, Signature, SignatureAlgorithm, SubjectPublicKeyInfoOwned,
};

/// A private key and its public half. The private part is wiped by aws-lc when it is dropped.
pub(crate) struct PrivateKey {
    pair: Pair,
    spec: KeySpec,
    public_key: SubjectPublicKeyInfoOwned,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    pub(crate) fn generate(spec: KeySpec) -> Result<Self> {
        let failed = |_| Error::Device {
            doing: format!("generating a {spec} key"),
            source: "the cryptographic library refused".into(),
        };
        let pair = match spec {
            KeySpec::P256 => {
                Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?)
            }
            KeySpec::P384 => {
                Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(failed)?)
            }
            KeySpec::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            KeySpec::Rsa(2048) => {
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?)
            }
            KeySpec::Rsa(3072) => {
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa3072).map_err(failed)?)
            }
            KeySpec::Rsa(4096) => {
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa4096).map_err(failed)?)
            }
            other => {
                return Err(Error::Unsupported {
                    operation: format!("generating a {other} key"),
                    needs: "one of p256, p384, ed25519, rsa2048, rsa3072, rsa4096".into(),
                });
            }
        };
        Self::of(pair).map_err(|reason| Error::MalformedKey { origin: "a new key".into(), reason })
    }

    /// Reads the DER of PKCS#8 PrivateKeyInfo (RFC 5958). The error is a reason in words.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, String> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|e| format!("its PKCS#8: {e}"))?;
        match info.algorithm.oid {
            rfc5912::ID_EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters_oid().map_err(|_| EXPLICIT.to_owned())?;
                let algorithm = match curve {
                    rfc5912::SECP_256_R_1 => &ECDSA_P256_SHA256_ASN1_SIGNING,
                    rfc5912::SECP_384_R_1 => &ECDSA_P384_SHA384_ASN1_SIGNING,
                    other => return Err(format!("curve {other} is neither P-256 nor P-384")),
                };
                EcdsaKeyPair::from_private_key_der(algorithm, der)
                    .map_err(|e| e.to_string())
                    .and_then(|pair| Self::of(Pair::Ec(pair)))
            }
            rfc8410::ID_ED_25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .map_err(|e| e.to_string())
                .and_then(|pair| Self::of(Pair::Ed25519(pair))),
            rfc5912::RSA_ENCRYPTION => RsaKeyPair::from_pkcs8(der)
                .map_err(|e| e.to_string())
                .and_then(|pair| Self::of(Pair::Rsa(pair))),
            other => Err(format!("algorithm {other} is not one of EC, Ed25519 and RSA")),
        }
    }

    /// Reads the DER of SEC1 ECPrivateKey (RFC 5915).
    pub(crate) fn from_sec1(der: &[u8]) -> Result<Self, String> {
        let read = |algorithm: &'static EcdsaSigningAlgorithm| {
            EcdsaKeyPair::from_private_key_der(algorithm, der)
        };
        match read(&ECDSA_P256_SHA256_ASN1_SIGNING) {
            Ok(pair) => Self::of(Pair::Ec(pair)),
            Err(_) => read(&ECDSA_P384_SHA384_ASN1_SIGNING)
                .map_err(|_| "its EC key is not a whole P-256 or P-384 key".to_owned())
                .and_then(|pair| Self::of(Pair::Ec(pair))),
        }
    }

    /// Reads the DER of RSAPrivateKey (RFC 8017 appendix A.1.2).
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, String> {
        RsaKeyPair::from_der(der)
            .map_err(|e| e.to_string())
            .and_then(|pair| Self::of(Pair::Rsa(pair)))
    }

    fn of(pair: Pair) -> Result<Self, String> {
        let der: PublicKeyX509Der<'_> = match &pair {
            Pair::Ec(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
        }
        .map_err(|_| "its public key cannot be encoded")?;
        let public_key =
            SubjectPublicKeyInfoOwned::from_der(der.as_ref()).map_err(|e| e.to_string())?;
        let spec = KeySpec::of(&public_key).map_err(|e| e.to_string())?;
        Ok(Self { pair, spec, public_key })
    }

    /// The DER of PKCS#8 PrivateKeyInfo.
    pub(crate) fn to_pkcs8(&self) -> Result<SecretDocument, String> {
        let failed = |_| "it cannot be encoded".to_owned();
        let document = match &self.pair {
            Pair::Ec(pair) => SecretDocument::try_from(pair.to_pkcs8v1().map_err(failed)?.as_ref()),
            // Version 1, without the public key: what OpenSSL writes and every reader takes.
            Pair::Ed25519(pair) => {
                SecretDocument::try_from(pair.to_pkcs8v1().map_err(failed)?.as_ref())
            }
            Pair::Rsa(pair) => SecretDocument::try_from(pair.as_der().map_err(failed)?.as_ref()),
        };
        document.map_err(|e| e.to_string())
    }

    pub(crate) fn spec(&self) -> KeySpec {
        self.spec
    }

    pub(crate) fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.public_key
    }

    /// Signs; `algorithm` fits the key.
    pub(crate) fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        origin: &str,
    ) -> Result<Signature> {
        let octets = match &self.pair {
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message).map(|s| s.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|s| s.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    SignatureAlgorithm::RsaPssSha256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut octets = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut octets).map(|()| octets)
            }
        };
        octets.map(Signature::new).map_err(|unspecified| Error::Device {
            doing: format!("signing with {origin}"),
            source: Box::new(unspecified),
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("spec", &self.spec).finish_non_exhaustive()
    }
}

const EXPLICIT: &str = "its curve is given by explicit parameters instead of a name";
