//! `touchmark key delete`

use clap::Args;
use serde_json::json;
use signer_core::{SecretKind, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::journal::Journal;
use crate::prompt;
use crate::signers::{Asking, Chosen, fingerprint};

/// Destroy the signer's key for good
///
/// The start of the key's SHA-256, as `key list` prints it, has to be typed back. A certificate
/// beside it stays; `cert delete` removes it.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The first 8 or more digits of the key's SHA-256; else they have to be typed
    #[arg(long, value_name = "SHA-256")]
    key_confirm: Option<String>,

    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,
}

impl Run for Delete {
    fn purpose(&self) -> String {
        "delete the key".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking =
            Asking::default().with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        let (place, public_key) = chosen.public_key()?;
        let key = fingerprint(&public_key)?.to_string();
        self.confirm(context, &key)?;
        let mut journal = Journal::open(context)?;
        let mut token = chosen.token()?;
        let manager = chosen.key_manager(&mut *token, "deleting the key of")?;
        manager.delete(&chosen.key()?)?;
        let details = json!({ "signer": place, "spki_sha256": key });
        journal.record("key.delete", details, "the key was deleted")?;
        context.output.note(&format!("the key {key} is gone"));
        Ok(Exit::Ok)
    }
}

impl Delete {
    fn confirm(&self, context: &Context<'_>, key: &str) -> Result<()> {
        let typed = match &self.key_confirm {
            Some(typed) => typed.clone(),
            None if context.global.no_input || !prompt::is_possible() => {
                return Err(Error::usage_see(
                    "nobody confirmed it",
                    "name the key: `touchmark key delete --key-confirm SHA-256`",
                ));
            }
            None => {
                context.output.warn(&format!("this key will be gone for good: {key}"));
                prompt::line("type the first 8 digits of it, or more: ").unwrap_or_default()
            }
        };
        let typed = typed.trim().to_ascii_lowercase();
        if typed.len() < 8 || !key.starts_with(&typed) {
            return Err(Error::Refused {
                what: "what was typed is not the start of the key's SHA-256".into(),
                hint: "see which key it is with `touchmark key list`".into(),
            });
        }
        Ok(())
    }
}
