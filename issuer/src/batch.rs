//! Issuing for many requests: in groups, on all cores, resumable at any point.
//!
//! A group of up to [`GROUP`] requests goes through four steps: it is *examined* (read, gate), one
//! ledger transaction *begins* it and its certificates are signed, they are *checked* and committed
//! in one more transaction, and their files are *released*. Examining, checking and releasing run on
//! worker threads; the ledger and the key are used by the calling thread alone, in the order of the
//! inputs. Several groups are under way at a time, so that neither waits for the other.

mod inputs;
mod reissued;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger::{Claim, Issued, Ledger};
use signer_core::SigningSession;

pub use inputs::{DeviceIds, Inputs, InputsError};

use crate::csr::CsrError;
use crate::gate::Refusal;
use crate::issue::{
    self, IssueError, Prepared, Record, Release, Terms, clock_refusal, conflict, existing,
};
use crate::mint::Blank;
use crate::output::DeviceFiles;
use crate::staging::Staging;
use reissued::Reissued;
use workers::{Answer, Examined, Job, Member, Workers};

/// How many requests share a ledger transaction. With half as many, a batch without files took 0.14 ms a
/// device instead of 0.10: index pages are written once for each group that touches them.
pub const GROUP: usize = 512;

/// What became of one input.
#[derive(Debug)]
pub struct Item<'a> {
    /// The input file.
    pub input: &'a Path,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

