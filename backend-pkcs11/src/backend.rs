//! The backend: from a locator to a token.

use signer_core::{
    Backend, Event, KeyRef, Locator, OpenContext, Result, Secret, SecretKind, Secrets, Token,
    TokenInfo,
};

use crate::bounds::Bounds;
use crate::fault::Fault;
use crate::module::Module;
use crate::open_token::OpenToken;
use crate::selection::{self, Selection};
use crate::slots;
use crate::token::{self, Pkcs11Token};

/// Keys behind any PKCS#11 module.
#[derive(Clone, Debug, Default)]
pub struct Pkcs11Backend {
    bounds: Bounds,
    isolation: Isolation,
    listed: Vec<Locator>,
}

/// Where a module runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In this process: fast, and a crash of the module ends it.
    #[default]
    None,
    /// In a process of its own, behind p11-kit's server: a crash of the module is an error. Needs
    /// [`crate::SERVER_ADDRESS`] in the environment from the start of this process.
    Process,
}

/// What an empty token is made into.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// Its label, 1 to 32 octets.
    pub label: &'a str,
    /// The security officer's PIN, which stands where a YubiKey has its PUK.
    pub so_pin: &'a Secret,
    /// The user's PIN.
    pub pin: &'a Secret,
}

impl Pkcs11Backend {
    /// With the usual time bounds, and no modules to list tokens of.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long modules may take.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Where modules run.
    #[must_use]
    pub fn with_isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// Locators whose modules [`Backend::list`] looks into: a module has to be named by somebody.
    #[must_use]
    pub fn listing(mut self, locators: impl IntoIterator<Item = Locator>) -> Self {
        self.listed.extend(locators);
        self
    }

    /// The initialised tokens that a locator fits.
    ///
    /// # Errors
    /// As [`Backend::open`], but for finding none or many.
    pub fn tokens(&self, at: &Locator) -> Result<Vec<TokenInfo>> {
        let selection = Selection::of(at)?;
        let module = self.module(at, &Secrets::new())?;
        slots::tokens(&module)
            .map_err(|fault| listing(fault, &module))?
            .iter()
            .filter(|seen| seen.info.token_initialized() && seen.fits(&selection.token))
            .map(|seen| token::describe(seen, module.path()))
            .collect()
    }

    /// The slot numbers of a module's empty tokens: what tells them apart is nothing else.
    ///
    /// # Errors
    /// As [`Backend::open`].
    pub fn empty_slots(&self, at: &Locator) -> Result<Vec<u64>> {
        Selection::of(at)?;
        let module = self.module(at, &Secrets::new())?;
        let tokens = slots::tokens(&module).map_err(|fault| listing(fault, &module))?;
        Ok(tokens
            .iter()
            .filter(|seen| !seen.info.token_initialized())
            .map(|seen| seen.slot.id())
            .collect())
    }

    /// Makes an empty token a token: C_InitToken, then the user's PIN. One that is initialised
    /// already is never touched: that would destroy what is on it. `slot-id` in the locator says
    /// which, where there are several.
    ///
    /// # Errors
    /// [`signer_core::Error::AlreadyExists`] when a token of that label is there,
    /// [`signer_core::Error::NotFound`] and [`signer_core::Error::Ambiguous`] when there is not
    /// exactly one empty token, [`signer_core::Error::SecretUnusable`], and what the module reports.
    pub fn initialize(&self, at: &Locator, new: &NewToken<'_>) -> Result<TokenInfo> {
        crate::initialize::initialize(at, new, &self.module(at, &Secrets::new())?)
    }

    fn module(&self, at: &Locator, secrets: &Secrets) -> Result<Module> {
        let path = selection::module(at)?;
        match self.isolation {
            Isolation::None => Module::open(&path, self.bounds),
            Isolation::Process => Module::open_isolated(&path, secrets, self.bounds),
        }
    }
}

impl Backend for Pkcs11Backend {
    fn scheme(&self) -> &'static str {
        "pkcs11"
    }

    fn list(&self) -> Result<Vec<TokenInfo>> {
        let mut tokens: Vec<TokenInfo> = Vec::new();
        for at in &self.listed {
            for token in self.tokens(at)? {
                if !tokens.contains(&token) {
                    tokens.push(token);
                }
            }
        }
        Ok(tokens)
    }

    fn key(&self, at: &Locator) -> Result<KeyRef> {
        Ok(Selection::of(at)?.key)
    }

    fn open(&self, at: &Locator, with: &OpenContext) -> Result<Box<dyn Token>> {
        let selection = Selection::of(at)?;
        let mut context = with.clone();
        // The locator's own source is the nearest.
        if let Some(spec) = at.pin_source()? {
            context.secrets = context.secrets.with(SecretKind::Pin, spec);
        }
        if selection.token.slot_id.is_some() {
            let text = "slot numbers change when tokens come and go; \
                        name the token by its label or its serial number";
            context.interaction.event(Event::Warning { text });
        }
        let module = self.module(at, &context.secrets)?;
        let tokens = slots::tokens(&module).map_err(|fault| listing(fault, &module))?;
        let seen = slots::sole(tokens, &selection.token, &module)?;
        let info = token::describe(&seen, module.path())?;
        Ok(Box::new(Pkcs11Token::new(OpenToken::new(module, seen, context), info)))
    }
}

pub(crate) fn listing(fault: Fault, module: &Module) -> signer_core::Error {
    fault.doing(format!("listing the tokens of {}", module.path().display()))
}
