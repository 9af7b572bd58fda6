//! Validates an ordered chain of certificates: RFC 5280 section 6.1.
//!
//! The chain is given leaf first, as a chain file has it. Every certificate in it must hold, roots included: a
//! root that has expired or is no CA is an error here, as it is for `openssl verify`. What is checked:
//! names chain, signatures, validity of each certificate at one moment (no nesting of validity is asked for),
//! cA and path length (self-issued certificates and the leaf are not counted), keyCertSign where keyUsage is
//! present, authority against subject key identifiers, name constraints, critical extensions, and that the
//! algorithm inside a certificate is the one outside.
//!
//! Certificate policies are not processed. With any policy acceptable, as here, they can only matter when a
//! certificate requires an explicit policy, or maps to or from anyPolicy; both are refused. Revocation is not
//! checked: device chains carry no pointers to it.

mod constraints;
mod error;
mod extensions;
mod names;
mod report;
mod trust;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::Encode;
use signer_core::verify::VerifyingKey;
use x509_cert::Version;
use x509_cert::ext::pkix::name::GeneralName;

pub use error::{PathError, Rule};
pub use names::same_name;
pub use report::{Check, Link, Root, ValidatedPath};
pub use trust::{AnchorError, AnchorSource, TrustAnchors, VENDOR_ROOT_SHA256};

use crate::certificate::ParsedCertificate;
use crate::describe::{hex_lower, hex_upper, name_text, rfc3339};
use extensions::Extensions;

/// Longest chain that is looked at; real device chains have five certificates.
pub const MAX_CHAIN: usize = 32;

/// Validates `chain`, leaf first and every certificate the issuer of the one before, at the moment `at`.
///
/// # Errors
/// [`PathError`] names the certificate and the rule it breaks. That the root is not a trusted one is no error:
/// see [`ValidatedPath::root`].
pub fn validate(
    chain: &[ParsedCertificate],
    anchors: &TrustAnchors,
    at: SystemTime,
) -> Result<ValidatedPath, PathError> {
    if chain.is_empty() {
        return Err(PathError::Empty);
    }
    if chain.len() > MAX_CHAIN {
        return Err(PathError::TooLong { count: chain.len(), limit: MAX_CHAIN });
    }
    let mut path: Vec<&ParsedCertificate> = chain.iter().collect();
    let ending = Ending::of(chain, anchors);
    if let Ending::AnchorOutside(anchor, _) = ending {
        path.push(anchor);
    }
    let last_is_anchor = path.last().is_some_and(|last| anchors.source(last).is_some());
    let own_signature = if last_is_anchor { OwnSignature::Known } else { OwnSignature::Check };
    let links = Validation::new(&path, at, own_signature)?.run()?;
    let root = ending.root(&path);
    Ok(ValidatedPath { links, root })
}

/// How the chain meets its root.
enum Ending<'a> {
    /// The certificate at this index is an anchor.
    AnchorInside(usize, AnchorSource),
    /// This anchor issued the last certificate.
    AnchorOutside(&'a ParsedCertificate, AnchorSource),
    SelfSigned,
    Missing,
}

impl<'a> Ending<'a> {
    fn of(chain: &[ParsedCertificate], anchors: &'a TrustAnchors) -> Self {
        let sources = chain.iter().map(|one| anchors.source(one));
        if let Some((index, source)) = sources.enumerate().find_map(|(i, s)| Some((i, s?))) {
            return Self::AnchorInside(index, source);
        }
        let Some(last) = chain.last() else { return Self::Missing };
        if is_self_issued(last) && claims_own_signature(last) {
            return match anchors.self_signed_source(last) {
                Some(source) => Self::AnchorInside(chain.len() - 1, source),
                None => Self::SelfSigned,
            };
        }
        let anchor = anchors.issuer_of(last);
        anchor
            .and_then(|anchor| Some(Self::AnchorOutside(anchor, anchors.source(anchor)?)))
            .unwrap_or(Self::Missing)
    }

