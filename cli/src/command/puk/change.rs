//! `touchmark puk change`

use clap::Args;
use signer_core::{SecretKind, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::custodian;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::Asking;

/// Change the PUK, or the SO PIN of a PKCS#11 token
///
/// A wrong PUK costs a try, and a PUK without tries comes back with a reset alone.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Where the PUK comes from; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    puk: Option<SecretSpec>,

    /// Where the SO PIN comes from, which a PKCS#11 token has in place of a PUK
    #[arg(long, value_name = "SOURCE")]
    so_pin: Option<SecretSpec>,

    /// Where the new PUK comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_puk: Option<SecretSpec>,

    /// Where the new SO PIN comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_so_pin: Option<SecretSpec>,
}

impl Run for Change {
    fn purpose(&self) -> String {
        "change the PUK".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking = Asking::default()
            .with(SecretKind::Puk, self.puk.as_ref())
            .with(SecretKind::SoPin, self.so_pin.as_ref())
            .with(SecretKind::NewPuk, self.new_puk.as_ref())
            .with(SecretKind::NewSoPin, self.new_so_pin.as_ref());
        let changed = custodian::act(context, asking, |custodian| {
            custodian.change_puk()?;
            custodian.unblocker()
        })?;
        context.output.note(&format!("the {changed} was changed"));
        Ok(Exit::Ok)
    }
}
