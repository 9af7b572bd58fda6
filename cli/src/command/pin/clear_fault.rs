//! `touchmark pin clear-fault`

use clap::Args;

use crate::command::Run;
use crate::context::Context;
use crate::custodian;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::Asking;

/// Let a secret through again that failed before
///
/// A secret that a token took for wrong is not presented again, and neither is one in 256 others
/// that cannot be told from it. This forgets what failed; correct the secret's source first.
#[derive(Debug, Args)]
pub(crate) struct ClearFault {}

impl Run for ClearFault {
    fn purpose(&self) -> String {
        "clear the fault".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let any = custodian::act(context, Asking::default(), |it| it.clear_faults())?;
        context.output.note(match any {
            true => "what failed before is forgotten; the next wrong one costs a try again",
            false => "nothing failed before",
        });
        Ok(Exit::Ok)
    }
}
