//! The vendor's subject attributes, and the device facts read through them.
//!
//! The arc 1.3.6.1.4.1.4843.1 is the vendor's. The console's `dak.conf` writes its values as UTF8String, the
//! device's own CSR as PrintableString, so values are compared as text.

use const_oid::ObjectIdentifier;
use der::asn1::Any;
use der::{Tag, Tagged};
use x509_cert::name::Name;

/// DSN, the device serial number.
pub const DSN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.4843.1.1");
/// The optional 64-bit device identifier.
pub const DEVICE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.4843.1.2");
/// The product's device type.
pub const DEVICE_TYPE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.4843.1.3");
/// What kind of issuing key this is, for example `SoftwareProd`.
pub const DAK_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.4843.1.5");
/// commonName.
pub const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Issuing certificates before 2021 carried the device type only in `CN=DAK CA for <id>`.
const OLD_STYLE_CN: &str = "DAK CA for ";

/// The device type: the subject's own attribute, else the older `CN=DAK CA for <id>`.
pub fn device_type_id(name: &Name) -> Option<String> {
    text_of(name, &DEVICE_TYPE_ID).or_else(|| {
        let common_name = text_of(name, &COMMON_NAME)?;
        let id = common_name.strip_prefix(OLD_STYLE_CN)?.trim();
        (!id.is_empty()).then(|| id.to_owned())
    })
}

/// The device serial number.
pub fn dsn(name: &Name) -> Option<String> {
    text_of(name, &DSN)
}

/// The optional 64-bit device identifier.
pub fn device_id(name: &Name) -> Option<String> {
    text_of(name, &DEVICE_ID)
}

/// What kind of issuing key the certificate is for, for example `SoftwareProd`.
pub fn dak_type(name: &Name) -> Option<String> {
    text_of(name, &DAK_TYPE)
}

/// The first value of an attribute as text, or `None` when it is absent or not a string.
///
/// The text is as the certificate has it: escape it (see [`crate::describe::terminal_text`]) before showing it.
pub fn text_of(name: &Name, oid: &ObjectIdentifier) -> Option<String> {
    name.iter().find(|attribute| attribute.oid == *oid).and_then(|a| string_value(&a.value))
}

/// The text of an ASN.1 string of any type; `None` for other types and for bytes that the type does not allow.
pub fn string_value(value: &Any) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::NumericString => {
            bytes.is_ascii().then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        // Nobody writes T.61 shifts: in practice the bytes are Latin-1, and OpenSSL reads them so.
        Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (units, odd) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            let text = char::decode_utf16(units).collect::<Result<String, _>>().ok();
            text.filter(|_| odd.is_empty())
        }
        Tag::GeneralString | Tag::VideotexString => None,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn name(attributes: &[(&str, Tag, &str)]) -> Name {
        use der::asn1::SetOfVec;
        use x509_cert::attr::AttributeTypeAndValue;
        use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
        let rdns: Vec<_> = attributes
            .iter()
            .map(|(oid, tag, text)| {
                let value = Any::new(*tag, text.as_bytes()).unwrap();
                let attribute =
                    AttributeTypeAndValue { oid: ObjectIdentifier::new(oid).unwrap(), value };
                RelativeDistinguishedName::from(SetOfVec::try_from(vec![attribute]).unwrap())
            })
            .collect();
        Name::hazmat_from_rdn_sequence(RdnSequence::from(rdns))
    }

    #[test]
    fn device_type_reads_the_same_from_utf8_and_printable_strings() {
        for tag in [Tag::Utf8String, Tag::PrintableString] {
            let name = name(&[("1.3.6.1.4.1.4843.1.3", tag, "A25PYKXH7D1LXS")]);
            assert_eq!(device_type_id(&name).as_deref(), Some("A25PYKXH7D1LXS"));
        }
    }

    #[test]
    fn old_style_common_name_gives_the_device_type_and_other_names_none() {
        let old = Name::from_str("CN=DAK CA for A101NUVVNS7634,O=Example").unwrap();
        assert_eq!(device_type_id(&old).as_deref(), Some("A101NUVVNS7634"));
        for none in ["CN=DAK CA for ", "CN=A DAK CA for X", "CN=plain"] {
            assert_eq!(device_type_id(&Name::from_str(none).unwrap()), None, "{none}");
        }
    }

    #[test]
    fn the_oid_wins_over_the_old_style_common_name() {
        let both = name(&[
            ("2.5.4.3", Tag::Utf8String, "DAK CA for OLD"),
            ("1.3.6.1.4.1.4843.1.3", Tag::Utf8String, "NEW"),
        ]);
        assert_eq!(device_type_id(&both).as_deref(), Some("NEW"));
    }
}
