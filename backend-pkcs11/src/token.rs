//! An open PKCS#11 token, as every other token.

use std::sync::Arc;

use cryptoki::mechanism::MechanismType;
use cryptoki::object::ObjectClass;
use cryptoki::session::Session;
use signer_core::{
    Administration, CertStore, Error, KeyInfo, KeyManager, KeyRef, KeySpec, Locator, PinManager,
    Result, SignatureAlgorithm, Signer, Token, TokenInfo,
};

use crate::fault::Fault;
use crate::key_object::{self, KeyObject, WholeKey};
use crate::method::Method;
use crate::open_token::{As, OpenToken};
use crate::pool::Access;
use crate::signer::Pkcs11Signer;
use crate::slots::Seen;

/// One token of one module.
#[derive(Debug)]
pub(crate) struct Pkcs11Token {
    pub(crate) open: Arc<OpenToken>,
    info: TokenInfo,
}

impl Pkcs11Token {
    pub(crate) fn new(open: OpenToken, info: TokenInfo) -> Self {
        Self { open: Arc::new(open), info }
    }

    /// Reads, as whoever it takes.
    pub(crate) fn reading<R: Send + 'static>(
        &self,
        who: As,
        what: &str,
        act: impl Fn(&Session) -> Result<R, Fault> + Clone + Send + 'static,
    ) -> Result<R> {
        let bound = self.open.module().bounds().call;
        let read = self.open.run(Access::Read, who, bound, act);
        read.map_err(|fault| fault.doing(format!("{what} on {}", self.open.name())))
    }

    /// Writes, as the user.
    pub(crate) fn writing<R: Send + 'static>(
        &self,
        what: &str,
        act: impl Fn(&Session) -> Result<R, Fault> + Clone + Send + 'static,
    ) -> Result<R> {
        let bound = self.open.module().bounds().generation;
        let written = self.open.run(Access::Write, As::User, bound, act);
        written.map_err(|fault| fault.doing(format!("{what} on {}", self.open.name())))
    }

    /// The one key that a reference names, with the PIN.
    pub(crate) fn whole_key(&self, key: &KeyRef) -> Result<WholeKey> {
        let (key, token) = (key.clone(), self.open.name().to_owned());
        self.reading(As::User, "looking for a key", move |session| {
            key_object::find(session, &key, &token)
        })
    }

    /// The mechanisms that sign.
    pub(crate) fn signing_mechanisms(&self) -> Result<Vec<MechanismType>> {
        let slot = self.open.slot();
        let offered = self.open.module().ask(move |pkcs11| {
            let mut signing = Vec::new();
            for mechanism in pkcs11.get_mechanism_list(slot)? {
                if pkcs11.get_mechanism_info(slot, mechanism)?.sign() {
                    signing.push(mechanism);
                }
            }
            Ok(signing)
        });
        offered.map_err(|fault| fault.doing(format!("asking {} what it can", self.open.name())))
    }
}

impl Token for Pkcs11Token {
    fn info(&self) -> &TokenInfo {
        &self.info
    }

    /// Tokens that show no key without a login are asked again with the PIN.
    fn keys(&mut self) -> Result<Vec<KeyInfo>> {
        let list = |who: As| {
            let token = self.open.name().to_owned();
            self.reading(who, "listing keys", move |session| listed(session, &token))
        };
        let shown = list(As::Anyone)?;
        if shown.is_empty() { list(As::User) } else { Ok(shown) }
    }

    fn signer(
        &mut self,
        key: &KeyRef,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Arc<dyn Signer>> {
        let found = self.whole_key(key)?;
        if found.private.signs == Some(false) {
            return Err(Error::Unsupported {
                operation: format!(
                    "signing with {} of {}",
                    found.private.reference(),
                    self.open.name()
                ),
                needs: "a key whose CKA_SIGN is true".into(),
            });
        }
        let algorithm = SignatureAlgorithm::for_key(algorithm, found.spec)?;
        let method =
            Method::choose(algorithm, &self.signing_mechanisms()?, &found.private.allowed)?;
        Ok(Arc::new(Pkcs11Signer::new(Arc::clone(&self.open), found, algorithm, method)?))
    }

    fn key_manager(&mut self) -> Option<&mut dyn KeyManager> {
        Some(self)
    }

    fn pin_manager(&mut self) -> Option<&mut dyn PinManager> {
        Some(self)
    }

    fn cert_store(&mut self) -> Option<&mut dyn CertStore> {
        Some(self)
    }

    fn administration(&mut self) -> Option<&mut dyn Administration> {
        Some(self)
    }
}

/// Keys that are shown: private ones with their public halves, and public ones whose private half
/// is hidden until somebody logs in.
fn listed(session: &Session, token: &str) -> Result<Vec<KeyInfo>, Fault> {
    let mut keys = Vec::new();
    for private in key_object::matching(session, ObjectClass::PRIVATE_KEY, &KeyRef::Sole)? {
        match key_object::whole(session, private, token) {
            Ok(key) => keys.push(key.info()),
            // A key that cannot be shown hides no other.
            Err(Fault::Told(_)) => (),
            Err(fault) => return Err(fault),
        }
    }
    for public in key_object::matching(session, ObjectClass::PUBLIC_KEY, &KeyRef::Sole)? {
        if let Some(info) = shown(public)
            && !keys.iter().any(|it| it.public_key == info.public_key)
        {
            keys.push(info);
        }
    }
    Ok(keys)
}

fn shown(public: KeyObject) -> Option<KeyInfo> {
    let public_key = public.public_key().ok().flatten()?;
    let spec = KeySpec::of(&public_key).ok()?;
    let mut info = WholeKey { private: public, public_key, spec }.info();
    // What the private half asks for is hidden with it.
    info.policy.pin = None;
    Some(info)
}

/// What is known of a token without a secret.
pub(crate) fn describe(seen: &Seen, module: &std::path::Path) -> Result<TokenInfo> {
    let identity = seen.identity();
    let locator: Locator = format!(
        "pkcs11:{}?module-path={}",
        identity.attributes(),
        crate::selection::encoded_query(&module.to_string_lossy())
    )
    .parse()?;
    let version = seen.info.firmware_version();
    Ok(TokenInfo {
        locator,
        name: identity.name(),
        model: format!("{} {}", identity.manufacturer, identity.model).trim().to_owned(),
        serial: Some(identity.serial).filter(|it| !it.is_empty()),
        version: Some(version.to_string()).filter(|it| it != "0.0"),
        counts_tries: true,
    })
}
