//! The settings file that `init` writes.

use std::path::Path;

use ledger::Location;
use toml::Value;

use super::found::Found;

/// The text of a settings file for what was found; what was not stands in it as a comment.
pub(super) fn text(found: &Found, ledger: &Location, station: Option<&str>) -> String {
    let signer = found.signer.as_deref();
    // A certificate without a key has no table to stand in.
    let file = found.certificate.as_deref().map(path);
    let example = file.as_deref().unwrap_or("dak-certificate.pem");
    let certificate = file.as_deref().filter(|_| signer.is_some());
    let extfile = found.extfile.as_deref().map(path);
    [
        "# Settings of touchmark. Paths are relative to this file; unknown keys are errors.".into(),
        String::new(),
        line("default-signer", signer.map(|_| "dak"), "dak"),
        String::new(),
        format!("{}[signer.dak]", if signer.is_some() { "" } else { "# " }),
        line("locator", signer, "soft:dak_private_key.pem"),
        "# The issuer's certificate, followed by those above it:".into(),
        line("certificate", certificate, example),
        "# Where the passphrase of an encrypted key comes from: prompt, file:PATH, env:NAME, ..."
            .into(),
        line("passphrase", None, "file:passphrase.txt"),
        "# Refuse every other key under this name (as `touchmark key list` prints it):".into(),
        line("spki-sha256", None, "64 hexadecimal digits"),
        String::new(),
        "[issue]".into(),
        "# The OpenSSL config with the extensions of device certificates, and its section:".into(),
        line("extfile", extfile.as_deref(), "device.conf"),
        line("extensions", extfile.as_ref().map(|_| "req_ext"), "req_ext"),
        "days = 1825".into(),
        line("ledger", Some(&ledger.to_string()), ""),
        line("profile", Some("dha"), ""),
        String::new(),
        "[station]".into(),
        "# For the ledger; the host's name where nothing is said:".into(),
        line("name", station, "line-1"),
        String::new(),
    ]
    .join("\n")
}

fn line(key: &str, value: Option<&str>, example: &str) -> String {
    match value {
        Some(value) => format!("{key} = {}", quoted(value)),
        None => format!("# {key} = {}", quoted(example)),
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_toml_whatever_was_found() {
        let ledger = Location::sqlite("C:\\a \"b\".db");
        for signer in [None, Some("soft:dak \"1\".pem".to_owned())] {
            for file in [None, Some("dak-certificate.pem".into())] {
                let found = Found {
                    signer: signer.clone(),
                    certificate: file.clone(),
                    extfile: file.clone(),
                };
                let text = text(&found, &ledger, Some("line 3"));
                let table: toml::Table = text.parse().expect("it is TOML");
                let written = table.get("issue").and_then(|issue| issue.get("ledger"));
                assert_eq!(written.and_then(Value::as_str), Some("sqlite:C:\\a \"b\".db"));
                assert_eq!(table.contains_key("signer"), signer.is_some());
            }
        }
    }
}
