//! The extensions that have a syntax of their own, and the simple ones among them.

use super::Maker;
use crate::conf::{
    Section,
    encode::{
        BIT_STRING, BOOLEAN, CONSTRUCTED, CONTEXT, IA5_STRING, NULL, UTF8_STRING, element,
        named_bits, sequence,
    },
    error::{Error, Place, Reason, shown},
    list::{Item, integer, integer_content, list, named_section, section_items, switch},
};

/// An extension with a syntax of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    BasicConstraints,
    KeyUsage,
    NetscapeType,
    ExtendedKeyUsage,
    SubjectKeyIdentifier,
    AuthorityKeyIdentifier,
    SubjectAltName,
    IssuerAltName,
    CertificatePolicies,
    PolicyConstraints,
    PolicyMappings,
    InhibitAnyPolicy,
    NameConstraints,
    DistributionPoints,
    IssuingDistributionPoint,
    InformationAccess,
    TlsFeature,
    Ia5,
    Utf8,
    Null,
}

impl Kind {
    /// OpenSSL goes by the short name alone.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "basicConstraints" => Self::BasicConstraints,
            "keyUsage" => Self::KeyUsage,
            "nsCertType" => Self::NetscapeType,
            "extendedKeyUsage" | "acceptableResponses" => Self::ExtendedKeyUsage,
            "subjectKeyIdentifier" => Self::SubjectKeyIdentifier,
            "authorityKeyIdentifier" => Self::AuthorityKeyIdentifier,
            "subjectAltName" => Self::SubjectAltName,
            "issuerAltName" => Self::IssuerAltName,
            "certificatePolicies" => Self::CertificatePolicies,
            "policyConstraints" => Self::PolicyConstraints,
            "policyMappings" => Self::PolicyMappings,
            "inhibitAnyPolicy" => Self::InhibitAnyPolicy,
            "nameConstraints" => Self::NameConstraints,
            "crlDistributionPoints" | "freshestCRL" => Self::DistributionPoints,
            "issuingDistributionPoint" => Self::IssuingDistributionPoint,
            "authorityInfoAccess" | "subjectInfoAccess" => Self::InformationAccess,
            "tlsfeature" => Self::TlsFeature,
            "nsComment" | "nsBaseUrl" | "nsRevocationUrl" | "nsCaRevocationUrl"
            | "nsRenewalUrl" | "nsCaPolicyUrl" | "nsSslServerName" => Self::Ia5,
            "subjectSignTool" => Self::Utf8,
            "noCheck" | "ct_precert_poison" => Self::Null,
            _ => return None,
        })
    }
}

/// Names of bits: short, long, number.
type Bits = &'static [(&'static str, &'static str, usize)];

const KEY_USAGE: Bits = &[
    ("digitalSignature", "Digital Signature", 0),
    ("nonRepudiation", "Non Repudiation", 1),
    ("keyEncipherment", "Key Encipherment", 2),
    ("dataEncipherment", "Data Encipherment", 3),
    ("keyAgreement", "Key Agreement", 4),
    ("keyCertSign", "Certificate Sign", 5),
    ("cRLSign", "CRL Sign", 6),
    ("encipherOnly", "Encipher Only", 7),
    ("decipherOnly", "Decipher Only", 8),
];

const NETSCAPE_TYPE: Bits = &[
    ("client", "SSL Client", 0),
    ("server", "SSL Server", 1),
    ("email", "S/MIME", 2),
    ("objsign", "Object Signing", 3),
    ("reserved", "Unused", 4),
    ("sslCA", "SSL CA", 5),
    ("emailCA", "S/MIME CA", 6),
    ("objCA", "Object Signing CA", 7),
];

