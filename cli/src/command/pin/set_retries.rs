//! `touchmark pin set-retries`

use clap::Args;
use clap::builder::RangedU64ValueParser;
use signer_core::{Retries, SecretKind, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::custodian;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::Asking;

/// Set how many tries PIN and PUK have, with a new PIN and a new PUK
///
/// The token falls back to factory PIN and PUK in between, so new ones are part of it. Cut short
/// there, the same command goes on where it stopped: a ledger is needed.
#[derive(Debug, Args)]
pub(crate) struct SetRetries {
    /// Tries of the PIN, 1 to 255
    #[arg(value_name = "PIN-TRIES", value_parser = RangedU64ValueParser::<u8>::new().range(1..=255))]
    pin_tries: u8,

    /// Tries of the PUK, 1 to 255
    #[arg(value_name = "PUK-TRIES", value_parser = RangedU64ValueParser::<u8>::new().range(1..=255))]
    puk_tries: u8,

    /// Where the new PIN comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_pin: Option<SecretSpec>,

    /// Where the new PUK comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_puk: Option<SecretSpec>,

    /// Where the management key comes from; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,
}

impl Run for SetRetries {
    fn purpose(&self) -> String {
        "set the retry limits".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking = Asking::default()
            .with(SecretKind::ManagementKey, self.management_key.as_ref())
            .with(SecretKind::NewPin, self.new_pin.as_ref())
            .with(SecretKind::NewPuk, self.new_puk.as_ref());
        let retries = Retries { pin: self.pin_tries, puk: self.puk_tries };
        custodian::act(context, asking, |custodian| custodian.set_retries(retries))?;
        context.output.note(&format!(
            "the PIN has {} tries and the PUK {}, and both are the new ones",
            retries.pin, retries.puk
        ));
        Ok(Exit::Ok)
    }
}
