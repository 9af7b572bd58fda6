//! The rows made from intents: what is taken, by whom, and until when.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, types::ToSql};

use crate::{Digest, Intent, Rule, Serial, fault::Fault};

/// An issuing key, and a device type under it, by their row numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) issuer: i64,
    pub(crate) scope: i64,
}

/// A claim in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) intent: u64,
    pub(crate) owner: String,
    pub(crate) request: Digest,
    pub(crate) serial: Serial,
    pub(crate) device_id: Option<String>,
    pub(crate) issued: Option<u64>,
    pub(crate) ended: Option<u64>,
}

impl Claimed {
    /// Being signed.
    pub(crate) const fn is_open(&self) -> bool {
        self.issued.is_none() && self.ended.is_none()
    }
}

/// A claim that is to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scope: i64,
    pub(crate) subject_key: Digest,
    pub(crate) device_id: Option<String>,
    pub(crate) replacing: bool,
    pub(crate) claimed: Claimed,
}

/// Finds the rows of an issuing key and device type.
pub(crate) fn find_scope(conn: &Connection, intent: &Intent) -> Result<Option<Scope>, Fault> {
    let found = conn
        .prepare_cached(
            "SELECT scope.issuer, scope.id FROM scope JOIN issuer ON issuer.id = scope.issuer \
             WHERE issuer.key = ?1 AND scope.device_type = ?2",
        )?
        .query_row((intent.issuer.as_bytes(), device_type(intent)), |row| {
            Ok(Scope { issuer: row.get(0)?, scope: row.get(1)? })
        })
        .optional()?;
    Ok(found)
}

/// Makes the rows of an issuing key and device type that are not there yet.
pub(crate) fn make_scope(conn: &Connection, intent: &Intent) -> Result<Scope, Fault> {
    let issuer = match find_issuer(conn, &intent.issuer)? {
        Some(id) => id,
        None => conn
            .prepare_cached("INSERT INTO issuer (key) VALUES (?1)")?
            .insert([intent.issuer.as_bytes()])?,
    };
    let scope = conn
        .prepare_cached("INSERT INTO scope (issuer, device_type) VALUES (?1, ?2)")?
        .insert((issuer, device_type(intent)))?;
    Ok(Scope { issuer, scope })
}

