//! One token on a desk, with somebody who has its secrets.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use signer_core::pin_guard::LastTry;
use signer_core::{
    Error, KeyInfo, KeyOrigin, KeyPolicy, KeyRef, KeySpec, Locator, OpenContext, PinGuard, Result,
    Secret, SecretKind, SecretSpec, Secrets, Signer, Token, Tries, WhenKeysDiffer,
};
use tempfile::TempDir;

use crate::program::owner_only;

use super::{Bench, Claims, Mount, PinClaims, judge, mount, soft};

/// A token, its secrets in files, and a folder in which failed ones are remembered.
#[derive(Debug)]
pub struct Desk<'m> {
    mount: &'m dyn Mount,
    bench: Box<dyn Bench>,
    /// What the token can do.
    pub claims: Claims,
    folder: TempDir,
}

impl<'m> Desk<'m> {
    /// A fresh token.
    #[must_use]
    pub fn new(mount: &'m dyn Mount) -> Self {
        let desk = Self {
            mount,
            bench: mount.bench(),
            claims: mount.claims(),
            folder: TempDir::new().expect("a folder can be made"),
        };
        guard_with_a_fixed_key(&desk.guard());
        let mount::Secrets { pin, puk, management_key, .. } = desk.has();
        desk.now_has(SecretKind::Pin, pin);
        desk.now_has(SecretKind::Puk, puk);
        desk.now_has(SecretKind::ManagementKey, management_key);
        desk
    }

    /// Another fresh token of the same kind.
    pub(super) fn again(&self) -> Self {
        Self::new(self.mount)
    }

