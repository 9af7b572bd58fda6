//! What every command has at hand.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use ledger::Location;
use signer_core::pin_guard::LastTry;
use signer_core::{PinGuard, Registry};

use crate::args::Global;
use crate::error::{Error, Result};
use crate::input;
use crate::render::Output;
use crate::settings::{Settings, SignerSettings};

/// What every command has at hand: its flags, the backends, the output and the settings.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The global flags.
    pub(crate) global: Global,
    /// The backends.
    pub(crate) registry: &'a Registry,
    /// Where words go.
    pub(crate) output: Output,
    /// What every PIN passes on its way to a token: one for the whole run.
    pub(crate) guard: PinGuard,
    settings: OnceCell<Settings>,
}

impl<'a> Context<'a> {
    /// Reads nothing yet.
    pub(crate) fn new(global: Global, registry: &'a Registry, output: Output) -> Self {
        let guard = guard(&global);
        Self { global, registry, output, guard, settings: OnceCell::new() }
    }

    /// The settings, read when first asked for; empty ones where there is no file.
    ///
    /// # Errors
    /// As [`Settings::find`].
    pub(crate) fn settings(&self) -> Result<&Settings> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let found = Settings::find(self.global.settings.as_deref())?;
        match &found.file {
            Some(file) => self.output.detail(&format!("settings from {}", file.display())),
            None => self.output.detail("no settings file"),
        }
        Ok(self.settings.get_or_init(|| found))
    }

    /// The files that no output may replace: the settings, the ledger, the extension config, and
    /// the keys, certificates and secrets of every signer.
    ///
    /// # Errors
    /// As [`Context::settings`].
    pub(crate) fn own_files(&self) -> Result<Vec<PathBuf>> {
        let settings = self.settings()?;
        let ledger = self.ledger_location()?;
        let named = settings.file.iter().chain(&settings.issue.extfile).cloned();
        let signers = settings.signers.values().flat_map(SignerSettings::files);
        let ledger = ledger.iter().flat_map(|ledger| {
            // With what SQLite keeps beside it.
            ["", "-wal", "-shm"].map(|suffix| {
                let mut name = ledger.path().as_os_str().to_owned();
                name.push(suffix);
                PathBuf::from(name)
            })
        });
        Ok(named.chain(ledger).chain(signers).collect())
    }

    /// Refuses an output that would replace one of [`Context::own_files`].
    ///
    /// # Errors
    /// [`Error::Usage`]; as [`Context::settings`].
    pub(crate) fn spare(&self, output: &Path) -> Result<()> {
        match self.own_files()?.iter().any(|file| input::same_file(file, output)) {
            true => Err(Error::usage(format!(
                "{} is the settings file, the ledger or a file of the settings, and would be \
                 overwritten",
                output.display()
            ))),
            false => Ok(()),
        }
    }

    /// The ledger that the flag names, else the settings.
    ///
    /// # Errors
    /// As [`Context::settings`].
    pub(crate) fn ledger_location(&self) -> Result<Option<Location>> {
        match &self.global.ledger {
            Some(location) => Ok(Some(location.clone())),
            None => Ok(self.settings()?.issue.ledger.clone()),
        }
    }
}

fn guard(flags: &Global) -> PinGuard {
    let guard = match flags.no_memory {
        true => PinGuard::new().without_memory(),
        false => PinGuard::new(),
    };
    guard.with_last_try(if flags.use_last_try { LastTry::Use } else { LastTry::Refuse })
}
