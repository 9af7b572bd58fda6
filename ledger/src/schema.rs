//! The tables. `entry` is the truth; all others can be made again from it.

/// `PRAGMA application_id`: "TMLG".
pub(crate) const APPLICATION: i64 = 0x544d_4c47;

/// `PRAGMA user_version`.
pub(crate) const VERSION: i64 = 1;

/// A claim is open while `issued` and `ended` are both null, it lives while only `issued` is set.
///
/// The indexes are few and their conditions do not change when a claim is committed: each random
/// key costs a page of write-ahead log, and an index whose condition names `issued` would be
/// written twice per certificate. `replacing` keeps an open reissue out of the two unique indexes,
/// where what it replaces still stands.
pub(crate) const TABLES: &str = "
CREATE TABLE entry (
    sequence INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash BLOB NOT NULL,
    certificate BLOB
) STRICT;
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    reference INTEGER NOT NULL
) STRICT;
CREATE TABLE issuer (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE scope (
    id INTEGER PRIMARY KEY,
    issuer INTEGER NOT NULL,
    device_type TEXT NOT NULL,
    UNIQUE (issuer, device_type)
) STRICT;
CREATE TABLE claim (
    intent INTEGER PRIMARY KEY,
    issuer INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    serial BLOB NOT NULL,
    device_id TEXT,
    subject_key BLOB NOT NULL,
    request BLOB NOT NULL,
    owner TEXT NOT NULL,
    replacing INTEGER NOT NULL,
    issued INTEGER,
    ended INTEGER
) STRICT;
CREATE UNIQUE INDEX claim_serial ON claim (issuer, serial);
CREATE UNIQUE INDEX claim_subject_key ON claim (scope, subject_key)
    WHERE ended IS NULL AND replacing = 0;
CREATE UNIQUE INDEX claim_device_id ON claim (scope, device_id)
    WHERE ended IS NULL AND replacing = 0 AND device_id IS NOT NULL;
CREATE UNIQUE INDEX claim_replacing_subject_key ON claim (scope, subject_key)
    WHERE replacing = 1;
CREATE UNIQUE INDEX claim_replacing_device_id ON claim (scope, device_id)
    WHERE replacing = 1 AND device_id IS NOT NULL;
CREATE INDEX claim_ended_subject_key ON claim (scope, subject_key)
    WHERE ended IS NOT NULL;
CREATE INDEX claim_ended_device_id ON claim (scope, device_id)
    WHERE ended IS NOT NULL AND device_id IS NOT NULL;
CREATE INDEX claim_open ON claim (owner)
    WHERE issued IS NULL AND ended IS NULL;
";

/// Against accidents: nothing in this program changes or removes an entry.
pub(crate) const GUARDS: &str = "
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entry_is_never_removed BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END;
";
