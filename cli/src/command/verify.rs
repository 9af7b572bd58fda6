//! `touchmark verify`

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use der::{Decode, DecodePem};
use serde::Serialize;
use signer_core::{KeySpec, SignatureAlgorithm, SubjectPublicKeyInfoOwned, VerifyingKey};

use super::Run;
use crate::context::Context;
use crate::error::{Error, Result, chain};
use crate::exit::Exit;
use crate::input;
use crate::render::plain;
use crate::signers::{Asking, Chosen, fingerprint};

/// The largest file of a public key or a signature that is read.
const MOST_OCTETS: usize = 64 * 1024;

/// Verify the signature of a file
///
/// By the key of a signer, or by a public key or certificate in a file. A signature that does not
/// hold ends with exit code 7. With --json, one object: verified, signer, algorithm, spki_sha256.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// What was signed; - for standard input
    file: PathBuf,

    /// The signature
    #[arg(long, value_name = "SIG")]
    signature: PathBuf,

    /// Verify by this public key (PEM or DER) in place of a signer's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signer", "certificate"])]
    public_key: Option<PathBuf>,

    /// Verify by the key of the first certificate in this file
    #[arg(long, value_name = "FILE", conflicts_with = "signer")]
    certificate: Option<PathBuf>,

    /// How it was signed; else what the settings say, else what fits the key
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<SignatureAlgorithm>,
}

#[derive(Serialize)]
struct Verified {
    verified: bool,
    signer: String,
    algorithm: String,
    spki_sha256: String,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signer, algorithm, spki_sha256, .. } = self;
        writeln!(f, "good signature by {} ({algorithm}, key {spki_sha256})", plain(signer))
    }
}

impl Run for Verify {
    fn purpose(&self) -> String {
        format!("verify {}", self.file.display())
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let (signer, public_key, configured) = self.key(context)?;
        let message = input::all(&self.file)?;
        let signature = input::small(&self.signature, MOST_OCTETS)?;
        let algorithm =
            SignatureAlgorithm::for_key(self.algorithm.or(configured), KeySpec::of(&public_key)?)?;
        let refused = |error: &dyn std::error::Error| Error::Refused {
            what: chain(error),
            hint: "compare file, signature and key; `touchmark key public` prints the signer's"
                .into(),
        };
        VerifyingKey::new(&public_key)
            .and_then(|key| key.verify(&algorithm.identifier(), &message, &signature))
            .map_err(|error| refused(&error))?;
        context.output.show(&Verified {
            verified: true,
            signer,
            algorithm: algorithm.to_string(),
            spki_sha256: fingerprint(&public_key)?.to_string(),
        })?;
        Ok(Exit::Ok)
    }
}

impl Verify {
    /// Whose key it is, the key, and how that one usually signs.
    fn key(
        &self,
        context: &Context<'_>,
    ) -> Result<(String, SubjectPublicKeyInfoOwned, Option<SignatureAlgorithm>)> {
        if let Some(path) = &self.public_key {
            return Ok((path.display().to_string(), public_key(path)?, None));
        }
        if let Some(path) = &self.certificate {
            let certificates = input::certificates(path)?;
            // The reader gives at least one.
            let first = certificates.first().ok_or_else(|| Error::usage("no certificate"))?;
            return Ok((path.display().to_string(), first.spki().clone(), None));
        }
        let chosen = Chosen::new(context, Asking::default())?;
        let (_, public_key) = chosen.public_key()?;
        Ok((chosen.name.clone(), public_key, chosen.algorithm()))
    }
}

fn public_key(path: &Path) -> Result<SubjectPublicKeyInfoOwned> {
    let octets = input::small(path, MOST_OCTETS)?;
    let read = match octets.first() {
        // A SEQUENCE; PEM starts with a letter or a hyphen.
        Some(0x30) => SubjectPublicKeyInfoOwned::from_der(&octets),
        _ => SubjectPublicKeyInfoOwned::from_pem(&octets),
    };
    read.map_err(|error| Error::Content {
        path: path.to_owned(),
        reason: format!("it is no public key in PEM or DER: {error}"),
    })
}
