//! `touchmark cert`

mod show;
mod verify;

use clap::Subcommand;

/// Certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum Cert {
    /// Say what is in the certificates of a file or of a signer
    Show(show::Show),
    /// Verify a chain of certificates, link by link
    Verify(verify::Verify),
}
