//! `touchmark key import`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use signer_core::{KeyPolicy, PinPolicy, SecretKind, SecretSpec, TouchPolicy};

use crate::command::Run;
use crate::command::key::generate::Made;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen};

/// Bring the key of a key file to the signer's token; nothing is ever overwritten
///
/// The file is left as it is. Prints the same as `key generate`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The private key: PEM, as OpenSSL writes it
    file: PathBuf,

    #[command(flatten)]
    policy: Policy,

    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,
}

/// What a key on a token asks for before each use.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(in crate::command) struct Policy {
    /// When the key wants the PIN: never, once or always; else the token's own choice
    #[arg(long, value_name = "WHEN")]
    pin_policy: Option<PinPolicy>,

    /// When the key wants a touch: never, always or cached; else the token's own choice
    #[arg(long, value_name = "WHEN")]
    touch_policy: Option<TouchPolicy>,
}

impl From<Policy> for KeyPolicy {
    fn from(policy: Policy) -> Self {
        Self { pin: policy.pin_policy, touch: policy.touch_policy }
    }
}

impl Run for Import {
    fn purpose(&self) -> String {
        format!("import {}", self.file.display())
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let key = Chosen::private_key(context, &self.file)?;
        let asking =
            Asking::default().with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        let mut journal = Journal::open(context)?;
        let mut token = chosen.token()?;
        let place = chosen.place(&*token)?;
        let manager = chosen.key_manager(&mut *token, "importing a key to")?;
        let made = Made::new(place, &manager.import(&chosen.key()?, &key, self.policy.into())?)?;
        journal.record("key.import", json!(made), "the key was imported")?;
        context.output.show(&made)?;
        Ok(Exit::Ok)
    }
}
