//! Everything `cert show` prints about a certificate: a value for JSON, and the same as text.
//!
//! Every string that comes from the certificate is escaped for terminals in both (see [`terminal_text`]). For
//! comparing values, read them with [`crate::device_oids`] instead.

mod extensions;
mod names;
mod terminal;
mod text;

use der::{Encode, Tag, Tagged};
use serde::Serialize;
use spki::SubjectPublicKeyInfoOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_cert::ext::pkix::{BasicConstraints, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::certificate::ParsedCertificate;
use crate::device_oids;
use crate::names::display_name;

pub use names::{general_name_text, ip_text};
pub use terminal::{name_text, terminal_text};

/// One certificate in words. Serialises to a JSON object with these field names; absent options are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// 1, 2 or 3.
    pub version: u8,
    /// Upper-case hex without a leading zero byte, as `openssl x509 -serial`; `-` before a negative one.
    pub serial: String,
    /// Who the certificate is about.
    pub subject: NameDescription,
    /// Who signed it.
    pub issuer: NameDescription,
    /// RFC 3339, UTC, whole seconds.
    pub not_before: String,
    /// RFC 3339, UTC, whole seconds.
    pub not_after: String,
    /// Whole days from `not_before` to `not_after`: what `-days` was. Negative when they are the wrong way round.
    pub days: i64,
    /// The certified key.
    pub key: KeyDescription,
    /// How the certificate is signed.
    pub signature_algorithm: AlgorithmDescription,
    /// In the certificate's order.
    pub extensions: Vec<ExtensionDescription>,
    /// SHA-256 of the certificate, lower-case hex.
    pub sha256: String,
    /// For a CA with a subject key identifier: its first three bytes in upper-case hex, which is what the
    /// vendor puts into the file name `dak-certificate-XXXXXX.pem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dak_suffix: Option<String>,
    /// What the subject says about the device.
    pub device: DeviceFacts,
}

/// A distinguished name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NameDescription {
    /// As [`name_text`].
    pub text: String,
    /// In the certificate's order.
    pub attributes: Vec<AttributeDescription>,
}

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeDescription {
    /// Dotted.
    pub oid: String,
    /// The short name, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Escaped text; `#` and hex of the DER when it is not text.
    pub value: String,
    /// ASN.1 type, for example `UTF8String`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyDescription {
    /// Type and size, for example `P-256`, `RSA 2048`, `Ed25519`.
    pub name: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hex.
    pub spki_sha256: String,
}

/// A signature algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlgorithmDescription {
    /// Dotted.
    pub oid: String,
    /// The usual name; the dotted OID where there is none.
    pub name: String,
}

/// One extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtensionDescription {
    /// Dotted.
    pub oid: String,
    /// The usual name, for example `basicConstraints`; absent when it has none here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Whether who does not understand it must refuse the certificate.
    pub critical: bool,
    /// What it says, one item per line; for an unknown or malformed one the hex of its content.
    pub value: Vec<String>,
}

/// What a subject says about a device. Absent facts are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DeviceFacts {
    /// From its own attribute, or from the older `CN=DAK CA for <id>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_type_id: Option<String>,
    /// Device serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<String>,
    /// The optional 64-bit device identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Kind of issuing key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dak_type: Option<String>,
}

impl Description {
    /// Describes one certificate. Never fails: what cannot be decoded is shown as hex.
    pub fn of(certificate: &ParsedCertificate) -> Self {
        let tbs = certificate.x509().tbs_certificate();
        let validity = tbs.validity();
        let oid = certificate.x509().signature_algorithm().oid;
        Self {
            version: tbs.version() as u8 + 1,
            serial: serial_text(tbs.serial_number().as_bytes()),
            subject: NameDescription::of(tbs.subject()),
            issuer: NameDescription::of(tbs.issuer()),
            not_before: rfc3339(&validity.not_before),
            not_after: rfc3339(&validity.not_after),
            days: (seconds(&validity.not_after) - seconds(&validity.not_before)).div_euclid(86_400),
            key: KeyDescription::of(tbs.subject_public_key_info()),
            signature_algorithm: AlgorithmDescription {
                oid: oid.to_string(),
                name: signer_core::verify::algorithm_name(&oid),
            },
            extensions: certificate.extensions().iter().map(extensions::describe).collect(),
            sha256: hex_lower(&certificate.sha256()),
            dak_suffix: dak_suffix(certificate),
            device: DeviceFacts::of(tbs.subject()),
        }
    }