    fn root(self, path: &[&ParsedCertificate]) -> Root {
        let last = path.len().saturating_sub(1);
        let index = if let Self::AnchorInside(index, _) = self { index } else { last };
        let Some(one) = path.get(index) else { return Root::Missing { issuer: String::new() } };
        let subject = name_text(one.subject());
        let sha256 = hex_lower(&one.sha256());
        match self {
            Self::AnchorInside(_, source) | Self::AnchorOutside(_, source) => {
                Root::Trusted { source, subject, sha256, position: index + 1 }
            }
            Self::SelfSigned => Root::SelfSigned { subject, sha256 },
            Self::Missing => Root::Missing { issuer: name_text(one.issuer()) },
        }
    }
}

/// Whether a root's signature by its own key is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OwnSignature {
    Check,
    /// The certificate is an anchor, byte for byte: its own signature adds nothing, and old roots have SHA-1.
    Known,
}

struct Validation<'a> {
    path: &'a [&'a ParsedCertificate],
    extensions: Vec<Extensions>,
    at: SystemTime,
    own_signature: OwnSignature,
}

impl<'a> Validation<'a> {
    fn new(
        path: &'a [&'a ParsedCertificate],
        at: SystemTime,
        own_signature: OwnSignature,
    ) -> Result<Self, PathError> {
        let extensions = path
            .iter()
            .enumerate()
            .map(|(index, one)| Extensions::read(one).map_err(|rule| broken(index, one, rule)))
            .collect::<Result<_, _>>()?;
        Ok(Self { path, extensions, at, own_signature })
    }

    fn run(&self) -> Result<Vec<Link>, PathError> {
        let mut links = Vec::with_capacity(self.path.len());
        // Certificates below the present one that count towards its path length.
        let mut below = 0;
        for (index, (one, extensions)) in self.path.iter().zip(&self.extensions).enumerate() {
            let checks = self
                .certificate(index, one, extensions, below)
                .map_err(|rule| broken(index, one, rule))?;
            links.push(Link {
                position: index + 1,
                subject: name_text(one.subject()),
                issuer: name_text(one.issuer()),
                checks,
            });
            if index > 0 && !is_self_issued(one) {
                below += 1;
            }
        }
        Ok(links)
    }

    fn certificate(
        &self,
        index: usize,
        one: &ParsedCertificate,
        extensions: &Extensions,
        below: usize,
    ) -> Result<Vec<Check>, Rule> {
        let mut checks = vec![Check::CriticalExtensions];
        if one.issuer().is_empty() {
            return Err(Rule::EmptyIssuer);
        }
        if one.x509().signature_algorithm() != one.x509().tbs_certificate().signature() {
            return Err(Rule::AlgorithmsDiffer);
        }
        check_validity(one, self.at)?;
        checks.push(Check::Validity);
        if index > 0 {
            check_authority(one, extensions, below, &mut checks)?;
        }
        self.check_signature(index, one, extensions, &mut checks)?;
        if self.check_name_constraints(index, one, extensions)? {
            checks.push(Check::NameConstraints);
        }
        Ok(checks)
    }

    fn check_signature(
        &self,
        index: usize,
        one: &ParsedCertificate,
        extensions: &Extensions,
        checks: &mut Vec<Check>,
    ) -> Result<(), Rule> {
        let next = self.path.get(index + 1).zip(self.extensions.get(index + 1));
        let (issuer, issuer_extensions) = match next {
            Some((issuer, theirs)) => (*issuer, theirs),
            None if self.own_signature == OwnSignature::Known => return Ok(()),
            // The last certificate: it is self-signed, or its issuer is not here.
            None if is_self_issued(one) && claims_own_signature(one) => (one, extensions),
            None => return Ok(()),
        };
        if !same_name(one.issuer(), issuer.subject()) {
            return Err(Rule::WrongIssuer {
                expected: name_text(one.issuer()),
                found: name_text(issuer.subject()),
            });
        }
        checks.push(Check::IssuerName);
        if check_key_identifier(extensions, issuer, issuer_extensions)? {
            checks.push(Check::KeyIdentifier);
        }
        let key = VerifyingKey::new(issuer.spki()).map_err(Rule::Signature)?;
        let signature = one.x509().signature().as_bytes().ok_or(Rule::PartialBits)?;
        key.verify(one.x509().signature_algorithm(), one.tbs_der(), signature)
            .map_err(Rule::Signature)?;
        checks.push(Check::Signature);
        Ok(())
    }

    /// Whether any constraints applied.
    fn check_name_constraints(
        &self,
        index: usize,
        one: &ParsedCertificate,
        extensions: &Extensions,
    ) -> Result<bool, Rule> {
        if index > 0 && is_self_issued(one) {
            return Ok(false);
        }
        let mut applied = false;
        let above = self.extensions.iter().skip(index + 1);
        for constraints in above.filter_map(|above| above.name_constraints.as_ref()) {
            constraints::check(one.subject(), extensions.alternative_names(), constraints)?;
            applied = true;
        }
        Ok(applied)
    }
}

