//! General names: e-mail, DNS, URI, IP, RID, dirName, otherName (RFC 5280, 4.2.1.6).

use const_oid::db::rfc3280::EMAIL_ADDRESS;
use der::asn1::OctetString;

use super::{Maker, Purpose, ip};
use crate::conf::{
    asn1,
    encode::{CONSTRUCTED, CONTEXT, element, sequence},
    error::{Error, Reason, shown},
    list::{Item, named_section},
    name::{Subject, Taken},
    oid::Oid,
};

impl Maker<'_> {
    /// The value of subjectAltName.
    pub(super) fn subject_alternatives(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        for item in items {
            let taken = match item.value.as_deref() {
                Some(b"copy") if item.is("email") => Taken::Copied,
                Some(b"move") if item.is("email") => Taken::Out,
                _ => {
                    content.extend(self.general_name(item)?);
                    continue;
                }
            };
            // Whatever string type the subject has, the octets are taken over.
            for address in self.subject.values(&EMAIL_ADDRESS, taken) {
                self.moved |= taken == Taken::Out;
                content.extend(element(CONTEXT | 1, &address));
            }
        }
        Ok(sequence(&content))
    }

    /// The value of issuerAltName.
    pub(super) fn issuer_alternatives(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        for item in items {
            if !(item.is("issuer") && item.value.as_deref() == Some(b"copy")) {
                content.extend(self.general_name(item)?);
                continue;
            }
            let names = match self.purpose() {
                Purpose::Certificate { issuer, .. } => issuer.alternative_names,
                Purpose::SelfSigned { .. } => {
                    self.earlier.alternative_names.as_ref().map(OctetString::as_bytes)
                }
                Purpose::Request { .. } => {
                    return Err(item.error(Reason::Missing { what: "issuer certificate" }));
                }
                Purpose::Check => continue,
            };
            if let Some(names) = names {
                use der::Decode;
                let names = der::asn1::AnyRef::from_der(names).map_err(|_| {
                    item.error(Reason::Missing { what: "valid subjectAltName of the issuer" })
                })?;
                content.extend_from_slice(names.value());
            }
        }
        Ok(sequence(&content))
    }

    /// Several general names, without a tag around them.
    pub(super) fn general_names(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        for item in items {
            content.extend(self.general_name(item)?);
        }
        Ok(content)
    }

    /// One general name.
    pub(super) fn general_name(&mut self, item: &Item) -> Result<Vec<u8>, Error> {
        self.any_name(item, ip::address)
    }

    /// One general name of nameConstraints: an IP address has a mask there.
    pub(super) fn constraint_name(&mut self, item: &Item) -> Result<Vec<u8>, Error> {
        self.any_name(item, ip::network)
    }

    fn any_name(
        &mut self,
        item: &Item,
        ip: fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Error> {
        let value = item.value("value of the name")?;
        self.spend(value.len(), &item.place)?;
        // The texts are taken as they are; OpenSSL does not look whether they are ASCII.
        if item.is("email") {
            Ok(element(CONTEXT | 1, value))
        } else if item.is("URI") {
            Ok(element(CONTEXT | 6, value))
        } else if item.is("DNS") {
            Ok(element(CONTEXT | 2, value))
        } else if item.is("RID") {
            let oid = self.objects().resolve(value).map_err(|reason| item.error(reason))?;
            Ok(element(CONTEXT | 8, oid.content()))
        } else if item.is("IP") {
            let invalid = || item.error(Reason::invalid("IP address", value));
            Ok(element(CONTEXT | 7, &ip(value).ok_or_else(invalid)?))
        } else if item.is("dirName") {
            let section = named_section(self.config(), value, &item.place)?;
            let name = Subject::of_section(section, self.objects(), self.texts)?.encode();
            self.spend(name.len(), &item.place)?;
            Ok(element(CONTEXT | CONSTRUCTED | 4, &name))
        } else if item.is("otherName") {
            self.other_name(item, value)
        } else {
            Err(item.error(Reason::Invalid { what: "kind of name", value: shown(&item.name) }))
        }
    }

    /// `otherName:oid;type:value`, the latter as behind `ASN1:`.
    fn other_name(&mut self, item: &Item, value: &[u8]) -> Result<Vec<u8>, Error> {
        let invalid = || item.error(Reason::invalid("otherName", value));
        let at = value.iter().position(|byte| *byte == b';').ok_or_else(invalid)?;
        let (kind, source) = value.split_at_checked(at).ok_or_else(invalid)?;
        let source = source.strip_prefix(b";").unwrap_or(source);
        let inner = asn1::generate(self, source, &item.place)?;
        let oid: Oid = self.objects().resolve(kind).map_err(|reason| item.error(reason))?;
        let explicit = element(CONTEXT | CONSTRUCTED, &inner);
        Ok(element(CONTEXT | CONSTRUCTED, &[oid.encode(), explicit].concat()))
    }
}
