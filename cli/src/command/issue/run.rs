//! What single certificates and batches have in common: issuer, rules, extensions, ledger.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use issuer::conf::{Config, Options};
use issuer::extension_plan::ExtensionPlan;
use issuer::issue::Terms;
use issuer::issuer::Issuer;
use issuer::path::same_name;
use issuer::pem::{self, Kind};
use issuer::profile::Profile;
use issuer::serial::RandomSerials;
use ledger::Ledger;
use signer_core::SystemClock;

use super::Issue;
use crate::context::Context;
use crate::error::{Error, Result, chain};
use crate::signers::{Asking, Chosen};
use crate::{input, journal};

/// How long to wait for another process that is issuing the same.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that is settled before the first request is looked at.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) issuer: Issuer,
    profile: Profile,
    extensions: ExtensionPlan,
    days: u32,
    issue: &'a Issue,
}

impl<'a> Prepared<'a> {
    /// Settles it, from the flags and else from the settings.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is named nowhere; whatever reading files and opening the key
    /// reports.
    pub(super) fn new(issue: &'a Issue, context: &Context<'_>) -> Result<Self> {
        let profile = profile(issue, context)?;
        let days = issue.terms.days.or(context.settings()?.issue.days).ok_or_else(|| {
            Error::usage_see(
                "neither --days nor [issue] days in the settings says how long it is to be valid",
                "name it: `touchmark issue --days 1825`",
            )
        })?;
        let extensions = extensions(issue, context)?;
        let issuer = issuer(issue, context)?;
        Ok(Self { issuer, profile, extensions, days, issue })
    }

    /// The terms, as the library wants them.
    pub(super) fn terms(&self) -> Terms<'_> {
        let flags = &self.issue.terms;
        Terms {
            issuer: &self.issuer,
            profile: &self.profile,
            extensions: &self.extensions,
            days: self.days,
            reissue: flags.reissue.as_deref(),
            outlive_issuer: flags.outlive_issuer.as_deref(),
            accept_clock: flags.accept_clock.as_deref(),
            serials: &RandomSerials,
            clock: &SystemClock,
            patience: PATIENCE,
        }
    }
}

/// The ledger, open for writing; nothing is issued without one.
pub(super) fn ledger(issue: &Issue, context: &Context<'_>) -> Result<Ledger> {
    let location = context.ledger_location()?.ok_or_else(|| {
        Error::usage_see(
            "nothing is issued without a ledger, and neither --ledger nor the settings name one",
            "name it: `touchmark issue --ledger sqlite:touchmark.db`",
        )
    })?;
    let mut options = journal::options(context)?;
    options.accept_clock = issue.terms.accept_clock.clone();
    Ok(Ledger::open(&location, options)?)
}

fn profile(issue: &Issue, context: &Context<'_>) -> Result<Profile> {
    let settings = context.settings()?;
    let named = issue.terms.profile.as_deref().or(settings.issue.profile.as_deref());
    let named = named.unwrap_or("dha");
    let mut profile = Profile::named(named, &settings.profiles).ok_or_else(|| {
        let known = settings.profiles.keys().map(String::as_str).chain(Profile::BUILT_IN);
        let known: Vec<&str> = known.collect();
        signer_core::Error::NotFound {
            what: format!("profile {named:?} (known: {})", known.join(", ")),
        }
    })?;
    if let Some(not_after) = settings.issue.not_after {
        profile.not_after = not_after;
    }
    Ok(profile)
}

