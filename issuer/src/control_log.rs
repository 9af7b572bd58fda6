//! Control logs: JSON that tells a cloud which devices were made, from a template.
//!
//! A template is a JSON document whose `controlLogs` array holds exactly one entry; the log has that
//! entry once for each certificate. In the strings of the template `{name}` stands for a value:
//!
//! | name | value |
//! |---|---|
//! | `device-id` | the device id in the ledger |
//! | `public-key` | the device's public key, base64 of its SubjectPublicKeyInfo, on one line |
//! | `serial` | the certificate's serial number, lower-case hex |
//! | `device-type-id`, `dsn` | the subject's DeviceTypeId and DSN |
//! | `certificate` | base64 of the certificate (DER) |
//! | `issued` | when it was issued, RFC 3339 |
//!
//! Other names are the operator's own, such as `{product-id}`. A brace is written `{{` or `}}`.
//! Values are put into strings as they are and never looked at again, so neither a device nor a
//! template can make a file be read, or another value appear.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use crate::certificate::{CertificateError, ParsedCertificate};
use crate::device_oids;
use crate::public_key_text::{PublicKeyForm, PublicKeyTextError, compressed_der, uncompressed_der};

/// The template that is used when none is named. The vendor publishes the outer fields; what a
/// Wi-Fi device's key is called inside is not public, so check it against your console.
pub const DEFAULT_TEMPLATE: &str = r#"{
  "controlLogs": [
    {
      "version": "1-0-0",
      "device": {
        "serialNumber": "{device-id}",
        "productIdentifier": { "advertisedProductId": "{product-id}" },
        "publicKey": "{public-key}"
      }
    }
  ]
}"#;

