//! What is read from a ledger.

use crate::{Digest, Event, Serial, Timestamp};
use serde::{Deserialize, Serialize};

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number, from 1 without gaps.
    pub sequence: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The name of its kind: [`Kind::name`](crate::Kind::name), or one that this version does not
    /// know.
    pub kind: String,
    /// Who worked.
    pub operator: String,
    /// Where.
    pub station: String,
    /// With which program.
    pub software: String,
    /// Set where the clock was behind.
    pub clock: Option<ClockNote>,
    /// What was done.
    pub event: Event,
    /// The body, byte for byte as it was hashed.
    pub body: String,
    /// The hash over this entry and, through the one before, over all before it.
    pub hash: Digest,
    /// The certificate's DER, on an `issued` entry.
    pub certificate: Option<Vec<u8>>,
}

/// Says that an entry was written while the clock was more than five minutes behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockNote {
    /// The time that the clock was behind of: of the last entry whose clock was right or accepted.
    pub after: Timestamp,
    /// Why it was accepted. Without it, nothing was issued, and the times that follow are still
    /// held against `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// A certificate in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The number of its `issued` entry.
    pub entry: u64,
    /// The number of its intent.
    pub intent: u64,
    /// The time of its `issued` entry.
    pub time: Timestamp,
    /// Who worked.
    pub operator: String,
    /// Where.
    pub station: String,
    /// SHA-256 of the issuing key's SubjectPublicKeyInfo.
    pub issuer: Digest,
    /// The DeviceTypeId, where there is one.
    pub device_type: Option<String>,
    /// The device id, where there is one.
    pub device_id: Option<String>,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub subject_key: Digest,
    /// The digest of the request that it was made from.
    pub request: Digest,
    /// Its serial number.
    pub serial: Serial,
    /// The `issued` entry that replaced it; `None` while it lives.
    pub superseded_by: Option<u64>,
    /// The certificate itself.
    pub der: Vec<u8>,
}

/// The end of the chain: what an auditor notes down to recognise the ledger later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// The number of the last entry.
    pub sequence: u64,
    /// Its hash.
    pub hash: Digest,
}

/// Which entries to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// The first number; `None` from the start.
    pub from: Option<u64>,
    /// The last number; `None` to the end, as it is when the reading gets there.
    pub to: Option<u64>,
    /// Only this kind.
    pub kind: Option<String>,
}

/// Which certificates to read. All that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFilter {
    /// Of this issuing key.
    pub issuer: Option<Digest>,
    /// With this device id.
    pub device_id: Option<String>,
    /// With this serial number.
    pub serial: Option<Serial>,
    /// With this subject key.
    pub subject_key: Option<Digest>,
    /// Alive, superseded, or both.
    pub life: Life,
}

/// Whether a certificate was replaced by another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Life {
    /// Either.
    #[default]
    Any,
    /// Not replaced.
    Live,
    /// Replaced.
    Superseded,
}
