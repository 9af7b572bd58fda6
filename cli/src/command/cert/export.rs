//! `touchmark cert export`

use std::path::PathBuf;

use clap::Args;
use issuer::pem::{self, Kind};
use serde_json::json;

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::{Asking, Chosen};
use crate::{atomic, input};

/// Write the certificate that the token stores with the signer's key, as PEM
///
/// With --json, one object: certificate.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file to write; else standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,

    /// The certificates above it after it, as far as the token stores them
    #[arg(long)]
    chain: bool,
}

impl Run for Export {
    fn purpose(&self) -> String {
        "export the certificate".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let chosen = Chosen::new(context, Asking::default())?;
        chosen.spare(&self.out, context)?;
        let mut token = chosen.token()?;
        let (store, key) =
            (chosen.cert_store(&mut *token, "reading a certificate from")?, chosen.key()?);
        let mut pem = pem::encode(Kind::Certificate, &store.read(&key)?);
        if self.chain {
            let above = store.read_chain(&key)?;
            pem.extend(above.iter().map(|der| pem::encode(Kind::Certificate, der)));
        }
        if !input::is_standard(&self.out) {
            atomic::write(&self.out, pem.as_bytes())?;
            context.output.note(&format!("written to {}", self.out.display()));
        } else if context.output.is_json() {
            context.output.object(&json!({ "certificate": pem }))?;
        } else {
            context.output.text(&pem)?;
        }
        Ok(Exit::Ok)
    }
}
