//! Tokens of PKCS#11 modules, on the list.

use std::sync::atomic::{AtomicUsize, Ordering};

use backend_pkcs11::Pkcs11Backend;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use signer_core::{Backend, KeySpec, Locator, NewToken, OpenContext, PinPolicy, Secret};

use super::keys::SPECS;
use super::mount::{Bench, Mount, Secrets};
use super::{AdministrationClaims, Claims, Counter, KeyClaims, PinClaims, Shelf};
use crate::modules::{Maker, Tokens};

const PIN: &str = "24681357";
const SO_PIN: &str = "87654321";

/// Tokens of one module, all in one folder: it is read from the environment, once in a process. Each
/// bench has a token of its own there.
#[derive(Debug)]
pub struct ModuleTokens {
    tokens: Tokens,
    made: AtomicUsize,
}

impl ModuleTokens {
    /// The tokens that this process was shown by [`Tokens::show`].
    #[must_use]
    pub fn new(tokens: &Tokens) -> Self {
        Self { tokens: tokens.clone(), made: AtomicUsize::new(0) }
    }
}

impl Mount for ModuleTokens {
    fn name(&self) -> String {
        format!("{:?}", self.tokens.maker())
    }

    fn claims(&self) -> Claims {
        let soft_hsm = self.tokens.maker() == Maker::SoftHsm;
        let mut specs = SPECS.to_vec();
        // Not in a build for the OpenSSL of Debian 12.
        specs.retain(|spec| soft_hsm || *spec != KeySpec::Ed25519);
        let mut policies = vec![PinPolicy::Once, PinPolicy::Always];
        if self.tokens.maker() == Maker::Tpm {
            // Without a resource manager it has room for the key that is in use and hardly more.
            specs.retain(|spec| *spec == KeySpec::P256);
            policies.truncate(1);
        }
        Claims {
            listed: false,
            numbered: true,
            keys: KeyClaims {
                makes: specs.clone(),
                imports: specs,
                pin_policies: policies,
                touch_policies: Vec::new(),
                hidden: Vec::new(),
                tells_policies: false,
                tells_origins: true,
                deletes: true,
                relocates: false,
                attests: false,
            },
            pins: Some(PinClaims {
                counter: match soft_hsm {
                    true => Counter::Flags { low: 1, blocked: None },
                    false => Counter::Flags { low: 7, blocked: Some(10) },
                },
                described: false,
                tells_puk: true,
                before_keys: true,
            }),
            certificates: Some(Shelf::BesideKeys),
            administration: Some(AdministrationClaims {
                retries: false,
                management_keys: Vec::new(),
                management_touches: Vec::new(),
                resets: false,
            }),
        }
    }

    fn bench(&self) -> Box<dyn Bench> {
        let label = format!("token-{}", self.made.fetch_add(1, Ordering::Relaxed));
        let backend = Pkcs11Backend::new();
        let at = |path: &str| locator(&self.tokens, path);
        let empty = backend.empty_slots(&at("")).expect("slots are listed");
        let slot = empty.first().expect("there is room for one more token");
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let (so_pin, pin) = (secret(SO_PIN), secret(PIN));
        let new = NewToken { label: &label, so_pin: &so_pin, pin: &pin };
        let at = at(&format!("slot-id={slot}"));
        backend.initialize(&at, &new, &OpenContext::default()).expect("a token is made");
        self.tokens.forget_calls();
        Box::new(OneToken { tokens: self.tokens.clone(), label, backend })
    }
}

#[derive(Debug)]
struct OneToken {
    tokens: Tokens,
    label: String,
    backend: Pkcs11Backend,
}

impl Bench for OneToken {
    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn token(&self) -> Locator {
        locator(&self.tokens, &format!("token={}", self.label))
    }

    fn places(&self) -> Vec<Locator> {
        ["object=dak;id=%01", "object=next;id=%02", "object=last;id=%03"]
            .map(|key| locator(&self.tokens, &format!("token={};{key}", self.label)))
            .to_vec()
    }

    fn absent(&self) -> Locator {
        locator(&self.tokens, "token=absent")
    }

    fn secrets(&self) -> Secrets {
        Secrets {
            pin: PIN,
            puk: SO_PIN,
            management_key: "",
            new_pin: "86753091",
            new_puk: "31415926",
        }
    }

    fn presented(&self) -> Option<u64> {
        Some(presented(&self.tokens.log()))
    }

    /// Nobody is logged in any more: of what a loss of power does, this is what a module can be made
    /// to do.
    fn power_cycle(&self) {
        let flags = CInitializeFlags::OS_LOCKING_OK;
        let module = Pkcs11::new(self.tokens.shim()).expect("the module is loaded");
        let ours = module.initialize(CInitializeArgs::new(flags)).is_ok();
        for slot in module.get_slots_with_initialized_token().expect("slots are listed") {
            let token = module.get_token_info(slot).expect("it is there");
            if token.label() == self.label {
                let session = module.open_ro_session(slot).expect("a session opens");
                // An error says that nobody was logged in.
                let _ = session.logout();
            }
        }
        if ours {
            module.finalize().expect("the module is finalised");
        }
    }
}

/// How many secrets of unknown worth a module was shown. Not counted is what was right a moment ago:
/// the officer's PIN in the call that changes it, and a new PIN that is shown to make it hold.
pub(super) fn presented(log: &str) -> u64 {
    let of_pins = |line: &&str| {
        ["C_Login", "C_Logout", "C_InitPIN", "C_SetPIN"].iter().any(|name| line.starts_with(name))
    };
    let lines: Vec<&str> = log.lines().filter(of_pins).collect();
    let name = |index: usize| lines.get(index).and_then(|line| line.split(' ').next());
    let before = |index: usize, count: usize| index.checked_sub(count).and_then(name);
    let counted = |index: &usize| match name(*index) {
        Some("C_Login") => before(*index, 2) != Some("C_InitPIN"),
        Some("C_SetPIN") => before(*index, 1) != Some("C_Login"),
        _ => false,
    };
    (0..lines.len()).filter(counted).map(|_| 1).sum()
}

fn locator(tokens: &Tokens, path: &str) -> Locator {
    tokens.locator(path).parse().expect("it is a locator")
}
