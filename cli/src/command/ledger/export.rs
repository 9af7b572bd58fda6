//! `touchmark ledger export`

use std::path::PathBuf;

use clap::Args;

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::{atomic, input, journal};

/// Write every entry as a line of JSON, for others to check
///
/// A line has body (the entry, byte for byte as it was hashed), hash and, for an issued one,
/// certificate (base64 of its DER). `touchmark ledger verify --export FILE` checks it.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where it goes; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

impl Run for Export {
    fn purpose(&self) -> String {
        "export the ledger".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        context.spare(&self.out)?;
        let ledger = journal::read(context)?;
        let head = if input::is_standard(&self.out) {
            context.output.stream(|out| ledger.export(out))?
        } else {
            atomic::write_with(&self.out, |out| ledger.export(out).map_err(Error::from))?
        };
        context.output.note(&format!("{} entries, ending in {}", head.sequence, head.hash));
        Ok(Exit::Ok)
    }
}