impl Maker<'_> {
    /// The value of an extension, in DER.
    pub(super) fn value(
        &mut self,
        kind: Kind,
        text: &[u8],
        place: &Place,
    ) -> Result<Vec<u8>, Error> {
        match kind {
            Kind::SubjectKeyIdentifier => self.subject_key_identifier(text, place),
            Kind::AuthorityKeyIdentifier => self.authority_key_identifier(text, place),
            Kind::CertificatePolicies => self.policies(text, place),
            Kind::InhibitAnyPolicy => integer(text).map_err(|reason| place.error(reason)),
            Kind::Ia5 => Ok(element(IA5_STRING, text)),
            Kind::Utf8 => Ok(element(UTF8_STRING, text)),
            Kind::Null => Ok(element(NULL, &[])),
            Kind::BasicConstraints => basic_constraints(&self.items(text, place)?),
            Kind::KeyUsage => bits(&self.items(text, place)?, KEY_USAGE),
            Kind::NetscapeType => bits(&self.items(text, place)?, NETSCAPE_TYPE),
            Kind::ExtendedKeyUsage => {
                let items = self.items(text, place)?;
                self.key_purposes(&items)
            }
            Kind::SubjectAltName => {
                let items = self.items(text, place)?;
                self.subject_alternatives(&items)
            }
            Kind::IssuerAltName => {
                let items = self.items(text, place)?;
                self.issuer_alternatives(&items)
            }
            Kind::PolicyConstraints => policy_constraints(&self.items(text, place)?, place),
            Kind::PolicyMappings => {
                let items = self.items(text, place)?;
                self.policy_mappings(&items)
            }
            Kind::NameConstraints => {
                let items = self.items(text, place)?;
                self.name_constraints(&items)
            }
            Kind::DistributionPoints => {
                let items = self.items(text, place)?;
                self.distribution_points(&items)
            }
            Kind::IssuingDistributionPoint => {
                let items = self.items(text, place)?;
                self.issuing_distribution_point(&items)
            }
            Kind::InformationAccess => {
                let items = self.items(text, place)?;
                self.information_access(&items)
            }
            Kind::TlsFeature => tls_features(&self.items(text, place)?),
        }
    }

    /// The parts of a list or of an `@section`; at least one.
    pub(super) fn items(&mut self, text: &[u8], place: &Place) -> Result<Vec<Item>, Error> {
        let items = self.any_items(text, place)?;
        if items.is_empty() {
            return Err(place.error(Reason::invalid("empty section", text)));
        }
        Ok(items)
    }

    /// The parts of a list or of an `@section`, which may be empty.
    pub(super) fn any_items(&mut self, text: &[u8], place: &Place) -> Result<Vec<Item>, Error> {
        match text.strip_prefix(b"@") {
            Some(name) => self.section_items(named_section(self.config(), name, place)?, place),
            None => {
                self.spend(text.len(), place)?;
                list(text, place)
            }
        }
    }

    /// The parts of a section. Many values may name one section, so looking at it counts as work.
    pub(super) fn section_items(
        &mut self,
        section: &Section,
        place: &Place,
    ) -> Result<Vec<Item>, Error> {
        for value in section.values() {
            self.spend(value.name().len() + value.bytes().len(), place)?;
        }
        Ok(section_items(section))
    }

    fn key_purposes(&self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        for item in items {
            let name = item.value.as_ref().unwrap_or(&item.name);
            content.extend(self.objects().resolve(name).map_err(|it| item.error(it))?.encode());
        }
        Ok(sequence(&content))
    }

    fn policy_mappings(&self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        for item in items {
            let subject = item.value("policy to map to")?;
            let oid = |name| self.objects().resolve(name).map_err(|reason| item.error(reason));
            content.extend(sequence(&[oid(&item.name)?.encode(), oid(subject)?.encode()].concat()));
        }
        Ok(sequence(&content))
    }

    /// `permitted;DNS:…`, `excluded;IP:…`: the ninth or tenth byte may be any, not only a semicolon.
    fn name_constraints(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut permitted = Vec::new();
        let mut excluded = Vec::new();
        for item in items {
            let behind = |word: &[u8]| item.name.strip_prefix(word).and_then(|rest| rest.get(1..));
            let (name, trees) = match (behind(b"permitted"), behind(b"excluded")) {
                (Some(name), _) => (name, &mut permitted),
                (None, Some(name)) => (name, &mut excluded),
                (None, None) => {
                    return Err(item.error(Reason::invalid("permitted or excluded", &item.name)));
                }
            };
            let base = Item { name: name.to_vec(), ..item.clone() };
            trees.extend(sequence(&self.constraint_name(&base)?));
        }
        let mut content = Vec::new();
        for (number, trees) in [(0, permitted), (1, excluded)] {
            if !trees.is_empty() {
                content.extend(element(CONTEXT | CONSTRUCTED | number, &trees));
            }
        }
        Ok(sequence(&content))
    }

    /// `method;kind:name`, where kind and name are those of a general name.
    fn information_access(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        for item in items {
            let invalid = || item.error(Reason::invalid("access method", &item.name));
            let at = item.name.iter().position(|byte| *byte == b';').ok_or_else(invalid)?;
            let (method, kind) = item.name.split_at_checked(at).ok_or_else(invalid)?;
            let kind = kind.strip_prefix(b";").unwrap_or(kind).to_vec();
            let location = self.general_name(&Item { name: kind, ..item.clone() })?;
            let method = self.objects().resolve(method).map_err(|reason| item.error(reason))?;
            content.extend(sequence(&[method.encode(), location].concat()));
        }
        Ok(sequence(&content))
    }
}

