//! `touchmark pin status`

use std::fmt;

use clap::Args;
use serde::Serialize;
use signer_core::pin_guard::Fault;
use signer_core::{PinStatus, SecretKind, Tries};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::plain;
use crate::signers::{Asking, Chosen};

/// Show how many tries PIN and PUK have left; spends none
///
/// With --json, one object: token, serial, pin and puk, each with tries (a number, "low" or
/// "unknown"; puk is the SO PIN of a PKCS#11 token), total and factory (null where the token does not tell), and faults: secrets that
/// failed before and are not presented again, each with secret, since and how.
#[derive(Debug, Args)]
pub(crate) struct Status {}

#[derive(Serialize)]
struct Found {
    token: String,
    serial: Option<String>,
    pin: Counter,
    puk: Option<Counter>,
    #[serde(skip)]
    unblocker: SecretKind,
    faults: Vec<Remembered>,
}

/// A secret that failed before and is not presented again.
#[derive(Serialize)]
struct Remembered {
    secret: String,
    since: String,
    how: String,
}

impl From<&Fault> for Remembered {
    fn from(fault: &Fault) -> Self {
        let since = OffsetDateTime::from(fault.since).format(&Rfc3339).unwrap_or_default();
        Self { secret: fault.kind.to_string(), since, how: fault.to_string() }
    }
}

/// One secret's counter.
#[derive(Serialize)]
struct Counter {
    tries: serde_json::Value,
    total: Option<u8>,
    factory: Option<bool>,
    #[serde(skip)]
    status: PinStatus,
}

impl From<PinStatus> for Counter {
    fn from(status: PinStatus) -> Self {
        Self {
            tries: custody::tries_value(status.tries),
            total: status.total,
            factory: status.is_default,
            status,
        }
    }
}

impl Run for Status {
    fn purpose(&self) -> String {
        "read the PIN's status".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let chosen = Chosen::new(context, Asking::default())?;
        let mut custodian =
            custody::Custodian::new(chosen.token()?, chosen.opened_with(), None, None);
        let statuses = custodian.statuses()?;
        let faults = custodian.faults(&statuses)?;
        let info = custodian.token();
        let found = Found {
            token: info.name.clone(),
            serial: info.serial.clone(),
            pin: statuses.pin.into(),
            puk: statuses.puk.map(Counter::from),
            unblocker: statuses.unblocker,
            faults: faults.iter().map(Remembered::from).collect(),
        };
        context.output.show(&found)?;
        Ok(Exit::Ok)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "token  {}", plain(&self.token))?;
        writeln!(f, "PIN    {}", self.pin)?;
        let unblocker = self.unblocker.to_string();
        match &self.puk {
            Some(puk) => writeln!(f, "{unblocker:<6} {puk}")?,
            None => writeln!(f, "{unblocker:<6} not told by this token")?,
        }
        for Remembered { secret, since, how } in &self.faults {
            writeln!(f, "fault  a {secret} {how}, on {since}, and is not presented again")?;
        }
        Ok(())
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, total, factory, .. } = self;
        match (status.tries, total) {
            (Tries::Left(left), Some(total)) => write!(f, "{left} of {total} tries left")?,
            (Tries::Last, Some(total)) => write!(f, "1 of {total} tries left")?,
            (tries, _) => write!(f, "{tries}")?,
        }
        match factory {
            Some(true) => f.write_str("; still the factory's"),
            Some(false) => f.write_str("; not the factory's"),
            None => Ok(()),
        }
    }
}
