//! `touchmark cert show`

use std::path::PathBuf;

use clap::Args;
use issuer::describe::Description;

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::input;
use crate::signers::{Asking, Chosen};

/// Say what is in the certificates of a file or of a signer
///
/// With --json, one object a certificate: version, serial, subject, issuer, not_before, not_after,
/// days, key, signature_algorithm, extensions, sha256, dak_suffix, device.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A PEM or DER file; else the certificate of the signer
    file: Option<PathBuf>,
}

impl Run for Show {
    fn purpose(&self) -> String {
        match &self.file {
            Some(file) => format!("show {}", file.display()),
            None => "show the signer's certificate".into(),
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let certificates = match &self.file {
            Some(file) => input::certificates(file)?,
            None => Chosen::new(context, Asking::default())?.certificates()?,
        };
        for (index, certificate) in certificates.iter().enumerate() {
            let description = Description::of(certificate);
            if context.output.is_json() {
                context.output.object(&description)?;
                continue;
            }
            if index > 0 {
                context.output.bytes(b"\n")?;
            }
            context.output.text(&description.to_text())?;
        }
        Ok(Exit::Ok)
    }
}
