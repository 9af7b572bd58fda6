//! What validation found.

use serde::Serialize;

use super::trust::AnchorSource;

/// A chain in which every certificate holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidatedPath {
    /// One entry per certificate, leaf first. A trust anchor that was not in the chain stands last.
    pub links: Vec<Link>,
    /// What the chain ends in. Only [`Root::Trusted`] vouches for anything.
    pub root: Root,
}

impl ValidatedPath {
    /// Whether the chain leads to a trust anchor.
    pub fn is_trusted(&self) -> bool {
        matches!(self.root, Root::Trusted { .. })
    }
}

/// One certificate of a validated chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Place in the chain, the leaf being 1.
    pub position: usize,
    /// Subject, escaped for display.
    pub subject: String,
    /// Issuer, escaped for display.
    pub issuer: String,
    /// What was there to check and was found good.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The moment lies within notBefore and notAfter.
    Validity,
    /// The issuer is the next certificate's subject.
    IssuerName,
    /// The signature verifies with the next certificate's key, or its own when self-signed. A root that is
    /// itself an anchor has no need of it.
    Signature,
    /// The authority key identifier fits the next certificate.
    KeyIdentifier,
    /// No critical extension is left unprocessed.
    CriticalExtensions,
    /// It is a version 3 certificate with cA TRUE.
    CertificateAuthority,
    /// It allows as many certificates below it as there are.
    PathLength,
    /// Its keyUsage allows it to sign certificates.
    KeyUsage,
    /// Its names lie within the name constraints of the certificates above it.
    NameConstraints,
}

/// What a chain ends in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum Root {
    /// It leads to a trust anchor.
    Trusted {
        /// Where the anchor comes from.
        source: AnchorSource,
        /// The anchor's subject, escaped for display.
        subject: String,
        /// The anchor's SHA-256, lower-case hex.
        sha256: String,
        /// The anchor's place in the links, the leaf being 1.
        position: usize,
    },
    /// It ends in a self-signed certificate that nobody but the file itself vouches for.
    SelfSigned {
        /// The root's subject, escaped for display.
        subject: String,
        /// The root's SHA-256, lower-case hex.
        sha256: String,
    },
    /// The issuer of the last certificate is not in the chain, nor among the anchors.
    Missing {
        /// The issuer that is missing, escaped for display.
        issuer: String,
    },
}
