//! `touchmark pin unblock`

use clap::Args;
use signer_core::{SecretKind, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::custodian;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::Asking;

/// Set a new PIN by means of the PUK, or of the SO PIN of a PKCS#11 token
///
/// A wrong PUK costs one of its tries. A PIN that is not blocked can be replaced in this way, too.
#[derive(Debug, Args)]
pub(crate) struct Unblock {
    /// Where the PUK comes from; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    puk: Option<SecretSpec>,

    /// Where the SO PIN comes from, which a PKCS#11 token has in place of a PUK
    #[arg(long, value_name = "SOURCE")]
    so_pin: Option<SecretSpec>,

    /// Where the new PIN comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_pin: Option<SecretSpec>,
}

impl Run for Unblock {
    fn purpose(&self) -> String {
        "unblock the PIN".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking = Asking::default()
            .with(SecretKind::Puk, self.puk.as_ref())
            .with(SecretKind::SoPin, self.so_pin.as_ref())
            .with(SecretKind::NewPin, self.new_pin.as_ref());
        custodian::act(context, asking, |custodian| custodian.unblock_pin())?;
        context.output.note("the PIN was unblocked, and is the new one");
        Ok(Exit::Ok)
    }
}