    pub(super) fn bench(&self) -> &dyn Bench {
        &*self.bench
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The secrets that it left the factory with.
    pub(super) fn has(&self) -> mount::Secrets {
        self.bench.secrets()
    }

    /// From now on this is what a token opened here is given where it asks.
    pub(super) fn now_has(&self, kind: SecretKind, secret: &str) {
        std::fs::write(self.file(kind), secret).expect("a file can be written");
    }

    fn guard(&self) -> PathBuf {
        self.folder.path().join("guard")
    }

    fn file(&self, kind: SecretKind) -> PathBuf {
        self.folder.path().join(format!("{kind:?}"))
    }

    /// Somebody with all secrets, in a process of his own.
    pub(super) fn context(&self) -> OpenContext {
        let kinds = [SecretKind::Pin, SecretKind::Puk, SecretKind::ManagementKey];
        self.context_with(&kinds)
    }

    /// Somebody with these secrets alone.
    pub(super) fn context_with(&self, kinds: &[SecretKind]) -> OpenContext {
        let secrets = kinds.iter().fold(Secrets::new(), |secrets, kind| {
            secrets.with(*kind, SecretSpec::File(self.file(*kind).display().to_string()))
        });
        let guard = PinGuard::new().in_folder(self.guard());
        OpenContext { secrets, guard, ..OpenContext::default() }
    }

    pub(super) fn open(&self) -> Box<dyn Token> {
        self.open_as(&self.context())
    }

    pub(super) fn open_as(&self, context: &OpenContext) -> Box<dyn Token> {
        self.bench.backend().open(&self.bench.token(), context).expect("the token opens")
    }

    /// The same, ready to spend a last try.
    pub(super) fn open_to_the_last(&self) -> Box<dyn Token> {
        let mut context = self.context();
        context.guard = context.guard.with_last_try(LastTry::Use);
        self.open_as(&context)
    }

    /// A place for a key, counted from 0.
    pub(super) fn place(&self, index: usize) -> Option<Locator> {
        self.bench.places().into_iter().nth(index)
    }

    pub(super) fn key(&self, index: usize) -> KeyRef {
        let place = self.place(index).expect("there is such a place");
        self.bench.backend().key(&place).expect("a place has a key")
    }

    /// Whether there is room for two keys.
    pub(super) fn has_room(&self) -> bool {
        self.place(1).is_some()
    }

    /// A key of the usual kind at a place, however the token comes by one, ready to be found.
    pub(super) fn make(&self, token: &mut dyn Token, index: usize) -> KeyInfo {
        self.make_with(token, index, KeyPolicy::default())
    }

    pub(super) fn make_with(
        &self,
        token: &mut dyn Token,
        index: usize,
        policy: KeyPolicy,
    ) -> KeyInfo {
        let (key, spec) = (self.key(index), KeySpec::P256);
        if !self.makes(spec) && !self.takes(spec) {
            assert_eq!(policy, KeyPolicy::default(), "the key is there, as it is");
            let public_key = self.signer(token, index).expect("it is there");
            let public_key = public_key.public_key().clone();
            return KeyInfo { key, spec, public_key, policy, origin: None };
        }
        let manager = token.key_manager().expect("keys can be made");
        let made = match self.makes(spec) {
            true => manager.generate(&key, spec, policy),
            false => manager.import(&key, &private_key(spec), policy),
        };
        let made = made.expect("a key is made");
        self.show(token, &made);
        made
    }

    /// A key of which the token cannot tell is shown by a certificate.
    pub(super) fn show(&self, token: &mut dyn Token, made: &KeyInfo) {
        let origin = made.origin.unwrap_or(KeyOrigin::Generated);
        if self.claims.hides(origin) {
            let der = judge::certificate(self.folder(), &made.public_key);
            let store = token.cert_store().expect("certificates are stored");
            store.write(&made.key, &der, WhenKeysDiffer::Store).expect("the key is shown");
        }
    }

    pub(super) fn makes(&self, spec: KeySpec) -> bool {
        self.claims.keys.makes.contains(&spec)
    }

    fn takes(&self, spec: KeySpec) -> bool {
        self.claims.keys.imports.contains(&spec)
    }

    /// What is claimed of the PIN; nothing where there is none, and then there is nothing to check.
    pub(super) fn pins(&self) -> Option<PinClaims> {
        self.claims.pins.clone()
    }

    pub(super) fn presented(&self) -> Option<u64> {
        self.bench.presented()
    }

    /// Demands that what happens shows the token this many PINs and PUKs.
    pub(super) fn spending<T>(&self, shown: u64, what: impl FnOnce() -> T) -> T {
        let before = self.presented();
        let done = what();
        if let (Some(before), Some(after)) = (before, self.presented()) {
            assert_eq!(after - before, shown, "secrets that the token was shown");
        }
        done
    }

    /// Shows the token a PIN that is wrong and was not shown before: the guard takes one in 256 for
    /// another that failed, and then it is the next one.
    pub(super) fn show_wrong(&self, token: &mut dyn Token, seed: u32) -> Error {
        for n in 0..100 {
            let wrong = secret(&format!("{:08}", 40_000_000 + seed * 1000 + n));
            match token.pin_manager().expect("it has a PIN").verify(&wrong) {
                Err(Error::FailedBefore { .. }) => {}
                Err(error) => return error,
                Ok(()) => panic!("a wrong PIN was right"),
            }
        }
        panic!("a hundred secrets cannot all be taken for another");
    }

    /// Spends tries of the PIN until so many are left; one or none, where that is told by flags.
    pub(super) fn wear_down(&self, token: &mut dyn Token, left: u8) {
        for seed in 0..u32::from(u8::MAX) {
            let status = token.pin_manager().expect("it has a PIN").pin_status().expect("a status");
            if status.tries == Tries::left(left) {
                return;
            }
            let _ = self.show_wrong(token, seed);
        }
        panic!("the tries do not come down to {left}");
    }

    /// A signer for the key at a place.
    pub(super) fn signer(
        &self,
        token: &mut dyn Token,
        index: usize,
    ) -> Result<std::sync::Arc<dyn Signer>> {
        token.signer(&self.key(index), None)
    }
}

/// The guard takes one secret in 256 for another, by a key of its own. With this one, the same are
/// taken for each other in every run.
fn guard_with_a_fixed_key(folder: &Path) {
    std::fs::create_dir(folder).expect("a folder can be made");
    std::fs::write(folder.join("key"), [7; 32]).expect("a file can be written");
    owner_only(&folder.join("key"));
}

pub(super) fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// A private key from somewhere else (PKCS#8). RSA keys take long, so each kind is made once.
pub(super) fn private_key(spec: KeySpec) -> Secret {
    static MADE: OnceLock<std::sync::Mutex<std::collections::BTreeMap<String, Vec<u8>>>> =
        OnceLock::new();
    if !matches!(spec, KeySpec::Rsa(_)) {
        return soft::private_key(spec);
    }
    let mut made = MADE.get_or_init(Default::default).lock().expect("nobody panicked with it");
    let octets =
        made.entry(spec.to_string()).or_insert_with(|| soft::private_key(spec).expose().to_vec());
    Secret::new(octets.clone())
}
