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
/// With --json, one object a key: key, algorithm, spki_sha256, and pin_policy, touch_policy and
/// origin, each null where the token does not tell.
#[derive(Debug, Args)]
pub(crate) struct List {}

#[derive(Serialize)]
struct Found {
    key: String,
    algorithm: String,
    spki_sha256: String,
    pin_policy: Option<String>,
    touch_policy: Option<String>,
    origin: Option<String>,
}

impl Run for List {
    fn purpose(&self) -> String {
        "list the keys".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let chosen = Chosen::new(context, Asking::default())?;
        let mut found = Vec::new();
        for key in chosen.token()?.keys()? {
            found.push(Found {
                key: key.key.to_string(),
                algorithm: key.spec.to_string(),
                spki_sha256: fingerprint(&key.public_key)?.to_string(),
                pin_policy: key.policy.pin.map(|policy| policy.to_string()),
                touch_policy: key.policy.touch.map(|policy| policy.to_string()),
                origin: key.origin.map(|origin| origin.to_string()),
            });
        }
        if context.output.is_json() {
            for key in &found {
                context.output.object(key)?;
            }
        } else {
            context.output.text(&table(&found))?;
        }
        Ok(Exit::Ok)
    }
}

/// Policies and origins only where some key has one: a key file never does.
fn table(keys: &[Found]) -> Table {
    let told = |key: &Found| [&key.pin_policy, &key.touch_policy, &key.origin].map(Clone::clone);
    if keys.iter().flat_map(told).all(|word| word.is_none()) {
        let mut table = Table::new(&["KEY", "ALGORITHM", "SHA-256"]);
        for key in keys {
            table.row([&key.key, &key.algorithm, &key.spki_sha256]);
        }
        return table;
    }
    let mut table = Table::new(&["KEY", "ALGORITHM", "PIN", "TOUCH", "ORIGIN", "SHA-256"]);
    for key in keys {
        let [pin, touch, origin] = told(key).map(|word| word.unwrap_or_else(|| "-".into()));
        table.row([&key.key, &key.algorithm, &pin, &touch, &origin, &key.spki_sha256]);
    }
    table
}
