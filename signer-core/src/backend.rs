//! Kinds of homes for keys, and the list of those that this program was built with.

use std::fmt::Debug;
use std::sync::Arc;

use crate::{
    Clock, EmptyToken, Error, Locator, NewToken, PinGuard, Result, SecretKind, Secrets,
    SystemClock, Token, TokenInfo,
};

/// One kind of home for keys: key files, PIV cards, PKCS#11 modules.
pub trait Backend: Debug + Send + Sync {
    /// The scheme of its locators.
    fn scheme(&self) -> &'static str;

    /// The tokens that are there now. Key files cannot be listed, so theirs is empty. One that does
    /// not answer hides no other: it is told of by [`Event::OutOfReach`].
    ///
    /// # Errors
    /// Whatever the devices report, where none of them answers.
    fn list(&self, with: &OpenContext) -> Result<Vec<TokenInfo>>;

    /// The key that a locator of this scheme names on its token.
    ///
    /// # Errors
    /// [`Error::Locator`] when it cannot be understood.
    fn key(&self, at: &Locator) -> Result<crate::KeyRef>;

    /// Ends what this process has under way with its devices, right before a signal ends the process.
    /// Called while other threads may be in the middle of something; it waits a moment for them, and
    /// none of them comes to a device again.
    fn leave(&self) {}

    /// Opens the token that a locator names. A key file need not exist yet: it may be about to be
    /// generated.
    ///
    /// # Errors
    /// [`Error::Locator`], [`Error::NotFound`], [`Error::Ambiguous`], and whatever the device
    /// reports.
    fn open(&self, at: &Locator, with: &OpenContext) -> Result<Box<dyn Token>>;

    /// The tokens where a locator leads that [`Backend::list`] cannot know of: a PKCS#11 module has
    /// to be named by somebody. Everything else in the locator is passed over.
    ///
    /// # Errors
    /// As [`Backend::list`], and [`Error::Locator`].
    fn list_at(&self, _at: &Locator, _with: &OpenContext) -> Result<Vec<TokenInfo>> {
        Ok(Vec::new())
    }

    /// The one empty token that a locator leads to.
    ///
    /// # Errors
    /// As [`Backend::open`]; [`Error::Unsupported`] where tokens are never empty.
    fn empty_token(&self, at: &Locator, _with: &OpenContext) -> Result<EmptyToken> {
        Err(never_empty(at))
    }

    /// Makes an empty token a token. One that is in use already is never touched.
    ///
    /// # Errors
    /// As [`Backend::empty_token`]; [`Error::AlreadyExists`] when a token of that label is there,
    /// [`Error::WithoutPin`] when it was given one of the two PINs alone, and
    /// [`Error::SecretUnusable`].
    fn initialize(
        &self,
        at: &Locator,
        _new: &NewToken<'_>,
        _with: &OpenContext,
    ) -> Result<TokenInfo> {
        Err(never_empty(at))
    }
}

fn never_empty(at: &Locator) -> Error {
    Error::Unsupported {
        operation: format!("initialising a token of scheme {:?}", at.scheme()),
        needs: "an empty PKCS#11 token".into(),
    }
}

/// What a token is opened with.
#[derive(Clone, Debug)]
pub struct OpenContext {
    /// Where secrets come from.
    pub secrets: Secrets,
    /// Who is told of touches and waits.
    pub interaction: Arc<dyn Interaction>,
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// What is made of a private key file that others can read.
    pub permissions: Permissions,
    /// What a PIN or PUK passes before it is sent. One for the whole process: clones share what they
    /// have seen fail.
    pub guard: PinGuard,
    /// Where a token's module runs.
    pub isolation: Isolation,
    /// How much a token is asked about itself on opening.
    pub introduction: Introduction,
}

/// How much a token is asked about itself when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Introduction {
    /// All that [`TokenInfo`] has.
    #[default]
    Full,
    /// Who it is. Where more takes more asking, model and version are left out of [`TokenInfo`], and
    /// asked for by what needs them.
    Brief,
}

