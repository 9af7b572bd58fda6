//! The policy gate: everything that is asked of an issuer and of a request before a key is used.

mod text;

use std::fmt;
use std::time::{Duration, SystemTime};

use const_oid::AssociatedOid;
use der::Decode;
use ledger::Digest;
use signer_core::{KeySpec, VerifyError};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;

use crate::certificate::ParsedCertificate;
use crate::csr::Csr;
use crate::describe::terminal_text;
use crate::device_oids;
use crate::issuer::{Issuer, extension};
use crate::path::{self, TrustAnchors};
use crate::profile::{Attribute, KeyType, NotAfter, Profile};
use crate::public_key_text::key_identity;

/// A request that is not granted, and the rule that says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused by rule {rule}: {reason}")]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// What about this request, in words. Text from the request is escaped for terminals.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(rule: Rule, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// The rules of the gate, by the names that errors and the ledger use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The request's key is of a kind that the profile does not take.
    KeyType,
    /// The request was not signed by the key it is about.
    CsrSignature,
    /// The subject has attributes that the profile does not take, lacks some, or is not clean text.
    Subject,
    /// The subject's DeviceTypeId is not the issuer's.
    DeviceType,
    /// The request is for the issuer's own key.
    IssuerKey,
    /// The request asks to become a CA.
    CaRequested,
    /// The request's list of extensions cannot be read.
    RequestedExtensions,
    /// The issuer's certificate does not let it issue.
    IssuerNotCa,
    /// The issuer's certificate is for another key.
    IssuerMismatch,
    /// The issuer's path length forbids what the configuration asks for.
    PathLength,
    /// The certificate would be valid for longer than the profile allows.
    Days,
    /// The certificate would outlive its issuer.
    NotAfter,
    /// The clock cannot be right.
    Clock,
    /// The certificates of the issuer's file do not belong together.
    Chain,
    /// Another live certificate has this device id.
    DeviceId,
    /// Another live certificate has this key.
    SubjectKey,
    /// Another certificate has this serial number.
    Serial,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyType => "key-type",
            Self::CsrSignature => "csr-signature",
            Self::Subject => "subject",
            Self::DeviceType => "device-type",
            Self::IssuerKey => "issuer-key",
            Self::CaRequested => "ca-requested",
            Self::RequestedExtensions => "requested-extensions",
            Self::IssuerNotCa => "issuer-not-ca",
            Self::IssuerMismatch => "issuer-mismatch",
            Self::PathLength => "path-length",
            Self::Days => "days",
            Self::NotAfter => "not-after",
            Self::Clock => "clock",
            Self::Chain => "chain",
            Self::DeviceId => "device-id",
            Self::SubjectKey => "subject-key",
            Self::Serial => "serial",
        })
    }
}

/// Checks an issuer: its certificate is for its key, is a CA's, and may sign certificates.
///
/// # Errors
/// A [`Refusal`] by `issuer-mismatch` or `issuer-not-ca`.
pub fn check_issuer(issuer: &Issuer) -> Result<(), Refusal> {
    if !issuer.key_matches() {
        return Err(Refusal::new(
            Rule::IssuerMismatch,
            "the issuer's certificate is for another key than the signer's",
        ));
    }
    let not_ca = |reason: &str| Err(Refusal::new(Rule::IssuerNotCa, reason));
    match issuer.basic_constraints() {
        Some(constraints) if constraints.ca => {}
        Some(_) => return not_ca("the issuer's basicConstraints say CA:FALSE"),
        None => return not_ca("the issuer's certificate has no readable basicConstraints"),
    }
    match issuer.key_usage() {
        Some(usage) if usage.0.contains(KeyUsages::KeyCertSign) => Ok(()),
        Some(_) => not_ca("the issuer's keyUsage has no keyCertSign"),
        None => not_ca("the issuer's certificate has no readable keyUsage"),
    }
}

/// Checks that the certificates of the issuer's file belong together, link by link, each the issuer
/// of the one before it.
///
/// # Errors
/// A [`Refusal`] by `chain`.
pub fn check_chain(issuer: &Issuer, now: SystemTime) -> Result<(), Refusal> {
    let chain: Vec<ParsedCertificate> =
        [issuer.certificate()].into_iter().chain(issuer.above()).cloned().collect();
    match path::validate(&chain, &TrustAnchors::none(), now) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::new(
            Rule::Chain,
            format!("the issuer's file does not hold together: {error}"),
        )),
    }
}

/// Checks the clock against the date of this build and the issuer's validity.
///
/// # Errors
/// A [`Refusal`] by `clock`.
pub fn check_clock(issuer: &Issuer, now: SystemTime) -> Result<(), Refusal> {
    let refused = |reason: String| Err(Refusal::new(Rule::Clock, reason));
    if now < build_date() {
        return refused(format!(
            "the clock says {}, which is before this program was built ({})",
            rfc3339(now),
            rfc3339(build_date())
        ));
    }
    let validity = issuer.certificate().x509().tbs_certificate().validity();
    let (not_before, not_after) =
        (validity.not_before.to_system_time(), validity.not_after.to_system_time());
    if now < not_before {
        return refused(format!(
            "the clock says {}, and the issuer is valid from {}",
            rfc3339(now),
            rfc3339(not_before)
        ));
    }
    if now > not_after {
        return refused(format!(
            "the clock says {}, and the issuer expired at {}",
            rfc3339(now),
            rfc3339(not_after)
        ));
    }
    Ok(())
}

