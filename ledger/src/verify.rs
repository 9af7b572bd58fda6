//! Checking a whole ledger against itself.

use std::cmp::Ordering;

use rusqlite::{Connection, types::Value};

use crate::{
    Ledger, Report, Result,
    fault::Fault,
    read,
    replay::Replay,
    report::{Problem, RowState},
    schema,
};

impl Ledger {
    /// Checks everything that can be checked: the file, the tables, the chain from its first
    /// entry, the order of times, each certificate's digest, that nothing was issued twice, and
    /// that every row beside the entries is what the entries make it. Reads one state of the
    /// ledger, while others may go on writing; memory stays flat.
    ///
    /// A chain cannot tell that entries at its end were cut off together with all that was made
    /// from them. Compare [`Report::head`] with one that was noted down.
    ///
    /// # Errors
    /// Storage errors, where not even reading is possible. What can be read and is wrong stands in
    /// the report.
    pub fn verify(&self) -> Result<Report> {
        self.store.read("verify", |conn| {
            let mut replay = Replay::new()?;
            check_file(conn, &mut replay.report)?;
            check_schema(conn, &mut replay)?;
            live_through(conn, &mut replay)?;
            replay.finish()?;
            check_head(conn, &mut replay)?;
            for table in DERIVED {
                compare(conn, &mut replay, table)?;
            }
            Ok(replay.report)
        })
    }
}

struct Table {
    name: &'static str,
    /// All rows by their key, which is the first column and, in `claim`, the number of an entry.
    rows: &'static str,
    keyed_by_entry: bool,
}

const DERIVED: [&Table; 3] = [
    &Table {
        name: "issuer",
        rows: "SELECT id, key FROM issuer ORDER BY id",
        keyed_by_entry: false,
    },
    &Table {
        name: "scope",
        rows: "SELECT id, issuer, device_type FROM scope ORDER BY id",
        keyed_by_entry: false,
    },
    &Table {
        name: "claim",
        rows: "SELECT intent, issuer, scope, serial, device_id, subject_key, request, owner, \
               replacing, issued, ended FROM claim ORDER BY intent",
        keyed_by_entry: true,
    },
];

fn check_file(conn: &Connection, report: &mut Report) -> Result<(), Fault> {
    let mut check = conn.prepare("PRAGMA integrity_check")?;
    let lines = check.query_map((), |row| row.get::<_, String>(0))?;
    for line in lines {
        match line {
            Ok(line) if line == "ok" => {}
            Ok(line) => report.find(None, Problem::File(line)),
            Err(error) => {
                report.find(None, Problem::File(error.to_string()));
                break;
            }
        }
    }
    Ok(())
}

/// Compares all definitions with those of a fresh ledger, for a missing index lets duplicates in.
fn check_schema(conn: &Connection, replay: &mut Replay) -> Result<(), Fault> {
    replay.rows().execute_batch(schema::GUARDS)?;
    let (found, expected) = (definitions(conn)?, definitions(replay.rows())?);
    let missing = expected.iter().filter(|definition| !found.contains(definition));
    let surplus =
        found.iter().filter(|(name, _)| !expected.iter().any(|(expected, _)| expected == name));
    for (name, _) in missing.chain(surplus) {
        replay.report.find(None, Problem::Schema(name.clone()));
    }
    Ok(())
}

fn definitions(conn: &Connection) -> Result<Vec<(String, Option<String>)>, Fault> {
    // SQLite's own tables of statistics are no business of ours.
    let mut query =
        conn.prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'")?;
    let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn live_through(conn: &Connection, replay: &mut Replay) -> Result<(), Fault> {
    let mut query =
        conn.prepare("SELECT sequence, body, hash, certificate FROM entry ORDER BY sequence")?;
    let mut rows = query.query(())?;
    loop {
        match rows.next() {
            Ok(None) => return Ok(()),
            Ok(Some(row)) => match read::raw(row) {
                Ok(raw) => replay.step(raw)?,
                Err(error) => {
                    let number = row.get::<_, i64>(0)?.cast_unsigned();
                    replay.report.find(number, Problem::Unreadable(error.to_string()));
                }
            },
            Err(error) => {
                replay.report.find(None, Problem::File(error.to_string()));
                return Ok(());
            }
        }
    }
}

fn check_head(conn: &Connection, replay: &mut Replay) -> Result<(), Fault> {
    let expected = replay.report.head;
    let mut query = conn.prepare("SELECT id, sequence, hash, reference FROM head")?;
    let mut rows = query.query(())?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        let values: (Value, Value, Value, Value) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let right = expected.zip(replay.reference()).is_some_and(|(head, reference)| {
            values
                == (
                    Value::Integer(1),
                    Value::Integer(head.sequence.cast_signed()),
                    Value::Blob(head.hash.as_bytes().to_vec()),
                    Value::Integer(reference.as_millis()),
                )
        });
        found += 1;
        if !right {
            replay.report.find(expected.map(|head| head.sequence), Problem::Head);
        }
    }
    if found == 0 {
        replay.report.find(expected.map(|head| head.sequence), Problem::Head);
    }
    Ok(())
}

/// Goes through a table and through the one that it should be, side by side.
fn compare(conn: &Connection, replay: &mut Replay, table: &Table) -> Result<(), Fault> {
    let mut findings = Vec::new();
    {
        let (mut found, mut expected) =
            (conn.prepare(table.rows)?, replay.rows().prepare(table.rows)?);
        let columns = expected.column_count();
        let (mut found, mut expected) = (found.query(())?, expected.query(())?);
        let mut left = values(found.next()?, columns)?;
        let mut right = values(expected.next()?, columns)?;
        loop {
            let (order, key) = match (left.as_deref(), right.as_deref()) {
                (Some([left, ..]), Some([right, ..])) => match key(left).cmp(&key(right)) {
                    Ordering::Less => (Ordering::Less, key(left)),
                    order => (order, key(right)),
                },
                (Some([left, ..]), _) => (Ordering::Less, key(left)),
                (_, Some([right, ..])) => (Ordering::Greater, key(right)),
                _ => break,
            };
            let state = match order {
                Ordering::Less => Some(RowState::Surplus),
                Ordering::Greater => Some(RowState::Missing),
                Ordering::Equal => (left != right).then_some(RowState::Different),
            };
            findings.extend(state.map(|state| (key, state)));
            if order != Ordering::Greater {
                left = values(found.next()?, columns)?;
            }
            if order != Ordering::Less {
                right = values(expected.next()?, columns)?;
            }
        }
    }
    for (key, state) in findings {
        let entry = table.keyed_by_entry.then_some(key.cast_unsigned());
        replay.report.find(entry, Problem::Row { table: table.name, state });
    }
    Ok(())
}

fn values(row: Option<&rusqlite::Row<'_>>, columns: usize) -> Result<Option<Vec<Value>>, Fault> {
    let Some(row) = row else { return Ok(None) };
    Ok(Some((0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?))
}

/// The key column of a STRICT table is an integer.
const fn key(value: &Value) -> i64 {
    match value {
        Value::Integer(key) => *key,
        _ => i64::MIN,
    }
}
