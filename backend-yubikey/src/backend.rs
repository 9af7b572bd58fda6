//! The backend: from a locator to a YubiKey.

use std::sync::Arc;

use signer_core::{
    Backend, Error, Event, Introduction, KeyRef, Locator, OpenContext, Result, SecretKind, Token,
    TokenInfo,
};

use crate::card::Card;
use crate::channel::CardError;
use crate::token::YubiKeyToken;
use crate::transport::{Readers, TransportError};

/// YubiKeys in readers. Locators are `yubikey:serial=16021234;slot=9c`; `reader=NAME` names one that
/// hides its serial number, or is in a reader that does not call itself a YubiKey.
#[derive(Clone, Debug)]
pub struct YubiKeyBackend {
    readers: Arc<dyn Readers>,
}

impl YubiKeyBackend {
    /// YubiKeys in these readers.
    #[must_use]
    pub fn new(readers: Arc<dyn Readers>) -> Self {
        Self { readers }
    }

    /// As [`Backend::open`], for what a [`Token`] has no words for.
    ///
    /// # Errors
    /// As [`Backend::open`].
    pub fn open_token(&self, at: &Locator, with: &OpenContext) -> Result<YubiKeyToken> {
        at.allow_query(&[])?;
        let wanted = Wanted::of(at)?;
        let mut context = with.clone();
        // The locator's own source is the nearest.
        if let Some(spec) = at.pin_source()? {
            context.secrets = context.secrets.with(SecretKind::Pin, spec);
        }
        let card = self.find(&wanted, &context)?;
        YubiKeyToken::new(card, context)
    }

    /// The one card that is wanted. A serial number decides as soon as it is found; without one every
    /// reader has to be looked at.
    fn find(&self, wanted: &Wanted, with: &OpenContext) -> Result<Card> {
        let mut found = Vec::new();
        let mut failure = None;
        for reader in self.readers_for(wanted)? {
            match self.open_reader(&reader, with) {
                Ok(None) => {}
                Ok(Some(card)) if wanted.serial.is_some() => {
                    if card.identity().serial == wanted.serial {
                        return Ok(card);
                    }
                }
                Ok(Some(card)) => found.push(card),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let what = wanted.describe();
        match (found.pop(), found.is_empty(), failure) {
            // One that does not answer may be the one that is wanted.
            (_, true, Some(error)) => Err(error),
            (None, _, _) => Err(Error::NotFound { what }),
            (Some(only), true, None) => Ok(only),
            (Some(last), false, _) => {
                found.push(last);
                let candidates = found.iter().map(|card| {
                    let (at, reader) = (card.identity().locator(), &card.identity().reader);
                    match card.model() {
                        Ok(model) => {
                            format!("{at}: {model}, firmware {}, in {reader}", model.version)
                        }
                        Err(_) => format!("{at}, in {reader}"),
                    }
                });
                Err(Error::Ambiguous { what, candidates: candidates.collect() })
            }
        }
    }

    fn readers_for(&self, wanted: &Wanted) -> Result<Vec<String>> {
        match &wanted.reader {
            Some(reader) => Ok(vec![reader.clone()]),
            None => self
                .readers
                .names()
                .map_err(|error| CardError::from(error).doing("listing the smart card readers")),
        }
    }

    /// Nothing when there is no card, or none with PIV.
    fn open_reader(&self, reader: &str, with: &OpenContext) -> Result<Option<Card>> {
        let (told, token) = (Arc::clone(&with.interaction), format!("the YubiKey in {reader}"));
        let waits = Arc::new(move || told.event(Event::Waiting { token: &token }));
        let transport = match self.readers.connect_telling(reader, waits) {
            Ok(transport) => transport,
            Err(TransportError::NoCard | TransportError::Removed) => return Ok(None),
            Err(error) => {
                return Err(
                    CardError::from(error).doing(format!("connecting to the card in {reader}"))
                );
            }
        };
        let opened = match with.introduction {
            Introduction::Full => Card::open(reader, transport),
            Introduction::Brief => Card::open_briefly(reader, transport),
        };
        match opened {
            Ok(card) => Ok(Some(card)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(feature = "pcsc")]
impl Default for YubiKeyBackend {
    /// YubiKeys in the readers of this machine.
    fn default() -> Self {
        Self::new(Arc::new(crate::transport::pcsc::PcscReaders::default()))
    }
}

impl Backend for YubiKeyBackend {
    fn scheme(&self) -> &'static str {
        "yubikey"
    }

    fn list(&self, with: &OpenContext) -> Result<Vec<TokenInfo>> {
        let mut tokens = Vec::new();
        let mut failures = Vec::new();
        for reader in self.readers_for(&Wanted::default())? {
            match self.open_reader(&reader, with) {
                Ok(Some(card)) => {
                    tokens.push(YubiKeyToken::new(card, with.clone())?.info().clone());
                }
                Ok(None) => {}
                Err(error) => failures.push((reader, error)),
            }
        }
        let returned = match tokens.is_empty() {
            true => failures.pop().map(|(_, error)| error),
            false => None,
        };
        for (reader, error) in failures {
            let token = format!("the YubiKey in {reader}");
            with.interaction.event(Event::OutOfReach { token: &token, error: &error });
        }
        returned.map_or(Ok(tokens), Err)
    }

    fn key(&self, at: &Locator) -> Result<KeyRef> {
        Wanted::of(at)?;
        Ok(at.attributes()?.key())
    }

    fn open(&self, at: &Locator, with: &OpenContext) -> Result<Box<dyn Token>> {
        self.open_token(at, with).map(|token| Box::new(token) as Box<dyn Token>)
    }
}

/// Which card a locator names.
#[derive(Clone, Debug, Default)]
struct Wanted {
    serial: Option<u32>,
    reader: Option<String>,
}

impl Wanted {
    fn of(at: &Locator) -> Result<Self> {
        let unusable = |reason: String| Error::Locator { text: at.to_string(), reason };
        let attributes = at.attributes()?;
        if let Some(name) = attributes.names().find(|n| !["serial", "slot", "reader"].contains(n)) {
            return Err(unusable(format!("{name:?} is not known here")));
        }
        let serial = match attributes.get("serial").map(str::parse) {
            None => None,
            Some(Ok(serial)) => Some(serial),
            Some(Err(_)) => return Err(unusable("the serial is not a number".into())),
        };
        if let Some(slot) = attributes.get("slot")
            && let Err(reason) = slot.parse::<crate::slot::Slot>()
        {
            return Err(unusable(format!("there is no {reason}")));
        }
        Ok(Self { serial, reader: attributes.get("reader").map(str::to_owned) })
    }

    fn describe(&self) -> String {
        match (self.serial, &self.reader) {
            (Some(serial), _) => format!("YubiKey {serial}"),
            (None, Some(reader)) => format!("a YubiKey in {reader}"),
            (None, None) => "a YubiKey".into(),
        }
    }
}
