//! `touchmark cert import`

use std::path::PathBuf;

use clap::Args;
use ledger::Digest;
use serde_json::json;
use signer_core::{SecretKind, SecretSpec, WhenKeysDiffer};

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::input;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen};

/// Store a certificate on the token, with the signer's key
///
/// Of a file with a chain, a PKCS#11 token stores all and a YubiKey the first: a slot holds one.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The certificate: PEM or DER
    file: PathBuf,

    /// Store it although it is for another key than the one it is stored with; whoever reads the
    /// token then takes it for the key's
    #[arg(long)]
    force: bool,

    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,
}

impl Run for Import {
    fn purpose(&self) -> String {
        format!("import {}", self.file.display())
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let certificates = input::certificates(&self.file)?;
        let (certificate, above) = certificates.split_first().ok_or_else(|| Error::Content {
            path: self.file.clone(),
            reason: "it has no certificate".into(),
        })?;
        let asking =
            Asking::default().with(SecretKind::ManagementKey, self.management_key.as_ref());
        let chosen = Chosen::new(context, asking)?;
        let mut journal = Journal::open(context)?;
        let mut token = chosen.token()?;
        let differ = match self.force {
            true => WhenKeysDiffer::Store,
            false => WhenKeysDiffer::Refuse,
        };
        let der = certificate.der();
        let store = chosen.cert_store(&mut *token, STORING)?;
        let key = chosen.key()?;
        store.write(&key, der, differ)?;
        let keeps_chains = store.keeps_chains();
        record(&chosen.place(&*token)?, der, differ, &mut journal)?;
        if above.is_empty() {
            context.output.note(STORED);
        } else if keeps_chains {
            let above: Vec<Vec<u8>> = above.iter().map(|one| one.der().to_vec()).collect();
            chosen.cert_store(&mut *token, STORING)?.write_chain(&key, &above)?;
            context.output.note("the certificate is stored with its key, and its chain beside it");
        } else {
            context.output.note("the token has room for the first certificate of the file alone");
            context.output.note(STORED);
        }
        Ok(Exit::Ok)
    }
}

/// What there is to say of it.
pub(super) const STORED: &str = "the certificate is stored with its key";

/// What is done to the token.
pub(super) const STORING: &str = "storing a certificate on";

/// Records that a certificate (DER) was stored.
///
/// # Errors
/// As [`Journal::record`].
pub(super) fn record(
    place: &str,
    der: &[u8],
    differ: WhenKeysDiffer,
    journal: &mut Journal,
) -> Result<()> {
    let details = json!({
        "signer": place,
        "certificate": Digest::of(der).to_string(),
        "forced": differ == WhenKeysDiffer::Store,
    });
    journal.record("cert.import", details, "the certificate was stored")
}