/// The config of the extensions: the flag's, the settings', and with a new key its request's, which
/// the vendor's `device.conf` is at the same time.
fn extensions(issue: &Issue, context: &Context<'_>) -> Result<ExtensionPlan> {
    let settings = &context.settings()?.issue;
    let flags = &issue.terms;
    let extfile = [&flags.extfile, &settings.extfile, &issue.new.config]
        .into_iter()
        .find_map(Option::as_ref)
        .ok_or_else(|| {
            Error::usage_see(
                "neither --extfile nor [issue] extfile in the settings names the extensions",
                "name them: `touchmark issue --extfile device.conf --extensions req_ext`",
            )
        })?;
    let config = Config::load(extfile, &Options::operator()).map_err(Error::config)?;
    let in_file = config.value(b"default", b"extensions").map(|value| value.bytes());
    let section = match (&flags.extensions, &settings.extensions, in_file) {
        (Some(named), _, _) => named.clone(),
        // The settings' section is one of the settings' file.
        (None, Some(named), _) if flags.extfile.is_none() => named.clone(),
        (None, _, Some(named)) => String::from_utf8_lossy(named).into_owned(),
        (None, _, None) => {
            return Err(Error::usage_see(
                format!("no section of {} is named for the extensions", extfile.display()),
                "name it: `touchmark issue --extensions req_ext`",
            ));
        }
    };
    Ok(ExtensionPlan::new(config, section, flags.openssl_compat.into()))
}

fn issuer(issue: &Issue, context: &Context<'_>) -> Result<Issuer> {
    let chosen = Chosen::new(context, Asking::default())?;
    for output in issue.outputs() {
        chosen.spare(output, context)?;
    }
    let file = issue.terms.issuer_certificate.as_ref().or(chosen.certificate.as_ref());
    let (octets, origin): (Vec<u8>, PathBuf) = match file {
        Some(file) => (input::small(file, Issuer::MOST_OCTETS)?, file.clone()),
        None => {
            let stored = chosen.certificates()?;
            let pem = stored.iter().map(|one| pem::encode(Kind::Certificate, one.der()));
            (pem.collect::<String>().into_bytes(), PathBuf::from(&chosen.name))
        }
    };
    let signer = chosen.signer(None)?;
    let issuer = Issuer::read(Arc::clone(&signer), &octets)
        .map_err(|error| Error::Content { path: origin, reason: chain(&error) })?;
    let has_chain = !issuer.above().is_empty() || is_self_signed(&issuer);
    if file.is_none() && !has_chain && issue.wants_chain() && !issue.files.partial_chain {
        return Err(Error::usage_see(
            "the token stores the issuer's certificate alone, so the chain would end there",
            "name a file with the whole chain: `touchmark issue --issuer-certificate FILE`, or \
             accept it with --partial-chain",
        ));
    }
    Ok(issuer)
}

fn is_self_signed(issuer: &Issuer) -> bool {
    let certificate = issuer.certificate();
    same_name(certificate.subject(), certificate.issuer())
}

impl Issue {
    /// Whether chain files are asked for: a batch writes them always.
    fn wants_chain(&self) -> bool {
        self.files.chain_out.is_some() || self.files.out_dir.is_some()
    }

    /// The files of a single certificate.
    fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        let files = &self.files;
        [&files.out, &files.chain_out, &files.public_key_out].into_iter().flatten()
    }

    /// Refuses an output that would stand where an input is.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(super) fn check_outputs(&self, inputs: &[&Path]) -> Result<()> {
        let outputs: Vec<&PathBuf> = self.outputs().collect();
        let named = [&self.terms.extfile, &self.terms.issuer_certificate, &self.new.config];
        let named = named.into_iter().flatten().map(PathBuf::as_path);
        let inputs: Vec<&Path> = inputs.iter().copied().chain(named).collect();
        for (index, output) in outputs.iter().enumerate() {
            if input::is_standard(output) {
                return Err(Error::usage_see(
                    "- is no file; without --out the certificate goes to standard output",
                    "leave --out away: `touchmark issue --csr FILE`",
                ));
            }
            let twice = outputs.iter().skip(index + 1).any(|other| input::same_file(other, output));
            if twice || inputs.iter().any(|input| input::same_file(input, output)) {
                let what = format!("{} is named for two things", output.display());
                return Err(Error::usage(what));
            }
        }
        Ok(())
    }
}