/// Where a token's module runs: code of a vendor's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In this process: fast, and a crash of the module ends it.
    #[default]
    None,
    /// In a process of its own: a crash of the module is an error.
    Process,
}

/// What is made of a private key file that others than its owner can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// It is refused, as ssh does.
    #[default]
    Strict,
    /// It is used all the same.
    Loose,
}

impl Default for OpenContext {
    fn default() -> Self {
        Self {
            secrets: Secrets::new(),
            interaction: Arc::new(Silent),
            clock: Arc::new(SystemClock),
            permissions: Permissions::Strict,
            guard: PinGuard::new(),
            isolation: Isolation::None,
            introduction: Introduction::Full,
        }
    }
}

/// Something a person should know of before it happens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The token will wait for a touch.
    Touch {
        /// The token, as a person would name it.
        token: &'a str,
    },
    /// A token has to be inserted.
    InsertToken {
        /// The token, as a person would name it.
        token: &'a str,
    },
    /// Another program holds the token.
    Waiting {
        /// The token, as a person would name it.
        token: &'a str,
    },
    /// A token is there and does not answer, so it is left out of what was asked for.
    OutOfReach {
        /// The token, as a person would name it.
        token: &'a str,
        /// What went wrong.
        error: &'a Error,
    },
    /// A secret has to be entered at the token itself.
    PinPad {
        /// The token, as a person would name it.
        token: &'a str,
        /// Which secret.
        kind: SecretKind,
    },
    /// Something that works now and that a person should know of: a published weakness, or what is
    /// likely to fail later.
    Advice {
        /// The token, as a person would name it.
        token: &'a str,
        /// What a person should know.
        text: &'a str,
    },
}

/// Who is told of events. Libraries never print.
pub trait Interaction: Debug + Send + Sync {
    /// Called before the thing happens.
    fn event(&self, event: Event<'_>);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Interaction for Silent {
    fn event(&self, _event: Event<'_>) {}
}

/// The backends of this program, by scheme.
#[derive(Debug, Default)]
pub struct Registry {
    backends: Vec<Box<dyn Backend>>,
    absent: Vec<(&'static str, &'static str)>,
}

impl Registry {
    /// No backends.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a backend.
    #[must_use]
    pub fn with(mut self, backend: Box<dyn Backend>) -> Self {
        self.backends.push(backend);
        self
    }

    /// Remembers a scheme that was left out of this build, and the cargo feature that brings it.
    #[must_use]
    pub fn without(mut self, scheme: &'static str, feature: &'static str) -> Self {
        self.absent.push((scheme, feature));
        self
    }

    /// The backends, in the order they were added.
    pub fn backends(&self) -> impl Iterator<Item = &dyn Backend> {
        self.backends.iter().map(AsRef::as_ref)
    }

    /// As [`Backend::leave`], of all of them.
    pub fn leave(&self) {
        self.backends().for_each(Backend::leave);
    }

    /// The backend of a locator.
    ///
    /// # Errors
    /// [`Error::CompiledWithout`] for a scheme that was left out, [`Error::Locator`] for one that
    /// nobody knows.
    pub fn backend(&self, at: &Locator) -> Result<&dyn Backend> {
        if let Some(backend) = self.backends().find(|backend| backend.scheme() == at.scheme()) {
            return Ok(backend);
        }
        if let Some((scheme, feature)) =
            self.absent.iter().find(|(scheme, _)| *scheme == at.scheme())
        {
            return Err(Error::CompiledWithout { scheme: (*scheme).to_owned(), feature });
        }
        let known: Vec<&str> = self.backends().map(Backend::scheme).collect();
        Err(Error::Locator {
            text: at.to_string(),
            reason: format!("scheme {:?} is unknown; known are {}", at.scheme(), known.join(", ")),
        })
    }
}
