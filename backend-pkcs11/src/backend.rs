//! The backend: from a locator to a token.

use signer_core::{
    Backend, EmptyToken, Event, Isolation, KeyRef, Locator, NewToken, OpenContext, Result,
    SecretKind, Token, TokenInfo,
};

use crate::bounds::Bounds;
use crate::fault::Fault;
use crate::isolation::IsolatedModule;
use crate::module::{self, Module};
use crate::open_token::{self, OpenToken};
use crate::selection::{self, Selection, TokenFilter};
use crate::token::{self, Pkcs11Token};
use crate::{initialize, slots};

/// Keys behind any PKCS#11 module.
#[derive(Clone, Debug, Default)]
pub struct Pkcs11Backend {
    bounds: Bounds,
}

impl Pkcs11Backend {
    /// With the usual time bounds.
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

    /// The initialised tokens that a locator fits.
    ///
    /// # Errors
    /// As [`Backend::open`], but for finding none or many.
    pub fn tokens(&self, at: &Locator) -> Result<Vec<TokenInfo>> {
        self.fitting(at, &OpenContext::default(), &Selection::of(at)?.token)
    }

    fn fitting(
        &self,
        at: &Locator,
        with: &OpenContext,
        filter: &TokenFilter,
    ) -> Result<Vec<TokenInfo>> {
        let module = self.module(at, with)?;
        slots::tokens(&module)
            .map_err(|fault| listing(fault, &module))?
            .iter()
            .filter(|seen| seen.info.token_initialized() && seen.fits(filter))
            .map(|seen| token::describe(seen, module.path()))
            .collect()
    }

    /// The slot numbers of a module's empty tokens: what tells them apart is nothing else.
    ///
    /// # Errors
    /// As [`Backend::open`].
    pub fn empty_slots(&self, at: &Locator) -> Result<Vec<u64>> {
        Selection::of(at)?;
        let module = self.module(at, &OpenContext::default())?;
        let tokens = slots::tokens(&module).map_err(|fault| listing(fault, &module))?;
        Ok(tokens
            .iter()
            .filter(|seen| !seen.info.token_initialized())
            .map(|seen| seen.slot.id())
            .collect())
    }

    fn module(&self, at: &Locator, with: &OpenContext) -> Result<Module> {
        let path = selection::module(at)?;
        match with.isolation {
            Isolation::None => Module::open(&path, self.bounds),
            Isolation::Process => Module::open_isolated(&path, &with.secrets, self.bounds),
        }
    }
}

impl Backend for Pkcs11Backend {
    fn scheme(&self) -> &'static str {
        "pkcs11"
    }

    /// None: a module has to be named by somebody, so [`Backend::list_at`] has them.
    fn list(&self, _with: &OpenContext) -> Result<Vec<TokenInfo>> {
        Ok(Vec::new())
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
            context.interaction.event(Event::Advice { token: &at.to_string(), text });
        }
        let module = self.module(at, &context)?;
        let tokens = slots::tokens(&module).map_err(|fault| listing(fault, &module))?;
        let seen = slots::sole(tokens, &selection.token, &module)?;
        let info = token::describe(&seen, module.path())?;
        let open = OpenToken::new(module, seen, context, info.id());
        Ok(Box::new(Pkcs11Token::new(open, info)))
    }

    fn leave(&self) {
        module::leave();
        IsolatedModule::leave();
    }

    fn list_at(&self, at: &Locator, with: &OpenContext) -> Result<Vec<TokenInfo>> {
        self.fitting(at, with, &TokenFilter::default())
    }

    fn empty_token(&self, at: &Locator, with: &OpenContext) -> Result<EmptyToken> {
        let module = self.module(at, with)?;
        let empty = initialize::empty(at, &module)?;
        Ok(EmptyToken {
            name: format!("empty token in slot {} of {}", empty.slot.id(), module.path().display()),
            rules: open_token::rules(&empty.info),
        })
    }

    /// C_InitToken, then the user's PIN. `slot-id` in the locator says which, where there are several
    /// empty tokens: nothing else tells them apart. The label is 1 to 32 octets.
    fn initialize(
        &self,
        at: &Locator,
        new: &NewToken<'_>,
        with: &OpenContext,
    ) -> Result<TokenInfo> {
        initialize::initialize(at, new, &self.module(at, with)?)
    }
}

pub(crate) fn listing(fault: Fault, module: &Module) -> signer_core::Error {
    fault.doing(format!("listing the tokens of {}", module.path().display()))
}
