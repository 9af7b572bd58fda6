//! `touchmark token list`

use clap::Args;
use serde::Serialize;
use signer_core::{OpenContext, TokenInfo};

use crate::command::Run;
use crate::context::Context;
use crate::error::{Result, chain};
use crate::exit::Exit;
use crate::render::Table;
use crate::signers::{Asking, Chosen, People};

/// List the tokens that are there now
///
/// Of PKCS#11 modules, those that the settings or --signer name.
///
/// With --json, one object a token: locator, model, serial, version.
#[derive(Debug, Args)]
pub(crate) struct List {}

/// A token as JSON tells of it.
#[derive(Serialize)]
pub(super) struct Listed {
    locator: String,
    model: String,
    serial: Option<String>,
    version: Option<String>,
}

impl From<&TokenInfo> for Listed {
    fn from(info: &TokenInfo) -> Self {
        let TokenInfo { locator, model, serial, version, .. } = info.clone();
        Self { locator: locator.to_string(), model, serial, version }
    }
}

impl Run for List {
    fn purpose(&self) -> String {
        "list the tokens".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let found: Vec<Listed> = tokens(context)?.iter().map(Listed::from).collect();
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

fn tokens(context: &Context<'_>) -> Result<Vec<TokenInfo>> {
    let mut found = Vec::new();
    let mut failed = None;
    // One kind of token that cannot be reached hides no other.
    let mut add =
        |found: &mut Vec<TokenInfo>, tokens: signer_core::Result<Vec<TokenInfo>>| match tokens {
            Ok(tokens) => {
                let new: Vec<_> = tokens.into_iter().filter(|it| !found.contains(it)).collect();
                found.extend(new);
            }
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    context.output.warn(&chain(&earlier));
                }
            }
        };
    let with = OpenContext { interaction: context.output.events(), ..OpenContext::default() };
    for backend in context.registry.backends() {
        add(&mut found, backend.list(&with));
    }
    let settings = context.settings()?;
    let names = settings.signers.keys().chain(&context.global.signer);
    for name in names {
        let chosen = Chosen::named(context, name, Asking::of(People::LeftAlone))?;
        // A scheme that this program was built without has no tokens here.
        let Ok(backend) = chosen.backend() else { continue };
        add(&mut found, backend.list_at(&chosen.locator, chosen.opened_with()));
    }
    match failed {
        Some(error) if found.is_empty() => Err(error.into()),
        Some(error) => {
            context.output.warn(&chain(&error));
            Ok(found)
        }
        None => Ok(found),
    }
}
