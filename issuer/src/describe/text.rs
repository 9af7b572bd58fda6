//! A description as lines of text.

use super::{Description, DeviceFacts};

/// Width of the column of labels.
const LABELS: usize = 16;

pub(super) fn render(description: &Description) -> String {
    let mut lines = Lines(String::new());
    let DeviceFacts { device_type_id, dsn, device_id, dak_type } = &description.device;
    lines.put("Subject", &description.subject.text);
    lines.put("Issuer", &description.issuer.text);
    lines.put_some("DeviceTypeId", device_type_id.as_deref());
    lines.put_some("DSN", dsn.as_deref());
    lines.put_some("DeviceId", device_id.as_deref());
    lines.put_some("DakType", dak_type.as_deref());
    lines.put_some("DAK suffix", description.dak_suffix.as_deref());
    lines.put("Serial", &description.serial);
    lines.put("Version", &description.version.to_string());
    lines.put("Not before", &description.not_before);
    let days = description.days;
    let unit = if days == 1 { "day" } else { "days" };
    lines.put("Not after", &format!("{} ({days} {unit})", description.not_after));
    lines.put("Key", &description.key.name);
    lines.put("Key SHA-256", &colons(&description.key.spki_sha256));
    lines.put("Signature", &description.signature_algorithm.name);
    lines.put("SHA-256", &colons(&description.sha256));
    if description.extensions.is_empty() {
        lines.put("Extensions", "none");
    } else {
        lines.0.push_str("Extensions\n");
    }
    for extension in &description.extensions {
        let name = extension.name.unwrap_or(&extension.oid);
        let critical = if extension.critical { " (critical)" } else { "" };
        lines.0.push_str(&format!("  {name}{critical}: {}\n", extension.value.join(", ")));
    }
    lines.0
}

struct Lines(String);

impl Lines {
    fn put(&mut self, label: &str, value: &str) {
        let line = format!("{label:<LABELS$}{value}");
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn put_some(&mut self, label: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(label, value);
        }
    }
}

/// `9a1e` as `9A:1E`, the way OpenSSL prints fingerprints.
fn colons(hex: &str) -> String {
    let upper = hex.to_ascii_uppercase();
    let (pairs, _) = upper.as_bytes().as_chunks::<2>();
    let pairs = pairs.iter().map(|pair| pair.iter().map(|digit| char::from(*digit)).collect());
    pairs.collect::<Vec<String>>().join(":")
}
