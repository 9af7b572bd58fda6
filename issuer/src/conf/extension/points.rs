//! crlDistributionPoints, freshestCRL and issuingDistributionPoint (RFC 5280, 4.2.1.13).

use super::{Maker, kinds::flag};
use crate::conf::{
    encode::{CONSTRUCTED, CONTEXT, element, named_bits, sequence},
    error::{Error, Reason},
    list::{Item, list, named_section, switch},
    name::Subject,
};

const REASONS: [&str; 9] = [
    "unused",
    "keyCompromise",
    "CACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "AACompromise",
];

impl Maker<'_> {
    /// Each part is a general name, or the name of a section that describes a point.
    pub(super) fn distribution_points(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        for item in items {
            if item.value.is_some() {
                let names = element(CONTEXT | CONSTRUCTED, &self.general_name(item)?);
                let point = element(CONTEXT | CONSTRUCTED, &names);
                content.extend(sequence(&point));
            } else {
                let section = named_section(self.config(), &item.name, &item.place)?;
                let described = self.section_items(section, &item.place)?;
                content.extend(self.distribution_point(&described)?);
            }
        }
        Ok(sequence(&content))
    }

    /// A key that is none of the known ones is passed over (OpenSSL 3.0.19).
    fn distribution_point(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut name = None;
        let mut reasons = None;
        let mut issuer = None;
        for item in items {
            if self.point_name(item, &mut name)? {
                continue;
            }
            let value = item.value("value")?;
            match item.name.as_slice() {
                b"reasons" => reasons = Some(reason_bits(item, value)?),
                b"CRLissuer" => issuer = Some(self.names_of(item, value)?),
                _ => {}
            }
        }
        let mut content = name.unwrap_or_default();
        content.extend(reasons.map(|bits| element(CONTEXT | 1, &bits)).unwrap_or_default());
        content
            .extend(issuer.map(|it| element(CONTEXT | CONSTRUCTED | 2, &it)).unwrap_or_default());
        Ok(sequence(&content))
    }

    pub(super) fn issuing_distribution_point(&mut self, items: &[Item]) -> Result<Vec<u8>, Error> {
        let mut name = None;
        let mut reasons = None;
        let (mut user, mut authority, mut indirect, mut attribute) = (false, false, false, false);
        for item in items {
            if self.point_name(item, &mut name)? {
                continue;
            }
            let target = match item.name.as_slice() {
                b"onlyuser" => &mut user,
                b"onlyCA" => &mut authority,
                b"onlyAA" => &mut attribute,
                b"indirectCRL" => &mut indirect,
                b"onlysomereasons" => {
                    reasons = Some(reason_bits(item, item.value("reasons")?)?);
                    continue;
                }
                _ => return Err(item.error(Reason::invalid("distribution point", &item.name))),
            };
            *target = switch(item.value("yes or no")?).map_err(|reason| item.error(reason))?;
        }
        let parts = [
            name.unwrap_or_default(),
            flag(CONTEXT | 1, user),
            flag(CONTEXT | 2, authority),
            reasons.map(|bits| element(CONTEXT | 3, &bits)).unwrap_or_default(),
            flag(CONTEXT | 4, indirect),
            flag(CONTEXT | 5, attribute),
        ];
        Ok(sequence(&parts.concat()))
    }

    /// Takes `fullname` and `relativename` as the name of the point; says whether it was one.
    fn point_name(&mut self, item: &Item, name: &mut Option<Vec<u8>>) -> Result<bool, Error> {
        let inner = match item.name.as_slice() {
            b"fullname" => {
                let names = self.names_of(item, item.value("general name")?)?;
                element(CONTEXT | CONSTRUCTED, &names)
            }
            b"relativename" => {
                let section = named_section(self.config(), item.value("section")?, &item.place)?;
                let relative = Subject::of_section(section, self.objects(), self.texts)?;
                let rdn = relative.single_rdn().ok_or_else(|| {
                    item.error(Reason::invalid("relative name (one RDN)", section.name()))
                })?;
                self.spend(rdn.len(), &item.place)?;
                element(CONTEXT | CONSTRUCTED | 1, &rdn)
            }
            _ => return Ok(false),
        };
        if name.replace(element(CONTEXT | CONSTRUCTED, &inner)).is_some() {
            return Err(item.error(Reason::Twice { name: "name of the point".into() }));
        }
        Ok(true)
    }

    fn names_of(&mut self, item: &Item, text: &[u8]) -> Result<Vec<u8>, Error> {
        let names = self.any_items(text, &item.place)?;
        self.general_names(&names)
    }
}

fn reason_bits(item: &Item, text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bits = Vec::new();
    for name in list(text, &item.place)? {
        let number = REASONS.iter().position(|reason| reason.as_bytes() == name.name);
        bits.push(number.ok_or_else(|| item.error(Reason::invalid("reason", &name.name)))?);
    }
    Ok(named_bits(&bits))
}
