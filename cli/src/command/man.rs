//! `touchmark man`

use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man as Page;

use super::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::{args, atomic};

/// Write the manual pages, one for each command
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder, which must exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Run for Man {
    fn purpose(&self) -> String {
        format!("write the manual pages into {}", self.folder.display())
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let mut command = args::definition().disable_help_subcommand(true);
        command.build();
        let written = write(&command, &self.folder)?;
        context.output.note(&format!("{written} pages written to {}", self.folder.display()));
        Ok(Exit::Ok)
    }
}

/// Writes the page of a command and of all below it, and says how many those are. Pages are named
/// like the words that are typed, joined by hyphens, as git's are.
fn write(command: &clap::Command, folder: &Path) -> Result<usize> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    Page::new(command.clone())
        .render(&mut page)
        .map_err(|source| Error::Write { path: path.clone(), source })?;
    atomic::write(&path, &page)?;
    let mut written = 1;
    for below in command.get_subcommands() {
        written += write(below, folder)?;
    }
    Ok(written)
}
