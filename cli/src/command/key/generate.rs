//! `touchmark key generate`

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use ledger::Digest;
use serde::Serialize;
use serde_json::json;
use signer_core::{
    KeyInfo, KeyPolicy, KeySpec, SecretKind, SecretSpec, SubjectPublicKeyInfoOwned, Token,
};

use crate::atomic;
use crate::command::Run;
use crate::command::key::import::Policy;
use crate::command::key::public;
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

    /// Where the public half goes, as PEM
    #[arg(long, value_name = "FILE")]
    public_key_out: Option<PathBuf>,

    #[command(flatten)]
    policy: Policy,

    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,
}

/// A key that was made: what is printed, and what the ledger keeps.
#[derive(Debug, Serialize)]
pub(in crate::command) struct Made {
    signer: String,
    algorithm: String,
    spki_sha256: Digest,
    #[serde(skip)]
    public_key: SubjectPublicKeyInfoOwned,
}

impl Made {
    /// What there is to say of a key that is now there.
    pub(in crate::command) fn new(place: String, key: &KeyInfo) -> Result<Self> {
        Ok(Self {
            signer: place,
            algorithm: key.spec.to_string(),
            spki_sha256: fingerprint(&key.public_key)?,
            public_key: key.public_key.clone(),
        })
    }
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
        refuse_old_passphrase(context)?;
        let asking = Asking::default()
            .with(SecretKind::NewPassphrase, self.new_passphrase.as_ref())
            .with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        if let Some(file) = &self.public_key_out {
            chosen.spare(file, context)?;
        }
        // Opened first: a key that the ledger does not know of is worse than none.
        let mut journal = Journal::open(context)?;
        let made =
            make(&chosen, &mut *chosen.token()?, self.algorithm, self.policy.into(), &mut journal)?;
        if let Some(file) = &self.public_key_out {
            atomic::write(file, public::pem(&made.public_key)?.as_bytes())?;
            context.output.note(&format!("written to {}", file.display()));
        }
        context.output.show(&made)?;
        Ok(Exit::Ok)
    }
}

/// Makes a key where `chosen` points on its open token, and records it. Some tokens tell what they made
/// only for as long as they stay open, so whatever is done with the key right away is done there.
///
/// # Errors
/// [`Error::Usage`] for a random passphrase; whatever the token and the ledger report.
pub(in crate::command) fn make(
    chosen: &Chosen<'_>,
    token: &mut dyn Token,
    algorithm: KeySpec,
    policy: KeyPolicy,
    journal: &mut Journal,
) -> Result<Made> {
    if chosen.source(SecretKind::NewPassphrase) == Some(&SecretSpec::Random) {
        return Err(Error::usage_see(
            "a random passphrase would be kept nowhere, and the key be lost",
            "keep one yourself: `touchmark key generate --new-passphrase file:PATH`",
        ));
    }
    let place = chosen.place(token)?;
    let manager = chosen.key_manager(token, "making a key on")?;
    let key = manager.generate(&chosen.key()?, algorithm, policy)?;
    let made = Made::new(place, &key)?;
    journal.record("key.generate", json!(made), "the key was made")?;
    Ok(made)
}

/// Refuses a passphrase that can be read only once where the new key is used right away: it would
/// be made, and not be opened.
///
/// # Errors
/// [`Error::Usage`].
pub(in crate::command) fn refuse_single_use(new_passphrase: Option<&SecretSpec>) -> Result<()> {
    match new_passphrase {
        Some(SecretSpec::Stdin) => Err(Error::usage_see(
            "the new passphrase is needed twice, and standard input can be read once",
            "name another source: `touchmark csr --generate --new-passphrase file:PATH`",
        )),
        _ => Ok(()),
    }
}

/// Refuses a passphrase where a key is about to be made: left unsaid, it would not be encrypted.
///
/// # Errors
/// [`Error::Usage`].
pub(in crate::command) fn refuse_old_passphrase(context: &Context<'_>) -> Result<()> {
    match context.global.passphrase {
        None => Ok(()),
        Some(_) => Err(Error::usage_see(
            "--passphrase opens a key that exists; a new key is encrypted by --new-passphrase",
            "see `touchmark key generate --help`",
        )),
    }
}
