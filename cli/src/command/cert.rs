//! `touchmark cert`

mod delete;
mod export;
mod import;
mod self_sign;
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
    /// Write the certificate that a token stores with a key
    Export(export::Export),
    /// Make a certificate that a key gives itself, as `openssl req -x509 -config` does
    SelfSign(self_sign::SelfSign),
    /// Store a certificate on a token, with a key
    Import(import::Import),
    /// Remove the certificate that a token stores with a key
    Delete(delete::Delete),
}
