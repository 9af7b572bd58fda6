//! Which ASN.1 string type a text becomes.
//!
//! OpenSSL goes by the *smallest* type that holds every character, among those that the attribute and
//! the `string_mask` both allow. A few attributes are fixed by its table and ignore the mask.

use super::{
    encode::{
        BMP_STRING, IA5_STRING, NUMERIC_STRING, PRINTABLE_STRING, T61_STRING, UNIVERSAL_STRING,
        UTF8_STRING, element,
    },
    error::Reason,
    oid::Oid,
};

/// A set of string types, in OpenSSL's numbering: `string_mask = MASK:number` uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u64);

impl Types {
    pub(super) const NUMERIC: Self = Self(0x1);
    pub(super) const PRINTABLE: Self = Self(0x2);
    pub(super) const T61: Self = Self(0x4);
    pub(super) const IA5: Self = Self(0x10);
    pub(super) const UNIVERSAL: Self = Self(0x100);
    pub(super) const BMP: Self = Self(0x800);
    pub(super) const UTF8: Self = Self(0x2000);
    /// A type that is never chosen: what is asked for only in it becomes UTF-8.
    pub(super) const OTHER: Self = Self(0x40);
    const DIRECTORY: Self = Self(0x2806);
    const PKCS9: Self = Self(0x2816);

