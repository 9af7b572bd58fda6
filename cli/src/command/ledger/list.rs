//! `touchmark ledger list`

use std::borrow::Cow;

use clap::Args;
use ledger::{
    Certificate, CertificateFilter, Digest, Entry, EntryFilter, Event, Ledger, Life, Serial,
};
use serde_json::{Value, json};

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::journal;
use crate::render::plain;

/// List what was done, or the certificates that were issued
///
/// With --json, one object a line. An entry: sequence, time, kind, operator, station, software,
/// data, hash. A certificate: entry, time, operator, station, issuer, device_type, device_id,
/// serial, subject_key, superseded_by.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only entries of this kind: created, intent, issued, abandoned, aborted, refused, act
    #[arg(long, value_name = "KIND", conflicts_with_all = CERTIFICATE_FILTERS)]
    kind: Option<String>,

    /// From this entry on
    #[arg(long, value_name = "NUMBER", conflicts_with_all = CERTIFICATE_FILTERS)]
    from: Option<u64>,

    /// Up to this entry
    #[arg(long, value_name = "NUMBER", conflicts_with_all = CERTIFICATE_FILTERS)]
    to: Option<u64>,

    /// The last entries only, this many
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["from", "certificates"])]
    last: Option<u64>,

    /// List certificates in place of entries
    #[arg(long)]
    certificates: bool,

    /// Only certificates with this device id
    #[arg(long, value_name = "ID", requires = "certificates")]
    device_id: Option<String>,

    /// Only the certificate with this serial number (hex)
    #[arg(long, value_name = "SERIAL", requires = "certificates")]
    serial: Option<Serial>,

    /// Only certificates for this key (SHA-256 of its SubjectPublicKeyInfo)
    #[arg(long, value_name = "SHA-256", requires = "certificates")]
    subject_key: Option<Digest>,

    /// Only certificates that nothing replaced
    #[arg(long, requires = "certificates")]
    live: bool,

    /// Only certificates that were replaced
    #[arg(long, requires = "certificates", conflicts_with = "live")]
    superseded: bool,
}

const CERTIFICATE_FILTERS: [&str; 6] =
    ["certificates", "device_id", "serial", "subject_key", "live", "superseded"];

impl Run for List {
    fn purpose(&self) -> String {
        "list the ledger".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        if let Some(kind) = self.kind.as_deref().filter(|k| ledger::Kind::named(k).is_none()) {
            return Err(Error::usage_see(
                format!("there is no kind of entry called {kind:?}"),
                "see `touchmark ledger list --help`",
            ));
        }
        let ledger = journal::read(context)?;
        if self.certificates {
            self.list_certificates(&ledger, context)?;
        } else {
            self.list_entries(&ledger, context)?;
        }
        Ok(Exit::Ok)
    }
}

impl List {
    fn list_entries(&self, ledger: &Ledger, context: &Context<'_>) -> Result<()> {
        let from = match self.last {
            Some(count) => Some((ledger.head()?.sequence + 1).saturating_sub(count)),
            None => self.from,
        };
        let filter = EntryFilter { from, to: self.to, kind: self.kind.clone() };
        for entry in ledger.entries(filter) {
            let entry = entry?;
            match context.output.is_json() {
                true => context.output.object(&entry_object(&entry)?)?,
                false => context.output.text(&entry_line(&entry))?,
            }
        }
        Ok(())
    }

    fn list_certificates(&self, ledger: &Ledger, context: &Context<'_>) -> Result<()> {
        let filter = CertificateFilter {
            device_id: self.device_id.clone(),
            serial: self.serial.clone(),
            subject_key: self.subject_key,
            life: match (self.live, self.superseded) {
                (true, _) => Life::Live,
                (_, true) => Life::Superseded,
                _ => Life::Any,
            },
            ..CertificateFilter::default()
        };
        for certificate in ledger.certificates(filter) {
            let certificate = certificate?;
            match context.output.is_json() {
                true => context.output.object(&certificate_object(&certificate))?,
                false => context.output.text(&certificate_line(&certificate))?,
            }
        }
        Ok(())
    }
}

/// The body as it is, with its hash.
fn entry_object(entry: &Entry) -> Result<Value> {
    let mut object: Value =
        serde_json::from_str(&entry.body).map_err(|source| ledger::Error::Json { source })?;
    if let Value::Object(members) = &mut object {
        members.insert("hash".into(), entry.hash.to_string().into());
    }
    Ok(object)
}

/// Columns of fixed width: a ledger is too long to be measured first.
fn entry_line(entry: &Entry) -> String {
    let who = format!("{}@{}", entry.operator, entry.station);
    format!(
        "{:>7}  {}  {:<9}  {:<20}  {}",
        entry.sequence,
        entry.time,
        plain(&entry.kind),
        plain(&who),
        plain(&summary(&entry.event)),
    )
}

fn summary(event: &Event) -> Cow<'_, str> {
    match event {
        Event::Created(created) => format!("ledger {}", created.ledger).into(),
        Event::Intent(opened) => {
            let device = opened.intent.device_id.as_deref().unwrap_or("-");
            format!("serial {}, device {device}", opened.intent.serial).into()
        }
        Event::Issued(completed) => {
            format!("intent {}, SHA-256 {}", completed.intent, completed.certificate).into()
        }
        Event::Abandoned(abandoned) => format!("intent {}", abandoned.intent).into(),
        Event::Aborted(aborted) => format!("intent {}: {}", aborted.intent, aborted.reason).into(),
        Event::Refused(refusal) => format!("{}: {}", refusal.rule, refusal.reason).into(),
        Event::Act(act) => match act.details.get("signer").and_then(Value::as_str) {
            Some(signer) => format!("{} {signer}", act.name).into(),
            None => act.name.as_str().into(),
        },
        _ => "of a kind that this version does not know".into(),
    }
}

fn certificate_object(certificate: &Certificate) -> Value {
    json!({
        "entry": certificate.entry,
        "time": certificate.time,
        "operator": certificate.operator,
        "station": certificate.station,
        "issuer": certificate.issuer,
        "device_type": certificate.device_type,
        "device_id": certificate.device_id,
        "serial": certificate.serial,
        "subject_key": certificate.subject_key,
        "superseded_by": certificate.superseded_by,
    })
}

fn certificate_line(certificate: &Certificate) -> String {
    let state = match certificate.superseded_by {
        Some(entry) => format!("superseded by {entry}"),
        None => "live".into(),
    };
    format!(
        "{:>7}  {}  {:<40}  {:<20}  {state}",
        certificate.entry,
        certificate.time,
        certificate.serial,
        plain(certificate.device_id.as_deref().unwrap_or("-")),
    )
}
