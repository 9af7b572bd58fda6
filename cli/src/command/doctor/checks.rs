//! The checks of `touchmark doctor`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use issuer::conf::{Config, Options};
use issuer::describe::name_text;
use issuer::gate::build_date;
use issuer::path::{self, TrustAnchors};
use issuer::profile::Profile;
use ledger::{Ledger, Timestamp};
use signer_core::{
    Clock, Error as SignerError, SecretKind, SubjectPublicKeyInfoOwned, SystemClock,
};

use super::{Finding, Pins};
use crate::context::Context;
use crate::error::{Error, Result, chain};
use crate::settings::Settings;
use crate::signers::{Asking, Chosen, People, fingerprint};

/// Every check, one after another; each is made whatever the others found.
pub(super) fn all(context: &Context<'_>, pins: Pins) -> Vec<Finding> {
    let settings = context.settings();
    let mut findings = vec![settings_found(&settings)];
    let now = SystemClock.now();
    findings.push(clock(now));
    if let Ok(settings) = settings {
        findings.extend(files(settings));
        findings.extend(profile(settings));
        findings.extend(ledger(context, now));
        findings.extend(signers(context, settings, now, pins));
    }
    findings
}

fn settings_found(settings: &Result<&Settings>) -> Finding {
    match settings {
        Ok(Settings { file: None, .. }) => Finding::warn(
            "settings",
            "no settings file was found",
            "make one with `touchmark init`",
        ),
        Ok(Settings { file: Some(file), signers, .. }) => {
            let signers = signers.len();
            Finding::ok("settings", format!("{} (signers: {signers})", file.display()))
        }
        Err(error) => Finding::fail("settings", error),
    }
}

fn files(settings: &Settings) -> Vec<Finding> {
    let extfile = settings.issue.extfile.iter();
    extfile
        .map(|file| {
            let section = settings.issue.extensions.as_deref();
            Finding::of("extfile", &extfile_holds(file, section), |()| file.display().to_string())
        })
        .collect()
}

fn profile(settings: &Settings) -> Option<Finding> {
    let name = settings.issue.profile.as_deref()?;
    let found = Profile::named(name, &settings.profiles)
        .ok_or_else(|| SignerError::NotFound { what: format!("profile {name:?}") }.into());
    Some(Finding::of("profile", &found, |_| name.to_owned()))
}

/// Whether the config can be read and has the section that the settings name.
fn extfile_holds(file: &Path, section: Option<&str>) -> Result<()> {
    let config = Config::load(file, &Options::operator()).map_err(Error::config)?;
    match section.filter(|section| config.section(section.as_bytes()).is_none()) {
        None => Ok(()),
        Some(section) => Err(Error::Content {
            path: file.to_owned(),
            reason: format!("it has no section [ {section} ]"),
        }),
    }
}

fn clock(now: SystemTime) -> Finding {
    let shown = match (Timestamp::try_from(now), Timestamp::try_from(build_date())) {
        (Ok(now), Ok(built)) if now >= built => return Finding::ok("clock", now.to_string()),
        (Ok(now), Ok(built)) => {
            format!("it says {now}, and this program was built on {built}")
        }
        (Err(error), _) | (_, Err(error)) => return Finding::fail("clock", &error.into()),
    };
    let hint = "set the clock, then check with `date -u`".into();
    Finding::fail("clock", &Error::Refused { what: shown, hint })
}

fn ledger(context: &Context<'_>, now: SystemTime) -> Vec<Finding> {
    let location = match context.ledger_location() {
        Ok(Some(location)) => location,
        Ok(None) => {
            return vec![Finding::warn(
                "ledger",
                "none is configured, so nothing is recorded and nothing is unique",
                "name one in [issue] of the settings; `touchmark init` does",
            )];
        }
        Err(error) => return vec![Finding::fail("ledger", &error)],
    };
    let ledger = match Ledger::open_read_only(&location) {
        Ok(ledger) => ledger,
        Err(error @ ledger::Error::Missing { .. }) => {
            return vec![Finding::warn(
                "ledger",
                error.to_string(),
                "it is made when first written to; `touchmark init` makes it now",
            )];
        }
        Err(error) => return vec![Finding::fail("ledger", &error.into())],
    };
    let last = ledger.head().and_then(|head| Ok((head, ledger.entry(head.sequence)?)));
    match last {
        Ok((head, Some(last))) => vec![
            Finding::ok("ledger", format!("{location} ({} entries)", head.sequence)),
            after(now, last.time),
        ],
        Ok((head, None)) => {
            let missing = format!("the last entry, {}, is missing", head.sequence);
            let error = ledger::Error::Inconsistent { what: missing };
            vec![Finding::fail("ledger", &error.into())]
        }
        Err(error) => vec![Finding::fail("ledger", &error.into())],
    }
}

/// The clock against the last entry, as the ledger itself will judge it.
fn after(now: SystemTime, last: Timestamp) -> Finding {
    const ALLOWED: Duration = Duration::from_secs(5 * 60);
    let behind = SystemTime::from(last).duration_since(now).unwrap_or_default();
    match Timestamp::try_from(now) {
        Ok(now) if behind > ALLOWED => {
            let error = ledger::Error::ClockBehind { last, now };
            Finding::fail("clock against ledger", &error.into())
        }
        Ok(_) => Finding::ok("clock against ledger", format!("last entry of {last}")),
        Err(error) => Finding::fail("clock against ledger", &error.into()),
    }
}

