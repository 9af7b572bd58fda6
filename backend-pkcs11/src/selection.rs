//! What a PKCS#11 locator selects: a module, a token, a key (RFC 7512).

use std::path::PathBuf;

use signer_core::{Attributes, Error, KeyRef, Locator, Result};

use crate::{module_file, p11_kit};

/// The path attributes of RFC 7512 section 2.3, but for the slot's number.
const TOKEN: [&str; 9] = [
    "token",
    "serial",
    "manufacturer",
    "model",
    "slot-manufacturer",
    "slot-description",
    "library-manufacturer",
    "library-description",
    "library-version",
];
const KEY: [&str; 3] = ["object", "id", "type"];

/// A locator, understood.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) token: TokenFilter,
    pub(crate) key: KeyRef,
}

/// What is asked of a token; what is not named may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenFilter {
    pub(crate) wanted: Vec<(&'static str, String)>,
    pub(crate) slot_id: Option<u64>,
}

impl Selection {
    pub(crate) fn of(at: &Locator) -> Result<Self> {
        at.allow_query(&["module-path", "module-name"])?;
        let refused = |reason: String| Error::Locator { text: at.to_string(), reason };
        let attributes = at.attributes()?;
        for name in attributes.names() {
            // RFC 7512 section 2.3: one that is not understood matches nothing, vendors' own too.
            if name != "slot-id" && !TOKEN.contains(&name) && !KEY.contains(&name) {
                return Err(refused(format!("{name:?} is not known here")));
            }
        }
        // Text that is no UTF-8 must not be taken for absent: that would select any key.
        let text = |name| match (attributes.octets(name), attributes.get(name)) {
            (Some(_), None) => Err(refused(format!("{name:?} is not UTF-8 text"))),
            (_, text) => Ok(text),
        };
        let mut token = TokenFilter::default();
        for name in TOKEN {
            if let Some(value) = text(name)? {
                // Tokens pad these with blanks, which say nothing.
                token.wanted.push((name, value.trim_end_matches(' ').to_owned()));
            }
        }
        if let Some(id) = text("slot-id")? {
            token.slot_id =
                Some(id.parse().map_err(|_| refused("\"slot-id\" is no number".into()))?);
        }
        text("object")?;
        // All three are ways to name one key pair.
        if let Some(kind) = text("type")?
            && !matches!(kind, "private" | "public" | "cert")
        {
            return Err(refused(format!("type {kind:?} is no key pair and no certificate")));
        }
        Ok(Self { token, key: key(&attributes) })
    }
}

/// The file of the module that a locator names, checked.
pub(crate) fn module(at: &Locator) -> Result<PathBuf> {
    let path = match (at.query_file("module-path"), at.query("module-name")) {
        (Some(path), None) => path,
        (None, Some(name)) => p11_kit::module(name)?,
        (Some(path), Some(name)) => {
            let other = p11_kit::module(name)?;
            if module_file::checked(&path)? != module_file::checked(&other)? {
                return Err(Error::Locator {
                    text: at.to_string(),
                    reason: format!(
                        "module-path and module-name are two modules, the second {}",
                        other.display()
                    ),
                });
            }
            path
        }
        (None, None) => {
            return Err(Error::Locator {
                text: at.to_string(),
                reason: "it names no module: module-path or module-name is missing".into(),
            });
        }
    };
    module_file::checked(&path)
}

fn key(attributes: &Attributes) -> KeyRef {
    match (attributes.get("object"), attributes.octets("id")) {
        (None, None) => KeyRef::Sole,
        (label, id) => {
            KeyRef::Object { label: label.map(str::to_owned), id: id.map(<[u8]>::to_vec) }
        }
    }
}

/// Text for a path attribute. Only what RFC 7512 leaves alone stays as it is.
pub(crate) fn encoded_text(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Text for a value of the query: a path stays readable.
pub(crate) fn encoded_query(text: &str) -> String {
    encoded_text(text).replace("%2F", "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(text: &str) -> Result<Selection> {
        Selection::of(&text.parse().unwrap())
    }

    #[test]
    fn the_examples_of_rfc_7512_are_understood() {
        let one = selection(
            "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;\
             manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=cert;\
             id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin",
        )
        .unwrap();
        assert_eq!(
            one.key,
            KeyRef::Object {
                label: Some("my-certificate".into()),
                id: Some(b"\x69\x95\x3e\x5c\xf4\xbd\xec\x91".to_vec())
            }
        );
        assert!(one.token.wanted.contains(&("token", "The Software PKCS#11 Softtoken".into())));
        assert!(one.token.wanted.contains(&("manufacturer", "Snake Oil, Inc.".into())));
        assert!(one.token.wanted.contains(&("serial", String::new())));

        let two = selection(
            "pkcs11:slot-id=327;slot-description=Sun%20Metaslot;library-version=3.1;type=private\
             ?module-name=mypkcs11",
        )
        .unwrap();
        assert_eq!(two.token.slot_id, Some(327));
        assert_eq!(two.key, KeyRef::Sole);
        assert!(selection("pkcs11:").unwrap().token.wanted.is_empty());
    }

    #[test]
    fn what_is_not_understood_never_selects_something_else() {
        for (text, reason) in [
            ("pkcs11:tokn=factory", "\"tokn\" is not known here"),
            ("pkcs11:x-vendor=1", "\"x-vendor\" is not known here"),
            ("pkcs11:object=%ff", "\"object\" is not UTF-8"),
            ("pkcs11:token=%ff", "\"token\" is not UTF-8"),
            ("pkcs11:slot-id=one", "\"slot-id\" is no number"),
            ("pkcs11:object=a;type=secret-key", "is no key pair"),
            ("pkcs11:token=a?module=/a.so", "\"module\" is not known here"),
            ("pkcs11:token=a;token=b", "given twice"),
        ] {
            let error = selection(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_encoded_reads_back() {
        let label = "Müller; 50% & co?#/=";
        let text = format!("pkcs11:object={};id=%00%3b", encoded_text(label));
        let key = selection(&text).unwrap().key;
        assert_eq!(key, KeyRef::Object { label: Some(label.into()), id: Some(vec![0, 59]) });
    }

    #[test]
    fn a_module_has_to_be_named() {
        let error = module(&"pkcs11:token=a".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("module-path or module-name"), "{error}");
    }
}
