//! `touchmark key generate`

use std::fmt;

use clap::Args;
use serde::Serialize;
use serde_json::json;
use signer_core::{Error as SignerError, KeySpec, SecretSpec};

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::journal::Journal;
use crate::render::plain;
use crate::signers::{Asking, Chosen, fingerprint};

/// Make a new key; nothing is ever overwritten
///
/// Prints where it is, its kind, and the SHA-256 of its SubjectPublicKeyInfo. With --json, one
/// object: signer, algorithm, spki_sha256.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// The kind of key: p256, p384, ed25519, rsa2048, rsa3072 or rsa4096
    #[arg(short, long, value_name = "KIND", default_value = "p256")]
    algorithm: KeySpec,

    /// Encrypt a new key file under this passphrase
    #[arg(long, value_name = "SOURCE")]
    new_passphrase: Option<SecretSpec>,
}

#[derive(Serialize)]
struct Made {
    signer: String,
    algorithm: String,
    spki_sha256: String,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signer     {}", plain(&self.signer))?;
        writeln!(f, "algorithm  {}", self.algorithm)?;
        writeln!(f, "SHA-256    {}", self.spki_sha256)
    }
}

impl Run for Generate {
    fn purpose(&self) -> String {
        format!("make a {} key", self.algorithm)
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        if self.new_passphrase == Some(SecretSpec::Random) {
            return Err(Error::usage_see(
                "a random passphrase would be kept nowhere, and the key be lost",
                "keep one yourself: `touchmark key generate --new-passphrase file:PATH`",
            ));
        }
        if context.global.passphrase.is_some() {
            return Err(Error::usage_see(
                "--passphrase opens a key that exists; a new key is encrypted by --new-passphrase",
                "see `touchmark key generate --help`",
            ));
        }
        let asking = Asking { new_passphrase: self.new_passphrase.clone(), ..Asking::default() };
        let chosen = Chosen::new(context, asking)?;
        let mut token = chosen.token()?;
        let manager = token.key_manager().ok_or_else(|| SignerError::Unsupported {
            operation: format!("making a key on {}", chosen.name),
            needs: "another kind of token".into(),
        })?;
        // Opened first: a key that the ledger does not know of is worse than none.
        let mut journal = Journal::open(context)?;
        let key = manager.generate(&chosen.key()?, self.algorithm)?;
        let made = Made {
            signer: chosen.locator.to_string(),
            algorithm: key.spec.to_string(),
            spki_sha256: fingerprint(&key.public_key)?.to_string(),
        };
        let details = json!({
            "signer": made.signer,
            "algorithm": made.algorithm,
            "spki_sha256": made.spki_sha256,
        });
        journal.record("key.generate", details, "the key was made")?;
        context.output.show(&made)?;
        Ok(Exit::Ok)
    }
}
