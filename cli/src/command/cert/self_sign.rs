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
use signer_core::{
    Clock, SecretKind, SecretSpec, Signer, SigningSession, SystemClock, WhenKeysDiffer,
};

use super::import::{STORED, STORING, record};
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
        let place = chosen.place(&*token)?;
        if self.store {
            // Asked before anything is signed.
            chosen.cert_store(&mut *token, STORING)?;
        }
        let signer = chosen.signer_of(&mut *token, None)?;
        let mut make = |session: &mut dyn SigningSession| {
            let certificate = self.build(&config, (&*signer, session))?;
            let made = Made::new(place.clone(), &certificate)?;
            journal.record(
                "cert.self-sign",
                json!(made),
                "a certificate was made, and is not released",
            )?;
            let pem = pem::encode(Kind::Certificate, certificate.der());
            if let Some(file) = file {
                atomic::write(file, pem.as_bytes())?;
                context.output.note(&format!("written to {}", file.display()));
            }
            Ok::<Released, Error>((certificate, made, pem))
        };
        let (certificate, mut made, pem) = match self.store {
            false => make(&mut *signer.session()?)?,
            true => {
                let store = chosen.cert_store(&mut *token, STORING)?;
                let key = chosen.key()?;
                stored(|make| store.write_made(&key, &*signer, make), make)?
            }
        };
        if self.store {
            record(&place, certificate.der(), WhenKeysDiffer::Refuse, &mut journal)?;
            context.output.note(STORED);
        }
        made.out = file.map(|file| file.display().to_string());
        made.stored = self.store.then_some(true);
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

/// A certificate, what is told of it, and it as PEM.
type Released = (ParsedCertificate, Made, String);

/// Makes a certificate while `store` has the token to itself, and has it stored.
fn stored(
    store: impl FnOnce(
        &mut dyn FnMut(&mut dyn SigningSession) -> Option<Vec<u8>>,
    ) -> signer_core::Result<()>,
    mut make: impl FnMut(&mut dyn SigningSession) -> Result<Released>,
) -> Result<Released> {
    let mut outcome = None;
    let stored = store(&mut |session| {
        let made = outcome.insert(make(session));
        made.as_ref().ok().map(|(certificate, ..)| certificate.der().to_vec())
    });
    match outcome {
        // What went wrong first.
        Some(Err(error)) => Err(error),
        Some(Ok(made)) => Ok(stored.map(|()| made)?),
        None => Err(stored.err().unwrap_or_else(nothing_made).into()),
    }
}

fn nothing_made() -> signer_core::Error {
    signer_core::Error::Unsupported {
        operation: "storing what the key signs".into(),
        needs: "another kind of token".into(),
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

    fn build(
        &self,
        config: &Config,
        key: (&dyn Signer, &mut dyn SigningSession),
    ) -> Result<ParsedCertificate> {
        let template = config.request().map_err(Error::config)?;
        let now = SystemClock.now();
        self_signed::build(&template, key, &RandomSerials, now, self.days)
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
