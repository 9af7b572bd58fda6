//! Naming a token and a key in one line of text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Error, KeyRef, Result, SecretSpec};

/// Attributes that would put a secret into a locator, where logs and process lists show it.
const SECRET_ATTRIBUTES: [&str; 6] =
    ["pin-value", "pin", "puk", "passphrase", "password", "management-key"];

/// `scheme:path?query`, in the style of RFC 7512 (the pkcs11 form *is* RFC 7512).
///
/// ```text
/// soft:dak_private_key.pem
/// yubikey:serial=16021234;slot=9c
/// pkcs11:token=factory;object=dak?module-path=/usr/lib/softhsm/libsofthsm2.so
/// ```
///
/// The path is either a file (soft) or a list of attributes; its backend knows which. A secret
/// source may stand in the query as `pin-source`; a secret itself is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locator {
    scheme: String,
    path: String,
    query: BTreeMap<String, String>,
    /// The folder that relative paths start from; empty for the working folder.
    base: PathBuf,
}

impl Locator {
    /// The part before the first colon, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The path as a file name, percent-decoded, placed under the folder of [`Locator::within`].
    ///
    /// # Errors
    /// [`Error::Locator`] when it is empty or badly encoded.
    pub fn file(&self) -> Result<PathBuf> {
        if self.path.is_empty() {
            return Err(self.unusable("it names no file"));
        }
        match percent_decode(&self.path).and_then(text) {
            Ok(path) => Ok(self.base.join(path)),
            Err(reason) => Err(self.unusable(&reason)),
        }
    }

    /// The path as `name=value` pairs separated by semicolons, percent-decoded.
    ///
    /// # Errors
    /// [`Error::Locator`] when a pair is badly formed, badly encoded or given twice.
    pub fn attributes(&self) -> Result<Attributes> {
        pairs(&self.path, ';').map(Attributes).map_err(|reason| self.unusable(&reason))
    }

    /// One value of the query, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// One value of the query as a file name, placed under the folder of [`Locator::within`].
    #[must_use]
    pub fn query_file(&self, name: &str) -> Option<PathBuf> {
        self.query(name).map(|path| self.base.join(path))
    }

    /// Checks that the query has no names but these and `pin-source`.
    ///
    /// # Errors
    /// [`Error::Locator`] naming the first other one.
    pub fn allow_query(&self, names: &[&str]) -> Result<()> {
        match self
            .query
            .keys()
            .find(|name| *name != "pin-source" && !names.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => Err(self.unusable(&format!("{name:?} is not known here"))),
        }
    }

    /// The secret source that stands in the query as `pin-source`. Beside the sources of
    /// [`SecretSpec`] it may be an absolute path, or a program behind a `|` (RFC 7512 section 2.4).
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it is no secret source.
    pub fn pin_source(&self) -> Result<Option<SecretSpec>> {
        let read = |text: &str| match text.strip_prefix('|') {
            Some(program) => format!("command:{program}").parse(),
            None if text.starts_with('/') => Ok(SecretSpec::File(text.to_owned())),
            None => text.parse(),
        };
        let spec: Option<SecretSpec> = self.query("pin-source").map(read).transpose()?;
        Ok(spec.map(|spec| spec.within(&self.base)))
    }

    /// This locator with its relative paths starting from `folder`: paths in a settings file are
    /// relative to that file.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        self.base = folder.to_owned();
        self
    }

    /// A locator of the file at `path`.
    #[must_use]
    pub fn of_file(scheme: &str, path: &Path) -> Self {
        Self {
            scheme: scheme.to_owned(),
            path: percent_encode(&path.to_string_lossy()),
            query: BTreeMap::new(),
            base: PathBuf::new(),
        }
    }

    /// The locator of one key of the token that this one names; of the only key it is the token's.
    #[must_use]
    pub fn of_key(&self, key: &KeyRef) -> Self {
        let mut pairs = Vec::new();
        match key {
            KeyRef::Sole => {}
            KeyRef::Slot(slot) => pairs.push(format!("slot={}", percent_encode(slot))),
            KeyRef::Object { label, id } => {
                pairs.extend(label.iter().map(|label| format!("object={}", percent_encode(label))));
                let octets = |id: &[u8]| -> String {
                    id.iter().map(|octet| format!("%{octet:02X}")).collect()
                };
                pairs.extend(id.iter().map(|id| format!("id={}", octets(id))));
            }
        }
        let whole = [self.path.clone()].into_iter().filter(|path| !path.is_empty()).chain(pairs);
        Self { path: whole.collect::<Vec<_>>().join(";"), ..self.clone() }
    }

    fn unusable(&self, reason: &str) -> Error {
        Error::Locator { text: self.to_string(), reason: reason.to_owned() }
    }
}

