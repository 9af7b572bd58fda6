//! `touchmark pin verify`

use clap::Args;

use crate::command::Run;
use crate::context::Context;
use crate::custodian;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::Asking;

/// Present the PIN; a wrong one costs a try
#[derive(Debug, Args)]
pub(crate) struct Verify {}

impl Run for Verify {
    fn purpose(&self) -> String {
        "verify the PIN".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        custodian::act_on_pin(context, Asking::default(), |custodian| custodian.verify_pin())?;
        context.output.note("the PIN is right");
        Ok(Exit::Ok)
    }
}
