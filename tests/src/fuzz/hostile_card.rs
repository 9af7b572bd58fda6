//! Fuzzing of the whole driver: a card that answers whatever it likes, to one act after another.

use std::sync::{Arc, Mutex, PoisonError};

use backend_yubikey::transport::{InProcess, Readers, Transport, TransportError};
use backend_yubikey::{YubiKeyBackend, YubiKeyToken};
use signer_core::{
    Backend, Contents, KeyPolicy, KeyRef, KeySpec, ManagementKeyAlgorithm, ManagementKeyProtection,
    NewManagementKey, OpenContext, PinGuard, Result, Retries, Secret, SecretKind, SecretRequest,
    SecretSource, Secrets, Token, TouchPolicy, WhenKeysDiffer,
};

use super::printable;

/// No input has the driver say more: a reset asks 512 times at most.
const MOST_COMMANDS: usize = 5_000;
const NEW_KEY: &[u8] = b"4d616e6167656d656e744b6579466f7254657374735f3031";

/// The first octet chooses the act, then come answers: an octet of length, or FF and two of them, and
/// as many octets. When they are used up, the card says that it failed.
pub fn hostile_card(data: &[u8]) {
    let Some((&act, script)) = data.split_first() else { return };
    let pile = Pile(Arc::new(Mutex::new(Script { rest: script.to_vec(), at: 0, said: 0 })));
    let backend = YubiKeyBackend::new(Arc::new(pile));
    if act == 0xff {
        match backend.list(&OpenContext::default()) {
            Ok(tokens) => tokens.iter().for_each(|token| {
                printable(&token.model);
                printable(&token.locator.to_string());
            }),
            Err(error) => told(&error),
        }
        return;
    }
    let Ok(at) = "yubikey:slot=9c".parse() else { return };
    let context = OpenContext {
        secrets: Secrets::new().with_prompt(Arc::new(Everything)),
        guard: PinGuard::new().without_memory(),
        ..OpenContext::default()
    };
    let outcome = backend.open_token(&at, &context).and_then(|mut token| play(&mut token, act));
    if let Err(error) = outcome {
        told(&error);
    }
}

fn play(token: &mut YubiKeyToken, act: u8) -> Result<()> {
    printable(&token.info().model);
    let slot = KeyRef::Slot("9c".into());
    let pin = || Secret::new(b"314159".to_vec());
    match act % 16 {
        0 => token.keys().map(drop),
        1 => manager(token, |it| it.pin_status().map(drop)),
        2 => manager(token, |it| it.verify(&pin())),
        3 => manager(token, |it| it.change(&pin(), &Secret::new(b"271828".to_vec()))),
        4 => admin(token, |it| it.contents(Contents::All).map(drop)),
        5 => admin(token, |it| it.management_key().map(drop)),
        6 => admin(token, |it| it.reset()),
        7 => admin(token, |it| it.set_retries(Retries { pin: 5, puk: 5 })),
        8 => admin(token, |it| {
            it.set_management_key(&NewManagementKey {
                key: &Secret::new(NEW_KEY.to_vec()),
                algorithm: ManagementKeyAlgorithm::Aes192,
                touch: TouchPolicy::Never,
                protection: ManagementKeyProtection::Pin,
            })
        }),
        9 => keys(token, |it| it.attestation(&slot, &[]).map(drop)),
        10 => token.signer(&slot, None)?.sign(b"message").map(drop),
        11 => token.signer(&KeyRef::Sole, None)?.session()?.sign(b"message").map(drop),
        12 => keys(token, |it| it.generate(&slot, KeySpec::P256, KeyPolicy::default()).map(drop)),
        13 => keys(token, |it| it.relocate(&slot, &KeyRef::Slot("82".into()))),
        14 => certificates(token, |it| {
            let der = it.read(&slot)?;
            it.write(&slot, &der, WhenKeysDiffer::Store)
        }),
        _ => certificates(token, |it| it.remove(&slot)),
    }
}

fn manager(
    token: &mut YubiKeyToken,
    act: impl FnOnce(&mut dyn signer_core::PinManager) -> Result<()>,
) -> Result<()> {
    token.pin_manager().map_or(Ok(()), act)
}

fn admin(
    token: &mut YubiKeyToken,
    act: impl FnOnce(&mut dyn signer_core::Administration) -> Result<()>,
) -> Result<()> {
    token.administration().map_or(Ok(()), act)
}

fn keys(
    token: &mut YubiKeyToken,
    act: impl FnOnce(&mut dyn signer_core::KeyManager) -> Result<()>,
) -> Result<()> {
    token.key_manager().map_or(Ok(()), act)
}

fn certificates(
    token: &mut YubiKeyToken,
    act: impl FnOnce(&mut dyn signer_core::CertStore) -> Result<()>,
) -> Result<()> {
    token.cert_store().map_or(Ok(()), act)
}

/// An error is told in one line that is safe to print, causes included, and shows no secret.
fn told(error: &signer_core::Error) {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        printable(&text);
        assert!(!text.contains('\n'), "more than a line: {text:?}");
        assert!(!text.contains("314159") && !text.contains("4d616e61"), "a secret: {text:?}");
        next = cause.source();
    }
}

/// Gives whatever is asked for.
#[derive(Debug)]
struct Everything;

impl SecretSource for Everything {
    fn secret(&self, ask: &SecretRequest<'_>) -> Result<Secret> {
        let octets: &[u8] = match ask.kind {
            SecretKind::ManagementKey => NEW_KEY,
            _ => b"314159",
        };
        Ok(Secret::new(octets.to_vec()))
    }
}

/// The answers that are left.
#[derive(Debug)]
struct Script {
    rest: Vec<u8>,
    at: usize,
    said: usize,
}

impl Script {
    fn answer(&mut self) -> Vec<u8> {
        self.said += 1;
        assert!(self.said <= MOST_COMMANDS, "it goes on and on");
        let (length, start) = match *self.rest.get(self.at..).unwrap_or_default() {
            [0xff, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), self.at + 3),
            [length, ..] => (usize::from(length), self.at + 1),
            [] => return vec![0x6f, 0x00],
        };
        let end = (start + length).min(self.rest.len());
        self.at = end;
        self.rest.get(start..end).unwrap_or_default().to_vec()
    }
}

/// One reader with one card.
#[derive(Debug)]
struct Pile(Arc<Mutex<Script>>);

impl Readers for Pile {
    fn names(&self) -> Result<Vec<String>, TransportError> {
        Ok(vec!["one".into()])
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn Transport>, TransportError> {
        let script = Arc::clone(&self.0);
        Ok(Box::new(InProcess(move |_: &[u8]| {
            script.lock().unwrap_or_else(PoisonError::into_inner).answer()
        })))
    }
}
