//! `touchmark doctor`

mod checks;

use clap::Args;
use serde::Serialize;

use super::Run;
use crate::context::Context;
use crate::error::{Error, Failure, Result};
use crate::exit::Exit;
use crate::render::Verdict;

/// Check settings, files, keys, ledger and clock
///
/// Changes nothing, asks nobody, and spends no try: no PIN is presented unless --with-pin says so.
/// What a token hides until then is not checked, and a warning says so. The exit code is that of the
/// worst failure; warnings do not count. With --json, one object a check: check, verdict (ok, warn,
/// fail), text, hint.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Present PINs to tokens that hide their keys behind them, from sources that need nobody; a
    /// wrong one costs a try
    #[arg(long)]
    with_pin: bool,
}

/// Whether tokens are presented their PINs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pins {
    Withheld,
    Presented,
}

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    verdict: Verdict,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Finding {
    fn ok(check: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Ok,
            text: text.into(),
            hint: None,
            exit: Exit::Ok,
        }
    }

    fn warn(check: impl Into<String>, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, hint: Some(hint.into()), ..Self::ok(check, text) }
    }

    fn fail(check: impl Into<String>, error: &Error) -> Self {
        let Failure { cause, hint, exit, .. } = Failure::new("", error);
        Self { verdict: Verdict::Fail, hint: Some(hint), exit, ..Self::ok(check, cause) }
    }

    fn of<T>(
        check: impl Into<String>,
        outcome: &Result<T>,
        text: impl FnOnce(&T) -> String,
    ) -> Self {
        match outcome {
            Ok(good) => Self::ok(check, text(good)),
            Err(error) => Self::fail(check, error),
        }
    }
}

impl Run for Doctor {
    fn purpose(&self) -> String {
        "check everything".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let mut worst = Exit::Ok;
        let pins = if self.with_pin { Pins::Presented } else { Pins::Withheld };
        for finding in checks::all(context, pins) {
            worst = worst.max(finding.exit);
            if context.output.is_json() {
                context.output.object(&finding)?;
                continue;
            }
            context
                .output
                .verdict(finding.verdict, &format!("{}: {}", finding.check, finding.text))?;
            if let Some(hint) = &finding.hint {
                context.output.text(&format!("      hint: {hint}"))?;
            }
        }
        Ok(worst)
    }
}
