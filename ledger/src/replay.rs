//! Living through the entries again, one by one, beside the ledger: the rows that they make are
//! kept in a temporary database of their own, so memory stays flat however long the ledger is.

use rusqlite::Connection;

use crate::{
    ClockNote, Completed, Digest, Entry, Error, Event, Head, Intent, Opened, Report, Result,
    Timestamp,
    append::TOLERANCE,
    body::{self, Raw},
    claims::{self, Scope},
    fault::Fault,
    report::Problem,
    schema,
};

/// The entries up to here, lived through.
#[derive(Debug)]
pub(crate) struct Replay {
    conn: Connection,
    head: Option<Head>,
    /// The time of the last entry whose clock was right or accepted.
    reference: Option<Timestamp>,
    /// The time and note of the last entry.
    last: Option<(Timestamp, Option<ClockNote>)>,
    pub(crate) report: Report,
}

impl Replay {
    /// Nothing has happened yet.
    pub(crate) fn new() -> Result<Self, Fault> {
        // The empty name is a temporary file that SQLite removes and that only fills when its
        // cache is full.
        let conn = Connection::open("")?;
        conn.set_prepared_statement_cache_capacity(64);
        conn.pragma_update(None, "journal_mode", "memory")?;
        conn.pragma_update(None, "synchronous", "off")?;
        conn.execute_batch(schema::TABLES)?;
        conn.execute_batch("BEGIN")?;
        Ok(Self { conn, head: None, reference: None, last: None, report: Report::new() })
    }

    /// The rows as they should be.
    pub(crate) const fn rows(&self) -> &Connection {
        &self.conn
    }

    /// The time that the next entry is held against.
    pub(crate) const fn reference(&self) -> Option<Timestamp> {
        self.reference
    }

    /// Lives through the next entry.
    pub(crate) fn step(&mut self, raw: Raw) -> Result<(), Fault> {
        let number = raw.sequence;
        let before = self.head.map_or(0, |head| head.sequence);
        if number != before + 1 {
            self.report.find(number, Problem::Gap { expected: number, found: before });
        }
        let previous = self.head.map_or(Digest::ZERO, |head| head.hash);
        if body::hash(&previous, &raw.body) != raw.hash {
            self.report.find(number, Problem::Hash);
        }
        self.head = Some(Head { sequence: number, hash: raw.hash });
        self.report.head = self.head;
        self.report.entries += 1;
        match raw.read() {
            Ok(entry) => self.live(entry),
            Err(Error::Damaged { what, .. }) => {
                self.report.find(number, Problem::Unreadable(what));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Counts what is left at the end.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        let count = "SELECT count(issued), \
             count(*) FILTER (WHERE issued IS NOT NULL AND ended IS NULL), \
             count(*) FILTER (WHERE issued IS NULL AND ended IS NULL) FROM claim";
        let (certificates, live, open): (i64, i64, i64) =
            self.conn.query_row(count, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        self.report.certificates = certificates.cast_unsigned();
        self.report.live = live.cast_unsigned();
        self.report.open = open.cast_unsigned();
        Ok(())
    }

    fn live(&mut self, entry: Entry) -> Result<(), Fault> {
        let number = entry.sequence;
        self.check_time(&entry);
        if (number == 1) != matches!(entry.event, Event::Created(_)) {
            self.report.find(number, Problem::Creation);
        }
        match (&entry.event, &entry.certificate) {
            (Event::Issued(event), Some(der)) if Digest::of(der) != event.certificate => {
                self.report.find(number, Problem::Certificate);
            }
            (Event::Issued(_), Some(_)) => {}
            (Event::Issued(_), None) | (_, Some(_)) => {
                self.report.find(number, Problem::CertificateMisplaced);
            }
            (_, None) => {}
        }
        match entry.event {
            Event::Intent(opened) => self.open(number, &opened),
            Event::Issued(event) => self.issue(number, &event),
            Event::Abandoned(event) => self.close(number, event.intent, Some(&event.owner)),
            Event::Aborted(event) => self.close(number, event.intent, None),
            Event::Created(_) | Event::Refused(_) | Event::Act(_) | Event::Other(_) => Ok(()),
        }
    }

    fn check_time(&mut self, entry: &Entry) {
        let reference = self.reference.unwrap_or(entry.time);
        match &entry.clock {
            None if entry.time.behind(reference) > TOLERANCE => {
                self.report.find(entry.sequence, Problem::Time { after: reference });
            }
            None => {}
            Some(note) => {
                // The entries of one transaction share time and note, but only the first of them
                // is held against the time in the note.
                let same = self
                    .last
                    .as_ref()
                    .is_some_and(|(time, last)| *time == entry.time && last.as_ref() == Some(note));
                let behind = entry.time.behind(note.after) > TOLERANCE;
                if !behind || !(same || note.after == reference) {
                    self.report.find(entry.sequence, Problem::ClockNote);
                }
                if note.accepted.is_none() && matches!(entry.event, Event::Intent(_)) {
                    self.report.find(entry.sequence, Problem::ClockNotAccepted);
                }
            }
        }
        if entry.clock.as_ref().is_none_or(|note| note.accepted.is_some()) {
            self.reference = Some(entry.time);
        }
        self.last = Some((entry.time, entry.clock.clone()));
    }

    fn open(&mut self, number: u64, opened: &Opened) -> Result<(), Fault> {
        let intent = &opened.intent;
        let scope = self.scope(intent)?;
        let id = intent.device_id.as_deref();
        let rivals = claims::rivals(&self.conn, scope.scope, &intent.subject_key, id)?;
        let replacing = intent.reissue.is_some() && !rivals.is_empty();
        let taken = rivals.iter().any(|(_, rival)| rival.is_open())
            || !claims::open(&self.conn, number, scope, intent, &opened.owner, replacing)?;
        if taken {
            self.report.find(number, Problem::Duplicate);
        }
        Ok(())
    }

    fn issue(&mut self, number: u64, event: &Completed) -> Result<(), Fault> {
        let intent = event.intent;
        let Some(target) = self.target(number, intent)? else { return Ok(()) };
        let mut replaced = Vec::new();
        if target.replacing {
            let id = target.device_id.as_deref();
            for (_, old) in claims::rivals(&self.conn, target.scope, &target.subject_key, id)? {
                if let Some(entry) = old.issued.filter(|entry| !replaced.contains(entry)) {
                    claims::end(&self.conn, old.intent, number)?;
                    replaced.push(entry);
                }
            }
            replaced.sort_unstable();
        }
        if replaced != event.supersedes {
            let found = event.supersedes.clone();
            self.report.find(number, Problem::Supersedes { expected: replaced, found });
        }
        claims::issue_replacing(&self.conn, intent, number)
    }

    fn close(&mut self, number: u64, intent: u64, owner: Option<&str>) -> Result<(), Fault> {
        let Some(target) = self.target(number, intent)? else { return Ok(()) };
        if owner.is_some_and(|owner| owner != target.claimed.owner) {
            self.report.find(number, Problem::Owner { intent });
        }
        claims::end(&self.conn, intent, number)
    }

    fn target(&mut self, number: u64, intent: u64) -> Result<Option<claims::Target>, Fault> {
        let target = claims::target(&self.conn, intent)?;
        let open = target.filter(|target| target.claimed.is_open());
        if open.is_none() {
            self.report.find(number, Problem::NotOpen { intent });
        }
        Ok(open)
    }

    fn scope(&self, intent: &Intent) -> Result<Scope, Fault> {
        match claims::find_scope(&self.conn, intent)? {
            Some(scope) => Ok(scope),
            None => claims::make_scope(&self.conn, intent),
        }
    }
}
