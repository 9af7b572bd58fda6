//! `touchmark key attest`

use std::path::PathBuf;

use clap::Args;
use issuer::pem::{self, Kind};

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::signers::{Asking, Chosen};
use crate::{atomic, input};

/// Have the token vouch that it made the key itself
///
/// Prints the attestation certificate and those it was signed with, leaf first, as PEM, after
/// verifying them. With --json, one object a certificate, its member `certificate` in PEM.
#[derive(Debug, Args)]
pub(crate) struct Attest {
    /// The file to write; else standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

impl Run for Attest {
    fn purpose(&self) -> String {
        "attest the key".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let chosen = Chosen::new(context, Asking::default())?;
        chosen.spare(&self.out, context)?;
        let mut token = chosen.token()?;
        let manager = token.key_manager().ok_or_else(|| {
            Error::Signer(signer_core::Error::Unsupported {
                operation: format!("attesting the key of {}", chosen.name),
                needs: "a token that makes keys itself".into(),
            })
        })?;
        let chain = manager.attest(&chosen.key()?)?;
        let pem: Vec<String> =
            chain.iter().map(|der| pem::encode(Kind::Certificate, der)).collect();
        if !input::is_standard(&self.out) {
            atomic::write(&self.out, pem.concat().as_bytes())?;
            context.output.note(&format!("written to {}", self.out.display()));
        } else if context.output.is_json() {
            for certificate in pem {
                context.output.object(&serde_json::json!({ "certificate": certificate }))?;
            }
        } else {
            context.output.text(&pem.concat())?;
        }
        Ok(Exit::Ok)
    }
}
