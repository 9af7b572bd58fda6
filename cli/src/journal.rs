//! The ledger of this run: who writes, and what became of an act.

use ledger::{Act, Ledger, OpenOptions};
use serde_json::Value;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity;

/// The ledger of this run, open for writing; nothing where none is configured.
#[derive(Debug)]
pub(crate) struct Journal(Option<Ledger>);

impl Journal {
    /// Opens it before anything is done that it should tell of.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub(crate) fn open(context: &Context<'_>) -> Result<Self> {
        let Some(location) = context.ledger_location()? else {
            context.output.detail("no ledger is configured, so nothing is recorded");
            return Ok(Self(None));
        };
        Ok(Self(Some(Ledger::open(&location, options(context)?)?)))
    }

    /// The ledger itself, where there is one.
    pub(crate) fn ledger(&mut self) -> Option<&mut Ledger> {
        self.0.as_mut()
    }

    /// Records what was done. `done` reads before "but the ledger does not say so".
    ///
    /// # Errors
    /// [`Error::Unrecorded`].
    pub(crate) fn record(&mut self, name: &str, details: Value, done: &str) -> Result<()> {
        let Some(ledger) = &mut self.0 else { return Ok(()) };
        let act = Act { name: name.to_owned(), details };
        match ledger.record(&act) {
            Ok(_) => Ok(()),
            Err(source) => {
                Err(Error::Unrecorded { done: done.to_owned(), source: Box::new(source) })
            }
        }
    }
}

/// The ledger for reading; one must be named.
///
/// # Errors
/// [`Error::Usage`] when none is named, else as [`Ledger::open_read_only`].
pub(crate) fn read(context: &Context<'_>) -> Result<Ledger> {
    let location = context.ledger_location()?.ok_or_else(|| {
        Error::usage_see(
            "no ledger is named, neither by --ledger nor by [issue] ledger in the settings",
            "name it: `touchmark ledger list --ledger sqlite:touchmark.db`",
        )
    })?;
    Ok(Ledger::open_read_only(&location)?)
}

/// Who writes into the ledger.
///
/// # Errors
/// As [`Context::settings`].
pub(crate) fn options(context: &Context<'_>) -> Result<OpenOptions> {
    let settings = context.settings()?;
    Ok(OpenOptions::new(
        identity::operator(context.global.operator.as_deref()),
        identity::station(context.global.station.as_deref(), settings.station.as_deref()),
    ))
}
