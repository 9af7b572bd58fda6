//! Many certificates.

use std::io;
use std::path::{Path, PathBuf};

use issuer::batch::{DeviceIds, Inputs, Item, Outcome, Summary, issue_batch};
use issuer::issue::Origin;
use issuer::output::DeviceFiles;
use serde_json::{Value, json};

use super::Issue;
use super::run::{self, Prepared};
use crate::context::Context;
use crate::error::{Error, Result, chain};
use crate::exit::Exit;
use crate::signers::{Asking, Chosen};

/// Issues for every request of a folder or list.
pub(super) fn certify(issue: &Issue, source: &Path, context: &Context<'_>) -> Result<Exit> {
    let out = match (&issue.files.out_dir, issue.files.no_files) {
        (Some(folder), _) => Some(folder.as_path()),
        (None, true) => None,
        (None, false) => {
            return Err(Error::usage_see(
                "neither --out-dir nor --no-files says where the certificates go",
                "name a folder: `touchmark issue --batch csrs --out-dir out`",
            ));
        }
    };
    let ids = issue.files.map.as_deref().map(DeviceIds::read).transpose().map_err(Error::inputs)?;
    let inputs = Inputs::read(source, ids.unwrap_or_default()).map_err(Error::inputs)?;
    let check = |folder: &Path| {
        inputs.check_output(folder, &spared(issue, source, context)?).map_err(Error::inputs)
    };
    let (there, missing) = (out.filter(|it| it.exists()), out.filter(|it| !it.exists()));
    there.map_or(Ok(()), check)?;
    let prepared = Prepared::new(issue, context)?;
    // Where the issuer is refused, which is told and recorded below, there is nothing to put there.
    if let Some(folder) = missing
        && prepared.terms().check_run().is_ok()
    {
        make_folder(folder)?;
        check(folder)?;
    }
    let mut ledger = run::ledger(issue, context)?;
    let form = issue.files.public_key_form;
    let files = out.map(|folder| DeviceFiles::new(folder, &prepared.issuer, form));
    let progress = context.output.progress(inputs.len() as u64);
    // A report cannot fail; the first failure is kept, and told at the end.
    let mut unprinted = Ok(());
    let done =
        issue_batch(&prepared.terms(), &inputs, files.as_ref(), &mut ledger, &mut |item: &Item<
            '_,
        >| {
            progress.step();
            if context.output.is_json() {
                if unprinted.is_ok() {
                    unprinted = context.output.object(&object(item));
                }
            } else if let Some(reason) = reason(&item.outcome) {
                progress.aside(|| match item.outcome {
                    Outcome::Skipped => {
                        context.output.note(&format!("{}: {reason}", item.input.display()));
                    }
                    _ => context.output.warn(&format!("{}: {reason}", item.input.display())),
                });
            }
        });
    progress.finish();
    let summary = done.map_err(Error::issue)?;
    unprinted?;
    context.output.show(&Told(summary))?;
    Ok(match summary.refused + summary.malformed {
        0 => Exit::Ok,
        _ => Exit::Refused,
    })
}

/// Every file that this run reads besides the requests, and that no output may replace.
fn spared(issue: &Issue, source: &Path, context: &Context<'_>) -> Result<Vec<PathBuf>> {
    let named = [&issue.terms.extfile, &issue.terms.issuer_certificate, &issue.files.map];
    let named = named.into_iter().flatten().map(PathBuf::as_path).chain([source]);
    let signer = Chosen::new(context, Asking::default())?;
    Ok(named.map(Path::to_owned).chain(signer.files()).chain(context.own_files()?).collect())
}

/// The folder of the outputs; it is made, but not those above it.
fn make_folder(folder: &Path) -> Result<()> {
    match std::fs::create_dir(folder) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::Write { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn reason(outcome: &Outcome<'_>) -> Option<String> {
    match outcome {
        Outcome::Issued(_) => None,
        Outcome::Refused(refusal) => Some(refusal.to_string()),
        Outcome::NoRequest(error) => Some(chain(error)),
        Outcome::Skipped => Some("there is no request in it; skipped".into()),
    }
}

fn object(item: &Item<'_>) -> Value {
    let input = item.input.display().to_string();
    match &item.outcome {
        Outcome::Issued(release) => json!({
            "input": input,
            "outcome": "issued",
            "entry": release.entry,
            "serial": release.serial,
            "device_id": release.device_id,
            "signed": release.origin == Origin::Signed,
        }),
        Outcome::Refused(refusal) => json!({
            "input": input,
            "outcome": "refused",
            "rule": refusal.rule.to_string(),
            "reason": refusal.reason,
        }),
        Outcome::NoRequest(error) => {
            json!({ "input": input, "outcome": "no_request", "reason": chain(error) })
        }
        Outcome::Skipped => json!({ "input": input, "outcome": "skipped" }),
    }
}

/// The summary as it is told.
struct Told(Summary);

impl serde::Serialize for Told {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Summary { signed, existing, refused, malformed, skipped } = self.0;
        let summary = json!({
            "signed": signed,
            "existing": existing,
            "refused": refused,
            "no_request": malformed,
            "skipped": skipped,
        });
        json!({ "summary": summary }).serialize(serializer)
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Summary { signed, existing, refused, malformed, skipped } = self.0;
        writeln!(
            f,
            "{signed} signed, {existing} from the ledger, {refused} refused, \
             {malformed} no request, {skipped} skipped"
        )
    }
}
