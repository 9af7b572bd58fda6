//! What the documented commands leave in a folder.

use std::path::{Path, PathBuf};

use signer_core::{Error as SignerError, Locator};

use crate::backends;
use crate::error::{Error, Result};

/// What was found, and what was named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The locator of the issuing key.
    pub(super) signer: Option<String>,
    /// The issuer's certificate, followed by its chain.
    pub(super) certificate: Option<PathBuf>,
    /// The OpenSSL config with the extensions.
    pub(super) extfile: Option<PathBuf>,
}

impl Found {
    /// Looks into the working folder for what is not named.
    pub(super) fn here(signer: Option<&str>, certificate: Option<&Path>) -> Result<Self> {
        let names = names()?;
        let signer = match signer {
            Some(named) => Some(named.parse::<Locator>()?.to_string()),
            None => only("private key", "--signer soft:FILE", &names, is_private_key)?
                .map(|name| backends::key_file(Path::new(name)).to_string()),
        };
        let certificate = match certificate {
            Some(named) => Some(named.to_owned()),
            None => only("issuer certificate", "--certificate FILE", &names, is_certificate)?
                .map(PathBuf::from),
        };
        let extfile = names.iter().find(|name| *name == "device.conf").map(PathBuf::from);
        Ok(Self { signer, certificate, extfile })
    }
}

fn names() -> Result<Vec<String>> {
    let failed = |source| Error::Read { path: ".".into(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(".").map_err(failed)? {
        // A name that is not Unicode is none of those that are looked for.
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The vendor's own pages write `dak_private_key.pem` and `dak-private-key.pem`.
fn is_private_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("dak")
        && name.ends_with(".pem")
        && name.contains("private")
        && name.contains("key")
}

/// The vendor's console gives `dak-certificate-XXXXXX.pem`.
fn is_certificate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("dak") && name.ends_with(".pem") && name.contains("certificate")
}

fn only<'a>(
    what: &str,
    flag: &str,
    names: &'a [String],
    is_one: fn(&str) -> bool,
) -> Result<Option<&'a String>> {
    let found: Vec<&String> = names.iter().filter(|name| is_one(name)).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => Err(SignerError::Ambiguous {
            what: format!("the {what} in this folder (name it by {flag})"),
            candidates: several.iter().map(|name| (*name).clone()).collect(),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_file_names_are_known_in_every_spelling() {
        for name in ["dak_private_key.pem", "dak-private-key.pem", "DAK_private_key_A1.pem"] {
            assert!(is_private_key(name) && !is_certificate(name), "{name}");
        }
        for name in ["dak-certificate.pem", "dak-certificate-42D6AD.pem"] {
            assert!(is_certificate(name) && !is_private_key(name), "{name}");
        }
        for name in ["device-certificate.pem", "private_key.pem", "dak.conf", "dak.csr"] {
            assert!(!is_certificate(name) && !is_private_key(name), "{name}");
        }
    }

    #[test]
    fn several_of_a_kind_are_an_error_that_names_them() {
        let names = ["dak-certificate-1.pem", "dak-certificate-2.pem"].map(String::from);
        let error = only("certificate", "--certificate", &names, is_certificate).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("dak-certificate-1.pem; dak-certificate-2.pem"), "{text}");
    }
}
