//! Making an empty token a token.

use signer_core::{Error, Locator, NewToken, Result, Secret, SecretKind, SecretRules, TokenInfo};

use crate::backend::listing;
use crate::fault::Fault;
use crate::gate;
use crate::module::Module;
use crate::open_token::rules;
use crate::selection::Selection;
use crate::slots::{self, Seen};
use crate::token;

/// The field for it in CK_TOKEN_INFO (PKCS#11 3.1 section 3.2).
const LONGEST_LABEL: usize = 32;

pub(crate) fn initialize(at: &Locator, new: &NewToken<'_>, module: &Module) -> Result<TokenInfo> {
    let label = new.label.to_owned();
    if label.is_empty() || label.len() > LONGEST_LABEL || label.ends_with(' ') {
        return Err(Error::Unsupported {
            operation: format!("the token label {label:?}"),
            needs: "1 to 32 octets that do not end in a blank".into(),
        });
    }
    let seen = || slots::tokens(module).map_err(|fault| listing(fault, module));
    let before = seen()?;
    // The label is how it will be named from now on, and names one token only.
    if let Some(other) =
        before.iter().find(|it| it.info.token_initialized() && it.info.label() == label)
    {
        let name = other.identity().name();
        return Err(match other.info.user_pin_initialized() {
            true => Error::AlreadyExists { what: name },
            // A run before this one was cut short.
            false => Error::WithoutPin { token: name, source: None },
        });
    }
    let empty = one_empty(at, before.clone(), module)?;
    let takes = rules(&empty.info);
    acceptable(takes, SecretKind::NewSoPin, new.so_pin)?;
    acceptable(takes, SecretKind::NewPin, new.pin)?;
    let failed = |fault: Fault| {
        fault.doing(format!("initialising an empty token of {}", module.path().display()))
    };
    let (slot, so_pin, name) = (empty.slot, gate::auth_pin(new.so_pin.expose())?, label.clone());
    module.ask(move |pkcs11| pkcs11.init_token(slot, &so_pin, &name)).map_err(failed)?;
    // SoftHSM2 gives the token another slot now.
    let made = born(&before, seen()?, &label).ok_or_else(|| Error::NotFound {
        what: format!("token {label:?} after it was initialised"),
    })?;
    let (slot, so_pin, pin) =
        (made.slot, gate::auth_pin(new.so_pin.expose())?, gate::auth_pin(new.pin.expose())?);
    module
        .ask(move |pkcs11| gate::first_pin(&pkcs11.open_rw_session(slot)?, &so_pin, &pin))
        .map_err(|fault| Error::WithoutPin {
            token: made.identity().name(),
            source: Some(Box::new(fault)),
        })?;
    let now = seen()?;
    let made = now.iter().find(|it| it.identity() == made.identity()).unwrap_or(&made);
    token::describe(made, module.path())
}

/// The one empty token that a locator leads to.
pub(crate) fn empty(at: &Locator, module: &Module) -> Result<Seen> {
    let tokens = slots::tokens(module).map_err(|fault| listing(fault, module))?;
    one_empty(at, tokens, module)
}

fn one_empty(at: &Locator, tokens: Vec<Seen>, module: &Module) -> Result<Seen> {
    let mut filter = Selection::of(at)?.token;
    // What an empty token is called says nothing yet, so a label in the locator is the new one's.
    filter.wanted.retain(|(name, _)| *name != "token");
    slots::empty(tokens, &filter, module)
}

/// The token of that label that was not there before.
fn born(before: &[Seen], after: Vec<Seen>, label: &str) -> Option<Seen> {
    after.into_iter().find(|it| {
        it.info.label() == label
            && it.info.token_initialized()
            && !before
                .iter()
                .any(|old| old.info.token_initialized() && old.identity() == it.identity())
    })
}

fn acceptable(rules: SecretRules, kind: SecretKind, secret: &Secret) -> Result<()> {
    match rules.objection(secret.expose()) {
        None => Ok(()),
        Some(reason) => Err(Error::SecretUnusable { kind, origin: "its source".into(), reason }),
    }
}
