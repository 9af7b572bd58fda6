//! `touchmark csr`

use std::path::PathBuf;

use clap::Args;
use issuer::conf::{Config, Options};
use issuer::csr::Csr;
use issuer::describe::name_text;
use issuer::pem::{self, Kind};
use issuer::request;
use ledger::Digest;
use serde::Serialize;
use serde_json::json;
use signer_core::{KeyPolicy, KeySpec, SecretKind, SecretSpec, Signer};

use super::Run;
use super::key::generate;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen, fingerprint};
use crate::{atomic, input};

/// Make a certificate request for a signer's key, as `openssl req -new -config` does
///
/// With --json, one object: signer, subject, spki_sha256, and out or, where that is standard output,
/// request (PEM).
#[derive(Debug, Args)]
pub(crate) struct MakeCsr {
    /// The OpenSSL config that says what the request is about
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Where the request goes; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,

    /// Make the key first; nothing is ever overwritten
    #[arg(long)]
    generate: bool,

    /// The kind of key to make
    #[arg(long, value_name = "KIND", default_value = "p256", requires = "generate")]
    algorithm: KeySpec,

    /// Encrypt a new key file under this passphrase
    #[arg(long, value_name = "SOURCE", requires = "generate")]
    new_passphrase: Option<SecretSpec>,

    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE", requires = "generate")]
    management_key: Option<SecretSpec>,
}

/// What is printed, and but for the last two what the ledger keeps.
#[derive(Serialize)]
struct Made {
    signer: String,
    subject: String,
    spki_sha256: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

impl Run for MakeCsr {
    fn purpose(&self) -> String {
        "make a certificate request".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        if input::same_file(&self.config, &self.out) {
            return Err(Error::usage("the request would overwrite its config"));
        }
        generate::refuse_single_use(self.new_passphrase.as_ref())?;
        // Read first: a key that was made for a bad config would have to be cleared away.
        let config = Config::load(&self.config, &Options::operator()).map_err(Error::config)?;
        config.request().and_then(|it| it.require_answers()).map_err(Error::config)?;
        let asking = Asking::default()
            .with(SecretKind::NewPassphrase, self.new_passphrase.as_ref())
            .with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        chosen.spare(&self.out, context)?;
        let mut journal = Journal::open(context)?;
        if self.generate {
            generate::refuse_old_passphrase(context)?;
        }
        let mut token = chosen.token()?;
        if self.generate {
            let policy = KeyPolicy::default();
            generate::make(&chosen, &mut *token, self.algorithm, policy, &mut journal)?;
        }
        let signer = chosen.signer_of(&mut *token, None)?;
        let csr = build(&config, &*signer)?;
        let pem = pem::encode(Kind::CertificateRequest, csr.der());
        let mut made = Made {
            signer: chosen.place(&*token)?,
            subject: name_text(csr.subject()),
            spki_sha256: fingerprint(csr.public_key())?,
            out: None,
            request: None,
        };
        journal.record("csr.create", json!(made), "a request was made, and is not released")?;
        if !input::is_standard(&self.out) {
            atomic::write(&self.out, pem.as_bytes())?;
            made.out = Some(self.out.display().to_string());
            context.output.note(&format!("written to {}", self.out.display()));
        } else if !context.output.is_json() {
            context.output.text(&pem)?;
        } else {
            made.request = Some(pem);
        }
        if context.output.is_json() {
            context.output.object(&made)?;
        }
        Ok(Exit::Ok)
    }
}

/// The request that a config describes, for a key.
///
/// # Errors
/// [`Error::Config`] and [`Error::Request`].
pub(super) fn build(config: &Config, signer: &dyn Signer) -> Result<Csr> {
    let template = config.request().map_err(Error::config)?;
    request::build(&template, signer).map_err(|error| Error::Request(Box::new(error)))
}
