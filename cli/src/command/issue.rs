//! `touchmark issue`

mod batch;
mod run;
mod single;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use issuer::conf::OpenSslCompat;
use issuer::public_key_text::PublicKeyForm;
use signer_core::{KeySpec, SecretSpec};

use super::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Issue device certificates: for one request, for many, or with a new key
///
/// As `openssl x509 -req -extfile -extensions -days` does, with any signer, a policy gate and a
/// ledger. What is not named comes from [issue] in the settings. With --json, one object a request:
/// input, outcome (issued, refused, no_request, skipped), entry, serial, device_id, signed, or
/// reason; after a batch, one with summary.
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false, args = ["csr", "batch", "new_key"])]
pub(crate) struct Issue {
    /// The request, PEM or DER; - for standard input
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,

    /// Many requests: *.csr, *.pem and *.der of a folder, or the files that a text file lists
    #[arg(long, value_name = "DIR|FILE")]
    batch: Option<PathBuf>,

    /// Make a device key in this file, and its request too
    #[arg(long, value_name = "FILE", requires = "config")]
    new_key: Option<PathBuf>,

    #[command(flatten, next_help_heading = "What is certified")]
    terms: TermsArgs,

    #[command(flatten, next_help_heading = "Where certificates go")]
    files: FilesArgs,

    #[command(flatten, next_help_heading = "With a new key")]
    new: NewKeyArgs,
}

/// What the certificates say, and under which rules.
#[derive(Debug, Args)]
struct TermsArgs {
    /// The OpenSSL config with the extensions
    #[arg(long, value_name = "FILE")]
    extfile: Option<PathBuf>,

    /// The section of it
    #[arg(long, value_name = "SECTION")]
    extensions: Option<String>,

    /// For how many days the certificates are valid
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,

    /// The rules: dha, plain, or a [profile.NAME] of the settings
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// The issuer's certificate, followed by those above it
    #[arg(long, visible_alias = "certificate", value_name = "FILE")]
    issuer_certificate: Option<PathBuf>,

    /// Which OpenSSL to be like where they differ: 3 adds key identifiers, 1.1.1 does not
    #[arg(long, value_enum, default_value_t, value_name = "VERSION")]
    openssl_compat: Compat,

    /// The id of the device, when the subject has none
    #[arg(long, value_name = "ID", conflicts_with = "batch")]
    device_id: Option<String>,

    /// Issue anew although a certificate lives; it is marked as superseded
    #[arg(long, value_name = "REASON")]
    reissue: Option<String>,

    /// Let a certificate be valid for longer than its issuer
    #[arg(long, value_name = "REASON")]
    outlive_issuer: Option<String>,

    /// Go on with a clock that looks wrong
    #[arg(long, value_name = "REASON")]
    accept_clock: Option<String>,
}

/// Where the certificates go.
#[derive(Debug, Args)]
struct FilesArgs {
    /// The certificate; else it goes to standard output
    #[arg(short, long, value_name = "FILE", conflicts_with = "batch")]
    out: Option<PathBuf>,

    /// The certificate, followed by the issuer's file
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    chain_out: Option<PathBuf>,

    /// The public key, for a control log
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    public_key_out: Option<PathBuf>,

    /// How public keys are written: uncompressed or compressed
    #[arg(long, value_name = "FORM", default_value_t)]
    public_key_form: PublicKeyForm,

    /// Write a chain that misses the certificates above the issuer's
    #[arg(long)]
    partial_chain: bool,

    /// The folder for a batch's STEM.pem, STEM.chain.pem and STEM.pub.txt
    #[arg(long, value_name = "DIR", requires = "batch")]
    out_dir: Option<PathBuf>,

    /// Fill the ledger alone
    #[arg(long, requires = "batch", conflicts_with = "out_dir")]
    no_files: bool,

    /// Device ids of a batch: a CSV file of two columns, file and id
    #[arg(long, value_name = "CSV", requires = "batch")]
    map: Option<PathBuf>,
}

/// How a new key is made.
#[derive(Debug, Args)]
struct NewKeyArgs {
    /// The OpenSSL config that says what the request is about
    #[arg(long, value_name = "FILE", requires = "new_key")]
    config: Option<PathBuf>,

    /// The kind of key to make
    #[arg(long, value_name = "KIND", default_value = "p256", requires = "new_key")]
    algorithm: KeySpec,

    /// Encrypt the new key file under this passphrase
    #[arg(long, value_name = "SOURCE", requires = "new_key")]
    new_passphrase: Option<SecretSpec>,
}

/// Which OpenSSL to be like.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Compat {
    /// OpenSSL 3
    #[default]
    #[value(name = "3")]
    V3,
    /// OpenSSL 1.1.1
    #[value(name = "1.1.1")]
    V1_1_1,
}

impl From<Compat> for OpenSslCompat {
    fn from(compat: Compat) -> Self {
        match compat {
            Compat::V3 => Self::V3,
            Compat::V1_1_1 => Self::V1_1_1,
        }
    }
}

impl Run for Issue {
    fn purpose(&self) -> String {
        match (&self.csr, &self.batch) {
            (Some(csr), _) => format!("issue a certificate for {}", csr.display()),
            (_, Some(batch)) => format!("issue the certificates of {}", batch.display()),
            _ => "issue a certificate with a new key".into(),
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        match (&self.csr, &self.batch, &self.new_key) {
            (Some(csr), _, _) => single::certify(self, csr, context),
            (_, Some(batch), _) => batch::certify(self, batch, context),
            (_, _, Some(new_key)) => single::with_new_key(self, new_key, context),
            // The group of the three is required.
            (None, None, None) => Err(Error::usage("no request is named")),
        }
    }
}
