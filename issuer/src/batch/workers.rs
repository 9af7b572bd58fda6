//! The threads of a batch: everything that needs neither the ledger nor the key.

use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, available_parallelism};

use ledger::{Issued, Serial};

use super::Inputs;
use crate::csr::Csr;
use crate::issue::{IssueError, Prepared, Record, Release, Request, Terms};
use crate::mint;
use crate::output::DeviceFiles;
use crate::staging::Staging;

/// Work for a thread.
pub(super) enum Job {
    /// Read these inputs and put them through the gate.
    Examine(usize, Vec<(usize, Serial)>),
    /// Check these fresh certificates.
    Check(Vec<Member>),
    /// Write the files of these committed certificates.
    Release(Vec<Member>),
}

/// What came of a [`Job`].
pub(super) enum Answer {
    Examined(usize, Vec<Examined>),
    Checked(Vec<Member>),
    Released(Vec<Member>),
    Failed(IssueError),
}

/// An input after the gate.
pub(super) struct Examined {
    pub(super) index: usize,
    pub(super) record: Option<Record>,
    pub(super) result: Result<Box<Prepared>, IssueError>,
}

/// A request on its way from signature to files.
pub(super) struct Member {
    index: usize,
    state: State,
}

enum State {
    Signed { prepared: Box<Prepared>, entry: u64, der: Vec<u8> },
    Committed(Release),
}

impl Member {
    pub(super) fn signed(index: usize, prepared: Box<Prepared>, entry: u64, der: Vec<u8>) -> Self {
        Self { index, state: State::Signed { prepared, entry, der } }
    }

    pub(super) fn committed(index: usize, release: Release) -> Self {
        Self { index, state: State::Committed(release) }
    }

    /// What the ledger is to commit.
    pub(super) fn issued(&self) -> Option<Issued> {
        match &self.state {
            State::Signed { entry, der, .. } => Some(Issued::new(*entry, der.clone())),
            State::Committed(_) => None,
        }
    }

    /// Takes the number of its `issued` entry from `numbers`, if it was waiting for one.
    pub(super) fn commit(self, numbers: &mut impl Iterator<Item = u64>) -> Self {
        match self.state {
            State::Signed { prepared, entry, der } => {
                let number = numbers.next().unwrap_or(entry);
                Self::committed(self.index, prepared.release(number, der))
            }
            State::Committed(release) => Self::committed(self.index, release),
        }
    }

    /// The certificate, if it is committed.
    pub(super) fn release(self) -> Option<(usize, Release)> {
        match self.state {
            State::Committed(release) => Some((self.index, release)),
            State::Signed { .. } => None,
        }
    }
}

/// Threads that live as long as the batch.
pub(super) struct Workers<'scope> {
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
    count: usize,
    _scope: std::marker::PhantomData<&'scope ()>,
}

impl<'scope> Workers<'scope> {
    pub(super) fn start<'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        terms: &'env Terms<'env>,
        inputs: &'env Inputs,
        release: Option<(&'env DeviceFiles<'env>, &'env Staging)>,
    ) -> Self {
        let count = available_parallelism().map_or(1, NonZero::get);
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let (answer, answers) = channel();
        for _ in 0..count {
            let (queue, answer) = (Arc::clone(&queue), answer.clone());
            scope.spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    // A panic must reach the batch as an error: it waits for an answer.
                    let work = AssertUnwindSafe(|| work(job, terms, inputs, release));
                    let done = catch_unwind(work).unwrap_or(Answer::Failed(IssueError::ThreadDied));
                    if answer.send(done).is_err() {
                        return;
                    }
                }
            });
        }
        Self { jobs, answers, count, _scope: std::marker::PhantomData }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn give(&self, job: Job) -> Result<(), IssueError> {
        self.jobs.send(job).map_err(|_| IssueError::ThreadDied)
    }

    pub(super) fn take(&self) -> Result<Answer, IssueError> {
        self.answers.recv().map_err(|_| IssueError::ThreadDied)
    }
}

fn work(
    job: Job,
    terms: &Terms<'_>,
    inputs: &Inputs,
    release: Option<(&DeviceFiles<'_>, &Staging)>,
) -> Answer {
    match job {
        Job::Examine(number, indices) => {
            let one = |(index, serial)| examine(index, serial, terms, inputs, release);
            let examined = indices.into_iter().map(one);
            Answer::Examined(number, examined.collect())
        }
        Job::Check(members) => {
            let failure = members.iter().find_map(|member| match &member.state {
                State::Signed { prepared, der, .. } => {
                    mint::check(der, &prepared.plan(), terms.issuer).err()
                }
                State::Committed(_) => None,
            });
            match failure {
                None => Answer::Checked(members),
                Some(error) => Answer::Failed(error.into()),
            }
        }
        Job::Release(members) => match write_files(&members, inputs, release) {
            Ok(()) => Answer::Released(members),
            Err(error) => Answer::Failed(error),
        },
    }
}

fn examine(
    index: usize,
    serial: Serial,
    terms: &Terms<'_>,
    inputs: &Inputs,
    release: Option<(&DeviceFiles<'_>, &Staging)>,
) -> Examined {
    let mut record = None;
    let path = inputs.path(index);
    let result = read(&path).and_then(|octets| {
        let request = Request {
            origin: path.display().to_string(),
            csr: Csr::read(&octets)?,
            device_id: inputs.device_id(index).map(str::to_owned),
        };
        record = Some(Record::of(&request));
        let prepared = terms.examine(request, serial)?;
        if let Some((files, _)) = release {
            files.check_key(prepared.public_key())?;
        }
        Ok(prepared)
    });
    Examined { index, record, result: result.map(Box::new) }
}

/// Reads an input, or one octet more than any request may have.
fn read(path: &Path) -> Result<Vec<u8>, IssueError> {
    let failed = |source| IssueError::Input { path: path.to_owned(), source };
    let mut octets = Vec::new();
    File::open(path)
        .and_then(|file| file.take(Csr::MOST_OCTETS as u64 + 1).read_to_end(&mut octets))
        .map_err(failed)?;
    Ok(octets)
}

fn write_files(
    members: &[Member],
    inputs: &Inputs,
    release: Option<(&DeviceFiles<'_>, &Staging)>,
) -> Result<(), IssueError> {
    let Some((files, staging)) = release else { return Ok(()) };
    let mut staged = Vec::with_capacity(members.len() * 3);
    for member in members {
        if let State::Committed(release) = &member.state {
            staged.extend(files.stage(
                staging,
                &inputs.stem(member.index),
                &release.certificate,
            )?);
        }
    }
    if !staged.is_empty() {
        staging.publish(staged)?;
    }
    Ok(())
}
