//! Extensions in words.

use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyQualifierInfo;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages, NameConstraints,
    PolicyConstraints, SubjectAltName, SubjectKeyIdentifier,
};

use super::names::general_name_text;
use super::terminal::{name_text, terminal_text};
use super::{ExtensionDescription, hex_lower, hex_upper, serial_text};

type Words = fn(&[u8]) -> der::Result<Vec<String>>;

/// OID, name, and how to read it; `None` shows the hex.
const KNOWN: &[(&str, &str, Option<Words>)] = &[
    ("2.5.29.14", "subjectKeyIdentifier", Some(subject_key_identifier)),
    ("2.5.29.15", "keyUsage", Some(key_usage)),
    ("2.5.29.17", "subjectAltName", Some(alternative_names)),
    ("2.5.29.18", "issuerAltName", Some(alternative_names)),
    ("2.5.29.19", "basicConstraints", Some(basic_constraints)),
    ("2.5.29.30", "nameConstraints", Some(name_constraints)),
    ("2.5.29.31", "crlDistributionPoints", Some(crl_distribution_points)),
    ("2.5.29.32", "certificatePolicies", Some(certificate_policies)),
    ("2.5.29.33", "policyMappings", None),
    ("2.5.29.35", "authorityKeyIdentifier", Some(authority_key_identifier)),
    ("2.5.29.36", "policyConstraints", Some(policy_constraints)),
    ("2.5.29.37", "extendedKeyUsage", Some(extended_key_usage)),
    ("2.5.29.54", "inhibitAnyPolicy", Some(inhibit_any_policy)),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess", Some(authority_info_access)),
    ("1.3.6.1.5.5.7.1.11", "subjectInfoAccess", Some(authority_info_access)),
    ("2.16.840.1.113730.1.1", "nsCertType", None),
    ("2.16.840.1.113730.1.13", "nsComment", Some(ns_comment)),
];

const PURPOSES: &[(&str, &str)] = &[
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning"),
    ("1.3.6.1.5.5.7.48.1", "OCSP"),
    ("1.3.6.1.5.5.7.48.2", "caIssuers"),
    ("1.3.6.1.5.5.7.48.5", "caRepository"),
    ("1.3.6.1.5.5.7.2.1", "CPS"),
    ("1.3.6.1.5.5.7.2.2", "userNotice"),
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
    ("2.5.29.32.0", "anyPolicy"),
];

pub(super) fn describe(extension: &Extension) -> ExtensionDescription {
    let oid = extension.extn_id.to_string();
    let known = KNOWN.iter().find(|(dotted, ..)| *dotted == oid);
    let content = extension.extn_value.as_bytes();
    let words = known.and_then(|(_, _, words)| *words);
    let value = match words.map(|words| words(content)) {
        Some(Ok(value)) => value,
        Some(Err(_)) => vec![format!("malformed #{}", hex_lower(content))],
        None => vec![format!("#{}", hex_lower(content))],
    };
    ExtensionDescription {
        oid,
        name: known.map(|(_, name, _)| *name),
        critical: extension.critical,
        value,
    }
}

fn basic_constraints(content: &[u8]) -> der::Result<Vec<String>> {
    let basic = BasicConstraints::from_der(content)?;
    let mut words = vec![if basic.ca { "CA:TRUE" } else { "CA:FALSE" }.to_owned()];
    words.extend(basic.path_len_constraint.map(|length| format!("pathlen:{length}")));
    Ok(words)
}

fn key_usage(content: &[u8]) -> der::Result<Vec<String>> {
    let usage = KeyUsage::from_der(content)?;
    let names = usage.0.into_iter().map(|usage| match usage {
        KeyUsages::DigitalSignature => "digitalSignature",
        KeyUsages::NonRepudiation => "nonRepudiation",
        KeyUsages::KeyEncipherment => "keyEncipherment",
        KeyUsages::DataEncipherment => "dataEncipherment",
        KeyUsages::KeyAgreement => "keyAgreement",
        KeyUsages::KeyCertSign => "keyCertSign",
        KeyUsages::CRLSign => "cRLSign",
        KeyUsages::EncipherOnly => "encipherOnly",
        KeyUsages::DecipherOnly => "decipherOnly",
    });
    Ok(names.map(str::to_owned).collect())
}

fn extended_key_usage(content: &[u8]) -> der::Result<Vec<String>> {
    Ok(ExtendedKeyUsage::from_der(content)?.0.iter().map(oid_text).collect())
}

