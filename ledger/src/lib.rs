//! The journal of everything a key did: durable, hash-chained, with unique serials and device ids.
//!
//! A [`Ledger`] is one SQLite file that any number of processes share. Before a key signs a
//! certificate, an [`Intent`] takes its serial, device id and subject key; afterwards the
//! certificate itself is committed. What happens in between, a crash included, is told by the
//! entries: an intent whose process died is closed as abandoned by the next writer.
//!
//! This crate knows nothing of certificates, keys or terminals: it gets bytes and digests.
//!
//! ```
//! use ledger::{Claim, Digest, Intent, Issued, Ledger, Location, OpenOptions, Serial};
//!
//! # fn main() -> ledger::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let location = Location::sqlite(folder.path().join("touchmark.db"));
//! let mut ledger = Ledger::open(&location, OpenOptions::new("ada", "line-3"))?;
//! let intent = Intent {
//!     issuer: Digest::of(b"the issuing key's SubjectPublicKeyInfo"),
//!     device_type: None,
//!     device_id: Some("G3A0PA01802300PE".to_owned()),
//!     subject_key: Digest::of(b"the device key's SubjectPublicKeyInfo"),
//!     request: Digest::of(b"CSR, profile, extensions, issuer"),
//!     serial: Serial::new(&[0x4d; 16])?,
//!     reissue: None,
//!     details: serde_json::Value::Null,
//! };
//! for claim in ledger.begin(&[intent])? {
//!     match claim {
//!         Claim::Granted { entry, .. } => {
//!             let certificate = b"signed and checked".to_vec();
//!             ledger.commit(&[Issued::new(entry, certificate)])?;
//!         }
//!         Claim::Existing(_) => {} // issued before: use this one
//!         _ => {}                  // someone else is at it, or has it
//!     }
//! }
//! assert!(ledger.verify()?.is_sound());
//! # Ok(())
//! # }
//! ```
//!
//! # The entries, and how to check them without this program
//!
//! Entries are numbered from 1 without gaps and are never changed or removed. Each has a **body**,
//! a **hash**, and, if it is of the kind `issued`, the DER of a **certificate**.
//!
//! The body is JSON in UTF-8, kept byte for byte as it was first written; whoever checks it hashes
//! those bytes and does not write them anew. It has no spaces between its parts. Its members, in
//! this order:
//!
//! | member | value |
//! |---|---|
//! | `sequence` | the entry's number |
//! | `time` | UTC in RFC 3339 with three digits of a second, `2026-11-22T07:19:56.000Z` |
//! | `kind` | see below |
//! | `operator`, `station`, `software` | who, where, with which program |
//! | `clock` | only if the clock was more than 5 minutes behind: `after`, the time that it was behind of, and `accepted`, the reason why that was accepted, if it was |
//! | `data` | an object, by kind |
//!
//! | `kind` | members of `data`, in this order; those with `?` may be absent |
//! |---|---|
//! | `created` | `format`: 1; `ledger`: 32 random digits. Always entry 1 |
//! | `intent` | `owner`, `issuer`, `device_type`?, `device_id`?, `subject_key`, `request`, `serial`, `reissue`?: the reason, `details`? |
//! | `issued` | `intent`: the number of the entry that it closes; `certificate`: SHA-256 of the certificate; `supersedes`?: numbers of the `issued` entries that it replaces; `details`? |
//! | `abandoned` | `intent`, `owner`: the owner died, the intent is closed |
//! | `aborted` | `intent`, `reason`: the owner gave it up |
//! | `refused` | `rule`, `reason`, `csr`?: SHA-256 of the request, `subject`?, `details`? |
//! | `act` | `name`, `details`? |
//!
//! Digests and serial numbers are lower-case hexadecimal. Readers must put up with more kinds and
//! more members.
//!
//! ```text
//! hash = SHA-256( "touchmark ledger entry v1" 0x0a || hash of the entry before || body )
//! ```
//!
//! where the hash of an entry is 32 bytes, and 32 zero bytes stand before entry 1. The certificate
//! is covered by its digest in the body.
//!
//! The time of each entry is at most 5 minutes before its *reference*, or the entry has a `clock`
//! with that reference as `after`. The reference is the time of the last entry before it that has
//! no `clock` or one with `accepted`. Entries of one transaction share time and `clock`. An intent
//! never has a `clock` without `accepted`.
//!
//! An export ([`Ledger::export`]) has one line per entry: a JSON object with `body`, a string that
//! contains the body; `hash`, in hexadecimal; and, where there is one, `certificate`, the DER in
//! base64. [`verify_export`] checks it, and so does this, as far as hashes go:
//!
//! ```python
//! import sys, json, base64, hashlib
//! sequence, previous = 0, bytes(32)
//! for line in sys.stdin:
//!     entry = json.loads(line)
//!     content = entry["body"].encode()
//!     digest = hashlib.sha256(b"touchmark ledger entry v1\n" + previous + content).digest()
//!     body, sequence, previous = json.loads(content), sequence + 1, digest
//!     assert entry["hash"] == digest.hex() and body["sequence"] == sequence, sequence
//!     assert ("certificate" in entry) == (body["kind"] == "issued"), sequence
//!     if "certificate" in entry:
//!         certificate = base64.b64decode(entry["certificate"])
//!         assert body["data"]["certificate"] == hashlib.sha256(certificate).hexdigest(), sequence
//! print(sequence, previous.hex())
//! ```
//!
//! A chain shows that nothing in it was changed; it cannot show that its end was not cut off, or
//! that all of it was not written anew. For that, note down [`Ledger::head`] elsewhere.

mod append;
mod body;
mod checks;
mod claims;
mod digest;
mod error;
mod event;
mod export;
mod fault;
mod grant;
mod hex;
mod ledger;
mod location;
mod options;
mod owners;
mod read;
mod record;
mod replay;
mod report;
mod request;
mod schema;
mod serial;
mod store;
mod timestamp;
mod verify;

pub use digest::Digest;
pub use error::Error;
pub use event::{Abandoned, Aborted, Completed, Created, Event, Kind, Opened};
pub use export::verify_export;
pub use ledger::Ledger;
pub use location::Location;
pub use options::{Clock, Missing, OpenOptions, Random};
pub use read::{Certificates, Entries};
pub use record::{Certificate, CertificateFilter, ClockNote, Entry, EntryFilter, Head, Life};
pub use report::{Finding, Problem, Report, RowState};
pub use request::{Act, Claim, Holder, Intent, Issued, Refusal, Rule, Summary, Waited};
pub use serial::Serial;
pub use timestamp::Timestamp;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
