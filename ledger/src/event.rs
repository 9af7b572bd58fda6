//! What an entry tells: one type per kind.
//!
//! To add a kind: a struct here, a variant of [`Event`], a name in [`Kind`]'s table, a line in
//! [`Event::read`]; a kind that touches certificates also needs its rule in `claims.rs`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Act, Digest, Intent, Refusal};

/// The kinds of entries that this version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The ledger came to be. Always entry 1.
    Created,
    /// A certificate is about to be signed.
    Intent,
    /// A certificate was signed and checked; the entry carries it.
    Issued,
    /// The owner of an intent died before it was closed.
    Abandoned,
    /// The owner of an intent gave it up.
    Aborted,
    /// A request was refused by policy.
    Refused,
    /// Anything else that was done with a key.
    Act,
}

impl Kind {
    const NAMES: [(Self, &'static str); 7] = [
        (Self::Created, "created"),
        (Self::Intent, "intent"),
        (Self::Issued, "issued"),
        (Self::Abandoned, "abandoned"),
        (Self::Aborted, "aborted"),
        (Self::Refused, "refused"),
        (Self::Act, "act"),
    ];

    /// The name in the body of an entry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Intent => "intent",
            Self::Issued => "issued",
            Self::Abandoned => "abandoned",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
            Self::Act => "act",
        }
    }

    /// The kind of that name; `None` for one that this version does not know.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// The data of an entry.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The ledger came to be.
    Created(Created),
    /// A certificate is about to be signed.
    Intent(Box<Opened>),
    /// A certificate was signed and checked.
    Issued(Completed),
    /// The owner of an intent died.
    Abandoned(Abandoned),
    /// The owner of an intent gave it up.
    Aborted(Aborted),
    /// A request was refused by policy.
    Refused(Box<Refusal>),
    /// Anything else that was done with a key.
    Act(Act),
    /// A kind that this version does not know.
    Other(Value),
}

impl Event {
    /// Reads the `data` of a body of that kind.
    pub(crate) fn read(kind: &str, data: Value) -> Result<Self, serde_json::Error> {
        use serde_json::from_value;
        Ok(match Kind::named(kind) {
            Some(Kind::Created) => Self::Created(from_value(data)?),
            Some(Kind::Intent) => Self::Intent(from_value(data)?),
            Some(Kind::Issued) => Self::Issued(from_value(data)?),
            Some(Kind::Abandoned) => Self::Abandoned(from_value(data)?),
            Some(Kind::Aborted) => Self::Aborted(from_value(data)?),
            Some(Kind::Refused) => Self::Refused(from_value(data)?),
            Some(Kind::Act) => Self::Act(from_value(data)?),
            None => Self::Other(data),
        })
    }
}

/// The data of a `created` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The version of the body and hash format: 1.
    pub format: u32,
    /// 32 random hexadecimal digits that tell this ledger from every other.
    pub ledger: String,
}

/// The data of an `intent` entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Which open ledger made it: the name of its lock file.
    pub owner: String,
    /// What was to be issued.
    #[serde(flatten)]
    pub intent: Intent,
}

/// The data of an `issued` entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    /// The number of the intent that it closes.
    pub intent: u64,
    /// SHA-256 of the certificate's DER, which the entry carries.
    pub certificate: Digest,
    /// The numbers of the `issued` entries that this one replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<u64>,
    /// Whatever else the issuer had to say.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// The data of an `abandoned` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandoned {
    /// The number of the intent that it closes.
    pub intent: u64,
    /// The owner that died.
    pub owner: String,
}

/// The data of an `aborted` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aborted {
    /// The number of the intent that it closes.
    pub intent: u64,
    /// Why.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for (kind, name) in Kind::NAMES {
            assert_eq!(kind.name(), name);
            assert_eq!(Kind::named(name), Some(kind));
        }
        assert_eq!(Kind::named("pin"), None);
    }
}