/// What became of one input.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// Its certificate is in the ledger, and its files are in their place.
    Issued(&'a Release),
    /// The policy gate refused it.
    Refused(&'a Refusal),
    /// It is no request.
    NoRequest(&'a CsrError),
    /// It is a PEM file with something else in it.
    Skipped,
}

/// How many inputs met which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Signed now.
    pub signed: u64,
    /// Found in the ledger.
    pub existing: u64,
    /// Refused by policy.
    pub refused: u64,
    /// No request.
    pub malformed: u64,
    /// PEM files with something else in them.
    pub skipped: u64,
}

/// Issues for every input. `files` is left out to fill the ledger alone; `report` hears of every
/// input as soon as nothing about it can be lost any more.
///
/// # Errors
/// [`IssueError`] for what concerns more than one request: the issuer, a secret, the device, the
/// ledger, the disk. What was committed before stays, and running the batch again finishes it.
pub fn issue_batch(
    terms: &Terms<'_>,
    inputs: &Inputs,
    files: Option<&DeviceFiles<'_>>,
    ledger: &mut Ledger,
    report: &mut dyn FnMut(&Item<'_>),
) -> Result<Summary, IssueError> {
    if let Err(refusal) = terms.check_run() {
        return Err(refuse_run(ledger, refusal));
    }
    let staging = files.map(|files| Staging::open(files.folder())).transpose()?;
    std::thread::scope(|scope| {
        let release = files.zip(staging.as_ref());
        let mut batch = Batch {
            terms,
            inputs,
            ledger,
            report,
            workers: Workers::start(scope, terms, inputs, release),
            session: None,
            open: BTreeSet::new(),
            reissued: Reissued::default(),
            deferred: Vec::new(),
            summary: Summary::default(),
        };
        let result = batch.run();
        if let Err(error) = &result {
            // What was granted and not committed is given back; if even that fails, the next writer
            // finds this process gone and closes the entries.
            let open: Vec<u64> = batch.open.iter().copied().collect();
            let _ = batch.ledger.abort(&open, &error.to_string());
        }
        result.map(|()| batch.summary)
    })
}

/// The issuer itself is refused: there is no request to speak of.
fn refuse_run(ledger: &mut Ledger, refusal: Refusal) -> IssueError {
    let entry = ledger::Refusal {
        rule: refusal.rule.to_string(),
        reason: refusal.reason.clone(),
        csr: None,
        subject: None,
        details: serde_json::Value::Null,
    };
    match ledger.refuse(&[entry]) {
        Ok(_) => refusal.into(),
        Err(failure) => failure.into(),
    }
}

struct Batch<'scope, 'a> {
    terms: &'a Terms<'a>,
    inputs: &'a Inputs,
    ledger: &'a mut Ledger,
    report: &'a mut dyn FnMut(&Item<'_>),
    workers: Workers<'scope>,
    /// Opened for the first signature. A token may be nobody else's while it is open.
    session: Option<Box<dyn SigningSession + 'a>>,
    /// Intents that were granted and not yet committed.
    open: BTreeSet<u64>,
    /// What a reissue has minted anew.
    reissued: Reissued,
    /// Requests that somebody is issuing right now, this batch included.
    deferred: Vec<(usize, Record, Box<Prepared>)>,
    summary: Summary,
}

impl Batch<'_, '_> {
    fn run(&mut self) -> Result<(), IssueError> {
        let mut chunks = (0..self.inputs.len()).step_by(GROUP).enumerate();
        // Groups are begun in the order of the inputs, whichever thread is done first.
        let mut waiting: BTreeMap<usize, Vec<Examined>> = BTreeMap::new();
        let (mut next, mut under_way) = (0, 0);
        loop {
            while under_way < self.workers.count() + 2 {
                let Some((number, start)) = chunks.next() else { break };
                let end = self.inputs.len().min(start + GROUP);
                let indices = (start..end)
                    .map(|index| Ok((index, self.terms.serial()?)))
                    .collect::<Result<Vec<_>, IssueError>>()?;
                self.workers.give(Job::Examine(number, indices))?;
                under_way += 1;
            }
            if under_way == 0 {
                // Whoever is waited for may need the token.
                self.session = None;
                return self.finish_deferred();
            }
            match self.workers.take()? {
                Answer::Examined(number, group) => {
                    waiting.insert(number, group);
                    while let Some(group) = waiting.remove(&next) {
                        next += 1;
                        let members = self.begin(group)?;
                        self.workers.give(Job::Check(members))?;
                    }
                }
                Answer::Checked(members) => {
                    let members = self.commit(members)?;
                    self.workers.give(Job::Release(members))?;
                }
                Answer::Released(members) => {
                    under_way -= 1;
                    self.finish(members);
                }
                Answer::Failed(error) => return Err(error),
            }
        }
    }

    /// One transaction for the intents of a group, then their signatures.
    fn begin(&mut self, group: Vec<Examined>) -> Result<Vec<Member>, IssueError> {
        let mut refusals = Vec::new();
        let mut asking = Vec::with_capacity(group.len());
        for Examined { index, record, result } in group {
            match result {
                Ok(mut prepared) => {
                    if self.terms.reissue.is_some() && !self.reissued.first(&prepared.intent) {
                        prepared.intent.reissue = None;
                    }
                    asking.push((index, record, prepared));
                }
                Err(IssueError::Refused(refusal)) => refusals.push((index, refusal, record)),
                Err(IssueError::Csr(error)) => self.no_request(index, &error),
                Err(error) => return Err(error),
            }
        }
        // On record whatever becomes of the others.
        self.refuse(std::mem::take(&mut refusals))?;
        let intents: Vec<_> =
            asking.iter().map(|(_, _, prepared)| prepared.intent.clone()).collect();
        let claims = match self.ledger.begin(&intents).map_err(clock_refusal) {
            Ok(claims) => claims,
            Err(IssueError::Refused(refusal)) => return Err(refuse_run(self.ledger, refusal)),
            Err(error) => return Err(error),
        };
        self.open.extend(claims.iter().filter_map(|claim| match claim {
            Claim::Granted { entry, .. } => Some(*entry),
            _ => None,
        }));
        let mut members = Vec::with_capacity(asking.len());
        for ((index, record, prepared), claim) in asking.into_iter().zip(claims) {
            match claim {
                Claim::Granted { entry, time } => {
                    match self.terms.blank(&prepared, time.into()) {
                        Ok(blank) => {
                            let blank = Box::new(blank);
                            members.push(Begun::Granted(index, prepared, entry, blank));
                        }
                        // Time went on since it was examined.
                        Err(IssueError::Refused(refusal)) => {
                            self.ledger.abort(&[entry], &refusal.to_string())?;
                            self.open.remove(&entry);
                            refusals.push((index, refusal, record));
                        }
                        Err(error) => return Err(error),
                    }
                }
                Claim::Existing(certificate) => {
                    let member = Member::committed(index, existing(*certificate));
                    members.push(Begun::Committed(member));
                }
                Claim::Conflict { rule, with } => {
                    refusals.push((index, conflict(rule, &with), record));
                }
                Claim::Pending(_) => {
                    if let Some(record) = record {
                        self.deferred.push((index, record, prepared));
                    }
                }
            }
        }
        self.refuse(refusals)?;
        self.sign(members)
    }

    /// The signatures of a group, handed to the key together.
    fn sign(&mut self, begun: Vec<Begun>) -> Result<Vec<Member>, IssueError> {
        let messages: Vec<&[u8]> = begun
            .iter()
            .filter_map(|one| match one {
                Begun::Granted(_, _, _, blank) => Some(blank.signed_part()),
                Begun::Committed(_) => None,
            })
            .collect();
        let mut signatures = Vec::new().into_iter();
        if !messages.is_empty() {
            let session = match &mut self.session {
                Some(open) => open,
                none => none.insert(self.terms.issuer.signer().session()?),
            };
            signatures = session.sign_all(&messages)?.into_iter();
        }
        begun
            .into_iter()
            .map(|one| match one {
                Begun::Committed(member) => Ok(member),
                Begun::Granted(index, prepared, entry, blank) => {
                    let signature =
                        signatures.next().ok_or_else(|| signer_core::Error::Device {
                            doing: "signing a group".into(),
                            source: "the key made fewer signatures than it was asked for".into(),
                        })?;
                    let der = blank.assemble(&signature, self.terms.issuer)?;
                    Ok(Member::signed(index, prepared, entry, der))
                }
            })
            .collect()
    }

    /// One transaction for the certificates of a group.
    fn commit(&mut self, members: Vec<Member>) -> Result<Vec<Member>, IssueError> {
        let issued: Vec<Issued> = members.iter().filter_map(Member::issued).collect();
        let numbers = self.ledger.commit(&issued)?;
        for one in &issued {
            self.open.remove(&one.entry);
        }
        let mut numbers = numbers.into_iter();
        Ok(members.into_iter().map(|member| member.commit(&mut numbers)).collect())
    }

    /// Requests that were being issued when they were asked for: by another process, or earlier in
    /// this batch. Nothing of this batch is open now, so waiting holds nobody up.
    fn finish_deferred(&mut self) -> Result<(), IssueError> {
        for group in std::mem::take(&mut self.deferred).chunks(GROUP) {
            let mut members = Vec::with_capacity(group.len());
            let mut failure = None;
            for (index, record, prepared) in group {
                match issue::settle(self.terms, prepared, record, self.ledger) {
                    Ok(release) => members.push(Member::committed(*index, release)),
                    Err(IssueError::Refused(refusal)) => {
                        self.summary.refused += 1;
                        let outcome = Outcome::Refused(&refusal);
                        (self.report)(&Item { input: &self.inputs.path(*index), outcome });
                    }
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
            // What was committed before a failure gets its files all the same.
            self.workers.give(Job::Release(members))?;
            match self.workers.take()? {
                Answer::Released(members) => self.finish(members),
                Answer::Failed(error) => return Err(failure.unwrap_or(error)),
                Answer::Examined(..) | Answer::Checked(_) => return Err(IssueError::ThreadDied),
            }
            if let Some(error) = failure {
                return Err(error);
            }
        }
        Ok(())
    }

    fn finish(&mut self, members: Vec<Member>) {
        for member in members {
            let Some((index, release)) = member.release() else { continue };
            match release.origin {
                issue::Origin::Signed => self.summary.signed += 1,
                issue::Origin::Ledger => self.summary.existing += 1,
            }
            let outcome = Outcome::Issued(&release);
            (self.report)(&Item { input: &self.inputs.path(index), outcome });
        }
    }

    /// Puts refusals on record, and then reports them.
    fn refuse(&mut self, refused: Vec<(usize, Refusal, Option<Record>)>) -> Result<(), IssueError> {
        let entries: Vec<_> = refused
            .iter()
            .filter_map(|(_, refusal, record)| record.as_ref().map(|it| it.refusal(refusal)))
            .collect();
        if !entries.is_empty() {
            self.ledger.refuse(&entries)?;
        }
        for (index, refusal, _) in &refused {
            self.summary.refused += 1;
            let outcome = Outcome::Refused(refusal);
            (self.report)(&Item { input: &self.inputs.path(*index), outcome });
        }
        Ok(())
    }

    fn no_request(&mut self, index: usize, error: &CsrError) {
        let path = self.inputs.path(index);
        let is_pem = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("pem"));
        let outcome = match error {
            CsrError::Intake(crate::pem::PemError::NotFound { .. }) if is_pem => {
                self.summary.skipped += 1;
                Outcome::Skipped
            }
            error => {
                self.summary.malformed += 1;
                Outcome::NoRequest(error)
            }
        };
        (self.report)(&Item { input: &path, outcome });
    }
}

/// One request of a group that is in the ledger now.
enum Begun {
    /// Its certificate was there before.
    Committed(Member),
    /// Its certificate lacks the signature: the input, what it asked for, its intent.
    Granted(usize, Box<Prepared>, u64, Box<Blank>),
}
