//! Virtual YubiKeys of every model, on the list.

use std::sync::{Arc, Mutex, PoisonError};

use backend_yubikey::YubiKeyBackend;
use backend_yubikey::transport::{Readers, Transport, TransportError};
use signer_core::{
    Backend, KeyOrigin, KeySpec, Locator, ManagementKeyAlgorithm, PinPolicy, TouchPolicy,
};
use virtual_yubikey::{Algorithm, Card, Device, ManagementAlgorithm, Model};

use super::mount::{Bench, Mount, Secrets};
use super::{AdministrationClaims, Claims, Counter, KeyClaims, PinClaims, Shelf};
use crate::drawer;

const SERIAL: u32 = 16_021_234;

/// Virtual YubiKeys of one model.
#[derive(Clone, Copy, Debug)]
pub struct VirtualYubiKeys(pub Model);

impl Mount for VirtualYubiKeys {
    fn name(&self) -> String {
        format!("virtual YubiKey {}", self.0)
    }

    fn claims(&self) -> Claims {
        let facts = self.0.facts();
        let imports: Vec<KeySpec> = facts.algorithms.iter().filter_map(spec).collect();
        let touch = match (facts.policies, facts.touch_cached) {
            (false, _) => vec![],
            (true, false) => vec![TouchPolicy::Never, TouchPolicy::Always],
            (true, true) => vec![TouchPolicy::Never, TouchPolicy::Always, TouchPolicy::Cached],
        };
        let mut touches_beside_never = touch.clone();
        touches_beside_never.retain(|touch| *touch != TouchPolicy::Never);
        Claims {
            listed: true,
            numbered: true,
            keys: KeyClaims {
                makes: imports.iter().copied().filter(|spec| self.is_sound(*spec)).collect(),
                imports,
                pin_policies: match (facts.policies, facts.fips) {
                    (false, _) => vec![],
                    (true, true) => vec![PinPolicy::Once, PinPolicy::Always],
                    (true, false) => vec![PinPolicy::Never, PinPolicy::Once, PinPolicy::Always],
                },
                touch_policies: touch,
                hidden: match (facts.metadata, facts.attestation) {
                    (true, _) => vec![],
                    (false, true) => vec![KeyOrigin::Imported],
                    (false, false) => vec![KeyOrigin::Generated, KeyOrigin::Imported],
                },
                tells_policies: true,
                tells_origins: true,
                deletes: facts.moves,
                relocates: facts.moves,
                attests: facts.attestation,
            },
            pins: Some(PinClaims {
                counter: Counter::Number(3),
                described: facts.metadata,
                tells_puk: facts.metadata,
                before_keys: false,
            }),
            certificates: Some(Shelf::OnePerPlace),
            administration: Some(AdministrationClaims {
                retries: true,
                management_keys: facts.management_algorithms.iter().map(cipher).collect(),
                management_touches: touches_beside_never,
                resets: true,
            }),
        }
    }

    fn bench(&self) -> Box<dyn Bench> {
        let device = Arc::new(Mutex::new(Device::new(Card::with_serial(self.0, SERIAL))));
        let backend = YubiKeyBackend::new(Arc::new(Reader(device.clone())));
        Box::new(OneYubiKey { model: self.0, device, backend })
    }
}

impl VirtualYubiKeys {
    /// Some firmware makes keys that are weak, and Touchmark lets it make none.
    fn is_sound(&self, spec: KeySpec) -> bool {
        match self.0.facts().firmware {
            [4, 2, _] | [4, 3, 0..=4] => !matches!(spec, KeySpec::Rsa(_)),
            [4, 4, 2 | 4] => false,
            _ => true,
        }
    }
}

#[derive(Debug)]
struct OneYubiKey {
    model: Model,
    device: Arc<Mutex<Device>>,
    backend: YubiKeyBackend,
}

impl Bench for OneYubiKey {
    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn token(&self) -> Locator {
        format!("yubikey:serial={SERIAL}").parse().expect("it is a locator")
    }

    fn places(&self) -> Vec<Locator> {
        ["9c", "9a", "9e"]
            .map(|slot| format!("yubikey:serial={SERIAL};slot={slot}"))
            .map(|text| text.parse().expect("it is a locator"))
            .to_vec()
    }

    fn absent(&self) -> Locator {
        "yubikey:serial=1".parse().expect("it is a locator")
    }

    fn secrets(&self) -> Secrets {
        let fips = self.model.facts().complexity;
        Secrets {
            pin: "123456",
            puk: "12345678",
            management_key: "010203040506070801020304050607080102030405060708",
            new_pin: if fips { "kz7vw2mq" } else { "867530" },
            new_puk: if fips { "pw4xh9tr" } else { "31415926" },
        }
    }

    fn presented(&self) -> Option<u64> {
        let device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        let names = ["VERIFY", "CHANGE REFERENCE DATA", "RESET RETRY COUNTER"];
        Some(names.iter().map(|name| device.log().count(name)).sum())
    }

    fn power_cycle(&self) {
        self.device.lock().unwrap_or_else(PoisonError::into_inner).power_cycle();
    }
}

/// One reader with one key in it.
#[derive(Debug)]
struct Reader(Arc<Mutex<Device>>);

impl Readers for Reader {
    fn names(&self) -> Result<Vec<String>, TransportError> {
        Ok(vec!["Yubico YubiKey 00".into()])
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn Transport>, TransportError> {
        Ok(drawer::link(self.0.clone()))
    }
}

/// Kinds that sign and that Touchmark knows.
fn spec(algorithm: &Algorithm) -> Option<KeySpec> {
    match algorithm {
        Algorithm::P256 => Some(KeySpec::P256),
        Algorithm::P384 => Some(KeySpec::P384),
        Algorithm::Ed25519 => Some(KeySpec::Ed25519),
        Algorithm::Rsa2048 => Some(KeySpec::Rsa(2048)),
        Algorithm::Rsa3072 => Some(KeySpec::Rsa(3072)),
        Algorithm::Rsa4096 => Some(KeySpec::Rsa(4096)),
        Algorithm::Rsa1024 | Algorithm::X25519 => None,
    }
}

fn cipher(algorithm: &ManagementAlgorithm) -> ManagementKeyAlgorithm {
    match algorithm {
        ManagementAlgorithm::Tdes => ManagementKeyAlgorithm::TripleDes,
        ManagementAlgorithm::Aes128 => ManagementKeyAlgorithm::Aes128,
        ManagementAlgorithm::Aes192 => ManagementKeyAlgorithm::Aes192,
        ManagementAlgorithm::Aes256 => ManagementKeyAlgorithm::Aes256,
    }
}
