//! Adding entries to the chain, inside a transaction.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension};
use serde::Serialize;

use crate::{
    ClockNote, Digest, Error, Head, Kind, OpenOptions, Result, Timestamp,
    body::{self, Draft, LARGEST_BODY},
    fault::Fault,
};

/// How far a clock may be behind the last entry.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The end of the chain with the time that the next entry is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) head: Head,
    /// The time of the last entry whose clock was right or accepted.
    pub(crate) reference: Timestamp,
}

/// Reads the tip; `None` in a ledger without entries.
pub(crate) fn tip(conn: &Connection) -> Result<Option<Tip>, Fault> {
    let row = conn
        .prepare_cached("SELECT sequence, hash, reference FROM head WHERE id = 1")?
        .query_row((), |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    row.map(|(sequence, hash, reference)| {
        let head = Head { sequence: sequence.cast_unsigned(), hash: Digest::new(hash) };
        Ok(Tip { head, reference: Timestamp::from_millis(reference)? })
    })
    .transpose()
}

/// Appends entries that all have the same time.
pub(crate) struct Appender<'a> {
    conn: &'a Connection,
    insert: CachedStatement<'a>,
    options: &'a OpenOptions,
    tip: Tip,
    first: u64,
    time: Timestamp,
    time_text: String,
    note: Option<ClockNote>,
    buffer: Vec<u8>,
}

impl<'a> Appender<'a> {
    /// Takes the time, and the end of the chain.
    pub(crate) fn new(conn: &'a Connection, options: &'a OpenOptions) -> Result<Self, Fault> {
        let time = Timestamp::try_from((options.clock)())?;
        let tip = tip(conn)?
            .unwrap_or(Tip { head: Head { sequence: 0, hash: Digest::ZERO }, reference: time });
        let note = (time.behind(tip.reference) > TOLERANCE)
            .then(|| ClockNote { after: tip.reference, accepted: options.accept_clock.clone() });
        Ok(Self {
            conn,
            insert: conn.prepare_cached(
                "INSERT INTO entry (sequence, body, hash, certificate) VALUES (?1, ?2, ?3, ?4)",
            )?,
            options,
            first: tip.head.sequence + 1,
            tip,
            time,
            time_text: time.to_string(),
            note,
            buffer: Vec::with_capacity(1024),
        })
    }

    /// The time of the entries.
    pub(crate) const fn time(&self) -> Timestamp {
        self.time
    }

    /// The number that the next entry will have.
    pub(crate) const fn next(&self) -> u64 {
        self.tip.head.sequence + 1
    }

    /// Refuses to go on with a clock that is behind and not accepted.
    pub(crate) fn demand_clock(&self) -> Result<()> {
        match &self.note {
            Some(ClockNote { after, accepted: None }) => {
                Err(Error::ClockBehind { last: *after, now: self.time })
            }
            _ => Ok(()),
        }
    }

    /// Appends one entry and answers its number.
    pub(crate) fn append<D: Serialize>(
        &mut self,
        kind: Kind,
        data: &D,
        certificate: Option<&[u8]>,
    ) -> Result<u64, Fault> {
        let sequence = self.next();
        let draft = Draft {
            sequence,
            time: &self.time_text,
            kind: kind.name(),
            operator: &self.options.operator,
            station: &self.options.station,
            software: &self.options.software,
            clock: self.note.as_ref(),
            data,
        };
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, &draft).map_err(|source| Error::Json { source })?;
        crate::checks::size("the body of an entry", self.buffer.len(), LARGEST_BODY)?;
        let body = str::from_utf8(&self.buffer)
            .map_err(|error| Error::Inconsistent { what: error.to_string() })?;
        let hash = body::hash(&self.tip.head.hash, body);
        self.insert.execute((sequence.cast_signed(), body, hash.as_bytes(), certificate))?;
        self.tip.head = Head { sequence, hash };
        if self.note.as_ref().is_none_or(|note| note.accepted.is_some()) {
            self.tip.reference = self.time;
        }
        Ok(sequence)
    }

    /// Writes the new end of the chain, if there is one.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        if self.next() == self.first {
            return Ok(());
        }
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO head (id, sequence, hash, reference) VALUES (1, ?1, ?2, ?3)",
            )?
            .execute((
                self.tip.head.sequence.cast_signed(),
                self.tip.head.hash.as_bytes(),
                self.tip.reference.as_millis(),
            ))?;
        Ok(())
    }
}
