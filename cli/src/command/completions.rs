//! `touchmark completions`

use clap::Args;
use clap_complete::Shell;

use super::Run;
use crate::args;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;

/// Print a script that completes this program's words in a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Run for Completions {
    fn purpose(&self) -> String {
        format!("print completions for {}", self.shell)
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut args::definition(), "touchmark", &mut script);
        context.output.bytes(&script)?;
        Ok(Exit::Ok)
    }
}
