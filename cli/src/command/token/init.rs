//! `touchmark token init`

use clap::Args;
use custody::Custodian;
use signer_core::{SecretKind, SecretSpec};

use super::list::Listed;
use crate::command::Run;
use crate::context::Context;
use crate::custodian;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::prompt;
use crate::signers::{Asking, Chosen};

/// Make an empty PKCS#11 token ready for keys: a label, an SO PIN and a PIN
///
/// The signer's locator says in which module, and `slot-id` in it which of several empty tokens. A
/// token that is in use is never touched. With --json, one object, as `token list` has it.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The token's label, 1 to 32 octets; else the one in the locator
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,

    /// The label once more; else it has to be typed
    #[arg(long, value_name = "LABEL")]
    label_confirm: Option<String>,

    /// Where the new SO PIN comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_so_pin: Option<SecretSpec>,

    /// Where the new PIN comes from; else it is asked for, twice
    #[arg(long, value_name = "SOURCE")]
    new_pin: Option<SecretSpec>,
}

impl Run for Init {
    fn purpose(&self) -> String {
        "initialise the token".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking = Asking::default()
            .with(SecretKind::NewSoPin, self.new_so_pin.as_ref())
            .with(SecretKind::NewPin, self.new_pin.as_ref());
        let chosen = Chosen::new(context, asking)?;
        let label = self.label(&chosen)?;
        let backend = chosen.backend()?;
        let empty = backend.empty_token(&chosen.locator, chosen.opened_with())?;
        self.confirm(context, &empty.name, &label)?;
        let made = custodian::act_as(
            context,
            &chosen,
            |with, ledger, escrow| {
                Ok(Custodian::of_empty(&chosen.locator, &empty, with, ledger, escrow))
            },
            |custodian| custodian.initialize(backend, &empty, &label),
        )?;
        match context.output.is_json() {
            true => context.output.object(&Listed::from(&made))?,
            false => context.output.note(&format!("{} is ready: {}", made.name, made.locator)),
        }
        Ok(Exit::Ok)
    }
}

impl Init {
    fn label(&self, chosen: &Chosen<'_>) -> Result<String> {
        let attributes = chosen.locator.attributes()?;
        let in_locator =
            attributes.get("token").filter(|label| !label.is_empty()).map(str::to_owned);
        self.label.clone().or(in_locator).ok_or_else(|| {
            Error::usage_see(
                "it is not said what the token shall be called",
                "name its label: `touchmark token init --label LABEL`",
            )
        })
    }

    fn confirm(&self, context: &Context<'_>, empty: &str, label: &str) -> Result<()> {
        let typed = match &self.label_confirm {
            Some(typed) => Some(typed.clone()),
            None if context.global.no_input || !prompt::is_possible() => None,
            None => {
                let question = format!("type {label:?} to make that of the {empty}: ");
                prompt::line(&crate::render::plain(&question)).ok()
            }
        };
        match typed {
            None => Err(Error::usage_see(
                "nobody confirmed it",
                "name the label once more: `touchmark token init --label-confirm LABEL`",
            )),
            Some(typed) if typed.trim_end_matches(['\r', '\n']) == label => Ok(()),
            Some(typed) => Err(Error::Refused {
                what: format!("{:?} is not the label {label:?}", typed.trim()),
                hint:
                    "type the label of --label, or else that of the locator: `touchmark token init \
                       --label-confirm LABEL`"
                        .into(),
            }),
        }
    }
}