/// Checks a request's key type, before its signature is looked at.
///
/// # Errors
/// A [`Refusal`] by `key-type`.
pub fn check_key_type(csr: &Csr, profile: &Profile) -> Result<KeySpec, Refusal> {
    let refused = |reason: String| Err(Refusal::new(Rule::KeyType, reason));
    let point = csr.public_key().subject_public_key.raw_bytes();
    match KeySpec::of(csr.public_key()) {
        // aws-lc reads hybrid points; RFC 5480 section 2.2 forbids them in certificates.
        Ok(KeySpec::P256 | KeySpec::P384) if matches!(point, [6 | 7, ..]) => {
            refused("the key's point is written in hybrid form".to_owned())
        }
        Ok(spec) if profile.key_types.contains(&KeyType(spec)) => Ok(spec),
        Ok(spec) => refused(format!("a {spec} key, and the profile takes {}", list(profile))),
        Err(error) => refused(error.to_string()),
    }
}

/// Checks a request's own signature.
///
/// # Errors
/// A [`Refusal`] by `csr-signature`.
pub fn check_signature(csr: &Csr) -> Result<(), Refusal> {
    csr.verify().map_err(|error| {
        let reason = match error {
            VerifyError::BadSignature => {
                "the request was not signed by the key it is about".to_owned()
            }
            other => format!("the request's signature cannot be checked: {other}"),
        };
        Refusal::new(Rule::CsrSignature, reason)
    })
}

/// Which key a request is about, however it is written.
///
/// # Errors
/// A [`Refusal`] by `key-type` for a key that cannot be read.
pub fn identify(csr: &Csr) -> Result<Digest, Refusal> {
    key_identity(csr.public_key()).map_err(|error| Refusal::new(Rule::KeyType, error.to_string()))
}

/// Checks what a request is about: its subject, its key, and the extensions it asks for, which are
/// returned.
///
/// # Errors
/// A [`Refusal`] by `issuer-key`, `subject`, `device-type`, `ca-requested` or
/// `requested-extensions`.
pub fn check_content(
    csr: &Csr,
    profile: &Profile,
    issuer: &Issuer,
) -> Result<Vec<Extension>, Refusal> {
    if identify(csr)? == issuer.key_digest() {
        return Err(Refusal::new(Rule::IssuerKey, "the request is for the issuer's own key"));
    }
    check_subject(csr, profile)?;
    check_device_type(csr, issuer)?;
    let requested = csr.requested_extensions().map_err(|error| {
        Refusal::new(
            Rule::RequestedExtensions,
            format!("the extensions that the request asks for cannot be read: {error}"),
        )
    })?;
    check_no_ca(&requested)?;
    Ok(requested)
}

/// Checks that the certificate that is about to be made may stand under the issuer, and that it
/// names somebody.
///
/// # Errors
/// A [`Refusal`] by `path-length` or `subject`.
pub fn check_extensions(
    extensions: &[Extension],
    subject: &Name,
    issuer: &Issuer,
) -> Result<(), Refusal> {
    // RFC 5280 section 4.1.2.6; `openssl verify -x509_strict` asks for it, too.
    let named = |one: &Extension| one.extn_id == SubjectAltName::OID && one.critical;
    if subject.is_empty() && !extensions.iter().any(named) {
        return Err(Refusal::new(
            Rule::Subject,
            "the subject is empty, and no critical subjectAltName stands in for it",
        ));
    }
    let asks_for_ca = extension::<BasicConstraints>(extensions).is_some_and(|c| c.ca);
    let allowed = issuer.basic_constraints().and_then(|c| c.path_len_constraint);
    if asks_for_ca && allowed == Some(0) {
        return Err(Refusal::new(
            Rule::PathLength,
            "the configuration asks for CA:TRUE, and the issuer's path length is 0",
        ));
    }
    Ok(())
}

/// The end of the validity: `days` after `not_before`, or with the issuer, as the profile has it.
///
/// # Errors
/// A [`Refusal`] by `days` or `not-after`.
pub fn not_after(
    issuer: &Issuer,
    profile: &Profile,
    not_before: SystemTime,
    days: u32,
    outlive_issuer: bool,
) -> Result<SystemTime, Refusal> {
    if let Some(max) = profile.max_days.filter(|max| days > *max) {
        return Err(Refusal::new(
            Rule::Days,
            format!("{days} days are asked for, and the profile allows {max}"),
        ));
    }
    if days == 0 {
        return Err(Refusal::new(Rule::Days, "a certificate of 0 days would end as it begins"));
    }
    let wanted = not_before + Duration::from_secs(u64::from(days) * 86_400);
    // RFC 5280 section 4.1.2.5: no later time can be written.
    if x509_cert::time::Time::try_from(wanted).is_err() {
        return Err(Refusal::new(Rule::Days, format!("{days} days reach beyond the year 9999")));
    }
    let end = issuer.certificate().x509().tbs_certificate().validity().not_after.to_system_time();
    if wanted <= end || outlive_issuer {
        return Ok(wanted);
    }
    match profile.not_after {
        // An issuer that ended before the certificate begins leaves nothing to clamp to.
        NotAfter::Clamp if end > not_before => Ok(end),
        NotAfter::Clamp | NotAfter::Refuse => Err(Refusal::new(
            Rule::NotAfter,
            format!(
                "the certificate would be valid until {}, and its issuer until {}",
                rfc3339(wanted),
                rfc3339(end)
            ),
        )),
    }
}

