//! OpenSSL config files, read as OpenSSL 3.0 reads them.
//!
//! [`Config::load`] reads a file that an operator names; [`Config::parse`] reads text from anywhere,
//! without includes and environment. From a config come a request ([`Config::request`]) and the
//! extensions of a certificate ([`Config::extensions`]), byte for byte what `openssl req -new -batch`
//! and `openssl x509 -req` make of the same file. What OpenSSL refuses is refused, with file and line.
//!
//! No *value* ever makes a file or a variable be read; only `.include` and `$ENV::` do, while the
//! config itself is read, and only where [`Options`] allow it.
//!
//! ```
//! use issuer::conf::{Config, Options};
//!
//! let text = "
//!     oid_section = OIDs
//!     [req]
//!     prompt = no
//!     distinguished_name = dn
//!     [OIDs]
//!     DeviceTypeId = 1.3.6.1.4.1.4843.1.3
//!     [dn]
//!     DeviceTypeId = A25PYKXH7D1LXS
//! ";
//! let config = Config::parse(text.as_bytes(), "device.conf", &Options::closed())?;
//! let request = config.request()?;
//! assert_eq!(request.subject().len(), 1);
//! # Ok::<(), issuer::conf::Error>(())
//! ```

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::{
    error::{Error, Place, Reason},
    extension::{ExtensionContext, Extensions, IssuerContext, OpenSslCompat},
    options::{Environment, FileSystem, Files, Options},
    request::{RequestTemplate, Unanswered},
};

mod asn1;
mod chars;
mod encode;
mod error;
mod expand;
mod extension;
mod lines;
mod list;
mod name;
mod objects;
mod oid;
mod options;
mod prompt;
mod read;
mod request;
mod strings;

/// A config: sections of keys with values.
#[derive(Clone, Debug)]
pub struct Config {
    file: Arc<str>,
    sections: Vec<Section>,
    index: HashMap<Vec<u8>, usize>,
    missing: Vec<(Place, PathBuf)>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or is no config; the error names file and line.
    pub fn load(path: &Path, options: &Options) -> Result<Self, Error> {
        let name: Arc<str> = path.display().to_string().into();
        let text = FileSystem.read(path, options.max_bytes);
        let text = text.map_err(|e| Place::file(Arc::clone(&name)).error(Reason::Open(e)))?;
        read::read(text, name, options)
    }

    /// Reads a text; `name` stands for the file in messages.
    ///
    /// # Errors
    /// The text is no config; the error names the line.
    pub fn parse(text: &[u8], name: &str, options: &Options) -> Result<Self, Error> {
        read::read(text.to_vec(), name.into(), options)
    }

    /// The name of the file, as it was given.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file
    }

    /// Every section, in the order of their first mention; the first one is `default`.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter()
    }

    /// The section of this name, where the config mentions it.
    #[must_use]
    pub fn section(&self, name: &[u8]) -> Option<&Section> {
        self.index.get(name).and_then(|at| self.sections.get(*at))
    }

    /// The value of a key in a section, or else in the default section, which OpenSSL falls back to
    /// for every single key it looks up.
    #[must_use]
    pub fn value(&self, section: &[u8], name: &[u8]) -> Option<&Value> {
        self.own_value(section, name).or_else(|| self.own_value(b"default", name))
    }

    /// The section whose extensions `openssl x509 -extfile` takes where `-extensions` names none: that
    /// of the key `extensions`, or else the default section itself.
    #[must_use]
    pub fn certificate_section(&self) -> String {
        let named = self.own_value(b"default", b"extensions").map(Value::bytes);
        String::from_utf8_lossy(named.unwrap_or(b"default")).into_owned()
    }

    /// Files named by `.include` that do not exist, and where they are named. OpenSSL passes over
    /// them without a word; a program with a person in front of it should say so.
    pub fn missing_includes(&self) -> impl Iterator<Item = (&Place, &Path)> {
        self.missing.iter().map(|(place, path)| (place, path.as_path()))
    }

    fn empty(file: Arc<str>) -> Self {
        let mut config =
            Self { file, sections: Vec::new(), index: HashMap::new(), missing: Vec::new() };
        config.open_section(b"default", &Place::file(Arc::clone(&config.file)));
        config
    }

    fn own_value(&self, section: &[u8], name: &[u8]) -> Option<&Value> {
        self.section(section)?.value(name)
    }

    fn open_section(&mut self, name: &[u8], place: &Place) -> &mut Section {
        let next = self.sections.len();
        let at = *self.index.entry(name.to_vec()).or_insert(next);
        if at == next {
            self.sections.push(Section {
                name: name.to_vec(),
                place: place.clone(),
                values: Vec::new(),
                index: HashMap::new(),
            });
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "`at` is an index of the list, or was pushed above"
        )]
        &mut self.sections[at]
    }

    /// Forgets the places of values that later ones replaced.
    fn close(&mut self) {
        for section in &mut self.sections {
            section.values.retain(Option::is_some);
            let names = section.values.iter().flatten().map(|value| value.name.clone());
            section.index = names.enumerate().map(|(at, name)| (name, at)).collect();
        }
    }

    fn set(&mut self, section: &[u8], name: &[u8], bytes: Vec<u8>, place: &Place) {
        let section = self.open_section(section, place);
        let value = Value { name: name.to_vec(), bytes, place: place.clone() };
        // A later value takes the place at the end, not that of the earlier one.
        let last = section.index.insert(name.to_vec(), section.values.len());
        if let Some(old) = last.and_then(|at| section.values.get_mut(at)) {
            *old = None;
        }
        section.values.push(Some(value));
    }
}

/// A section: keys with values, in order.
#[derive(Clone, Debug)]
pub struct Section {
    name: Vec<u8>,
    place: Place,
    values: Vec<Option<Value>>,
    index: HashMap<Vec<u8>, usize>,
}

impl Section {
    /// The name: ASCII as a rule, though an escape may bring any byte in.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Where the section is first mentioned.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The values in order. A key that is given twice keeps the later value, at the later place.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().flatten()
    }

    /// The value of a key in this section alone.
    #[must_use]
    pub fn value(&self, name: &[u8]) -> Option<&Value> {
        self.index.get(name).and_then(|at| self.values.get(*at)).and_then(Option::as_ref)
    }
}

/// One key with its value, and where it stands.
#[derive(Clone, Debug)]
pub struct Value {
    name: Vec<u8>,
    bytes: Vec<u8>,
    place: Place,
}

impl Value {
    /// The key, as written: a backslash in it is kept.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The value with quotes, escapes and variables resolved.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// File and line.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }
}
