//! PIV cards behind the PKCS#11 modules of others, on the part of the list that is about signing.

use backend_pkcs11::Pkcs11Backend;
use backend_yubikey::YubiKeyBackend;
use signer_core::{
    Backend, KeyPolicy, KeyRef, KeySpec, Locator, OpenContext, PinGuard, SecretKind, SecretSpec,
    Secrets as Sources, Token, WhenKeysDiffer,
};
use tempfile::TempDir;

use super::mount::{Bench, Mount, Secrets};
use super::{Claims, Counter, KeyClaims, PinClaims, Shelf, judge, pkcs11};
use crate::modules::Tokens;
use crate::program::owner_only;

const PIN: &str = "123456";
const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";

/// The one key in the readers of this process, behind a module, with a private key in one slot.
/// Every bench is the same card, reset.
#[derive(Debug)]
pub struct ModuleCards {
    tokens: Tokens,
    serial: u32,
    slot: &'static str,
}

impl ModuleCards {
    /// The module that this process was shown by [`Tokens::show`], and a key of this serial number.
    #[must_use]
    pub fn new(tokens: &Tokens, serial: u32, slot: &'static str) -> Self {
        Self { tokens: tokens.clone(), serial, slot }
    }
}

impl Mount for ModuleCards {
    fn name(&self) -> String {
        format!("{:?} with slot {}", self.tokens.maker(), self.slot)
    }

    fn claims(&self) -> Claims {
        Claims {
            listed: false,
            numbered: true,
            keys: KeyClaims {
                makes: Vec::new(),
                imports: Vec::new(),
                // The slot's own.
                pin_policies: Vec::new(),
                touch_policies: Vec::new(),
                hidden: Vec::new(),
                tells_policies: false,
                tells_origins: false,
                deletes: false,
                relocates: false,
                attests: false,
            },
            pins: Some(PinClaims {
                counter: Counter::Flags { low: 1, blocked: Some(3) },
                described: false,
                tells_puk: true,
                before_keys: true,
            }),
            certificates: Some(Shelf::BesideKeys),
            administration: None,
        }
    }

    fn bench(&self) -> Box<dyn Bench> {
        let card = OneCard {
            tokens: self.tokens.clone(),
            card: format!("yubikey:serial={}", self.serial).parse().expect("it is a locator"),
            slot: self.slot,
            folder: TempDir::new().expect("a folder can be made"),
            backend: Pkcs11Backend::new(),
        };
        card.open().administration().expect("it can be reset").reset().expect("it is reset");
        card.furnish();
        self.tokens.forget_calls();
        Box::new(card)
    }
}

#[derive(Debug)]
struct OneCard {
    tokens: Tokens,
    card: Locator,
    slot: &'static str,
    folder: TempDir,
    backend: Pkcs11Backend,
}

impl OneCard {
    /// The card as Touchmark itself sees it.
    fn open(&self) -> Box<dyn Token> {
        let file = |name: &str, secret: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, secret).expect("a file can be written");
            owner_only(&path);
            SecretSpec::File(path.display().to_string())
        };
        let secrets = Sources::new()
            .with(SecretKind::Pin, file("pin", PIN))
            .with(SecretKind::ManagementKey, file("management-key", MANAGEMENT_KEY));
        let guard = PinGuard::new().without_memory();
        let context = OpenContext { secrets, guard, ..OpenContext::default() };
        YubiKeyBackend::default().open(&self.card, &context).expect("the card opens")
    }

    /// A key with its certificate: OpenSC sees none without one. It is there before a module is
    /// opened, for modules do not look twice.
    fn furnish(&self) {
        let mut token = self.open();
        let key = KeyRef::Slot(self.slot.into());
        let manager = token.key_manager().expect("keys can be made");
        let made = manager.generate(&key, KeySpec::P256, KeyPolicy::default());
        let made = made.expect("a key is made");
        let der = judge::certificate(self.folder.path(), &made.public_key);
        let store = token.cert_store().expect("certificates are stored");
        store.write(&key, &der, WhenKeysDiffer::Refuse).expect("the certificate is stored");
    }
}

impl Bench for OneCard {
    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn token(&self) -> Locator {
        self.tokens.locator("").parse().expect("it is a locator")
    }

    fn places(&self) -> Vec<Locator> {
        let id = if self.slot == "9a" { 1 } else { 2 };
        vec![self.tokens.locator(&format!("id=%{id:02}")).parse().expect("it is a locator")]
    }

    fn absent(&self) -> Locator {
        self.tokens.locator("token=absent").parse().expect("it is a locator")
    }

    fn secrets(&self) -> Secrets {
        Secrets {
            pin: PIN,
            puk: "12345678",
            management_key: MANAGEMENT_KEY,
            new_pin: "867530",
            new_puk: "31415926",
        }
    }

    fn presented(&self) -> Option<u64> {
        Some(pkcs11::presented(&self.tokens.log()))
    }

    fn power_cycle(&self) {}
}