fn signers(
    context: &Context<'_>,
    settings: &Settings,
    now: SystemTime,
    pins: Pins,
) -> Vec<Finding> {
    // One that only the flag names is checked too.
    let flag = context.global.signer.iter().filter(|name| !settings.signers.contains_key(*name));
    let names = settings.signers.keys().chain(flag);
    names.flat_map(|name| signer(context, name, now, pins)).collect()
}

fn signer(context: &Context<'_>, name: &str, now: SystemTime, pins: Pins) -> Vec<Finding> {
    let check = format!("signer {name}");
    let asking = match pins {
        Pins::Presented => Asking::of(People::LeftAlone),
        Pins::Withheld => Asking::of(People::LeftAlone).withholding(SecretKind::Pin),
    };
    let chosen = match Chosen::named(context, name, asking) {
        Ok(chosen) => chosen,
        Err(error) => return vec![Finding::fail(check, &error)],
    };
    let public_key = chosen.public_key().map(|(_, key)| key);
    let key = match &public_key {
        Err(Error::Signer(error @ SignerError::NobodyToAsk { kind, .. })) => match pins {
            Pins::Withheld if *kind == SecretKind::Pin => behind_the_pin(
                check,
                "its token shows the key only with the PIN, which was not presented: not checked",
            ),
            _ => Finding::warn(
                check,
                error.to_string(),
                format!("try it on a terminal: `touchmark key list --signer {name}`"),
            ),
        },
        outcome => Finding::of(check, outcome, |key| match fingerprint(key) {
            Ok(fingerprint) => format!("{} (SHA-256 {fingerprint})", chosen.locator),
            Err(error) => error.to_string(),
        }),
    };
    let mut findings = vec![key];
    findings.extend(public_key.is_ok().then(|| weaknesses(&chosen, pins)).flatten());
    findings.extend(certificate(&chosen, public_key.ok().as_ref(), now));
    findings
}

/// What a thief of the PIN could do with the key beside signing, where the token tells.
fn weaknesses(chosen: &Chosen<'_>, pins: Pins) -> Option<Finding> {
    let check = format!("key of {}", chosen.name);
    let found = chosen.token().and_then(|mut token| {
        let key = chosen.key()?;
        Ok(match token.key_manager() {
            Some(keys) => keys.weaknesses(&key)?,
            None => None,
        })
    });
    match found {
        Ok(None) => None,
        Ok(Some(none)) if none.is_empty() => {
            Some(Finding::ok(check, "it signs and does nothing else, and cannot be read out"))
        }
        Ok(Some(found)) => {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            let error = Error::Refused {
                what: format!("a signing key must only sign, and this one {}", found.join(", ")),
                hint: "make a new one on the token: `touchmark key generate`".into(),
            };
            Some(Finding::fail(check, &error))
        }
        Err(Error::Signer(SignerError::NobodyToAsk { .. })) if pins == Pins::Withheld => {
            Some(behind_the_pin(
                check,
                "whether it can be read out, wrap, unwrap or decrypt is behind the PIN, which was not \
                 presented: not checked",
            ))
        }
        Err(Error::Signer(error @ SignerError::NobodyToAsk { .. })) => Some(Finding::warn(
            check,
            error.to_string(),
            format!("name a source of its PIN, or look with `pkcs11-tool -O`: {}", chosen.name),
        )),
        Err(error) => Some(Finding::fail(check, &error)),
    }
}

/// What cannot be looked at without risking a try.
fn behind_the_pin(check: String, text: &str) -> Finding {
    Finding::warn(check, text, "`touchmark doctor --with-pin` presents it; a wrong one costs a try")
}

/// The certificate of a signer, in its file or on its token: readable, for its key, and sound link by
/// link. Nothing where the token keeps none, as a signer of requests needs none, or where a secret
/// stands before it: what is wrong with that was told.
fn certificate(
    chosen: &Chosen<'_>,
    key: Option<&SubjectPublicKeyInfoOwned>,
    now: SystemTime,
) -> Option<Finding> {
    let check = format!("certificate of {}", chosen.name);
    let found = chosen.certificates();
    if let (None, Err(Error::Signer(error))) = (&chosen.certificate, &found)
        && matches!(
            error,
            SignerError::NotFound { .. }
                | SignerError::Unsupported { .. }
                | SignerError::NobodyToAsk { .. }
                | SignerError::WrongSecret { .. }
                | SignerError::FailedBefore { .. }
                | SignerError::LastTryRefused { .. }
                | SignerError::Blocked { .. }
        )
    {
        return None;
    }
    let checked = found.and_then(|chain_file| {
        let first = chain_file.first().ok_or_else(|| Error::usage("no certificate"))?;
        if let Some(key) = key.filter(|key| *key != first.spki()) {
            return Err(SignerError::AnotherKey {
                origin: format!("the certificate of {}", chosen.name),
                expected: fingerprint(key)?.to_string(),
                found: fingerprint(first.spki())?.to_string(),
            }
            .into());
        }
        let path = path::validate(&chain_file, &TrustAnchors::vendor(), now).map_err(|error| {
            Error::Refused {
                what: chain(&error),
                hint: "look closer with `touchmark cert verify`".into(),
            }
        })?;
        Ok((name_text(first.subject()), path.links.len()))
    });
    Some(Finding::of(check, &checked, |(subject, links)| match links {
        1 => subject.clone(),
        links => format!("{subject} (chain of {links}, every link holds)"),
    }))
}
