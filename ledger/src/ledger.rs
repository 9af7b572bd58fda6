//! The ledger, open.

use std::{
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use crate::{
    Abandoned, Aborted, Act, Claim, Created, Digest, Error, Holder, Intent, Issued, Kind, Location,
    OpenOptions, Refusal, Result, Waited,
    append::Appender,
    checks,
    claims::{self, Target},
    fault::Fault,
    grant::{self, Granting},
    hex,
    owners::Owners,
    schema,
    store::{Found, Store},
};

/// A ledger, open for writing or only for reading.
///
/// It may be open in many processes at once. Every writing method is one transaction: all of it is
/// durable when the method returns `Ok`, and nothing of it is there when it returns an error.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) store: Store,
    owners: Owners,
    /// `None` where the ledger was opened for reading.
    options: Option<OpenOptions>,
}

impl Ledger {
    /// Opens a ledger for writing and, where the options say so, creates it, readable only by the
    /// user who does.
    ///
    /// # Errors
    /// [`Error::MissingFolder`], [`Error::Missing`], [`Error::NotALedger`], [`Error::NewerLedger`];
    /// [`Error::BadSize`] for an empty operator or station; storage errors.
    pub fn open(location: &Location, options: OpenOptions) -> Result<Self> {
        checks::options(&options)?;
        let (mut store, found) = Store::open(location, options.missing)?;
        if found == Found::Empty {
            store.write("create the tables", |conn| create(conn, &options))?;
        }
        let owners = Owners::beside(store.path())?;
        Ok(Self { store, owners, options: Some(options) })
    }

    /// Opens a ledger for reading. Writing methods answer [`Error::ReadOnly`].
    ///
    /// A ledger that was closed properly can also be read in a folder that cannot be written.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NotALedger`], [`Error::NewerLedger`]; storage errors.
    pub fn open_read_only(location: &Location) -> Result<Self> {
        let store = Store::open_read_only(location)?;
        let owners = Owners::beside(store.path())?;
        Ok(Self { store, owners, options: None })
    }

    /// Announces certificates that are about to be signed, and takes their serials, device ids and
    /// subject keys: one transaction for the whole group, one answer per intent, in order.
    ///
    /// Before that, the intents of owners that died are closed as abandoned. Intents of one group
    /// that ask for the same are answered one after another: the later are `Pending`.
    ///
    /// # Errors
    /// [`Error::ClockBehind`] when the clock is more than five minutes behind the last entry and
    /// this was not accepted; [`Error::BadSize`]; storage errors.
    pub fn begin(&mut self, intents: &[Intent]) -> Result<Vec<Claim>> {
        for intent in intents {
            checks::intent(intent)?;
        }
        let Self { store, owners, options } = self;
        let options = options.as_ref().ok_or(Error::ReadOnly)?;
        let path = store.path().to_owned();
        store.write("announce certificates", |conn| {
            let owner = owners.enter(&options.random, &path)?.to_owned();
            let mut appender = Appender::new(conn, options)?;
            appender.demand_clock()?;
            abandon(conn, owners, &mut appender)?;
            let mut granting = Granting::new(conn, &owner)?;
            let claims = intents
                .iter()
                .map(|intent| granting.claim(&mut appender, intent))
                .collect::<Result<_, Fault>>()?;
            appender.finish()?;
            Ok(claims)
        })
    }

