//! `touchmark sign`

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use issuer::describe::hex_lower;
use ledger::Digest;
use serde::Serialize;
use serde_json::json;
use signer_core::{SecretSpec, SignatureAlgorithm};

use super::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen, fingerprint};
use crate::{atomic, input};

/// Sign a file
///
/// The signature has the encoding of X.509: DER for ECDSA, plain octets for RSA and Ed25519; that is
/// what `openssl dgst -verify` takes. With --json, one object: signer, algorithm, spki_sha256,
/// message_sha256, and out or, where that is standard output, signature (hex).
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// What to sign; - for standard input
    file: PathBuf,

    /// Where the signature goes; - for standard output
    #[arg(short, long, value_name = "SIG", default_value = "-")]
    out: PathBuf,

    /// How to sign; else what the settings say, else what fits the key
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<SignatureAlgorithm>,
}

/// What is printed, and but for the last two what the ledger keeps.
#[derive(Serialize)]
struct Made {
    signer: String,
    algorithm: String,
    spki_sha256: Digest,
    message_sha256: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

impl Run for Sign {
    fn purpose(&self) -> String {
        format!("sign {}", self.file.display())
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        self.check(context)?;
        let chosen = Chosen::new(context, Asking::default())?;
        chosen.spare(&self.out, context)?;
        let message = input::all(&self.file)?;
        let mut token = chosen.token()?;
        let signer = chosen.signer_of(&mut *token, self.algorithm)?;
        let mut journal = Journal::open(context)?;
        let signature = signer.sign(&message)?;
        let mut made = Made {
            signer: chosen.place(&*token)?,
            algorithm: signer.algorithm().to_string(),
            spki_sha256: fingerprint(signer.public_key())?,
            message_sha256: Digest::of(&message),
            out: None,
            signature: None,
        };
        // On record before it is let out of hand.
        journal.record("key.sign", json!(made), "a signature was made, and is not released")?;
        if !input::is_standard(&self.out) {
            atomic::write(&self.out, signature.as_bytes())?;
            made.out = Some(self.out.display().to_string());
            context.output.detail(&format!("signed by {}", chosen.name));
        } else if !context.output.is_json() {
            context.output.bytes(signature.as_bytes())?;
        } else {
            made.signature = Some(hex_lower(signature.as_bytes()));
        }
        if context.output.is_json() {
            context.output.object(&made)?;
        }
        Ok(Exit::Ok)
    }
}

impl Sign {
    fn check(&self, context: &Context<'_>) -> Result<()> {
        let from_stdin = input::is_standard(&self.file);
        if !from_stdin && input::same_file(&self.out, &self.file) {
            return Err(Error::usage("the signature would overwrite what is signed"));
        }
        let secrets = [&context.global.pin, &context.global.passphrase];
        if from_stdin && secrets.contains(&&Some(SecretSpec::Stdin)) {
            return Err(Error::usage("a secret and the message cannot both be on standard input"));
        }
        if input::is_standard(&self.out) && !context.output.is_json() && io::stdout().is_terminal()
        {
            return Err(Error::usage_see(
                "a signature is no text for a terminal",
                "name a file: `touchmark sign FILE --out FILE.sig`",
            ));
        }
        Ok(())
    }
}
