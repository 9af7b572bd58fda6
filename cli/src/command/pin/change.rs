//! `touchmark pin change`

use clap::Args;
use signer_core::{SecretKind, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::custodian;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::Asking;

/// Change the PIN
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Where the new PIN comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_pin: Option<SecretSpec>,
}

impl Run for Change {
    fn purpose(&self) -> String {
        "change the PIN".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking = Asking::default().with(SecretKind::NewPin, self.new_pin.as_ref());
        custodian::act_on_pin(context, asking, |custodian| custodian.change_pin())?;
        context.output.note("the PIN was changed");
        Ok(Exit::Ok)
    }
}
