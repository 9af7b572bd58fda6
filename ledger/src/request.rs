//! What a caller gives to the ledger, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Certificate, Digest, Serial, Timestamp};

/// A certificate that is about to be signed.
///
/// It is unique, within its issuing key, by its serial (for ever) and, within its issuing key and
/// device type, by device id and subject key (among live certificates).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// SHA-256 of the issuing key's DER SubjectPublicKeyInfo.
    pub issuer: Digest,
    /// The DeviceTypeId, where there is one. Never empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    /// The device id, where there is one. Never empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// SHA-256 of the request's DER SubjectPublicKeyInfo.
    pub subject_key: Digest,
    /// Digest of everything that makes the certificate what it is, but for serial and time: the
    /// CSR, the resolved profile, the extensions and the issuer. Two intents of one issuer, device
    /// type, subject key and device id with the same digest here ask for the same certificate.
    pub request: Digest,
    /// The serial number that the certificate will have.
    pub serial: Serial,
    /// Why a certificate is minted anew although one may live; `None` is the normal case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissue: Option<String>,
    /// Whatever else is worth keeping: subject text, input file. `Value::Null` for nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// The answer to one [`Intent`].
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Sign it, with this time, and then commit or abort this entry.
    Granted {
        /// The number of the intent entry.
        entry: u64,
        /// The time of the entry.
        time: Timestamp,
    },
    /// It was issued before and lives: no signature is needed.
    Existing(Box<Certificate>),
    /// The same request, device id or subject key is being issued right now: wait, then begin
    /// again.
    Pending(Holder),
    /// Something else has what this one asks for. Nothing was written; see
    /// [`Ledger::refuse`](crate::Ledger::refuse).
    Conflict {
        /// What is taken.
        rule: Rule,
        /// Who has it.
        with: Box<Summary>,
    },
}

/// Who holds an open intent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The number of the open intent.
    pub entry: u64,
    /// The name of its owner's lock file.
    pub owner: String,
    /// Whether it is this very ledger, so that waiting for it is waiting for oneself.
    pub own: bool,
}

/// How a wait for a [`Holder`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waited {
    /// The intent was committed, aborted or abandoned.
    Closed,
    /// The owner died; the next `begin` closes the intent.
    OwnerDied,
    /// The time was up.
    TimedOut,
}

/// What must be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The serial number, per issuing key, for ever.
    Serial,
    /// The device id, per issuing key and device type, among live certificates.
    DeviceId,
    /// The subject key, per issuing key and device type, among live certificates.
    SubjectKey,
}

impl Rule {
    /// The name for messages and for the `rule` of a refusal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::DeviceId => "device-id",
            Self::SubjectKey => "subject-key",
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The entry that stands in the way, in short.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Summary {
    /// The number of its `issued` entry, or of its intent where nothing was issued.
    pub entry: u64,
    /// The time of that entry.
    pub time: Timestamp,
    /// Its serial number.
    pub serial: Serial,
    /// Its device id, where it has one.
    pub device_id: Option<String>,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entry {} of {}, serial {}", self.entry, self.time, self.serial)?;
        match &self.device_id {
            Some(id) => write!(f, ", device id {id}"),
            None => Ok(()),
        }
    }
}

/// A certificate that was signed and checked, ready to be committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Issued {
    /// The number of the granted intent.
    pub entry: u64,
    /// The certificate's DER.
    pub certificate: Vec<u8>,
    /// Whatever else is worth keeping. `Value::Null` for nothing.
    pub details: Value,
}

impl Issued {
    /// A certificate with nothing else to say.
    #[must_use]
    pub const fn new(entry: u64, certificate: Vec<u8>) -> Self {
        Self { entry, certificate, details: Value::Null }
    }
}

/// A request that was refused by policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The name of the rule, for programs: `key-type`, `device-id`.
    pub rule: String,
    /// The reason, for people.
    pub reason: String,
    /// SHA-256 of the request as it came, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<Digest>,
    /// The request's subject as text, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whatever else is worth keeping: input file, entry in conflict. `Value::Null` for nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// Anything else that was done with a key: `key.generate`, `csr.create`, `key.sign`, `pin.change`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// What was done. Never empty.
    pub name: String,
    /// With what, and how it went. `Value::Null` for nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}