    /// Begins one intent and, while another process holds what it asks for, waits and begins again,
    /// for as long as `limit`. So of two processes with the same request one signs, and the other
    /// gets [`Claim::Existing`]. Answers [`Claim::Pending`] when the time is up, or at once when
    /// this very ledger is the holder.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub fn settle(&mut self, intent: &Intent, limit: Duration) -> Result<Claim> {
        let since = Instant::now();
        loop {
            let claim = self.begin(std::slice::from_ref(intent))?.pop();
            let claim = claim.ok_or_else(|| inconsistent("an intent without an answer"))?;
            let Claim::Pending(holder) = &claim else { return Ok(claim) };
            let rest = limit.saturating_sub(since.elapsed());
            if holder.own || self.wait(holder, rest)? == Waited::TimedOut {
                return Ok(claim);
            }
        }
    }

    /// Waits until the intent of a holder is closed or its owner is dead, for as long as `limit`.
    ///
    /// # Errors
    /// Storage errors.
    pub fn wait(&self, holder: &Holder, limit: Duration) -> Result<Waited> {
        let since = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            let target = self.store.read("wait", |conn| claims::target(conn, holder.entry))?;
            if target.is_none_or(|target| !target.claimed.is_open()) {
                return Ok(Waited::Closed);
            }
            if !self.owners.lives(&holder.owner)? {
                return Ok(Waited::OwnerDied);
            }
            let rest = limit.saturating_sub(since.elapsed());
            if rest.is_zero() {
                return Ok(Waited::TimedOut);
            }
            thread::sleep(pause.min(rest));
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Stores certificates that were granted, signed and checked, and marks what they replace as
    /// superseded. Answers the numbers of their `issued` entries, in order. A certificate must not
    /// leave the house before this returned.
    ///
    /// # Errors
    /// [`Error::NotOpen`] for an entry that is no open intent of this ledger; [`Error::BadSize`];
    /// storage errors, after which the intents are still open and the commit can be tried again.
    pub fn commit(&mut self, certificates: &[Issued]) -> Result<Vec<u64>> {
        for issued in certificates {
            checks::issued(issued)?;
        }
        let owner = self.owners.name().unwrap_or_default().to_owned();
        self.append("store certificates", |conn, appender| {
            certificates.iter().map(|issued| commit(conn, appender, &owner, issued)).collect()
        })
    }

    /// Gives granted intents up. Their serials are never used again. Answers the numbers of the
    /// `aborted` entries, in order.
    ///
    /// # Errors
    /// [`Error::NotOpen`] for an entry that is no open intent of this ledger; [`Error::BadSize`]
    /// for an empty reason; storage errors.
    pub fn abort(&mut self, intents: &[u64], reason: &str) -> Result<Vec<u64>> {
        checks::reason(reason)?;
        let owner = self.owners.name().unwrap_or_default().to_owned();
        self.append("give intents up", |conn, appender| {
            let close = |&intent| {
                open_target(conn, intent, &owner)?;
                let data = Aborted { intent, reason: reason.to_owned() };
                let entry = appender.append(Kind::Aborted, &data, None)?;
                claims::end(conn, intent, entry)?;
                Ok(entry)
            };
            intents.iter().map(close).collect()
        })
    }

    /// Records requests that were refused. Answers the numbers of the entries, in order.
    ///
    /// # Errors
    /// [`Error::BadSize`] for an empty rule or reason; storage errors.
    pub fn refuse(&mut self, refusals: &[Refusal]) -> Result<Vec<u64>> {
        for refusal in refusals {
            checks::refusal(refusal)?;
        }
        self.append("record refusals", |_, appender| {
            refusals.iter().map(|refusal| appender.append(Kind::Refused, refusal, None)).collect()
        })
    }

    /// Records anything else that was done with a key. Answers the number of the entry.
    ///
    /// # Errors
    /// [`Error::BadSize`] for an empty name; storage errors.
    pub fn record(&mut self, act: &Act) -> Result<u64> {
        checks::act(act)?;
        self.append("record an act", |_, appender| appender.append(Kind::Act, act, None))
    }

    /// Closes the intents of owners that died, as [`begin`](Self::begin) does. Answers the numbers
    /// of the `abandoned` entries.
    ///
    /// # Errors
    /// Storage errors.
    pub fn close_abandoned(&mut self) -> Result<Vec<u64>> {
        let Self { store, owners, options } = self;
        let options = options.as_ref().ok_or(Error::ReadOnly)?;
        store.write("close abandoned intents", |conn| {
            let mut appender = Appender::new(conn, options)?;
            let closed = abandon(conn, owners, &mut appender)?;
            appender.finish()?;
            Ok(closed)
        })
    }

    fn append<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Connection, &mut Appender<'_>) -> Result<T, Fault>,
    ) -> Result<T> {
        let options = self.options.as_ref().ok_or(Error::ReadOnly)?;
        self.store.write(doing, |conn| {
            let mut appender = Appender::new(conn, options)?;
            let done = work(conn, &mut appender)?;
            appender.finish()?;
            Ok(done)
        })
    }
}

