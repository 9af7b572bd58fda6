//! subjectKeyIdentifier and authorityKeyIdentifier.

use der::{Decode, asn1::OctetStringRef};
use sha1::{Digest, Sha1};
use spki::SubjectPublicKeyInfoOwned;

use super::{IssuerContext, Maker, Purpose, encoded};
use crate::conf::{
    encode::{CONSTRUCTED, CONTEXT, OCTET_STRING, element, sequence},
    error::{Error, Place, Reason},
    list::hex,
};

impl Maker<'_> {
    /// `hash` (SHA-1 of the key, RFC 5280 4.2.1.2 method 1), `none`, or the octets in hexadecimal.
    pub(super) fn subject_key_identifier(
        &mut self,
        text: &[u8],
        place: &Place,
    ) -> Result<Vec<u8>, Error> {
        let identifier = match text {
            b"none" => Vec::new(),
            b"hash" => match self.purpose() {
                Purpose::Certificate { key, .. }
                | Purpose::SelfSigned { key, .. }
                | Purpose::Request { key } => hash_of(key),
                Purpose::Check => Vec::new(),
            },
            _ => hex(text).map_err(|reason| place.error(reason))?,
        };
        Ok(element(OCTET_STRING, &identifier))
    }

    /// `keyid` and `issuer`, each perhaps with `:always`; or `none`. OpenSSL 3.0 takes any other
    /// word behind the colon for nothing.
    pub(super) fn authority_key_identifier(
        &mut self,
        text: &[u8],
        place: &Place,
    ) -> Result<Vec<u8>, Error> {
        let items = self.items(text, place)?;
        if let [item] = items.as_slice()
            && item.name == b"none"
        {
            return Ok(sequence(&[]));
        }
        let mut key = Wish::No;
        let mut name = Wish::No;
        for item in &items {
            let wish = match item.value.as_deref() {
                Some(b"always") => Wish::Always,
                _ => Wish::IfThere,
            };
            match item.name.as_slice() {
                b"keyid" => key = wish,
                b"issuer" => name = wish,
                _ => return Err(item.error(Reason::invalid("identifier", &item.name))),
            }
        }
        let own_identifier;
        let issuer = match self.purpose() {
            Purpose::Certificate { issuer, .. } => issuer,
            Purpose::SelfSigned { key: public_key, name, serial } => {
                // OpenSSL leaves out what is in the same certificate already, unless it must be there.
                if key == Wish::IfThere {
                    key = Wish::No;
                }
                own_identifier = self.own_identifier(public_key);
                IssuerContext {
                    key_identifier: own_identifier.as_deref(),
                    issuer_name: name,
                    serial,
                    alternative_names: None,
                }
            }
            Purpose::Request { .. } => {
                return Err(place.error(Reason::Missing { what: "issuer certificate" }));
            }
            Purpose::Check => return Ok(sequence(&[])),
        };
        let key_identifier = issuer.key_identifier.filter(|_| key != Wish::No);
        if key != Wish::No && key_identifier.is_none() && (key == Wish::Always || name == Wish::No)
        {
            return Err(place.error(Reason::Missing { what: "key identifier of the issuer" }));
        }
        let mut content = Vec::new();
        if let Some(identifier) = key_identifier {
            content.extend(element(CONTEXT, identifier));
        }
        if name == Wish::Always || (name == Wish::IfThere && key_identifier.is_none()) {
            let directory =
                element(CONTEXT | CONSTRUCTED | 4, &encoded(issuer.issuer_name, place)?);
            content.extend(element(CONTEXT | CONSTRUCTED | 1, &directory));
            content.extend(element(CONTEXT | 2, issuer.serial.as_bytes()));
        }
        Ok(sequence(&content))
    }

    /// The identifier of a key that certifies itself: what the certificate says before, or else the
    /// hash. One of two octets or fewer counts as none.
    fn own_identifier(&self, key: &SubjectPublicKeyInfoOwned) -> Option<Vec<u8>> {
        let Some(said) = &self.earlier.key_identifier else {
            return Some(hash_of(key));
        };
        let identifier = <&OctetStringRef>::from_der(said.as_bytes()).ok()?.as_bytes();
        (identifier.len() > 2).then(|| identifier.to_vec())
    }
}

/// Method 1 of RFC 5280, 4.2.1.2.
fn hash_of(key: &SubjectPublicKeyInfoOwned) -> Vec<u8> {
    Sha1::digest(key.subject_public_key.raw_bytes()).to_vec()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    No,
    IfThere,
    Always,
}
