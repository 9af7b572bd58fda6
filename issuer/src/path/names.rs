//! Compares distinguished names: RFC 5280 section 7.1, as OpenSSL does it.
//!
//! Strings are equal when their text is, whatever their ASN.1 type, without regard to ASCII case, to blanks at
//! either end or to the number of blanks inside. Beyond ASCII nothing is folded: that errs on the safe side.

use const_oid::ObjectIdentifier;
use der::asn1::Any;
use der::{Encode, Tag, Tagged};
use x509_cert::name::{Name, RelativeDistinguishedName};

use crate::device_oids::string_value;

/// Whether two names are the same.
pub fn same_name(one: &Name, other: &Name) -> bool {
    one == other || one.len() == other.len() && starts_with(one, other)
}

/// Whether `name` lies in the subtree of `base`: its first RDNs are those of `base`.
pub(super) fn starts_with(name: &Name, base: &Name) -> bool {
    name.len() >= base.len()
        && name
            .iter_rdn()
            .zip(base.iter_rdn())
            .all(|(one, other)| canonical(one) == canonical(other))
}

/// An attribute of an RDN, its value as comparable bytes.
type Attribute = (ObjectIdentifier, Vec<u8>);

fn canonical(rdn: &RelativeDistinguishedName) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> =
        rdn.iter().map(|attribute| (attribute.oid, canonical_value(&attribute.value))).collect();
    // A set: the order in which DER sorted the original values says nothing about the canonical ones.
    attributes.sort();
    attributes
}

fn canonical_value(value: &Any) -> Vec<u8> {
    let text = match value.tag() {
        Tag::NumericString => None,
        _ => string_value(value),
    };
    match text {
        Some(text) => {
            // A zero byte cannot begin a DER element, so text and other values never meet.
            let words = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            [&[0], words.to_ascii_lowercase().as_bytes()].concat()
        }
        None => value.to_der().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use der::asn1::SetOfVec;
    use x509_cert::attr::AttributeTypeAndValue;
    use x509_cert::name::RdnSequence;

    use super::*;

    fn common_name(tag: Tag, bytes: &[u8]) -> Name {
        let attribute = AttributeTypeAndValue {
            oid: ObjectIdentifier::new("2.5.4.3").unwrap(),
            value: Any::new(tag, bytes).unwrap(),
        };
        let set = SetOfVec::try_from(vec![attribute]).unwrap();
        Name::hazmat_from_rdn_sequence(RdnSequence::from(vec![RelativeDistinguishedName::from(
            set,
        )]))
    }

    #[test]
    fn names_are_compared_as_text_without_case_and_extra_blanks() {
        let plain = common_name(Tag::PrintableString, b"DAK CA for X");
        for (tag, bytes) in [
            (Tag::Utf8String, b"DAK CA for X".as_slice()),
            (Tag::Utf8String, b"  dak ca   FOR x "),
            (Tag::BmpString, b"\0D\0A\0K\0 \0C\0A\0 \0f\0o\0r\0 \0X"),
            (Tag::TeletexString, b"DAK CA for X"),
            (Tag::Ia5String, b"DAK CA for X"),
        ] {
            assert!(same_name(&plain, &common_name(tag, bytes)), "{tag:?}");
        }
        for (tag, bytes) in [
            (Tag::Utf8String, b"DAK CA for".as_slice()),
            (Tag::Utf8String, b"DAKCA for X"),
            (Tag::OctetString, b"DAK CA for X"),
            (Tag::Utf8String, b"\xff"),
        ] {
            assert!(!same_name(&plain, &common_name(tag, bytes)), "{tag:?}");
        }
    }

    #[test]
    fn case_beyond_ascii_is_not_folded() {
        let upper = common_name(Tag::Utf8String, "\u{c4}".as_bytes());
        assert!(!same_name(&upper, &common_name(Tag::Utf8String, "\u{e4}".as_bytes())));
    }

    #[test]
    fn order_of_rdns_matters_and_order_inside_one_does_not() {
        let name = |text| Name::from_str(text).unwrap();
        assert!(!same_name(&name("CN=a,O=b"), &name("O=b,CN=a")));
        assert!(same_name(&name("CN=a+O=b"), &name("O=B+CN=A")));
        assert!(!same_name(&name("CN=a+O=b"), &name("CN=a,O=b")));
        assert!(!same_name(&name("CN=a"), &name("CN=a,O=b")));
    }
}
