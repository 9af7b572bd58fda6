//! `touchmark key move`

use clap::Args;
use serde_json::json;
use signer_core::{KeyRef, SecretKind, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen};

/// Move the signer's key to another slot of the same token; nothing is ever overwritten
///
/// Its certificate stays where it is.
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The slot to move it to, such as 82
    to: String,

    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,
}

impl Run for Move {
    fn purpose(&self) -> String {
        format!("move the key to slot {}", self.to)
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking =
            Asking::default().with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        let mut journal = Journal::open(context)?;
        let mut token = chosen.token()?;
        let place = chosen.place(&*token)?;
        let manager = chosen.key_manager(&mut *token, "moving the key of")?;
        let to = KeyRef::Slot(self.to.to_ascii_lowercase());
        manager.relocate(&chosen.key()?, &to)?;
        let details = json!({ "signer": place, "to": to.to_string() });
        journal.record("key.move", details, "the key was moved")?;
        context.output.note(&format!("the key is in {to} now"));
        Ok(Exit::Ok)
    }
}