fn create(conn: &Connection, options: &OpenOptions) -> Result<(), Fault> {
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != 0 {
        // Another process was first.
        return Ok(());
    }
    conn.execute_batch(schema::TABLES)?;
    conn.execute_batch(schema::GUARDS)?;
    conn.pragma_update(None, "application_id", schema::APPLICATION)?;
    conn.pragma_update(None, "user_version", schema::VERSION)?;
    let mut bytes = [0; 16];
    (options.random)(&mut bytes).map_err(|source| Error::Random { source })?;
    let ledger = hex::encode(&bytes);
    let mut appender = Appender::new(conn, options)?;
    appender.append(Kind::Created, &Created { format: 1, ledger }, None)?;
    appender.finish()
}

fn abandon(
    conn: &Connection,
    owners: &Owners,
    appender: &mut Appender<'_>,
) -> Result<Vec<u64>, Fault> {
    let mut closed = Vec::new();
    for owner in claims::open_owners(conn)? {
        if owners.lives(&owner)? {
            continue;
        }
        for intent in claims::open_intents(conn, &owner)? {
            let data = Abandoned { intent, owner: owner.clone() };
            let entry = appender.append(Kind::Abandoned, &data, None)?;
            claims::end(conn, intent, entry)?;
            closed.push(entry);
        }
    }
    Ok(closed)
}

fn commit(
    conn: &Connection,
    appender: &mut Appender<'_>,
    owner: &str,
    issued: &Issued,
) -> Result<u64, Fault> {
    let certificate = &issued.certificate;
    let mut data = grant::CompletedRef {
        intent: issued.entry,
        certificate: Digest::of(certificate),
        supersedes: Vec::new(),
        details: &issued.details,
    };
    if claims::issue(conn, issued.entry, owner, appender.next())? {
        return appender.append(Kind::Issued, &data, Some(certificate));
    }
    let target = open_target(conn, issued.entry, owner)?;
    let replaced =
        claims::rivals(conn, target.scope, &target.subject_key, target.device_id.as_deref())?;
    for (_, old) in replaced {
        // One certificate can stand in the way under both rules.
        if let Some(entry) = old.issued.filter(|entry| !data.supersedes.contains(entry)) {
            claims::end(conn, old.intent, appender.next())?;
            data.supersedes.push(entry);
        }
    }
    data.supersedes.sort_unstable();
    claims::issue_replacing(conn, issued.entry, appender.next())?;
    appender.append(Kind::Issued, &data, Some(certificate))
}

fn open_target(conn: &Connection, intent: u64, owner: &str) -> Result<Target, Fault> {
    let state = match claims::target(conn, intent)? {
        None => "there is no such intent".to_owned(),
        Some(target) => match target.claimed {
            ref open if open.is_open() && open.owner == owner => return Ok(target),
            ref open if open.is_open() => format!("it belongs to owner {}", open.owner),
            claims::Claimed { issued: Some(entry), .. } => format!("entry {entry} committed it"),
            claims::Claimed { ended, .. } => {
                format!("entry {} closed it", ended.unwrap_or_default())
            }
        },
    };
    Err(Error::NotOpen { entry: intent, state }.into())
}

fn inconsistent(what: &str) -> Error {
    Error::Inconsistent { what: what.to_owned() }
}

#[cfg(test)]
mod tests;
