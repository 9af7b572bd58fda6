//! Why a chain does not hold.

use signer_core::verify::VerifyError;

/// A chain that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// There is no certificate at all.
    #[error("chain has no certificates")]
    Empty,
    /// More certificates than any real chain has.
    #[error("chain of {count} certificates is longer than {limit}")]
    TooLong {
        /// Certificates given.
        count: usize,
        /// Certificates allowed.
        limit: usize,
    },
    /// A certificate breaks a rule.
    #[error("certificate {position} ({subject}): {rule}")]
    Certificate {
        /// Place in the chain, the leaf being 1.
        position: usize,
        /// Its subject, escaped for display.
        subject: String,
        /// The rule.
        #[source]
        rule: Rule,
    },
}

/// The rule that a certificate breaks. Sections are RFC 5280's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// Section 6.1.3 (a)(2).
    #[error("not valid before {not_before}")]
    NotYetValid {
        /// RFC 3339.
        not_before: String,
    },
    /// Section 6.1.3 (a)(2).
    #[error("expired at {not_after}")]
    Expired {
        /// RFC 3339.
        not_after: String,
    },
    /// Section 6.1.3 (a)(4).
    #[error("issuer is {expected}, but the next certificate is for {found}")]
    WrongIssuer {
        /// The issuer named in this certificate, escaped for display.
        expected: String,
        /// The subject of the next certificate, escaped for display.
        found: String,
    },
    /// Section 4.1.2.4.
    #[error("issuer name is empty")]
    EmptyIssuer,
    /// Section 6.1.3 (a)(1).
    #[error("signature by its issuer: {0}")]
    Signature(#[source] VerifyError),
    /// A signature is whole bytes.
    #[error("signature is not a whole number of bytes")]
    PartialBits,
    /// Section 4.1.1.2.
    #[error("signature algorithm inside the certificate differs from the one outside")]
    AlgorithmsDiffer,
    /// Section 4.2.1.1.
    #[error("authority key identifier {expected} is not the issuer's {found}")]
    KeyIdentifier {
        /// Upper-case hex.
        expected: String,
        /// Upper-case hex.
        found: String,
    },
    /// Section 4.2.1.1.
    #[error("authority serial number is not the issuer's")]
    AuthoritySerial,
    /// Section 4.2.1.1.
    #[error("authority issuer name is not the issuer's issuer")]
    AuthorityIssuer,
    /// Section 6.1.4 (k): a certificate before version 3 cannot say that it is a CA.
    #[error("issues certificates, but is not a version 3 certificate")]
    OldVersionCa,
    /// Section 6.1.4 (k).
    #[error("issues certificates, but is not a CA (basicConstraints CA:TRUE)")]
    NotCa,
    /// Section 6.1.4 (n).
    #[error("issues certificates, but its keyUsage lacks keyCertSign")]
    NoKeyCertSign,
    /// Section 6.1.4 (l) and (m).
    #[error("path length {limit} is exceeded: {below} CA certificates below")]
    PathLength {
        /// What the certificate allows.
        limit: u8,
        /// CA certificates between it and the leaf, self-issued ones not counted.
        below: usize,
    },
    /// Section 6.1.4 (o) and 6.1.5 (f).
    #[error("critical extension {oid} is not supported")]
    UnknownCritical {
        /// Dotted OID.
        oid: String,
    },
    /// Section 4.2: at most one of each.
    #[error("extension {oid} is there twice")]
    DuplicateExtension {
        /// Dotted OID.
        oid: String,
    },
    /// An extension that takes part in validation does not decode.
    #[error("extension {oid} is malformed")]
    MalformedExtension {
        /// Dotted OID.
        oid: String,
        /// The decoder's word.
        #[source]
        source: der::Error,
    },
    /// Section 4.1.2.9: extensions need version 3.
    #[error("has extensions, but is not a version 3 certificate")]
    ExtensionsInOldVersion,
    /// Section 6.1.3 (b).
    #[error("name {name} is not permitted by the name constraints above it")]
    NameNotPermitted {
        /// Escaped for display.
        name: String,
    },
    /// Section 6.1.3 (c).
    #[error("name {name} is excluded by the name constraints above it")]
    NameExcluded {
        /// Escaped for display.
        name: String,
    },
    /// Section 4.2.1.10: a constraint that cannot be processed.
    #[error("name constraints above it cannot be processed: {reason}")]
    NameConstraintUnsupported {
        /// Which.
        reason: String,
    },
    /// Section 6.1: policies are not processed here.
    #[error("certificate policies would have to be processed: {reason}")]
    PolicyUnsupported {
        /// Which.
        reason: &'static str,
    },
}