/// Checks a device id, the operator's or the subject's.
///
/// # Errors
/// A [`Refusal`] by `device-id`.
pub fn check_device_id(id: &str) -> Result<(), Refusal> {
    let refused = |reason| Err(Refusal::new(Rule::DeviceId, format!("the device id {reason}")));
    match text::check(id) {
        Err(reason) => refused(reason),
        // Two devices whose ids differ by that could not be told apart.
        Ok(()) if id.trim() != id => refused("begins or ends with a blank"),
        Ok(()) => Ok(()),
    }
}

fn check_subject(csr: &Csr, profile: &Profile) -> Result<(), Refusal> {
    let refused = |reason: String| Err(Refusal::new(Rule::Subject, reason));
    let subject = csr.subject();
    for attribute in subject.iter() {
        let name = Attribute(attribute.oid);
        if let Some(allowed) = &profile.subject_allowed
            && !allowed.contains(&name)
        {
            let allowed: Vec<String> = allowed.iter().map(Attribute::to_string).collect();
            return refused(format!(
                "the subject has {name}, and the profile takes {}",
                allowed.join(", ")
            ));
        }
        let text = device_oids::string_value(&attribute.value);
        let Some(text) = text else {
            return refused(format!("the subject's {name} is no text"));
        };
        text::check(&text).map_err(|reason| {
            Refusal::new(Rule::Subject, format!("the subject's {name} {reason}"))
        })?;
    }
    for required in &profile.subject_required {
        if !subject.iter().any(|attribute| attribute.oid == required.0) {
            return refused(format!("the subject has no {required}"));
        }
    }
    // Two device ids in one certificate would let a reader take the other one.
    let known = [device_oids::DSN, device_oids::DEVICE_ID, device_oids::DEVICE_TYPE_ID];
    for single in known.into_iter().chain(profile.device_id.map(|attribute| attribute.0)) {
        if subject.iter().filter(|attribute| attribute.oid == single).count() > 1 {
            return refused(format!("the subject has more than one {}", Attribute(single)));
        }
    }
    Ok(())
}

fn check_device_type(csr: &Csr, issuer: &Issuer) -> Result<(), Refusal> {
    let Some(expected) = issuer.device_type() else { return Ok(()) };
    let refused = |reason: String| Err(Refusal::new(Rule::DeviceType, reason));
    match device_oids::text_of(csr.subject(), &device_oids::DEVICE_TYPE_ID) {
        Some(found) if found == expected => Ok(()),
        Some(found) => refused(format!(
            "the request's DeviceTypeId is {}, and the issuer's is {}",
            terminal_text(&found),
            terminal_text(expected)
        )),
        None => refused(format!(
            "the request has no DeviceTypeId, and the issuer's is {}",
            terminal_text(expected)
        )),
    }
}

fn check_no_ca(requested: &[Extension]) -> Result<(), Refusal> {
    let refused = |reason: &str| Err(Refusal::new(Rule::CaRequested, reason));
    for one in requested {
        let octets = one.extn_value.as_bytes();
        match one.extn_id {
            BasicConstraints::OID => match BasicConstraints::from_der(octets) {
                Ok(constraints) if !constraints.ca => {}
                Ok(_) => return refused("the request asks for CA:TRUE"),
                Err(_) => return refused("the request's basicConstraints cannot be read"),
            },
            KeyUsage::OID => match KeyUsage::from_der(octets) {
                Ok(usage) if !usage.0.contains(KeyUsages::KeyCertSign) => {}
                Ok(_) => return refused("the request asks for keyCertSign"),
                Err(_) => return refused("the request's keyUsage cannot be read"),
            },
            _ => {}
        }
    }
    Ok(())
}

fn list(profile: &Profile) -> String {
    let names: Vec<String> = profile.key_types.iter().map(|t| t.0.to_string()).collect();
    names.join(", ")
}

/// When this program was built, to the second.
#[must_use]
pub fn build_date() -> SystemTime {
    let seconds = env!("TOUCHMARK_BUILD_DATE").parse().unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A time as RFC 3339, for messages.
fn rfc3339(time: SystemTime) -> String {
    x509_cert::time::Time::try_from(time)
        .map_or_else(|_| "an impossible time".to_owned(), |time| crate::describe::rfc3339(&time))
}
