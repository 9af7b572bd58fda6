//! What a device certificate may be: the rules of one product, as data.

use std::collections::BTreeMap;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};
use signer_core::KeySpec;

use crate::{device_oids, names};

/// The rules for the certificates of one product.
///
/// In a settings file it is the table `[profile.NAME]`, with these keys in kebab case. Attribute and
/// extension types are written by the names that `touchmark cert show` prints, or as dotted OIDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Profile {
    /// The kinds of keys that may be certified.
    pub key_types: Vec<KeyType>,
    /// Subject attributes that must be there.
    pub subject_required: Vec<Attribute>,
    /// Subject attributes that may be there; nothing said means any.
    pub subject_allowed: Option<Vec<Attribute>>,
    /// Extensions that are copied from the request when the configuration does not name them.
    pub accept_requested_extensions: Vec<Attribute>,
    /// The longest validity, in days; nothing said means any.
    pub max_days: Option<u32>,
    /// The subject attribute that holds the device id; nothing said means DSN, else DeviceId.
    pub device_id: Option<Attribute>,
    /// What to do when a certificate would outlive its issuer.
    pub not_after: NotAfter,
}

/// What to do when a certificate would outlive its issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotAfter {
    /// It is refused.
    #[default]
    Refuse,
    /// It ends with its issuer.
    Clamp,
}

impl Profile {
    /// The names of the built-in profiles.
    pub const BUILT_IN: [&str; 2] = ["dha", "plain"];

    /// A built-in profile.
    ///
    /// `dha` is for device certificates under a DAK: P-256 keys; DSN, DeviceId and DeviceTypeId as
    /// subject; 7305 days at most, which the vendor's own samples have. `plain` takes every key that
    /// can be checked and every subject.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        match name {
            "dha" => Some(Self {
                key_types: vec![KeyType(KeySpec::P256)],
                subject_allowed: Some(
                    [device_oids::DSN, device_oids::DEVICE_ID, device_oids::DEVICE_TYPE_ID]
                        .map(Attribute)
                        .to_vec(),
                ),
                max_days: Some(7305),
                ..Self::default()
            }),
            "plain" => Some(Self::default()),
            _ => None,
        }
    }

    /// The profile called `name`, of these or built in. One of these hides a built-in one.
    #[must_use]
    pub fn named(name: &str, configured: &BTreeMap<String, Self>) -> Option<Self> {
        configured.get(name).cloned().or_else(|| Self::built_in(name))
    }
}

impl Default for Profile {
    fn default() -> Self {
        use KeySpec::{Ed25519, P256, P384, Rsa};
        Self {
            key_types: [P256, P384, Ed25519, Rsa(2048), Rsa(3072), Rsa(4096)].map(KeyType).to_vec(),
            subject_required: Vec::new(),
            subject_allowed: None,
            accept_requested_extensions: Vec::new(),
            max_days: None,
            device_id: None,
            not_after: NotAfter::Refuse,
        }
    }
}

/// A kind of key, written as `p256`, `p384`, `ed25519`, `rsa2048`, `rsa3072` or `rsa4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyType(pub KeySpec);

impl TryFrom<String> for KeyType {
    type Error = signer_core::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<KeyType> for String {
    fn from(key_type: KeyType) -> Self {
        key_type.0.to_string()
    }
}

/// An attribute or extension type, written by OpenSSL's name for it, by the vendor's, or as a
/// dotted OID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Attribute(pub ObjectIdentifier);

impl TryFrom<String> for Attribute {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        names::oid_of(&text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is neither a known name nor a dotted OID"))
    }
}

impl From<Attribute> for String {
    fn from(attribute: Attribute) -> Self {
        attribute.to_string()
    }
}

impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match names::display_name(&self.0) {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_reads_names_and_dotted_oids() {
        let profile: Profile = serde_json::from_value(serde_json::json!({
            "key-types": ["p256", "p384"],
            "subject-required": ["DeviceTypeId"],
            "subject-allowed": ["DeviceTypeId", "1.3.6.1.4.1.4843.1.1"],
            "max-days": 7305,
            "device-id": "DSN",
            "not-after": "clamp",
        }))
        .unwrap();
        assert_eq!(profile.subject_required, [Attribute(device_oids::DEVICE_TYPE_ID)]);
        let allowed = profile.subject_allowed.unwrap();
        assert_eq!(allowed, [device_oids::DEVICE_TYPE_ID, device_oids::DSN].map(Attribute));
        assert_eq!(profile.device_id, Some(Attribute(device_oids::DSN)));
        assert_eq!(profile.not_after, NotAfter::Clamp);
    }

    #[test]
    fn unknown_names_are_refused() {
        for bad in [
            serde_json::json!({"key-types": ["p224"]}),
            serde_json::json!({"subject-required": ["DeviceTypeID1"]}),
            serde_json::json!({"colour": "red"}),
        ] {
            assert!(serde_json::from_value::<Profile>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_configured_profile_hides_a_built_in_one() {
        let mine = Profile { max_days: Some(1), ..Profile::default() };
        let configured = BTreeMap::from([("dha".to_owned(), mine.clone())]);
        assert_eq!(Profile::named("dha", &configured), Some(mine));
        assert_eq!(Profile::named("plain", &configured), Profile::built_in("plain"));
        assert_eq!(Profile::named("other", &configured), None);
    }
}