/// A control log that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlLogError {
    /// The template is not JSON.
    #[error("the template is not JSON")]
    Json(#[from] serde_json::Error),
    /// The template has no `controlLogs` with exactly one entry.
    #[error("the template needs an array \"controlLogs\" with exactly one entry")]
    Shape,
    /// A brace that belongs to no name.
    #[error("a brace in {text:?} belongs to no {{name}}; a plain brace is written twice")]
    Brace {
        /// The string of the template.
        text: String,
    },
    /// A name that nothing stands for.
    #[error("the template names {{{name}}}, and it has no value")]
    NoValue {
        /// The name.
        name: String,
    },
    /// A certificate that has no device id, so that its entry would name no device.
    #[error("ledger entry {entry} has no device id")]
    NoDeviceId {
        /// The number of its `issued` entry.
        entry: u64,
    },
    /// A certificate of the ledger cannot be read.
    #[error("the certificate of ledger entry {entry} cannot be read")]
    Certificate {
        /// The number of its `issued` entry.
        entry: u64,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// A public key has no such text form.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyTextError),
    /// The log could not be written.
    #[error("the control log cannot be written")]
    Write(#[from] io::Error),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

/// A template, checked and ready for devices.
#[derive(Clone, Debug)]
pub struct Template {
    document: Value,
    entry: Value,
    values: BTreeMap<String, String>,
}

impl Template {
    /// Reads a template; `values` are the operator's own names.
    ///
    /// # Errors
    /// [`ControlLogError::Json`] and [`ControlLogError::Shape`].
    pub fn parse(text: &str, values: BTreeMap<String, String>) -> Result<Self, ControlLogError> {
        let mut document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
        let entries = document
            .get_mut("controlLogs")
            .and_then(Value::as_array_mut)
            .ok_or(ControlLogError::Shape)?;
        let entry = entries.pop().ok_or(ControlLogError::Shape)?;
        if !entries.is_empty() {
            return Err(ControlLogError::Shape);
        }
        Ok(Self { document, entry, values })
    }

    /// Writes the log of these certificates; returns how many entries it has.
    ///
    /// # Errors
    /// [`ControlLogError`]; what was written until then is not a whole document.
    pub fn write(
        &self,
        certificates: impl IntoIterator<Item = ledger::Result<ledger::Certificate>>,
        form: PublicKeyForm,
        out: &mut dyn Write,
    ) -> Result<u64, ControlLogError> {
        let fill = Fill { values: self.values.clone() };
        let mut document = self.document.clone();
        fill.strings(&mut document)?;
        // The entries are streamed into the place of the empty array, so that a log of a million
        // devices needs no more memory than one of ten.
        let text = serde_json::to_string_pretty(&document)?;
        let (before, after) =
            text.split_once("\n  \"controlLogs\": []").ok_or(ControlLogError::Shape)?;
        write!(out, "{before}\n  \"controlLogs\": [")?;
        let mut count = 0;
        for certificate in certificates {
            let mut entry = self.entry.clone();
            self.values_of(&certificate?, form)?.strings(&mut entry)?;
            out.write_all(if count == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, &entry)?;
            count += 1;
        }
        writeln!(out, "\n]{after}")?;
        Ok(count)
    }

    fn values_of(
        &self,
        certificate: &ledger::Certificate,
        form: PublicKeyForm,
    ) -> Result<Fill, ControlLogError> {
        let entry = certificate.entry;
        let parsed = ParsedCertificate::from_der(&certificate.der)
            .map_err(|source| ControlLogError::Certificate { entry, source })?;
        let device_id =
            certificate.device_id.clone().ok_or(ControlLogError::NoDeviceId { entry })?;
        let key = match form {
            PublicKeyForm::Uncompressed => uncompressed_der(parsed.spki())?,
            PublicKeyForm::Compressed => compressed_der(parsed.spki())?,
        };
        let mut values = self.values.clone();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
            }
        };
        add("device-id", Some(device_id));
        add("public-key", Some(Base64::encode_string(&key)));
        add("serial", Some(certificate.serial.to_string()));
        add("device-type-id", device_oids::device_type_id(parsed.subject()));
        add("dsn", device_oids::dsn(parsed.subject()));
        add("certificate", Some(Base64::encode_string(&certificate.der)));
        add("issued", Some(certificate.time.to_string()));
        Ok(Fill { values })
    }
}

struct Fill {
    values: BTreeMap<String, String>,
}

impl Fill {
    /// Fills every string of a value; names of object members stay as they are.
    fn strings(&self, value: &mut Value) -> Result<(), ControlLogError> {
        match value {
            Value::String(text) => *text = self.text(text)?,
            Value::Array(items) => {
                for item in items {
                    self.strings(item)?;
                }
            }
            Value::Object(members) => {
                for member in members.values_mut() {
                    self.strings(member)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }

    fn text(&self, template: &str) -> Result<String, ControlLogError> {
        let brace = || ControlLogError::Brace { text: template.to_owned() };
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (plain, from) = rest.split_at(at);
            filled.push_str(plain);
            if let Some(after) = from.strip_prefix("{{") {
                filled.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                filled.push('}');
                rest = after;
            } else {
                let inside = from.strip_prefix('{').ok_or_else(brace)?;
                let (name, after) = inside.split_once('}').ok_or_else(brace)?;
                if name.is_empty() || name.contains('{') {
                    return Err(brace());
                }
                let value = self.values.get(name);
                let value =
                    value.ok_or_else(|| ControlLogError::NoValue { name: name.to_owned() })?;
                filled.push_str(value);
                rest = after;
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str) -> Result<String, ControlLogError> {
        let values = BTreeMap::from([
            ("device-id".to_owned(), "G3A0{dsn}PA01".to_owned()),
            ("dsn".to_owned(), "other".to_owned()),
        ]);
        Fill { values }.text(template)
    }

    #[test]
    fn names_are_filled_once_and_values_are_not_looked_at_again() {
        assert_eq!(fill("id {device-id}.").unwrap(), "id G3A0{dsn}PA01.");
        assert_eq!(fill("{{x}} {dsn}{dsn}").unwrap(), "{x} otherother");
        assert_eq!(fill("plain").unwrap(), "plain");
    }

    #[test]
    fn what_cannot_be_filled_is_an_error() {
        for text in ["{", "}", "{}", "a } b", "{dsn", "{a{dsn}}"] {
            assert!(matches!(fill(text), Err(ControlLogError::Brace { .. })), "{text}");
        }
        for name in ["file:/etc/passwd", "env:HOME", "product-id"] {
            let error = fill(&format!("{{{name}}}")).unwrap_err();
            assert!(matches!(error, ControlLogError::NoValue { name: n } if n == name));
        }
    }

    #[test]
    fn a_template_has_exactly_one_entry() {
        for text in ["{}", "[]", r#"{"controlLogs": []}"#, r#"{"controlLogs": [1, 2]}"#, "{"] {
            assert!(Template::parse(text, BTreeMap::new()).is_err(), "{text}");
        }
        Template::parse(DEFAULT_TEMPLATE, BTreeMap::new()).unwrap();
    }
}