impl FromStr for Locator {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unusable = |shown: &str, reason: &str| Error::Locator {
            text: shown.to_owned(),
            reason: reason.to_owned(),
        };
        let scheme = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
        let hidden = scheme.map_or_else(|| "…".to_owned(), |(scheme, _)| format!("{scheme}:…"));
        // Looked for before anything else, at every place where somebody may have put it, and the text
        // is not repeated: it holds a secret.
        let parts = text.split([':', '?', ';', '&']).filter_map(|pair| pair.split_once('='));
        for (name, _) in parts {
            let name = percent_decode(name).and_then(self::text).unwrap_or_default();
            let name = name.trim().to_ascii_lowercase();
            if SECRET_ATTRIBUTES.contains(&name.as_str()) {
                let reason = format!("{name} would put a secret into it; use pin-source");
                return Err(unusable(&hidden, &reason));
            }
        }
        if text.chars().any(char::is_control) {
            return Err(unusable(&hidden, "it holds a control character"));
        }
        let Some((scheme, rest)) = scheme else {
            return Err(unusable(text, "it has no scheme such as soft: or pkcs11:"));
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = pairs(query, '&')
            .and_then(|pairs| {
                pairs.into_iter().map(|(name, v)| Ok((name, self::text(v)?))).collect()
            })
            .map_err(|reason: String| unusable(text, &reason))?;
        let locator = Self {
            scheme: scheme.to_ascii_lowercase(),
            path: path.to_owned(),
            query,
            base: PathBuf::new(),
        };
        locator.pin_source()?;
        Ok(locator)
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.path)?;
        let mut separator = '?';
        for (name, value) in &self.query {
            write!(f, "{separator}{name}={}", percent_encode(value))?;
            separator = '&';
        }
        Ok(())
    }
}

/// The `name=value` pairs of a locator's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, Vec<u8>>);

impl Attributes {
    /// The value of an attribute, if it is text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.octets(name).and_then(|octets| std::str::from_utf8(octets).ok())
    }

    /// The value of an attribute; RFC 7512's `id` is octets and need not be text.
    #[must_use]
    pub fn octets(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// The names that are present, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The key that the attributes name: `slot` (PIV), or `object` and `id` (PKCS#11).
    #[must_use]
    pub fn key(&self) -> KeyRef {
        match (self.get("slot"), self.get("object"), self.octets("id")) {
            (Some(slot), _, _) => KeyRef::Slot(slot.to_ascii_lowercase()),
            (None, None, None) => KeyRef::Sole,
            (None, label, id) => {
                KeyRef::Object { label: label.map(str::to_owned), id: id.map(<[u8]>::to_vec) }
            }
        }
    }
}

fn pairs(text: &str, separator: char) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut pairs = BTreeMap::new();
    for pair in text.split(separator).filter(|pair| !pair.is_empty()) {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| format!("{pair:?} is not name=value"))?;
        if pairs.insert(name.to_owned(), percent_decode(value)?).is_some() {
            return Err(format!("{name:?} is given twice"));
        }
    }
    Ok(pairs)
}

/// One letter alone is a drive.
fn is_scheme(text: &str) -> bool {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.len() >= 2 && text.chars().all(named)
}

/// RFC 3986 section 2.1.
fn percent_decode(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => octets.push(u8::try_from(high * 16 + low).unwrap_or(0)),
            _ => return Err("a % is not followed by two hex digits".into()),
        }
    }
    Ok(octets)
}

fn text(octets: Vec<u8>) -> Result<String, String> {
    match String::from_utf8(octets) {
        Ok(text) if text.chars().any(char::is_control) => {
            Err("it holds a control character".into())
        }
        Ok(text) => Ok(text),
        Err(_) => Err("it is not UTF-8 after decoding".into()),
    }
}

