//! certificatePolicies (RFC 5280, 4.2.1.4).

use const_oid::db::rfc5280::{ID_QT_CPS, ID_QT_UNOTICE};

use super::Maker;
use crate::conf::{
    Section,
    encode::{
        BMP_STRING, IA5_STRING, OBJECT_IDENTIFIER, UTF8_STRING, VISIBLE_STRING, element, sequence,
    },
    error::{Error, Place, Reason, shown},
    list::{Item, integer, list, named_section},
};

impl Maker<'_> {
    /// A list of OIDs and `@sections`; `ia5org` in front of a section makes its organizations
    /// IA5 strings.
    pub(super) fn policies(&mut self, text: &[u8], place: &Place) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        let mut organization = VISIBLE_STRING;
        for item in list(text, place)? {
            if item.value.is_some() {
                return Err(item.error(Reason::invalid("policy identifier", &item.name)));
            }
            if item.name == b"ia5org" && organization == VISIBLE_STRING {
                organization = IA5_STRING;
            } else if let Some(name) = item.name.strip_prefix(b"@") {
                let section = named_section(self.config(), name, place)?;
                content.extend(self.policy(section, organization, place)?);
            } else {
                content.extend(sequence(&self.oid(&item, &item.name)?));
            }
        }
        Ok(sequence(&content))
    }

    fn policy(
        &mut self,
        section: &Section,
        organization: u8,
        place: &Place,
    ) -> Result<Vec<u8>, Error> {
        let mut identifier = None;
        let mut qualifiers = Vec::new();
        for item in self.section_items(section, place)? {
            let value = item.value("value")?;
            if item.name == b"policyIdentifier" {
                identifier = Some(self.oid(&item, value)?);
            } else if item.is("CPS") {
                let uri = element(IA5_STRING, value);
                qualifiers.extend(qualifier(ID_QT_CPS.as_bytes(), &uri));
            } else if item.is("userNotice") {
                let name = value.strip_prefix(b"@").ok_or_else(|| {
                    item.error(Reason::Invalid { what: "@section", value: shown(value) })
                })?;
                let section = named_section(self.config(), name, &item.place)?;
                let notice = self.notice(section, organization, &item.place)?;
                qualifiers.extend(qualifier(ID_QT_UNOTICE.as_bytes(), &notice));
            } else {
                return Err(item.error(Reason::invalid("policy option", &item.name)));
            }
        }
        let missing = || place.error(Reason::Missing { what: "policyIdentifier" });
        let mut content = identifier.ok_or_else(missing)?;
        if !qualifiers.is_empty() {
            content.extend(sequence(&qualifiers));
        }
        Ok(sequence(&content))
    }

    fn notice(
        &mut self,
        section: &Section,
        organization_type: u8,
        place: &Place,
    ) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        let mut organization = None;
        let mut numbers = None;
        for item in self.section_items(section, place)? {
            let value = item.value("value")?;
            match item.name.as_slice() {
                b"explicitText" => text = display_text(value),
                b"organization" => organization = Some(element(organization_type, value)),
                b"noticeNumbers" => {
                    let mut content = Vec::new();
                    for number in list(value, &item.place)? {
                        content.extend(integer(&number.name).map_err(|it| item.error(it))?);
                    }
                    numbers = Some(sequence(&content));
                }
                _ => return Err(item.error(Reason::invalid("notice option", &item.name))),
            }
        }
        // Numbers may be missing, and are empty then (OpenSSL 3.0.19 has a check for it that never
        // fires). Without an organization it writes octets that
        // are no DER, and calls that success: here we refuse.
        let reference = match (organization, numbers) {
            (None, None) => Vec::new(),
            (Some(organization), numbers) => {
                sequence(&[organization, numbers.unwrap_or_else(|| sequence(&[]))].concat())
            }
            (None, Some(_)) => {
                return Err(place.error(Reason::Missing { what: "organization" }));
            }
        };
        Ok(sequence(&[reference, text].concat()))
    }

    fn oid(&self, item: &Item, name: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.objects().resolve(name).map_err(|reason| item.error(reason))?.encode())
    }
}

fn qualifier(oid: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[element(OBJECT_IDENTIFIER, oid), value.to_vec()].concat())
}

/// `UTF8:`, `BMP:` and `VISIBLE:` in front choose the type. The octets stay as they are, for BMP too.
fn display_text(text: &[u8]) -> Vec<u8> {
    const TYPES: [(&[u8], u8); 6] = [
        (b"UTF8:", UTF8_STRING),
        (b"UTF8String:", UTF8_STRING),
        (b"BMP:", BMP_STRING),
        (b"BMPSTRING:", BMP_STRING),
        (b"VISIBLE:", VISIBLE_STRING),
        (b"VISIBLESTRING:", VISIBLE_STRING),
    ];
    let chosen = TYPES.iter().find_map(|(prefix, kind)| Some((*kind, text.strip_prefix(*prefix)?)));
    let (kind, text) = chosen.unwrap_or((VISIBLE_STRING, text));
    element(kind, text)
}
