//! One certificate: for a request that is there, or with a new key.

use std::path::Path;

use issuer::conf::{Config, Options};
use issuer::csr::Csr;
use issuer::issue::{self, IssueError, Origin, Release, Request};
use issuer::output::SingleFiles;
use issuer::pem::{self, Kind};
use issuer::public_key_text::key_identity;
use ledger::{CertificateFilter, Digest, Ledger, Life};
use serde::Serialize;
use serde_json::json;
use signer_core::{KeyPolicy, SecretKind, Signer};

use super::Issue;
use super::run::{self, Prepared};
use crate::backends;
use crate::command::csr;
use crate::command::key::generate;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::input;
use crate::journal::Journal;
use crate::render::plain;
use crate::signers::{Asking, Chosen};

/// What is printed with `--json`.
#[derive(Serialize)]
struct Issued<'a> {
    input: &'a str,
    outcome: &'static str,
    entry: u64,
    serial: String,
    device_id: Option<&'a str>,
    signed: bool,
    sha256: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

/// Issues for the request in a file.
pub(super) fn certify(issue: &Issue, path: &Path, context: &Context<'_>) -> Result<Exit> {
    issue.check_outputs(&[path])?;
    let octets = input::small(path, Csr::MOST_OCTETS)?;
    let csr = Csr::read(&octets).map_err(|error| Error::Content {
        path: path.to_owned(),
        reason: crate::error::chain(&error),
    })?;
    let prepared = Prepared::new(issue, context)?;
    let mut ledger = run::ledger(issue, context)?;
    let origin = path.display().to_string();
    let release = grant(issue, &prepared, &origin, csr, &mut ledger)?;
    hand_out(issue, &prepared, &origin, &release, context)
}

/// Makes a key in a file, a request for it, and issues.
pub(super) fn with_new_key(issue: &Issue, path: &Path, context: &Context<'_>) -> Result<Exit> {
    issue.check_outputs(&[path])?;
    generate::refuse_single_use(issue.new.new_passphrase.as_ref())?;
    // `--new-key` demands it.
    let config = issue.new.config.as_ref().ok_or_else(|| Error::usage("no --config is named"))?;
    let config = Config::load(config, &Options::operator()).map_err(Error::config)?;
    config.request().and_then(|it| it.require_answers()).map_err(Error::config)?;
    // All else is settled first, so that a mistake leaves no key behind.
    let prepared = Prepared::new(issue, context)?;
    let asking =
        Asking::default().with(SecretKind::NewPassphrase, issue.new.new_passphrase.as_ref());
    let device = Chosen::new_key(context, backends::key_file(path), asking)?;
    let mut ledger = run::ledger(issue, context)?;
    let made_now = !path.exists();
    if made_now {
        let mut journal = Journal::open(context)?;
        let (mut token, policy) = (device.token()?, KeyPolicy::default());
        generate::make(&device, &mut *token, issue.new.algorithm, policy, &mut journal)?;
    }
    let origin = path.display().to_string();
    let granted = device.signer(None).and_then(|signer| {
        if !made_now && !is_certified(&ledger, &*signer)? {
            return Err(signer_core::Error::AlreadyExists { what: origin.clone() }.into());
        }
        let csr = csr::build(&config, &*signer)?;
        grant(issue, &prepared, &origin, csr, &mut ledger)
    });
    let release = match granted {
        Ok(release) => release,
        Err(error) => {
            // A key that was there before may be in a device by now, and is never touched.
            if made_now && came_to_nothing(&error) {
                // Nobody else can have this one: it was made by this very call. Left there, it would
                // be in the way of the next.
                drop(ledger);
                discard(path, context)?;
            }
            return Err(error);
        }
    };
    hand_out(issue, &prepared, &origin, &release, context)
}

fn grant(
    issue: &Issue,
    prepared: &Prepared<'_>,
    origin: &str,
    csr: Csr,
    ledger: &mut Ledger,
) -> Result<Release> {
    let request =
        Request { origin: origin.to_owned(), csr, device_id: issue.terms.device_id.clone() };
    issue::issue(&prepared.terms(), request, ledger).map_err(Error::issue)
}

/// Whether the key has a live certificate: then an earlier run made both, and was stopped before the
/// files were there. Any other key that stands where a new one is to be made is somebody's.
fn is_certified(ledger: &Ledger, signer: &dyn Signer) -> Result<bool> {
    let key = key_identity(signer.public_key()).map_err(|error| Error::usage(error.to_string()))?;
    let filter =
        CertificateFilter { subject_key: Some(key), life: Life::Live, ..Default::default() };
    Ok(ledger.certificates(filter).next().transpose()?.is_some())
}

/// Whether it is certain that no certificate came to be: a ledger or a disk that failed leaves that
/// open.
fn came_to_nothing(error: &Error) -> bool {
    match error {
        Error::Config(_) | Error::Request(_) => true,
        Error::Issue(error) => matches!(
            **error,
            IssueError::Refused(_)
                | IssueError::Config(_)
                | IssueError::Csr(_)
                | IssueError::Mint(_)
                | IssueError::Signer(_)
                | IssueError::Pending { .. }
        ),
        _ => false,
    }
}

/// Takes a key file away that nothing was certified for.
fn discard(path: &Path, context: &Context<'_>) -> Result<()> {
    std::fs::remove_file(path).map_err(|source| Error::Write { path: path.to_owned(), source })?;
    let details = json!({ "signer": backends::key_file(path).to_string() });
    Journal::open(context)?.record("key.delete", details, "the new key was removed again")
}

/// Files from the committed entry, and words about it.
fn hand_out(
    issue: &Issue,
    prepared: &Prepared<'_>,
    origin: &str,
    release: &Release,
    context: &Context<'_>,
) -> Result<Exit> {
    let files = SingleFiles {
        certificate: issue.files.out.clone(),
        chain: issue.files.chain_out.clone(),
        public_key: issue.files.public_key_out.clone(),
    };
    let form = issue.files.public_key_form;
    files.write(&release.certificate, &prepared.issuer, form).map_err(Error::files)?;
    let printed = issue.files.out.is_none() && issue.files.chain_out.is_none();
    let pem = printed.then(|| pem::encode(Kind::Certificate, &release.certificate));
    if context.output.is_json() {
        context.output.object(&Issued {
            input: origin,
            outcome: "issued",
            entry: release.entry,
            serial: release.serial.to_string(),
            device_id: release.device_id.as_deref(),
            signed: release.origin == Origin::Signed,
            sha256: Digest::of(&release.certificate),
            certificate: pem,
        })?;
        return Ok(Exit::Ok);
    }
    if let Some(pem) = pem {
        context.output.text(&pem)?;
    }
    let device = release.device_id.as_deref().map(|id| format!(", device {}", plain(id)));
    let how = match release.origin {
        Origin::Signed => "issued",
        Origin::Ledger => "issued before, and taken from the ledger",
    };
    context.output.note(&format!(
        "{how}: serial {}, ledger entry {}{}",
        release.serial,
        release.entry,
        device.unwrap_or_default()
    ));
    Ok(Exit::Ok)
}