    /// The value of `string_mask`.
    pub(super) fn from_mask(text: &[u8]) -> Result<Self, Reason> {
        let mask = match text {
            b"default" => 0xFFFF_FFFF,
            b"nombstr" => !(Self::BMP.0 | Self::UTF8.0),
            b"pkix" => !Self::T61.0,
            b"utf8only" => Self::UTF8.0,
            _ => {
                let number = text.strip_prefix(b"MASK:").and_then(c_number);
                number.ok_or_else(|| Reason::invalid("string_mask", text))?
            }
        };
        Ok(Self(mask))
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn holds(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn drop_unless(&mut self, kept: bool, types: Self) {
        if !kept {
            self.0 &= !types.0;
        }
    }
}

/// How the bytes of a config value are read as characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One character a byte: the default, so that UTF-8 in a file becomes UTF-8 of its bytes.
    Latin1,
    /// `utf8 = yes`.
    Utf8,
}

/// An attribute's row: bounds in characters, types, and whether the mask applies.
struct Row {
    oid: &'static str,
    least: usize,
    most: usize,
    types: Types,
    masked: bool,
}

const fn masked(oid: &'static str, most: usize, types: Types) -> Row {
    Row { oid, least: 1, most, types, masked: true }
}

const fn fixed(oid: &'static str, least: usize, most: usize, types: Types) -> Row {
    Row { oid, least, most, types, masked: false }
}

const ANY: usize = usize::MAX;
const NAME: usize = 32_768;
#[rustfmt::skip]
const TABLE: &[Row] = &[
    masked("2.5.4.3", 64, Types::DIRECTORY),               // commonName
    fixed("2.5.4.6", 2, 2, Types::PRINTABLE),              // countryName
    masked("2.5.4.7", 128, Types::DIRECTORY),              // localityName
    masked("2.5.4.8", 128, Types::DIRECTORY),              // stateOrProvinceName
    masked("2.5.4.10", 64, Types::DIRECTORY),              // organizationName
    masked("2.5.4.11", 64, Types::DIRECTORY),              // organizationalUnitName
    fixed("1.2.840.113549.1.9.1", 1, 128, Types::IA5),     // emailAddress
    masked("1.2.840.113549.1.9.2", ANY, Types::PKCS9),     // unstructuredName
    masked("1.2.840.113549.1.9.7", ANY, Types::PKCS9),     // challengePassword
    masked("1.2.840.113549.1.9.8", ANY, Types::DIRECTORY), // unstructuredAddress
    masked("2.5.4.42", NAME, Types::DIRECTORY),            // givenName
    masked("2.5.4.4", NAME, Types::DIRECTORY),             // surname
    masked("2.5.4.43", NAME, Types::DIRECTORY),            // initials
    fixed("2.5.4.5", 1, 64, Types::PRINTABLE),             // serialNumber
    fixed("1.2.840.113549.1.9.20", 0, ANY, Types::BMP),    // friendlyName
    masked("2.5.4.41", NAME, Types::DIRECTORY),            // name
    fixed("2.5.4.46", 0, ANY, Types::PRINTABLE),           // dnQualifier
    fixed("0.9.2342.19200300.100.1.25", 1, ANY, Types::IA5), // domainComponent
    fixed("1.3.6.1.4.1.311.17.1", 0, ANY, Types::BMP),     // Microsoft CSP Name
    fixed("0.9.2342.19200300.100.1.3", 1, 256, Types::IA5), // rfc822Mailbox
    fixed("1.3.6.1.4.1.311.60.2.1.3", 2, 2, Types::PRINTABLE), // jurisdictionCountryName
    fixed("1.2.643.3.131.1.1", 1, 12, Types::NUMERIC),     // INN
    fixed("1.2.643.100.1", 1, 13, Types::NUMERIC),         // OGRN
    fixed("1.2.643.100.3", 1, 11, Types::NUMERIC),         // SNILS
    fixed("2.5.4.98", 3, 3, Types::PRINTABLE),             // countryCode3c
    fixed("2.5.4.99", 3, 3, Types::NUMERIC),               // countryCode3n
    fixed("2.5.4.100", 0, ANY, Types::UTF8),               // dnsName
    fixed("1.3.6.1.5.5.7.8.9", 1, 128, Types::UTF8),       // Smtp UTF8 Mailbox
];

/// The element for an attribute's value.
pub(super) fn attribute(
    oid: &Oid,
    text: &[u8],
    form: Form,
    mask: Types,
) -> Result<Vec<u8>, Reason> {
    let dotted = oid.identifier().map(|oid| oid.to_string()).unwrap_or_default();
    match TABLE.iter().find(|row| row.oid == dotted) {
        Some(row) => {
            let types = if row.masked { row.types.and(mask) } else { row.types };
            string(text, form, types, row.least, row.most)
        }
        None => string(text, form, Types::DIRECTORY.and(mask), 0, ANY),
    }
}

/// The smallest of `types` that holds the text of `least` to `most` characters.
pub(super) fn string(
    text: &[u8],
    form: Form,
    mut types: Types,
    least: usize,
    most: usize,
) -> Result<Vec<u8>, Reason> {
    let characters: Vec<char> = match form {
        Form::Latin1 => text.iter().copied().map(char::from).collect(),
        Form::Utf8 => std::str::from_utf8(text).map_err(|_| Reason::InvalidUtf8)?.chars().collect(),
    };
    // A mask that leaves nothing counts as none (OpenSSL 3.0.19).
    if types.0 == 0 {
        types = Types::DIRECTORY;
    }
    let length = characters.len();
    if length < least {
        return Err(Reason::StringTooShort { length, limit: least });
    }
    if length > most {
        return Err(Reason::StringTooLong { length, limit: most });
    }
    for c in &characters {
        types.drop_unless(c.is_ascii_digit() || *c == ' ', Types::NUMERIC);
        types.drop_unless(is_printable(*c), Types::PRINTABLE);
        types.drop_unless(c.is_ascii(), Types::IA5);
        types.drop_unless(*c <= '\u{FF}', Types::T61);
        types.drop_unless(*c <= '\u{FFFF}', Types::BMP);
        if types.0 == 0 {
            return Err(Reason::IllegalCharacters);
        }
    }
    let narrow = || characters.iter().filter_map(|c| u8::try_from(*c).ok()).collect::<Vec<u8>>();
    Ok(if types.holds(Types::NUMERIC) {
        element(NUMERIC_STRING, &narrow())
    } else if types.holds(Types::PRINTABLE) {
        element(PRINTABLE_STRING, &narrow())
    } else if types.holds(Types::IA5) {
        element(IA5_STRING, &narrow())
    } else if types.holds(Types::T61) {
        element(T61_STRING, &narrow())
    } else if types.holds(Types::BMP) {
        let units = characters.iter().filter_map(|c| u16::try_from(u32::from(*c)).ok());
        element(BMP_STRING, &units.flat_map(u16::to_be_bytes).collect::<Vec<u8>>())
    } else if types.holds(Types::UNIVERSAL) {
        let units = characters.iter().map(|c| u32::from(*c));
        element(UNIVERSAL_STRING, &units.flat_map(u32::to_be_bytes).collect::<Vec<u8>>())
    } else {
        element(UTF8_STRING, characters.iter().collect::<String>().as_bytes())
    })
}

fn is_printable(c: char) -> bool {
    c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c)
}

/// A whole number as C's `strtoul` reads it with base 0; a minus sign wraps around.
fn c_number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii_start();
    if let Some(text) = text.strip_prefix('-') {
        return digits(text).map(u64::wrapping_neg);
    }
    digits(text.strip_prefix('+').unwrap_or(text))
}

fn digits(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ if text.starts_with('+') => None,
        _ => text.parse().ok(),
    }
}