/// A flag that stands only where it is true: DER leaves defaults out.
pub(super) fn flag(identifier: u8, value: bool) -> Vec<u8> {
    if value { element(identifier, &[0xFF]) } else { Vec::new() }
}

fn basic_constraints(items: &[Item]) -> Result<Vec<u8>, Error> {
    let mut authority = false;
    let mut length = None;
    for item in items {
        match item.name.as_slice() {
            b"CA" => authority = switch(item.value("yes or no")?).map_err(|it| item.error(it))?,
            b"pathlen" => {
                length = Some(integer(item.value("number")?).map_err(|it| item.error(it))?);
            }
            _ => return Err(item.error(Reason::invalid("basic constraint", &item.name))),
        }
    }
    Ok(sequence(&[flag(BOOLEAN, authority), length.unwrap_or_default()].concat()))
}

fn policy_constraints(items: &[Item], place: &Place) -> Result<Vec<u8>, Error> {
    let mut explicit = None;
    let mut mapping = None;
    for item in items {
        let number = || integer_content(item.value("number")?).map_err(|it| item.error(it));
        match item.name.as_slice() {
            b"requireExplicitPolicy" => explicit = Some(number()?),
            b"inhibitPolicyMapping" => mapping = Some(number()?),
            _ => return Err(item.error(Reason::invalid("policy constraint", &item.name))),
        }
    }
    if explicit.is_none() && mapping.is_none() {
        return Err(place.error(Reason::Missing { what: "policy constraint" }));
    }
    let parts = [(0, explicit), (1, mapping)].into_iter();
    let encode = |(number, content): (u8, Option<Vec<u8>>)| {
        content.map(|content| element(CONTEXT | number, &content)).unwrap_or_default()
    };
    Ok(sequence(&parts.flat_map(encode).collect::<Vec<u8>>()))
}

/// `status_request`, `status_request_v2`, or the number of a TLS extension (RFC 7633).
fn tls_features(items: &[Item]) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    for item in items {
        let text = item.value.as_ref().unwrap_or(&item.name);
        let number = match text.to_ascii_lowercase().as_slice() {
            b"status_request" => Some(5),
            b"status_request_v2" => Some(17),
            _ => std::str::from_utf8(text)
                .ok()
                .map(|text| text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']))
                .and_then(|text| text.parse::<i64>().ok())
                .and_then(|number| u16::try_from(number).ok()),
        };
        let number = number.ok_or_else(|| item.error(Reason::invalid("TLS feature", text)))?;
        let number = integer(number.to_string().as_bytes()).map_err(|it| item.error(it))?;
        content.extend(number);
    }
    Ok(sequence(&content))
}

fn bits(items: &[Item], names: Bits) -> Result<Vec<u8>, Error> {
    let mut set = Vec::new();
    for item in items {
        let named = |(short, long, _): &&(&str, &str, usize)| {
            item.name == short.as_bytes() || item.name == long.as_bytes()
        };
        let Some((_, _, number)) = names.iter().find(named) else {
            return Err(item.error(Reason::Invalid { what: "usage", value: shown(&item.name) }));
        };
        set.push(*number);
    }
    Ok(element(BIT_STRING, &named_bits(&set)))
}