    /// The description as lines of text, each ended by LF.
    pub fn to_text(&self) -> String {
        text::render(self)
    }
}

impl NameDescription {
    /// Describes a distinguished name.
    pub fn of(name: &Name) -> Self {
        let attributes = name.iter().map(|attribute| AttributeDescription {
            oid: attribute.oid.to_string(),
            name: display_name(&attribute.oid),
            value: terminal::value_text(attribute),
            kind: string_type(attribute.value.tag()),
        });
        Self { text: name_text(name), attributes: attributes.collect() }
    }
}

impl KeyDescription {
    /// Describes a public key.
    pub fn of(spki: &SubjectPublicKeyInfoOwned) -> Self {
        use sha2::{Digest, Sha256};
        // A key that was decoded encodes again; without bytes there is no fingerprint to show.
        let sha256 = spki.to_der().map(|der| hex_lower(&Sha256::digest(der)));
        Self { name: signer_core::verify::key_name(spki), spki_sha256: sha256.unwrap_or_default() }
    }
}

impl DeviceFacts {
    /// What a subject says, escaped for display.
    pub fn of(subject: &Name) -> Self {
        let safe = |text: Option<String>| text.as_deref().map(terminal_text);
        Self {
            device_type_id: safe(device_oids::device_type_id(subject)),
            dsn: safe(device_oids::dsn(subject)),
            device_id: safe(device_oids::device_id(subject)),
            dak_type: safe(device_oids::dak_type(subject)),
        }
    }
}

/// The first three bytes of a CA's subject key identifier in upper-case hex, as in `dak-certificate-42D6AD.pem`.
pub fn dak_suffix(certificate: &ParsedCertificate) -> Option<String> {
    let tbs = certificate.x509().tbs_certificate();
    let (_, basic) = tbs.get_extension::<BasicConstraints>().ok()??;
    let (_, key_identifier) = tbs.get_extension::<SubjectKeyIdentifier>().ok()??;
    let first = key_identifier.0.as_bytes().get(..3)?;
    basic.ca.then(|| hex_upper(first))
}

/// A certificate's time as RFC 3339 in UTC.
pub fn rfc3339(time: &Time) -> String {
    // The year of an ASN.1 time has four digits, so that it always formats.
    OffsetDateTime::from_unix_timestamp(seconds(time))
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Lower-case hex without separators.
pub fn hex_lower(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Upper-case hex without separators.
pub fn hex_upper(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn seconds(time: &Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn serial_text(bytes: &[u8]) -> String {
    if bytes.first().is_some_and(|first| *first >= 0x80) {
        // Two's complement: invert and add one.
        let mut magnitude: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        for byte in magnitude.iter_mut().rev() {
            let (sum, carry) = byte.overflowing_add(1);
            *byte = sum;
            if !carry {
                break;
            }
        }
        return format!("-{}", serial_digits(&magnitude));
    }
    serial_digits(bytes)
}

fn serial_digits(bytes: &[u8]) -> String {
    let start = bytes.iter().position(|byte| *byte != 0);
    match start.and_then(|start| bytes.get(start..)) {
        Some(digits) => hex_upper(digits),
        None => "00".to_owned(),
    }
}

fn string_type(tag: Tag) -> String {
    match tag {
        Tag::Utf8String => "UTF8String".to_owned(),
        Tag::PrintableString => "PrintableString".to_owned(),
        Tag::Ia5String => "IA5String".to_owned(),
        Tag::TeletexString => "TeletexString".to_owned(),
        Tag::BmpString => "BMPString".to_owned(),
        Tag::VisibleString => "VisibleString".to_owned(),
        Tag::NumericString => "NumericString".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_read_as_openssl_prints_them() {
        for (bytes, text) in [
            (&[0x7f, 0x01][..], "7F01"),
            (&[0x00, 0x9a, 0x2c], "9A2C"),
            (&[0x00], "00"),
            (&[0xff], "-01"),
            (&[0x80, 0x00], "-8000"),
            (&[0xff, 0x00], "-0100"),
        ] {
            assert_eq!(serial_text(bytes), text, "{bytes:02x?}");
        }
    }
}
