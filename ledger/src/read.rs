//! Reading entries and certificates, a page at a time: memory stays flat, and no reader holds the
//! log of a busy ledger for longer than one page takes.

use std::{collections::VecDeque, fmt};

use rusqlite::{Connection, OptionalExtension, Row, types::ToSql};

use crate::{
    Certificate, CertificateFilter, Digest, Entry, EntryFilter, Error, Event, Head, Ledger, Life,
    Result, Timestamp, append, body::Raw, claims, fault::Fault,
};

/// Rows that are read at a time.
const PAGE: usize = 256;

impl Ledger {
    /// The end of the chain.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when the ledger has none; storage errors.
    pub fn head(&self) -> Result<Head> {
        self.store.read("read the end", |conn| {
            let none = || Error::Inconsistent { what: "it has no head".to_owned() };
            Ok(append::tip(conn)?.ok_or_else(none)?.head)
        })
    }

    /// One entry by its number.
    ///
    /// # Errors
    /// [`Error::Damaged`]; storage errors.
    pub fn entry(&self, sequence: u64) -> Result<Option<Entry>> {
        let found = self.store.read("read an entry", |conn| {
            let mut query = conn.prepare_cached(
                "SELECT sequence, body, hash, certificate FROM entry WHERE sequence = ?1",
            )?;
            Ok(query.query_row([sequence.cast_signed()], raw).optional()?)
        })?;
        found.map(Raw::read).transpose()
    }

    /// The entries that match, in order, also those that are written meanwhile.
    #[must_use]
    pub fn entries(&self, filter: EntryFilter) -> Entries<'_> {
        let next = filter.from.unwrap_or(0).max(1);
        Entries { ledger: self, filter, page: VecDeque::new(), next: Some(next) }
    }

    /// The certificates that match, in the order of their intents. Search by device id, serial or
    /// subject key is quick; everything else reads all.
    #[must_use]
    pub fn certificates(&self, filter: CertificateFilter) -> Certificates<'_> {
        Certificates { ledger: self, filter, page: VecDeque::new(), after: Some(0) }
    }
}

/// Entries, as [`Ledger::entries`] gives them.
#[derive(Debug)]
pub struct Entries<'a> {
    ledger: &'a Ledger,
    filter: EntryFilter,
    page: VecDeque<Raw>,
    /// The first number of the next page; `None` after the last.
    next: Option<u64>,
}

impl Entries<'_> {
    /// The next entry of whatever kind, without making sense of it.
    pub(crate) fn next_raw(&mut self) -> Option<Result<Raw>> {
        if self.page.is_empty() {
            let from = self.next.take()?;
            if let Err(error) = self.load(from) {
                return Some(Err(error));
            }
        }
        self.page.pop_front().map(Ok)
    }

    fn load(&mut self, from: u64) -> Result<()> {
        let to = self.filter.to.unwrap_or(u64::MAX).min(i64::MAX.cast_unsigned());
        self.page = self.ledger.store.read("read entries", |conn| {
            let mut query = conn.prepare_cached(
                "SELECT sequence, body, hash, certificate FROM entry \
                 WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence LIMIT ?3",
            )?;
            let from = i64::try_from(from).unwrap_or(i64::MAX);
            let rows = query.query_map((from, to.cast_signed(), limit()), raw)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        self.next = match self.page.back() {
            Some(last) if self.page.len() == PAGE => last.sequence.checked_add(1),
            _ => None,
        };
        Ok(())
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_raw()?.and_then(Raw::read) {
                Ok(entry) if self.filter.kind.as_ref().is_some_and(|kind| *kind != entry.kind) => {}
                entry => return Some(entry),
            }
        }
    }
}

/// Certificates, as [`Ledger::certificates`] gives them.
#[derive(Debug)]
pub struct Certificates<'a> {
    ledger: &'a Ledger,
    filter: CertificateFilter,
    page: VecDeque<Stored>,
    /// The intent after which the next page starts; `None` after the last.
    after: Option<i64>,
}

