//! Granting intents, or saying who stands in the way.

use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Claim, Digest, Error, Holder, Intent, Kind, Rule, Summary,
    append::Appender,
    claims::{self, Claimed, Scope},
    fault::Fault,
    read,
};

/// An [`Opened`](crate::Opened) without copies; the members are written in the same order.
#[derive(Serialize)]
struct OpenedRef<'a> {
    owner: &'a str,
    #[serde(flatten)]
    intent: &'a Intent,
}

/// A [`Completed`](crate::Completed) without copies; the members are written in the same order.
#[derive(Serialize)]
pub(crate) struct CompletedRef<'a> {
    pub(crate) intent: u64,
    pub(crate) certificate: Digest,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) supersedes: Vec<u64>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(crate) details: &'a Value,
}

/// Answers the intents of one group.
pub(crate) struct Granting<'a> {
    conn: &'a Connection,
    owner: &'a str,
    /// Whether a reissue is open anywhere: then the indexes do not tell everything.
    reissues_open: bool,
    /// The scope of the last intent: most groups have only one.
    last: Option<(Digest, Option<String>, Scope)>,
}

impl<'a> Granting<'a> {
    pub(crate) fn new(conn: &'a Connection, owner: &'a str) -> Result<Self, Fault> {
        Ok(Self { conn, owner, reissues_open: claims::any_replacing(conn)?, last: None })
    }

    /// Answers one intent.
    pub(crate) fn claim(
        &mut self,
        appender: &mut Appender<'_>,
        intent: &Intent,
    ) -> Result<Claim, Fault> {
        let Some(scope) = self.scope(intent)? else {
            return self.taken_serial(intent);
        };
        let mut replacing = false;
        if self.reissues_open || intent.reissue.is_some() {
            let rivals = self.rivals(scope, intent)?;
            if let Some((_, open)) = rivals.iter().find(|(_, rival)| rival.is_open()) {
                return Ok(self.pending(open));
            }
            replacing = intent.reissue.is_some() && !rivals.is_empty();
        }
        let entry = appender.next();
        if !claims::open(self.conn, entry, scope, intent, self.owner, replacing)? {
            return self.explain(scope, intent);
        }
        self.reissues_open |= replacing;
        let data = OpenedRef { owner: self.owner, intent };
        let entry = appender.append(Kind::Intent, &data, None)?;
        Ok(Claim::Granted { entry, time: appender.time() })
    }

    /// The scope of an intent. `None` where it would have to be made although the serial is taken
    /// already: there must be no scope without an entry that tells of it.
    fn scope(&mut self, intent: &Intent) -> Result<Option<Scope>, Fault> {
        if let Some((issuer, device_type, scope)) = &self.last
            && *issuer == intent.issuer
            && *device_type == intent.device_type
        {
            return Ok(Some(*scope));
        }
        let scope = match claims::find_scope(self.conn, intent)? {
            Some(scope) => scope,
            None => {
                let issuer = claims::find_issuer(self.conn, &intent.issuer)?;
                if let Some(issuer) = issuer
                    && claims::of_serial(self.conn, issuer, &intent.serial)?.is_some()
                {
                    return Ok(None);
                }
                claims::make_scope(self.conn, intent)?
            }
        };
        self.last = Some((intent.issuer, intent.device_type.clone(), scope));
        Ok(Some(scope))
    }

    fn rivals(&self, scope: Scope, intent: &Intent) -> Result<Vec<(Rule, Claimed)>, Fault> {
        claims::rivals(self.conn, scope.scope, &intent.subject_key, intent.device_id.as_deref())
    }

    fn pending(&self, open: &Claimed) -> Claim {
        Claim::Pending(Holder {
            entry: open.intent,
            owner: open.owner.clone(),
            own: open.owner == self.owner,
        })
    }

    /// Says who has what an intent asks for.
    fn explain(&self, scope: Scope, intent: &Intent) -> Result<Claim, Fault> {
        // A reissue has seen its rivals already, and none of them was in its way.
        let rivals = match intent.reissue {
            Some(_) => Vec::new(),
            None => self.rivals(scope, intent)?,
        };
        let same = |rival: &&(Rule, Claimed)| {
            !rival.1.is_open()
                && rival.0 == Rule::SubjectKey
                && rival.1.request == intent.request
                && rival.1.device_id == intent.device_id
        };
        if let Some((_, old)) = rivals.iter().find(same) {
            let certificate = read::certificate(self.conn, old.intent)?;
            return Ok(Claim::Existing(Box::new(certificate)));
        }
        if let Some((_, open)) = rivals.iter().find(|(_, rival)| rival.is_open()) {
            return Ok(self.pending(open));
        }
        if let Some(taken) = claims::of_serial(self.conn, scope.issuer, &intent.serial)? {
            return self.conflict(Rule::Serial, &taken);
        }
        match rivals.first() {
            Some((rule, taken)) => self.conflict(*rule, taken),
            None => Err(undecided()),
        }
    }

    fn taken_serial(&self, intent: &Intent) -> Result<Claim, Fault> {
        let issuer = claims::find_issuer(self.conn, &intent.issuer)?.ok_or_else(undecided)?;
        let taken = claims::of_serial(self.conn, issuer, &intent.serial)?.ok_or_else(undecided)?;
        self.conflict(Rule::Serial, &taken)
    }

    fn conflict(&self, rule: Rule, taken: &Claimed) -> Result<Claim, Fault> {
        let entry = taken.issued.unwrap_or(taken.intent);
        let with = Box::new(Summary {
            entry,
            time: read::time(self.conn, entry)?,
            serial: taken.serial.clone(),
            device_id: taken.device_id.clone(),
        });
        Ok(Claim::Conflict { rule, with })
    }
}

fn undecided() -> Fault {
    let what = "an index refuses a claim that nothing stands against".to_owned();
    Error::Inconsistent { what }.into()
}
