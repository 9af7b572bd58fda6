//! `touchmark token list`

use clap::Args;
use serde::Serialize;

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::Table;

/// List the tokens that are there now
///
/// With --json, one object a token: locator, model, serial, version.
#[derive(Debug, Args)]
pub(crate) struct List {}

#[derive(Serialize)]
struct Found {
    locator: String,
    model: String,
    serial: Option<String>,
    version: Option<String>,
}

impl Run for List {
    fn purpose(&self) -> String {
        "list the tokens".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let mut found = Vec::new();
        for backend in context.registry.backends() {
            found.extend(backend.list()?.into_iter().map(|token| Found {
                locator: token.locator.to_string(),
                model: token.model,
                serial: token.serial,
                version: token.version,
            }));
        }
        if found.is_empty() {
            context.output.note("no tokens are here; key files are not tokens and are not listed");
        } else if context.output.is_json() {
            for token in &found {
                context.output.object(token)?;
            }
        } else {
            let mut table = Table::new(&["LOCATOR", "MODEL", "SERIAL", "VERSION"]);
            for token in &found {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
                let (serial, version) = (text(&token.serial), text(&token.version));
                table.row([&token.locator, &token.model, &serial, &version]);
            }
            context.output.text(&table)?;
        }
        Ok(Exit::Ok)
    }
}
