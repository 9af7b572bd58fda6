//! `touchmark cert delete`

use clap::Args;
use serde_json::json;
use signer_core::{SecretKind, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen};

/// Remove the certificate that the token stores with the signer's key; the key stays
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,
}

impl Run for Delete {
    fn purpose(&self) -> String {
        "delete the certificate".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking =
            Asking::default().with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        let mut journal = Journal::open(context)?;
        let mut token = chosen.token()?;
        let place = chosen.place(&*token)?;
        let store = chosen.cert_store(&mut *token, "removing a certificate from")?;
        store.remove(&chosen.key()?)?;
        let keeps_chains = store.keeps_chains();
        let details = json!({ "signer": place });
        journal.record("cert.delete", details, "the certificate was removed")?;
        context.output.note(match keeps_chains {
            false => "the certificate is gone; the key is still there",
            true => {
                "the certificate is gone; the key is still there, and so are certificates above \
                 it, which other keys may need"
            }
        });
        Ok(Exit::Ok)
    }
}
