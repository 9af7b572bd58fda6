//! The extensions that take part in path validation, decoded once per certificate.

use const_oid::{AssociatedOid, ObjectIdentifier};
use der::Decode;
use x509_cert::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage,
    NameConstraints, PolicyConstraints, PolicyMappings, SubjectAltName, SubjectKeyIdentifier,
};

use super::error::Rule;
use crate::certificate::ParsedCertificate;

const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");
const INHIBIT_ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.54");
const ISSUER_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.18");

#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) subject_key_identifier: Option<SubjectKeyIdentifier>,
    pub(super) authority_key_identifier: Option<AuthorityKeyIdentifier>,
    pub(super) name_constraints: Option<NameConstraints>,
    subject_alt_name: Option<SubjectAltName>,
}

impl Extensions {
    /// Also refuses what RFC 5280 section 4.2 forbids: duplicates, and critical extensions not processed here.
    pub(super) fn read(certificate: &ParsedCertificate) -> Result<Self, Rule> {
        let all = certificate.extensions();
        let tbs = certificate.x509().tbs_certificate();
        if tbs.extensions().is_some() && tbs.version() != Version::V3 {
            return Err(Rule::ExtensionsInOldVersion);
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut read = Self::default();
        for extension in all {
            if !seen.insert(extension.extn_id) {
                return Err(Rule::DuplicateExtension { oid: extension.extn_id.to_string() });
            }
            read.take(extension)?;
        }
        Ok(read)
    }

    pub(super) fn alternative_names(&self) -> &[GeneralName] {
        self.subject_alt_name.as_ref().map_or(&[], |names| names.0.as_slice())
    }

    fn take(&mut self, extension: &Extension) -> Result<(), Rule> {
        match extension.extn_id {
            BasicConstraints::OID => self.basic_constraints = Some(decoded(extension)?),
            KeyUsage::OID => self.key_usage = Some(decoded(extension)?),
            SubjectKeyIdentifier::OID => self.subject_key_identifier = Some(decoded(extension)?),
            AuthorityKeyIdentifier::OID => {
                self.authority_key_identifier = Some(decoded(extension)?);
            }
            NameConstraints::OID => self.name_constraints = Some(decoded(extension)?),
            SubjectAltName::OID => self.subject_alt_name = Some(decoded(extension)?),
            PolicyConstraints::OID => {
                let constraints: PolicyConstraints = decoded(extension)?;
                if constraints.require_explicit_policy.is_some() {
                    return Err(Rule::PolicyUnsupported { reason: "requireExplicitPolicy" });
                }
            }
            PolicyMappings::OID => {
                let mappings: PolicyMappings = decoded(extension)?;
                // Section 6.1.4 (a).
                let any = mappings.0.iter().any(|mapping| {
                    mapping.issuer_domain_policy == ANY_POLICY
                        || mapping.subject_domain_policy == ANY_POLICY
                });
                if any {
                    return Err(Rule::PolicyUnsupported { reason: "anyPolicy is mapped" });
                }
            }
            // Nothing in these bears on a path in which any policy and any purpose will do; that they are
            // well-formed is asked only where the issuer calls them critical.
            CertificatePolicies::OID if extension.critical => {
                decoded::<CertificatePolicies>(extension)?;
            }
            ExtendedKeyUsage::OID if extension.critical => {
                decoded::<ExtendedKeyUsage>(extension)?;
            }
            INHIBIT_ANY_POLICY if extension.critical => {
                decoded::<u32>(extension)?;
            }
            ISSUER_ALT_NAME => {}
            other
                if extension.critical
                    && ![CertificatePolicies::OID, ExtendedKeyUsage::OID, INHIBIT_ANY_POLICY]
                        .contains(&other) =>
            {
                return Err(Rule::UnknownCritical { oid: other.to_string() });
            }
            _ => {}
        }
        Ok(())
    }
}

fn decoded<T>(extension: &Extension) -> Result<T, Rule>
where
    T: for<'a> Decode<'a, Error = der::Error>,
{
    T::from_der(extension.extn_value.as_bytes())
        .map_err(|source| Rule::MalformedExtension { oid: extension.extn_id.to_string(), source })
}