fn subject_key_identifier(content: &[u8]) -> der::Result<Vec<String>> {
    Ok(vec![hex_upper(SubjectKeyIdentifier::from_der(content)?.0.as_bytes())])
}

fn authority_key_identifier(content: &[u8]) -> der::Result<Vec<String>> {
    let authority = AuthorityKeyIdentifier::from_der(content)?;
    let mut words = Vec::new();
    words.extend(authority.key_identifier.map(|id| format!("keyid:{}", hex_upper(id.as_bytes()))));
    words.extend(authority.authority_cert_issuer.iter().flatten().map(general_name_text));
    let serial = authority.authority_cert_serial_number;
    words.extend(serial.map(|serial| format!("serial:{}", serial_text(serial.as_bytes()))));
    Ok(words)
}

fn alternative_names(content: &[u8]) -> der::Result<Vec<String>> {
    Ok(SubjectAltName::from_der(content)?.0.iter().map(general_name_text).collect())
}

fn name_constraints(content: &[u8]) -> der::Result<Vec<String>> {
    let constraints = NameConstraints::from_der(content)?;
    let words = |kind: &str, trees: Option<Vec<GeneralSubtree>>| -> Vec<String> {
        let trees = trees.unwrap_or_default();
        trees.iter().map(|tree| format!("{kind};{}", general_name_text(&tree.base))).collect()
    };
    let mut all = words("permitted", constraints.permitted_subtrees);
    all.extend(words("excluded", constraints.excluded_subtrees));
    Ok(all)
}

fn policy_constraints(content: &[u8]) -> der::Result<Vec<String>> {
    let constraints = PolicyConstraints::from_der(content)?;
    let explicit = constraints.require_explicit_policy;
    let mapping = constraints.inhibit_policy_mapping;
    let mut words = Vec::new();
    words.extend(explicit.map(|skip| format!("requireExplicitPolicy:{skip}")));
    words.extend(mapping.map(|skip| format!("inhibitPolicyMapping:{skip}")));
    Ok(words)
}

fn inhibit_any_policy(content: &[u8]) -> der::Result<Vec<String>> {
    Ok(vec![u32::from_der(content)?.to_string()])
}

fn certificate_policies(content: &[u8]) -> der::Result<Vec<String>> {
    let policies = CertificatePolicies::from_der(content)?;
    let mut words = Vec::new();
    for policy in &policies.0 {
        words.push(oid_text(&policy.policy_identifier));
        words.extend(policy.policy_qualifiers.iter().flatten().map(qualifier_text));
    }
    Ok(words)
}

fn qualifier_text(qualifier: &PolicyQualifierInfo) -> String {
    let kind = oid_text(&qualifier.policy_qualifier_id);
    let Some(value) = &qualifier.qualifier else { return kind };
    match crate::device_oids::string_value(value) {
        Some(text) => format!("{kind}:{}", terminal_text(&text)),
        None => format!("{kind}:#{}", hex_lower(&value.to_der().unwrap_or_default())),
    }
}

fn crl_distribution_points(content: &[u8]) -> der::Result<Vec<String>> {
    let points = CrlDistributionPoints::from_der(content)?;
    let mut words = Vec::new();
    for point in &points.0 {
        match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => {
                words.extend(names.iter().map(general_name_text));
            }
            Some(DistributionPointName::NameRelativeToCRLIssuer(rdn)) => {
                let name = x509_cert::name::RdnSequence::from(vec![rdn.clone()]);
                let name = x509_cert::name::Name::hazmat_from_rdn_sequence(name);
                words.push(format!("relativeName:{}", name_text(&name)));
            }
            None => {}
        }
        let issuers = point.crl_issuer.iter().flatten();
        words.extend(
            issuers.map(|name: &GeneralName| format!("issuer {}", general_name_text(name))),
        );
    }
    Ok(words)
}

fn authority_info_access(content: &[u8]) -> der::Result<Vec<String>> {
    let access = AuthorityInfoAccessSyntax::from_der(content)?;
    let words = access.0.iter().map(|one| {
        format!("{};{}", oid_text(&one.access_method), general_name_text(&one.access_location))
    });
    Ok(words.collect())
}

fn ns_comment(content: &[u8]) -> der::Result<Vec<String>> {
    let comment = der::asn1::Ia5StringRef::from_der(content)?;
    Ok(vec![terminal_text(comment.as_str())])
}

fn oid_text(oid: &ObjectIdentifier) -> String {
    let dotted = oid.to_string();
    let known = PURPOSES.iter().find(|(known, _)| *known == dotted);
    known.map_or(dotted, |(_, name)| (*name).to_owned())
}