/// Finds the row of an issuing key.
pub(crate) fn find_issuer(conn: &Connection, issuer: &Digest) -> Result<Option<i64>, Fault> {
    let found = conn
        .prepare_cached("SELECT id FROM issuer WHERE key = ?1")?
        .query_row([issuer.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(found)
}

/// Takes what an intent asks for. `false` where a unique index says that it is taken: the usual
/// case needs no look-up beforehand.
pub(crate) fn open(
    conn: &Connection,
    entry: u64,
    scope: Scope,
    intent: &Intent,
    owner: &str,
    replacing: bool,
) -> Result<bool, Fault> {
    let values: [&dyn ToSql; 9] = [
        &entry.cast_signed(),
        &scope.issuer,
        &scope.scope,
        &intent.serial.as_bytes(),
        &intent.device_id,
        &intent.subject_key.as_bytes(),
        &intent.request.as_bytes(),
        &owner,
        &replacing,
    ];
    let inserted = conn
        .prepare_cached(
            "INSERT INTO claim (intent, issuer, scope, serial, device_id, subject_key, request, \
             owner, replacing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(&values[..]);
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Marks a claim that replaces nothing as issued. `false` where it is not open, not the owner's,
/// or replaces something.
pub(crate) fn issue(
    conn: &Connection,
    intent: u64,
    owner: &str,
    issued: u64,
) -> Result<bool, Fault> {
    let changed = conn
        .prepare_cached(
            "UPDATE claim SET issued = ?1 WHERE intent = ?2 AND owner = ?3 \
             AND issued IS NULL AND ended IS NULL AND replacing = 0",
        )?
        .execute((issued.cast_signed(), intent.cast_signed(), owner))?;
    Ok(changed == 1)
}

/// Marks a claim that replaces something as issued; what it replaces has to be ended before.
pub(crate) fn issue_replacing(conn: &Connection, intent: u64, issued: u64) -> Result<(), Fault> {
    conn.prepare_cached("UPDATE claim SET issued = ?1, replacing = 0 WHERE intent = ?2")?
        .execute((issued.cast_signed(), intent.cast_signed()))?;
    Ok(())
}

/// Marks a claim as ended: abandoned, aborted or superseded by that entry.
pub(crate) fn end(conn: &Connection, intent: u64, entry: u64) -> Result<(), Fault> {
    conn.prepare_cached("UPDATE claim SET ended = ?1, replacing = 0 WHERE intent = ?2")?
        .execute((entry.cast_signed(), intent.cast_signed()))?;
    Ok(())
}

/// The claim of an intent.
pub(crate) fn target(conn: &Connection, intent: u64) -> Result<Option<Target>, Fault> {
    let sql =
        format!("SELECT {COLUMNS}, scope, subject_key, replacing FROM claim WHERE intent = ?1");
    let found = conn
        .prepare_cached(&sql)?
        .query_row([intent.cast_signed()], |row| {
            let claimed = claimed(row)?;
            Ok(Target {
                scope: row.get(7)?,
                subject_key: Digest::new(row.get(8)?),
                device_id: claimed.device_id.clone(),
                replacing: row.get(9)?,
                claimed,
            })
        })
        .optional()?;
    Ok(found)
}

/// The claim that has a serial number of that issuing key.
pub(crate) fn of_serial(
    conn: &Connection,
    issuer: i64,
    serial: &Serial,
) -> Result<Option<Claimed>, Fault> {
    one(conn, "issuer = ?1 AND serial = ?2", &[&issuer, &serial.as_bytes()])
}

/// The open or live claims that have a subject key or device id in a scope, each with the rule
/// that it meets; those under the subject key come first.
pub(crate) fn rivals(
    conn: &Connection,
    scope: i64,
    subject_key: &Digest,
    device_id: Option<&str>,
) -> Result<Vec<(Rule, Claimed)>, Fault> {
    let mut found = Vec::new();
    for condition in ["ended IS NULL AND replacing = 0", "replacing = 1"] {
        let by_key = format!("scope = ?1 AND subject_key = ?2 AND {condition}");
        if let Some(claimed) = one(conn, &by_key, &[&scope, &subject_key.as_bytes()])? {
            found.push((Rule::SubjectKey, claimed));
        }
        if let Some(id) = device_id {
            let by_id = format!("scope = ?1 AND device_id = ?2 AND {condition}");
            if let Some(claimed) = one(conn, &by_id, &[&scope, &id])? {
                found.push((Rule::DeviceId, claimed));
            }
        }
    }
    found.sort_by_key(|(rule, _)| *rule != Rule::SubjectKey);
    Ok(found)
}

/// Whether any reissue is open: such claims are not in the indexes of the others.
pub(crate) fn any_replacing(conn: &Connection) -> Result<bool, Fault> {
    let found =
        conn.prepare_cached("SELECT 1 FROM claim WHERE replacing = 1 LIMIT 1")?.exists(())?;
    Ok(found)
}

/// The owners that have open claims, in order.
pub(crate) fn open_owners(conn: &Connection) -> Result<Vec<String>, Fault> {
    // One look-up per owner: DISTINCT would read every open claim of every process.
    let mut next = conn.prepare_cached(
        "SELECT min(owner) FROM claim WHERE issued IS NULL AND ended IS NULL AND owner > ?1",
    )?;
    let mut owners: Vec<String> = Vec::new();
    let mut last = String::new();
    while let Some(owner) = next.query_row([&last], |row| row.get::<_, Option<String>>(0))? {
        last.clone_from(&owner);
        owners.push(owner);
    }
    Ok(owners)
}

/// The open intents of an owner, in order.
pub(crate) fn open_intents(conn: &Connection, owner: &str) -> Result<Vec<u64>, Fault> {
    let intents = conn
        .prepare_cached(
            "SELECT intent FROM claim WHERE owner = ?1 AND issued IS NULL AND ended IS NULL \
             ORDER BY intent",
        )?
        .query_map([owner], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(intents)
}

/// The columns that [`claimed`] reads.
const COLUMNS: &str = "intent, owner, request, serial, device_id, issued, ended";

fn one(
    conn: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
) -> Result<Option<Claimed>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM claim WHERE {condition}");
    Ok(conn.prepare_cached(&sql)?.query_row(values, claimed).optional()?)
}

fn claimed(row: &Row<'_>) -> rusqlite::Result<Claimed> {
    Ok(Claimed {
        intent: row.get::<_, i64>(0)?.cast_unsigned(),
        owner: row.get(1)?,
        request: Digest::new(row.get(2)?),
        serial: serial(row, 3)?,
        device_id: row.get(4)?,
        issued: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
        ended: row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned),
    })
}

/// Reads a serial number from a column.
pub(crate) fn serial(row: &Row<'_>, column: usize) -> rusqlite::Result<Serial> {
    let octets: Vec<u8> = row.get(column)?;
    Serial::new(&octets).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Blob,
            Box::new(error),
        )
    })
}

fn device_type(intent: &Intent) -> &str {
    intent.device_type.as_deref().unwrap_or("")
}
