//! `touchmark cert self-sign`

use std::path::{Path, PathBuf};

use clap::Args;
use issuer::certificate::ParsedCertificate;
use issuer::conf::{Config, Options};
use issuer::describe::{Description, name_text};
use issuer::pem::{self, Kind};
use issuer::self_signed;
use issuer::serial::RandomSerials;
use ledger::Digest;
use serde::Serialize;
use serde_json::json;
use signer_core::{Clock, SecretKind, SecretSpec, Signer, SystemClock, WhenKeysDiffer};

use super::import::{STORED, store};
use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen, fingerprint};
use crate::{atomic, input};

/// Make a certificate that a signer's key gives itself, as `openssl req -x509 -config` does
///
/// Subject and extensions (x509_extensions) come from the config, the serial number is random. With
/// --json, one object: signer, subject, serial, not_before, not_after, spki_sha256, sha256, and out,
/// stored, or where that is standard output, certificate (PEM).
#[derive(Debug, Args)]
pub(crate) struct SelfSign {
    /// The OpenSSL config that says what the certificate is about
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// For how many days it is valid
    #[arg(long, value_name = "DAYS")]
    days: u32,

    /// Where the certificate goes; - for standard output, where it goes too when nothing is said
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Store it on the token, with the key
    #[arg(long)]
    store: bool,

    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE", requires = "store")]
    management_key: Option<SecretSpec>,
}

/// What is printed, and but for the last three what the ledger keeps.
#[derive(Serialize)]
struct Made {
    signer: String,
    subject: String,
    serial: String,
    not_before: String,
    not_after: String,
    spki_sha256: Digest,
    sha256: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl Run for SelfSign {
    fn purpose(&self) -> String {
        "make a self-signed certificate".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let (file, standard) = self.outputs();
        if file.is_some_and(|file| input::same_file(&self.config, file)) {
            return Err(Error::usage("the certificate would overwrite its config"));
        }
        let config = Config::load(&self.config, &Options::operator()).map_err(Error::config)?;
        config.request().and_then(|it| it.require_answers()).map_err(Error::config)?;
        let asking =
            Asking::default().with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        if let Some(file) = file {
            chosen.spare(file, context)?;
        }
        let mut journal = Journal::open(context)?;
        let mut token = chosen.token()?;
        if self.store {
            // Asked before anything is signed.
            chosen.cert_store(&mut *token, "storing a certificate on")?;
        }
        let signer = chosen.signer_of(&mut *token, None)?;
        let certificate = self.build(&config, &*signer)?;
        let mut made = Made::new(chosen.place(&*token)?, &certificate)?;
        journal.record(
            "cert.self-sign",
            json!(made),
            "a certificate was made, and is not released",
        )?;
        let pem = pem::encode(Kind::Certificate, certificate.der());
        if let Some(file) = file {
            atomic::write(file, pem.as_bytes())?;
            made.out = Some(file.display().to_string());
            context.output.note(&format!("written to {}", file.display()));
        }
        if self.store {
            let differ = WhenKeysDiffer::Refuse;
            store(&chosen, &mut *token, certificate.der(), differ, &mut journal)?;
            made.stored = Some(true);
            context.output.note(STORED);
        }
        if standard && !context.output.is_json() {
            context.output.text(&pem)?;
        } else if standard {
            made.certificate = Some(pem);
        }
        if context.output.is_json() {
            context.output.object(&made)?;
        }
        Ok(Exit::Ok)
    }
}

impl SelfSign {
    /// The file that it goes to, and whether it goes to standard output.
    fn outputs(&self) -> (Option<&Path>, bool) {
        match &self.out {
            Some(out) if input::is_standard(out) => (None, true),
            Some(out) => (Some(out), false),
            None => (None, !self.store),
        }
    }

    fn build(&self, config: &Config, signer: &dyn Signer) -> Result<ParsedCertificate> {
        let template = config.request().map_err(Error::config)?;
        let now = SystemClock.now();
        self_signed::build(&template, signer, &RandomSerials, now, self.days)
            .map_err(|error| Error::SelfSigned(Box::new(error)))
    }
}

impl Made {
    fn new(place: String, certificate: &ParsedCertificate) -> Result<Self> {
        let description = Description::of(certificate);
        Ok(Self {
            signer: place,
            subject: name_text(certificate.subject()),
            serial: description.serial.to_lowercase(),
            not_before: description.not_before,
            not_after: description.not_after,
            spki_sha256: fingerprint(certificate.spki())?,
            sha256: Digest::new(certificate.sha256()),
            out: None,
            stored: None,
            certificate: None,
        })
    }
}
