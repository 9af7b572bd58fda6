//! `touchmark key list`

use clap::Args;
use serde::Serialize;

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::Table;
use crate::signers::{Asking, Chosen, fingerprint};

/// List the keys of a signer's token
///
/// With --json, one object a key: key, algorithm, spki_sha256.
#[derive(Debug, Args)]
pub(crate) struct List {}

#[derive(Serialize)]
struct Found {
    key: String,
    algorithm: String,
    spki_sha256: String,
}

impl Run for List {
    fn purpose(&self) -> String {
        "list the keys".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let chosen = Chosen::new(context, Asking::default())?;
        let mut table = Table::new(&["KEY", "ALGORITHM", "SHA-256"]);
        for key in chosen.token()?.keys()? {
            let found = Found {
                key: key.key.to_string(),
                algorithm: key.spec.to_string(),
                spki_sha256: fingerprint(&key.public_key)?.to_string(),
            };
            if context.output.is_json() {
                context.output.object(&found)?;
            } else {
                table.row([&found.key, &found.algorithm, &found.spki_sha256]);
            }
        }
        if !context.output.is_json() {
            context.output.text(&table)?;
        }
        Ok(Exit::Ok)
    }
}