fn check_validity(one: &ParsedCertificate, at: SystemTime) -> Result<(), Rule> {
    let validity = one.x509().tbs_certificate().validity();
    // Times in certificates are whole seconds, and both ends are included (RFC 5280 section 4.1.2.5).
    let now = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    if now < validity.not_before.to_unix_duration().as_secs() {
        return Err(Rule::NotYetValid { not_before: rfc3339(&validity.not_before) });
    }
    if now > validity.not_after.to_unix_duration().as_secs() {
        return Err(Rule::Expired { not_after: rfc3339(&validity.not_after) });
    }
    Ok(())
}

fn check_authority(
    one: &ParsedCertificate,
    extensions: &Extensions,
    below: usize,
    checks: &mut Vec<Check>,
) -> Result<(), Rule> {
    if one.x509().tbs_certificate().version() != Version::V3 {
        return Err(Rule::OldVersionCa);
    }
    let constraints =
        extensions.basic_constraints.as_ref().filter(|basic| basic.ca).ok_or(Rule::NotCa)?;
    checks.push(Check::CertificateAuthority);
    if let Some(limit) = constraints.path_len_constraint {
        if below > usize::from(limit) {
            return Err(Rule::PathLength { limit, below });
        }
        checks.push(Check::PathLength);
    }
    if let Some(usage) = &extensions.key_usage {
        if !usage.key_cert_sign() {
            return Err(Rule::NoKeyCertSign);
        }
        checks.push(Check::KeyUsage);
    }
    Ok(())
}

/// Whether there was anything to compare: key identifiers on both sides, or the issuer's name and serial.
fn check_key_identifier(
    extensions: &Extensions,
    issuer: &ParsedCertificate,
    issuer_extensions: &Extensions,
) -> Result<bool, Rule> {
    let Some(authority) = &extensions.authority_key_identifier else { return Ok(false) };
    let mut compared = false;
    let theirs = issuer_extensions.subject_key_identifier.as_ref();
    if let (Some(ours), Some(theirs)) = (&authority.key_identifier, theirs) {
        if ours != &theirs.0 {
            return Err(Rule::KeyIdentifier {
                expected: hex_upper(ours.as_bytes()),
                found: hex_upper(theirs.0.as_bytes()),
            });
        }
        compared = true;
    }
    if let Some(serial) = &authority.authority_cert_serial_number {
        if serial != issuer.x509().tbs_certificate().serial_number() {
            return Err(Rule::AuthoritySerial);
        }
        compared = true;
    }
    let named = authority.authority_cert_issuer.iter().flatten().find_map(|name| match name {
        GeneralName::DirectoryName(name) => Some(name),
        _ => None,
    });
    if let Some(name) = named {
        if !same_name(name, issuer.issuer()) {
            return Err(Rule::AuthorityIssuer);
        }
        compared = true;
    }
    Ok(compared)
}

fn is_self_issued(one: &ParsedCertificate) -> bool {
    same_name(one.subject(), one.issuer())
}

/// A self-issued certificate whose authority key identifier names another key is a key rollover (RFC 4210
/// section 4.4) and not a root.
fn claims_own_signature(one: &ParsedCertificate) -> bool {
    let Ok(extensions) = Extensions::read(one) else { return true };
    let authority = extensions.authority_key_identifier.and_then(|a| a.key_identifier);
    match (authority, extensions.subject_key_identifier) {
        (Some(authority), Some(subject)) => authority.to_der() == subject.0.to_der(),
        _ => true,
    }
}

fn broken(index: usize, one: &ParsedCertificate, rule: Rule) -> PathError {
    PathError::Certificate { position: index + 1, subject: name_text(one.subject()), rule }
}
