//! Distinguished names from sections.

use der::{Decode, asn1::ObjectIdentifier};
use x509_cert::name::Name;

use super::{
    encode::{OBJECT_IDENTIFIER, content, element, sequence, set_of},
    error::{Error, Place, Reason, shown},
    objects::Objects,
    strings::{Form, Types, attribute},
};
use crate::conf::Section;

/// OpenSSL bounds only the octets of a name. Members of one RDN are compared with each other.
const MOST_ATTRIBUTES: usize = 1_000;

/// A name under construction: RDNs of attributes, each attribute as its type and its value element.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    count: usize,
    rdns: Vec<Vec<(ObjectIdentifier, Vec<u8>)>>,
}

/// How the values of a section become strings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts {
    pub(super) form: Form,
    pub(super) mask: Types,
}

impl Subject {
    /// Every value of a section, in order: `prompt = no` and `dirName:section`.
    pub(super) fn of_section(
        section: &Section,
        objects: &Objects,
        texts: Texts,
    ) -> Result<Self, Error> {
        let mut subject = Self::default();
        for value in section.values() {
            let (name, joined) = attribute_type(value.name());
            subject
                .push(name, value.bytes(), joined, objects, texts)
                .map_err(|reason| value.place().error(reason))?;
        }
        Ok(subject)
    }

    /// Reads a name that exists already.
    pub(super) fn of_name(name: &Name) -> Result<Self, der::Error> {
        use der::Encode;
        let mut subject = Self::default();
        for rdn in name.iter_rdn() {
            let attribute = |it: &x509_cert::attr::AttributeTypeAndValue| {
                it.value.to_der().map(|value| (it.oid, value))
            };
            subject.rdns.push(rdn.iter().map(attribute).collect::<Result<_, _>>()?);
        }
        Ok(subject)
    }

    /// Adds one attribute; `joined` puts it into the RDN before it.
    pub(super) fn push(
        &mut self,
        name: &[u8],
        text: &[u8],
        joined: Joined,
        objects: &Objects,
        texts: Texts,
    ) -> Result<(), Reason> {
        self.count += 1;
        if self.count > MOST_ATTRIBUTES {
            return Err(Reason::TooMany { what: "attributes of a name", limit: MOST_ATTRIBUTES });
        }
        let oid = objects.resolve(name)?;
        let value = attribute(&oid, text, texts.form, texts.mask)?;
        let entry =
            (oid.identifier().map_err(|_| Reason::OidTooLarge { text: shown(name) })?, value);
        match (joined, self.rdns.last_mut()) {
            (Joined::ToLast, Some(rdn)) => {
                if rdn.contains(&entry) {
                    // Valid for OpenSSL, yet no SET OF in DER may hold the same member twice.
                    return Err(Reason::Twice { name: shown(name) });
                }
                rdn.push(entry);
            }
            _ => self.rdns.push(vec![entry]),
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The only RDN as a SET without its tag, or `None` where there are more, or none.
    pub(super) fn single_rdn(&self) -> Option<Vec<u8>> {
        let [rdn] = self.rdns.as_slice() else { return None };
        let set = set_of(members(rdn));
        Some(content(&set).to_vec())
    }

    /// The content octets of each value of this attribute type, and whether to take them out.
    pub(super) fn values(&mut self, wanted: &ObjectIdentifier, taken: Taken) -> Vec<Vec<u8>> {
        let all = self.rdns.iter().flatten();
        let found = all
            .filter(|(oid, _)| oid == wanted)
            .map(|(_, value)| content(value).to_vec())
            .collect();
        if taken == Taken::Out {
            for rdn in &mut self.rdns {
                rdn.retain(|(oid, _)| oid != wanted);
            }
            self.rdns.retain(|rdn| !rdn.is_empty());
        }
        found
    }

    /// RDNSequence in DER.
    pub(super) fn encode(&self) -> Vec<u8> {
        sequence(&self.rdns.iter().map(|rdn| set_of(members(rdn))).collect::<Vec<_>>().concat())
    }

    pub(super) fn to_name(&self, place: &Place) -> Result<Name, Error> {
        let der = self.encode();
        Name::from_der(&der).map_err(|_| place.error(Reason::invalid("name", &der)))
    }
}

/// Whether an attribute opens an RDN or belongs to the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    No,
    ToLast,
}

/// Whether values that are read stay in the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Copied,
    Out,
}

/// The attribute type in a key: without `0.`, `x,` or the like in front (which lets a section hold
/// one type several times; a dotted OID loses its first part that way, too, and so needs a prefix),
/// and without the `+` that joins it to the RDN before.
pub(super) fn attribute_type(key: &[u8]) -> (&[u8], Joined) {
    let prefix = key.iter().position(|byte| matches!(byte, b':' | b',' | b'.'));
    let behind = prefix.and_then(|at| key.get(at + 1..)).filter(|rest| !rest.is_empty());
    let name = behind.unwrap_or(key);
    match name.strip_prefix(b"+") {
        Some(name) => (name, Joined::ToLast),
        None => (name, Joined::No),
    }
}

fn members(rdn: &[(ObjectIdentifier, Vec<u8>)]) -> Vec<Vec<u8>> {
    let member = |(oid, value): &(ObjectIdentifier, Vec<u8>)| {
        sequence(&[element(OBJECT_IDENTIFIER, oid.as_bytes()), value.clone()].concat())
    };
    rdn.iter().map(member).collect()
}
