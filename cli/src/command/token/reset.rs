//! `touchmark token reset`

use clap::Args;

use crate::command::Run;
use crate::context::Context;
use crate::custodian::act;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::prompt;
use crate::signers::Asking;

/// Put the signer's token back to its factory state, after showing what that destroys
///
/// Keys, certificates and objects are gone for good, and PIN, PUK and management key are the
/// factory's. All tries of PIN and PUK are spent on the way, on purpose.
#[derive(Debug, Args)]
pub(crate) struct Reset {
    /// The token's serial number; else it has to be typed after the list of what will be gone
    #[arg(long, value_name = "SERIAL")]
    serial_confirm: Option<String>,
}

impl Run for Reset {
    fn purpose(&self) -> String {
        "reset the token".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let confirmed = act(context, Asking::default(), |custodian| {
            let contents = custodian.contents()?;
            for line in &contents {
                context.output.warn(&format!("this will be gone: {line}"));
            }
            let typed = match &self.serial_confirm {
                Some(serial) => Some(serial.clone()),
                None if context.global.no_input || !prompt::is_possible() => None,
                None => prompt::line("type the token's serial number to reset it: ").ok(),
            };
            match typed {
                Some(serial) => custodian.reset(serial.trim(), &contents).map(|()| true),
                None => Ok(false),
            }
        })?;
        if !confirmed {
            return Err(Error::usage_see(
                "nobody confirmed it",
                "name the serial number: `touchmark token reset --serial-confirm SERIAL`",
            ));
        }
        context.output.note("the token is as the factory left it; PIN, PUK and management key too");
        Ok(Exit::Ok)
    }
}