impl Certificates<'_> {
    fn load(&mut self, after: i64) -> Result<()> {
        let filter = &self.filter;
        self.page = self.ledger.store.read("read certificates", |conn| {
            // Bound to the names in the conditions; a name that is in none is left out.
            let issuer = filter.issuer.as_ref().map(Digest::as_bytes);
            let key = filter.subject_key.as_ref().map(Digest::as_bytes);
            let serial = filter.serial.as_ref().map(crate::Serial::as_bytes);
            let mut values: Vec<(&str, &dyn ToSql)> = vec![(":after", &after)];
            let mut conditions = String::new();
            if issuer.is_some() {
                conditions
                    .push_str(" AND claim.issuer IN (SELECT id FROM issuer WHERE key = :issuer)");
                values.push((":issuer", &issuer));
            }
            if serial.is_some() {
                // Names every issuer, so that the index on issuer and serial serves.
                conditions.push_str(
                    " AND claim.issuer IN (SELECT id FROM issuer) AND claim.serial = :serial",
                );
                values.push((":serial", &serial));
            }
            if key.is_some() {
                conditions.push_str(
                    " AND claim.scope IN (SELECT id FROM scope) AND claim.subject_key = :key",
                );
                values.push((":key", &key));
            }
            if filter.device_id.is_some() {
                conditions.push_str(
                    " AND claim.scope IN (SELECT id FROM scope) AND claim.device_id = :id",
                );
                values.push((":id", &filter.device_id));
            }
            // Each half names the condition of one of the partial indexes.
            let live = format!(
                "SELECT intent FROM claim WHERE ended IS NULL AND replacing = 0 \
                 AND issued IS NOT NULL AND intent > :after{conditions}"
            );
            let superseded = format!(
                "SELECT intent FROM claim WHERE ended IS NOT NULL \
                 AND issued IS NOT NULL AND intent > :after{conditions}"
            );
            let intents = match filter.life {
                Life::Any => format!("{live} UNION ALL {superseded}"),
                Life::Live => live,
                Life::Superseded => superseded,
            };
            let mut query =
                conn.prepare_cached(&format!("{intents} ORDER BY intent LIMIT {PAGE}"))?;
            let intents: Vec<i64> =
                query.query_map(&values[..], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            intents.into_iter().map(|intent| stored(conn, intent)).collect()
        })?;
        self.after = match self.page.back() {
            Some(last) if self.page.len() == PAGE => Some(last.certificate.intent.cast_signed()),
            _ => None,
        };
        Ok(())
    }
}

impl Iterator for Certificates<'_> {
    type Item = Result<Certificate>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(stored) = self.page.pop_front() {
                return Some(stored.read());
            }
            let after = self.after.take()?;
            if let Err(error) = self.load(after) {
                return Some(Err(error));
            }
        }
    }
}

/// Reads the certificate of an intent that was issued.
pub(crate) fn certificate(conn: &Connection, intent: u64) -> Result<Certificate, Fault> {
    Ok(stored(conn, intent.cast_signed())?.read()?)
}

/// Reads the time of an entry.
pub(crate) fn time(conn: &Connection, sequence: u64) -> Result<Timestamp, Fault> {
    let found = conn
        .prepare_cached("SELECT sequence, body, hash, NULL FROM entry WHERE sequence = ?1")?
        .query_row([sequence.cast_signed()], raw)
        .optional()?;
    let missing = || Error::Damaged { entry: sequence, what: "it is missing".to_owned() };
    Ok(found.ok_or_else(missing)?.read()?.time)
}

/// Reads the columns sequence, body, hash and certificate.
pub(crate) fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
        body: row.get(1)?,
        hash: Digest::new(row.get(2)?),
        certificate: row.get(3)?,
    })
}

/// A claim's row with its entry, which is not made sense of yet.
struct Stored {
    certificate: Certificate,
    entry: Option<Raw>,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("entry", &self.certificate.entry).finish_non_exhaustive()
    }
}

impl Stored {
    fn read(self) -> Result<Certificate> {
        let number = self.certificate.entry;
        let damaged = |what: &str| Error::Damaged { entry: number, what: what.to_owned() };
        let entry = self.entry.ok_or_else(|| damaged("it is missing"))?.read()?;
        let (Event::Issued(event), Some(der)) = (entry.event, entry.certificate) else {
            return Err(damaged("it carries no certificate"));
        };
        if Digest::of(&der) != event.certificate || event.intent != self.certificate.intent {
            return Err(damaged("its certificate is not the one that was issued"));
        }
        Ok(Certificate {
            time: entry.time,
            operator: entry.operator,
            station: entry.station,
            der,
            ..self.certificate
        })
    }
}

fn stored(conn: &Connection, intent: i64) -> Result<Stored, Fault> {
    let mut query = conn.prepare_cached(
        "SELECT claim.intent, claim.issued, claim.ended, issuer.key, scope.device_type, \
         claim.device_id, claim.subject_key, claim.request, claim.serial FROM claim \
         JOIN scope ON scope.id = claim.scope JOIN issuer ON issuer.id = claim.issuer \
         WHERE claim.intent = ?1",
    )?;
    let certificate = query.query_row([intent], |row| {
        let device_type: String = row.get(4)?;
        Ok(Certificate {
            intent: row.get::<_, i64>(0)?.cast_unsigned(),
            entry: row.get::<_, Option<i64>>(1)?.unwrap_or_default().cast_unsigned(),
            superseded_by: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
            issuer: Digest::new(row.get(3)?),
            device_type: (!device_type.is_empty()).then_some(device_type),
            device_id: row.get(5)?,
            subject_key: Digest::new(row.get(6)?),
            request: Digest::new(row.get(7)?),
            serial: claims::serial(row, 8)?,
            // Of the entry, which is read below.
            time: Timestamp::EPOCH,
            operator: String::new(),
            station: String::new(),
            der: Vec::new(),
        })
    })?;
    let mut query = conn.prepare_cached(
        "SELECT sequence, body, hash, certificate FROM entry WHERE sequence = ?1",
    )?;
    let entry = query.query_row([certificate.entry.cast_signed()], raw).optional()?;
    Ok(Stored { certificate, entry })
}

fn limit() -> i64 {
    i64::try_from(PAGE).unwrap_or(i64::MAX)
}
