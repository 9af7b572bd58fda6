//! Names of objects: short name, long name and dotted OID.
//!
//! One table, made from what OpenSSL 3.0 knows (`openssl list -objects`), serves the reading of
//! configs, because a name that OpenSSL refuses must be refused here too. The vendor's arc is
//! therefore kept apart, in [`AMAZON`]: it is for showing certificates to people.

use std::{collections::HashMap, sync::LazyLock};

use der::asn1::ObjectIdentifier;

/// One object: how it is written in a config, and its OID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Short name, such as `CN`.
    pub short: &'static str,
    /// Long name, such as `commonName`; equal to the short one where OpenSSL has only one.
    pub long: &'static str,
    /// Dotted OID, or nothing for the few names that stand for no OID.
    pub oid: &'static str,
}

/// The attribute types of the vendor's device certificates (arc 1.3.6.1.4.1.4843.1).
///
/// OpenSSL does not know them, so they are not part of [`by_name`]: a config has to define
/// them in its `oid_section`, as the vendor's own configs do.
pub const AMAZON: [ObjectName; 4] = [
    ObjectName { short: "DSN", long: "deviceSerialNumber", oid: "1.3.6.1.4.1.4843.1.1" },
    ObjectName { short: "DeviceId", long: "deviceId", oid: "1.3.6.1.4.1.4843.1.2" },
    ObjectName { short: "DeviceTypeId", long: "deviceTypeId", oid: "1.3.6.1.4.1.4843.1.3" },
    ObjectName { short: "DakType", long: "dakType", oid: "1.3.6.1.4.1.4843.1.5" },
];

/// Every object of the table, in OpenSSL's order; [`AMAZON`] is not among them.
#[must_use]
pub fn all() -> &'static [ObjectName] {
    TABLE.objects
}

/// The object with this short name, or else with this long name. Case counts.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static ObjectName> {
    by_short_name(name).or_else(|| TABLE.long.get(name).copied())
}

/// The object with this short name. Case counts.
#[must_use]
pub fn by_short_name(name: &str) -> Option<&'static ObjectName> {
    TABLE.short.get(name).copied()
}

/// The object with this dotted OID.
#[must_use]
pub fn by_oid(dotted: &str) -> Option<&'static ObjectName> {
    TABLE.oid.get(dotted).copied()
}

/// The OID of a name, the vendor's names included, or of a dotted OID.
#[must_use]
pub fn oid_of(text: &str) -> Option<ObjectIdentifier> {
    let vendor = AMAZON.iter().find(|object| object.short == text);
    let known = vendor.or_else(|| by_name(text)).map(|object| object.oid);
    ObjectIdentifier::new(known.unwrap_or(text)).ok()
}

/// The short name to show a person for an OID: the vendor's names included.
#[must_use]
pub fn display_name(oid: &ObjectIdentifier) -> Option<&'static str> {
    let dotted = oid.to_string();
    let vendor = AMAZON.iter().find(|object| object.oid == dotted);
    vendor.or_else(|| by_oid(&dotted)).map(|object| object.short)
}

#[derive(Debug)]
struct Table {
    objects: &'static [ObjectName],
    short: HashMap<&'static str, &'static ObjectName>,
    long: HashMap<&'static str, &'static ObjectName>,
    oid: HashMap<&'static str, &'static ObjectName>,
}

static OBJECTS: LazyLock<Vec<ObjectName>> = LazyLock::new(|| {
    let lines = include_str!("names/objects.txt").lines().filter(|line| !line.starts_with('#'));
    let split = |line: &'static str| {
        let (short, rest) = line.split_once('\t')?;
        let (long, oid) = rest.split_once('\t')?;
        Some(ObjectName { short, long, oid })
    };
    lines.filter_map(split).collect()
});

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let objects: &'static [ObjectName] = &OBJECTS;
    let mut table =
        Table { objects, short: HashMap::new(), long: HashMap::new(), oid: HashMap::new() };
    for object in objects {
        table.short.entry(object.short).or_insert(object);
        table.long.entry(object.long).or_insert(object);
        if !object.oid.is_empty() {
            table.oid.entry(object.oid).or_insert(object);
        }
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_names_lead_to_the_same_object() {
        for (short, long, oid) in [
            ("CN", "commonName", "2.5.4.3"),
            ("serverAuth", "TLS Web Server Authentication", "1.3.6.1.5.5.7.3.1"),
            ("noCheck", "OCSP No Check", "1.3.6.1.5.5.7.48.1.5"),
        ] {
            assert_eq!(by_name(short), by_name(long), "{short}");
            assert_eq!(by_name(short).map(|object| object.oid), Some(oid), "{short}");
            assert_eq!(by_oid(oid).map(|object| object.short), Some(short), "{oid}");
        }
        assert_eq!(by_short_name("commonName"), None);
    }

    #[test]
    fn no_line_of_the_table_is_lost() {
        let lines = include_str!("names/objects.txt").lines().count();
        assert_eq!(all().len(), lines - 1);
    }

    #[test]
    fn vendor_names_are_shown_but_not_read() {
        for object in AMAZON {
            let oid = ObjectIdentifier::new(object.oid).unwrap();
            assert_eq!(display_name(&oid), Some(object.short));
            assert_eq!(by_name(object.short), None);
            assert_eq!(by_oid(object.oid), None);
        }
    }
}
