//! What the factory puts on every token: the attestation key and its certificate.

use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::certificate::{Draft, Extension, Name};
use crate::{PrivateKey, asn1};

/// The certificate at the top of every virtual token's chain: a root of its own, for tests, whose
/// private key lies open beside it.
pub const ROOT_CERTIFICATE_PEM: &str = include_str!("../../data/root.pem");

/// What the factory knows of a token when it certifies the attestation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactoryFacts {
    /// Major, minor, patch.
    pub firmware: [u8; 3],
    /// The token's serial number.
    pub serial: u32,
    /// As the management applet has it.
    pub form_factor: u8,
    /// Sold as a FIPS token.
    pub fips: bool,
}

/// A token's attestation key (slot F9) and its certificate, as they left the factory.
///
/// All virtual tokens share one RSA-2048 key: making one takes a second, and tests make thousands
/// of tokens. The certificate is made when it is first read; it follows from the facts alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attestor {
    facts: FactoryFacts,
    #[serde(skip)]
    certificate: OnceLock<Vec<u8>>,
}

impl Attestor {
    /// That of a new token.
    #[must_use]
    pub fn manufacture(facts: &FactoryFacts) -> Self {
        Self { facts: *facts, certificate: OnceLock::new() }
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &ATTESTATION_KEY
    }

    /// Its certificate by the root, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        self.certificate.get_or_init(|| certify(&self.facts))
    }
}

static ROOT_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| rsa_2048(include_str!("../../data/root.key.pem")));
static ATTESTATION_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| rsa_2048(include_str!("../../data/attestation.key.pem")));

const ROOT_NAME: &str = "Virtual YubiKey PIV Root CA (for tests)";

/// 2016-03-14 to 2052-04-17, as on real tokens.
const VALIDITY: &[u8] = b"\x30\x20\x17\x0d160314000000Z\x18\x0f20520417000000Z";

fn certify(facts: &FactoryFacts) -> Vec<u8> {
    let [major, minor, patch] = facts.firmware;
    let [a, b, c, d] = facts.serial.to_be_bytes();
    let said = [major, minor, patch, a, b, c, d, facts.form_factor, u8::from(facts.fips)];
    let digest = Sha256::digest(said);
    let mut extensions = vec![Extension::authority(Some(0)), Extension::raw(3, &facts.firmware)];
    if facts.fips {
        extensions.push(Extension::raw(10, &asn1::value(asn1::NULL, &[])));
    }
    let draft = Draft {
        serial: digest.get(..16).unwrap_or_default(),
        issuer: &Name::common(ROOT_NAME),
        validity: VALIDITY,
        subject: &Name::common("Yubico PIV Attestation"),
        key: &ATTESTATION_KEY.spki_der(),
        extensions: &extensions,
    };
    signed_by_root(&draft)
}

#[expect(clippy::expect_used, reason = "an RSA key signs any digest")]
fn signed_by_root(draft: &Draft<'_>) -> Vec<u8> {
    draft.sign(&ROOT_KEY).expect("the root's key is RSA")
}

#[expect(clippy::expect_used, reason = "the file is part of the program")]
fn rsa_2048(pem: &str) -> PrivateKey {
    PrivateKey::rsa_2048_from_pem(pem).expect("PKCS#8")
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, fs, path::Path};

    use der::{EncodePem as _, pem::LineEnding};
    use rsa::{
        RsaPrivateKey,
        pkcs8::EncodePrivateKey as _,
        rand_core::{TryCryptoRng, TryRng},
    };
    use sha2::{Digest as _, Sha256};
    use x509_cert::{Certificate, der::Decode as _};

    use super::*;

    /// SHA-256 of a label and a counter, again and again.
    struct Drawn(&'static str, u64);

    impl TryRng for Drawn {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            let mut octets = [0; 4];
            self.try_fill_bytes(&mut octets)?;
            Ok(u32::from_le_bytes(octets))
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            let mut octets = [0; 8];
            self.try_fill_bytes(&mut octets)?;
            Ok(u64::from_le_bytes(octets))
        }

        fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
            for part in octets.chunks_mut(32) {
                self.1 += 1;
                let block = Sha256::digest(format!("{} {}", self.0, self.1));
                part.copy_from_slice(&block[..part.len()]);
            }
            Ok(())
        }
    }

    impl TryCryptoRng for Drawn {}

    /// With `WRITE_DATA=1` in the environment, writes the file instead.
    fn assert_file(name: &str, expected: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name);
        if std::env::var_os("WRITE_DATA").is_some() {
            fs::write(&path, expected).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap() == expected, "data/{name} differs");
    }

    #[test]
    fn the_data_files_come_out_the_same_again() {
        let pem = |label| {
            let key = RsaPrivateKey::new(&mut Drawn(label, 0), 2048).unwrap();
            key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
        };
        let root = pem("virtual-yubikey root");
        assert_file("root.key.pem", &root);
        assert_file("attestation.key.pem", &pem("virtual-yubikey attestation"));

        let root = rsa_2048(&root);
        let draft = Draft {
            serial: &[0x04, 0x06, 0x47],
            issuer: &Name::common(ROOT_NAME),
            validity: VALIDITY,
            subject: &Name::common(ROOT_NAME),
            key: &root.spki_der(),
            extensions: &[Extension::authority(None)],
        };
        let certificate = Certificate::from_der(&draft.sign(&root).unwrap()).unwrap();
        assert_file("root.pem", &certificate.to_pem(LineEnding::LF).unwrap());
    }

    #[test]
    fn a_token_read_back_has_the_same_certificate() {
        let facts =
            FactoryFacts { firmware: [5, 7, 1], serial: 16_021_234, form_factor: 1, fips: false };
        let attestor = Attestor::manufacture(&facts);
        let read: Attestor =
            serde_json::from_str(&serde_json::to_string(&attestor).unwrap()).unwrap();
        assert_eq!(read.certificate(), attestor.certificate());
        let other = Attestor::manufacture(&FactoryFacts { serial: 16_021_235, ..facts });
        assert_ne!(other.certificate(), attestor.certificate());
    }
}