/// Encodes what would end a part of a locator; everything else stays readable.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' | '?' | '&' | ';' | '#' | '=' => {
                encoded.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c => encoded.push(c),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locators_round_trip() {
        for text in [
            "soft:dak_private_key.pem",
            "soft:/keys/with space/dak.pem",
            "soft:C:\\keys\\dak.pem",
            "soft:50%25.pem",
            "yubikey:serial=16021234;slot=9c",
            "pkcs11:token=factory;object=dak?module-path=/usr/lib/softhsm/libsofthsm2.so",
            "pkcs11:token=factory?module-path=/a.so&pin-source=env:HSM_PIN",
        ] {
            assert_eq!(text.parse::<Locator>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn parts_are_decoded() {
        let locator: Locator =
            "pkcs11:token=my%20token;object=a%3Bb?pin-source=file:/run/pin".parse().unwrap();
        let attributes = locator.attributes().unwrap();
        assert_eq!(attributes.get("token"), Some("my token"));
        assert_eq!(attributes.key(), KeyRef::Object { label: Some("a;b".into()), id: None });
        assert_eq!(locator.pin_source().unwrap(), Some(SecretSpec::File("/run/pin".into())));
        let slot: Locator = "yubikey:serial=1;slot=9C".parse().unwrap();
        assert_eq!(slot.attributes().unwrap().key(), KeyRef::Slot("9c".into()));
    }

    #[test]
    fn a_key_of_a_token_has_a_locator_that_reads_back() {
        let object = KeyRef::Object { label: Some("a;b".into()), id: Some(vec![1, 0xff]) };
        for (token, key, text) in [
            ("yubikey:serial=1", KeyRef::Slot("9c".into()), "yubikey:serial=1;slot=9c"),
            ("yubikey:", KeyRef::Slot("9c".into()), "yubikey:slot=9c"),
            ("soft:a.pem", KeyRef::Sole, "soft:a.pem"),
            (
                "pkcs11:token=f?module-path=/m.so",
                object,
                "pkcs11:token=f;object=a%3Bb;id=%01%FF?module-path=/m.so",
            ),
        ] {
            let whole = token.parse::<Locator>().unwrap().of_key(&key);
            assert_eq!(whole.to_string(), text);
            if key != KeyRef::Sole {
                let read: Locator = text.parse().unwrap();
                assert_eq!(read.attributes().unwrap().key(), key);
            }
        }
    }

    #[test]
    fn secrets_are_refused_and_not_repeated() {
        for text in [
            "pkcs11:token=a?pin-value=123456",
            "pkcs11:token=a;pin-value=123456",
            "yubikey:serial=1;PIN=123456",
            "soft:key.pem?passphrase=123456",
            "pkcs11:token=a?pin-source=123456",
            "token=a?pin-value=123456",
            "pin-value=123456",
            "pkcs11:token=a&pin-value=123456",
            "pkcs11:token=a?module-path=/m.so;pin-value=123456",
            "pkcs11:token=a?module-path=/m.so?pin-value=123456",
            "pkcs11:token=a?%70in-value=123456",
            "pkcs11:token=a? pin-value=123456",
        ] {
            let error = text.parse::<Locator>().unwrap_err().to_string();
            assert!(!error.contains("123456"), "{error}");
        }
    }

    #[test]
    fn unusable_locators_say_why() {
        for (text, reason) in [
            ("dak.pem", "it has no scheme"),
            ("C:\\dak.pem", "it has no scheme"),
            ("soft:a?b", "is not name=value"),
            ("soft:a?x=1&x=2", "is given twice"),
            ("soft:a?x=%zz", "not followed by two hex digits"),
            ("soft:a\u{1b}[31m", "it holds a control character"),
        ] {
            let error = text.parse::<Locator>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let empty: Locator = "soft:".parse().unwrap();
        assert!(empty.file().is_err());
        let unknown: Locator = "soft:a?colour=red".parse().unwrap();
        assert!(unknown.allow_query(&[]).unwrap_err().to_string().contains("colour"));
    }

    #[test]
    fn relative_paths_start_from_the_folder_of_the_settings() {
        let locator: Locator = "soft:keys/dak.pem?pin-source=file:p.txt".parse().unwrap();
        assert_eq!(locator.file().unwrap(), PathBuf::from("keys/dak.pem"));
        let folder = Path::new("/etc/touchmark");
        let placed = locator.within(folder);
        assert_eq!(placed.file().unwrap(), folder.join("keys/dak.pem"));
        // Joined as the system joins paths: Windows puts a backslash there.
        let secret = folder.join("p.txt").display().to_string();
        assert_eq!(placed.pin_source().unwrap(), Some(SecretSpec::File(secret)));
    }

    #[test]
    fn pin_sources_of_rfc_7512_are_understood() {
        for (text, source) in [
            ("/etc/token_pin", SecretSpec::File("/etc/token_pin".into())),
            ("file:/etc/token_pin", SecretSpec::File("/etc/token_pin".into())),
            ("|/usr/lib/pinomatic", SecretSpec::Command(vec!["/usr/lib/pinomatic".into()])),
        ] {
            let locator: Locator = format!("pkcs11:token=a?pin-source={text}").parse().unwrap();
            assert_eq!(locator.pin_source().unwrap(), Some(source));
        }
    }

    #[test]
    fn an_id_is_octets_and_need_not_be_text() {
        let locator: Locator = "pkcs11:id=%ff%01".parse().unwrap();
        let key = locator.attributes().unwrap().key();
        assert_eq!(key, KeyRef::Object { label: None, id: Some(vec![0xff, 0x01]) });
    }
}
