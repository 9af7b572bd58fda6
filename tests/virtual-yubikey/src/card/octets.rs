//! Octets as they stand in a state file.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hex;

/// Octets, written as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Octets(pub(super) Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = hex::decode(&text).ok_or_else(|| D::Error::custom("not hexadecimal"))?;
        Ok(Self(octets))
    }
}
