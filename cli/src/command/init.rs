//! `touchmark init`

mod found;
mod template;

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use ledger::{Ledger, Location};
use serde::Serialize;

use self::found::Found;
use super::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::identity;
use crate::render::plain;

/// Write a settings file from what is found in this folder, and create the ledger
///
/// Looks for dak*private*key*.pem, dak*certificate*.pem and device.conf. Nothing is overwritten. Of
/// several keys, name one by --signer; of several certificates, by --certificate. With --json, one
/// object: settings, ledger, signer, certificate, extfile.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The issuer's certificate, followed by its chain
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

#[derive(Serialize)]
struct Written {
    settings: PathBuf,
    ledger: String,
    signer: Option<String>,
    certificate: Option<PathBuf>,
    extfile: Option<PathBuf>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let mut line = |label: &str, value: Option<&str>| {
            let value = plain(value.unwrap_or("none found"));
            writeln!(f, "{label:<12} {value}")
        };
        line("settings", Some(&self.settings.display().to_string()))?;
        line("ledger", Some(&self.ledger))?;
        line("signer", self.signer.as_deref())?;
        line("certificate", path(&self.certificate).as_deref())?;
        line("extfile", path(&self.extfile).as_deref())
    }
}

impl Run for Init {
    fn purpose(&self) -> String {
        "set this folder up".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let path = context.global.settings.clone().unwrap_or_else(|| "touchmark.toml".into());
        if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty()) {
            return Err(Error::usage_see(
                "a folder is set up from inside: its paths are relative to the settings file",
                "`cd` there first, then run `touchmark init`",
            ));
        }
        if path.exists() {
            return Err(already_exists(&path));
        }
        let found = Found::here(context.global.signer.as_deref(), self.certificate.as_deref())?;
        let ledger = match &context.global.ledger {
            Some(location) => location.clone(),
            None => Location::sqlite("touchmark.db"),
        };
        let operator = identity::operator(context.global.operator.as_deref());
        let station = identity::station(context.global.station.as_deref(), None);
        let text = template::text(&found, &ledger, context.global.station.as_deref());
        // The ledger first: settings that name a ledger which cannot be made are no use.
        drop(Ledger::open(&ledger, ledger::OpenOptions::new(operator, station))?);
        create(&path, text.as_bytes())?;
        context.output.show(&Written {
            settings: path,
            ledger: ledger.to_string(),
            signer: found.signer,
            certificate: found.certificate,
            extfile: found.extfile,
        })?;
        context.output.note("see what is still missing with `touchmark doctor`");
        Ok(Exit::Ok)
    }
}

/// Writes a new file that others can read and only its owner can change.
fn create(path: &Path, contents: &[u8]) -> Result<()> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => already_exists(path),
        _ => Error::Write { path: path.to_owned(), source },
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o644);
    }
    let mut file = options.open(path).map_err(failed)?;
    let written = file.write_all(contents).and_then(|()| file.sync_all());
    written.map_err(|source| {
        // Half a settings file is worse than none; it was made a moment ago by this very call.
        let _ = std::fs::remove_file(path);
        failed(source)
    })
}

fn already_exists(path: &Path) -> Error {
    signer_core::Error::AlreadyExists { what: path.display().to_string() }.into()
}
