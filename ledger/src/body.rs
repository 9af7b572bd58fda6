//! The body of an entry, as it is written, hashed and read. The crate documentation has the form.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ClockNote, Digest, Entry, Error, Event, Result, Timestamp};

/// What every hash starts with, so that no hash of an entry is a hash of anything else.
pub(crate) const DOMAIN: &[u8] = b"touchmark ledger entry v1\n";

/// The largest body in bytes.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// The largest certificate in bytes.
pub(crate) const LARGEST_CERTIFICATE: usize = 1 << 20;

/// The hash of an entry: over the hash before it, and its body.
pub(crate) fn hash(previous: &Digest, body: &str) -> Digest {
    Digest::of_parts(&[DOMAIN, previous.as_bytes(), body.as_bytes()])
}

/// A body to be written; its members are written in this order.
#[derive(Serialize)]
pub(crate) struct Draft<'a, D> {
    pub(crate) sequence: u64,
    pub(crate) time: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) operator: &'a str,
    pub(crate) station: &'a str,
    pub(crate) software: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<&'a ClockNote>,
    pub(crate) data: &'a D,
}

/// A body that was read.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    pub(crate) kind: String,
    pub(crate) operator: String,
    pub(crate) station: String,
    pub(crate) software: String,
    pub(crate) clock: Option<ClockNote>,
    pub(crate) data: Value,
}

/// The columns of an entry.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) sequence: u64,
    pub(crate) body: String,
    pub(crate) hash: Digest,
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Raw {
    /// Makes sense of the body.
    pub(crate) fn read(self) -> Result<Entry> {
        let damaged = |what: String| Error::Damaged { entry: self.sequence, what };
        let body: Body = serde_json::from_str(&self.body)
            .map_err(|error| damaged(format!("its body cannot be read: {error}")))?;
        if body.sequence != self.sequence {
            return Err(damaged(format!("its body has the number {}", body.sequence)));
        }
        let event = Event::read(&body.kind, body.data)
            .map_err(|error| damaged(format!("its data cannot be read: {error}")))?;
        Ok(Entry {
            sequence: self.sequence,
            time: body.time,
            kind: body.kind,
            operator: body.operator,
            station: body.station,
            software: body.software,
            clock: body.clock,
            event,
            body: self.body,
            hash: self.hash,
            certificate: self.certificate,
        })
    }
}
