//! What a caller's values must fulfil before anything is written.

use crate::{
    Act, Error, Intent, Issued, OpenOptions, Refusal, Result,
    body::{LARGEST_BODY, LARGEST_CERTIFICATE},
};

/// The longest name, device id or device type in bytes.
const LONGEST_NAME: usize = 1024;

/// The longest reason in bytes.
const LONGEST_TEXT: usize = LARGEST_BODY / 4;

pub(crate) fn size(member: &'static str, size: usize, limit: usize) -> Result<()> {
    if (1..=limit).contains(&size) { Ok(()) } else { Err(Error::BadSize { member, size, limit }) }
}

pub(crate) fn options(options: &OpenOptions) -> Result<()> {
    size("the operator", options.operator.len(), LONGEST_NAME)?;
    size("the station", options.station.len(), LONGEST_NAME)?;
    size("the software version", options.software.len(), LONGEST_NAME)?;
    optional("the reason to accept the clock", options.accept_clock.as_deref(), LONGEST_TEXT)
}

pub(crate) fn intent(intent: &Intent) -> Result<()> {
    optional("a device type", intent.device_type.as_deref(), LONGEST_NAME)?;
    optional("a device id", intent.device_id.as_deref(), LONGEST_NAME)?;
    optional("the reason of a reissue", intent.reissue.as_deref(), LONGEST_TEXT)
}

pub(crate) fn issued(issued: &Issued) -> Result<()> {
    size("a certificate", issued.certificate.len(), LARGEST_CERTIFICATE)
}

pub(crate) fn reason(reason: &str) -> Result<()> {
    size("the reason of an abort", reason.len(), LONGEST_TEXT)
}

pub(crate) fn refusal(refusal: &Refusal) -> Result<()> {
    size("the rule of a refusal", refusal.rule.len(), LONGEST_NAME)?;
    size("the reason of a refusal", refusal.reason.len(), LONGEST_TEXT)
}

pub(crate) fn act(act: &Act) -> Result<()> {
    size("the name of an act", act.name.len(), LONGEST_NAME)
}

fn optional(member: &'static str, text: Option<&str>, limit: usize) -> Result<()> {
    text.map_or(Ok(()), |text| size(member, text.len(), limit))
}
