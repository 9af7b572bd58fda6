//! Whole flows against a scripted card: what is said to it, in how many commands, and what is not.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a script that does not go as expected fails the test"
)]

mod administration;
mod brief;
mod certificates;
mod faults;
mod keys;
mod matrix;
mod pins;
mod places;
mod script;
mod signing;

use std::sync::{Arc, Mutex};

use backend_yubikey::transport::{Readers, Transport, TransportError};
use backend_yubikey::{YubiKeyBackend, YubiKeyToken};
use script::{MANAGEMENT_KEY, Script};
use signer_core::pin_guard::PinGuard;
use signer_core::{Event, Interaction, OpenContext, SecretKind, SecretSpec, Secrets};
use tempfile::TempDir;

/// A card in a reader, and everything that goes with opening it.
struct Rig {
    card: Script,
    readers: Shelf,
    context: OpenContext,
    touches: Arc<Touches>,
    folder: TempDir,
}

impl Rig {
    fn new(version: [u8; 3]) -> Self {
        let card = Script::new(version, 16_021_234);
        let folder = TempDir::new().unwrap();
        let touches = Arc::new(Touches::default());
        let rig = Self {
            readers: Shelf(vec![("Yubico YubiKey CCID 00".into(), card.clone())]),
            context: OpenContext {
                interaction: touches.clone(),
                guard: PinGuard::new().in_folder(folder.path().join("guard")),
                ..OpenContext::default()
            },
            card,
            touches,
            folder,
        };
        rig.with_secret(SecretKind::Pin, "123456")
            .with_secret(SecretKind::ManagementKey, MANAGEMENT_KEY)
    }

    fn with_secret(mut self, kind: SecretKind, value: &str) -> Self {
        let file = self.folder.path().join(format!("{kind:?}"));
        std::fs::write(&file, value).unwrap();
        let spec = SecretSpec::File(file.to_str().unwrap().into());
        self.context.secrets = self.context.secrets.with(kind, spec);
        self
    }

    fn without_secrets(mut self) -> Self {
        self.context.secrets = Secrets::new();
        self
    }

    fn open(&self) -> YubiKeyToken {
        let backend = YubiKeyBackend::new(Arc::new(self.readers.clone()));
        backend.open_token(&"yubikey:".parse().unwrap(), &self.context).unwrap()
    }

    /// Opened, and what that took forgotten.
    fn opened(&self) -> YubiKeyToken {
        let token = self.open();
        self.card.said();
        token
    }
}

/// Readers with scripted cards in them.
#[derive(Clone, Debug)]
struct Shelf(Vec<(String, Script)>);

impl Readers for Shelf {
    fn names(&self) -> Result<Vec<String>, TransportError> {
        Ok(self.0.iter().map(|(name, _)| name.clone()).collect())
    }

    fn connect(&self, name: &str) -> Result<Box<dyn Transport>, TransportError> {
        let card = self.0.iter().find(|(known, _)| known == name).ok_or(TransportError::NoCard)?;
        Ok(Box::new(card.1.clone()))
    }
}

/// Counts what a person was told.
#[derive(Debug, Default)]
struct Touches {
    touches: Mutex<usize>,
    advice: Mutex<Vec<String>>,
}

impl Interaction for Touches {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Touch { .. } => *self.touches.lock().unwrap() += 1,
            Event::Advice { text, .. } => self.advice.lock().unwrap().push(text.into()),
            _ => {}
        }
    }
}

impl Touches {
    fn count(&self) -> usize {
        *self.touches.lock().unwrap()
    }

    /// What was told since the last look.
    fn advice(&self) -> Vec<String> {
        self.advice.lock().unwrap().drain(..).collect()
    }
}
