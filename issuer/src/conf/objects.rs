//! Names that stand for OIDs in a config: the table, and what its `oid_section` adds.

use std::collections::{HashMap, HashSet};

use super::{Config, error::Error, error::Reason, error::shown, oid::Oid};
use crate::names;

/// Objects known while one config is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    added: HashMap<Vec<u8>, Oid>,
    added_oids: HashSet<Oid>,
}

impl Objects {
    /// The table, and what `openssl req` adds: the `oid_section` of the default section, after that
    /// of the section which `openssl_conf` names.
    pub(super) fn of_request(config: &Config) -> Result<Self, Error> {
        let mut objects = Self::default();
        objects.modules(config)?;
        if let Some(file) = config.own_value(b"default", b"oid_file") {
            return Err(file.place().error(Reason::Unsupported { what: "oid_file".into() }));
        }
        if let Some(name) = config.own_value(b"default", b"oid_section") {
            let section = config.section(name.bytes()).ok_or_else(|| {
                name.place().error(Reason::NoSection { name: shown(name.bytes()) })
            })?;
            for value in section.values() {
                objects
                    .add(&[value.name()], value.bytes())
                    .map_err(|reason| value.place().error(reason))?;
            }
        }
        Ok(objects)
    }

    /// A name or a dotted OID.
    pub(super) fn resolve(&self, text: &[u8]) -> Result<Oid, Reason> {
        if let Some(oid) = self.named(text) {
            return oid;
        }
        if !text.first().is_some_and(u8::is_ascii_digit) {
            return Err(Reason::UnknownObject { name: shown(text) });
        }
        Oid::from_text(text)
    }

    /// Whether OpenSSL has a number (a NID) for this object, so that it counts in places where
    /// unknown OIDs are passed over.
    pub(super) fn is_known(&self, oid: &Oid) -> bool {
        self.added_oids.contains(oid)
            || oid.identifier().is_ok_and(|oid| names::by_oid(&oid.to_string()).is_some())
    }

    fn named(&self, text: &[u8]) -> Option<Result<Oid, Reason>> {
        if let Some(oid) = self.added.get(text) {
            return Some(Ok(oid.clone()));
        }
        let object = names::by_name(std::str::from_utf8(text).ok()?)?;
        // A name without an OID is none that anything could be made of.
        Some(Oid::from_text(object.oid.as_bytes()))
    }

    fn add(&mut self, names: &[&[u8]], oid: &[u8]) -> Result<(), Reason> {
        for name in names {
            if self.named(name).is_some() {
                return Err(Reason::ObjectExists { name: shown(name) });
            }
        }
        let value = Oid::from_text(oid)?;
        if self.is_known(&value) {
            return Err(Reason::ObjectExists { name: shown(oid) });
        }
        self.added.extend(names.iter().map(|name| (name.to_vec(), value.clone())));
        self.added_oids.insert(value);
        Ok(())
    }

    /// `openssl_conf = section`: a list of modules with a section each. One of them defines objects
    /// (`name = long name, 1.2.3` or `name = 1.2.3`); the others set up the library, which is no
    /// matter of ours, except for the one that changes the table of string types.
    fn modules(&mut self, config: &Config) -> Result<(), Error> {
        let Some(list) = config.own_value(b"default", b"openssl_conf") else { return Ok(()) };
        let missing = || list.place().error(Reason::NoSection { name: shown(list.bytes()) });
        for module in config.section(list.bytes()).ok_or_else(missing)?.values() {
            // `2.oid_section` names the same module once more.
            let name = module.name();
            let dot = name.iter().rposition(|byte| *byte == b'.');
            let name = name.get(dot.map_or(0, |at| at + 1)..).unwrap_or_default();
            if name == b"stbl_section" {
                let what = "stbl_section".into();
                return Err(module.place().error(Reason::Unsupported { what }));
            }
            let known: [&[u8]; 6] =
                [b"oid_section", b"providers", b"engines", b"ssl_conf", b"alg_section", b"random"];
            if !known.contains(&name) {
                // OpenSSL would look for a shared library of this name.
                return Err(module.place().error(Reason::Unsupported { what: shown(name) }));
            }
            let section = config.section(module.bytes()).ok_or_else(|| {
                module.place().error(Reason::NoSection { name: shown(module.bytes()) })
            })?;
            if name != b"oid_section" {
                continue;
            }
            for value in section.values() {
                self.add_module_object(value.name(), value.bytes())
                    .map_err(|reason| value.place().error(reason))?;
            }
        }
        Ok(())
    }

    fn add_module_object(&mut self, name: &[u8], text: &[u8]) -> Result<(), Reason> {
        let Some(comma) = text.iter().rposition(|byte| *byte == b',') else {
            return self.add(&[name], text);
        };
        let (long, oid) = text.split_at_checked(comma).unwrap_or((text, &[]));
        let oid = oid.strip_prefix(b",").unwrap_or(oid).trim_ascii_start();
        let long = long.trim_ascii();
        if long.is_empty() || oid.is_empty() {
            return Err(Reason::InvalidOid { text: shown(text) });
        }
        self.add(&[name, long], oid)
    }
}
