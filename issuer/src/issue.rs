//! Issuing: from a request to a certificate that is committed in the ledger.
//!
//! The order is fixed (it is what makes a killed process harmless): the gate, the intent in the
//! ledger, the signature, the check of what was made, the commit, and then files from the committed
//! entry ([`crate::output`]).

use std::time::{Duration, SystemTime};

use der::Encode;
use ledger::{Certificate, Claim, Digest, Intent, Issued, Ledger};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use signer_core::{Clock, SigningSession, SubjectPublicKeyInfoOwned};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

use crate::conf;
use crate::csr::{Csr, CsrError};
use crate::describe::{name_text, terminal_text};
use crate::device_oids;
use crate::extension_plan::{ExtensionPlan, Resolved};
use crate::gate::{self, Refusal, Rule};
use crate::issuer::Issuer;
use crate::mint::{self, Blank, MintError, Plan};
use crate::output::OutputError;
use crate::profile::Profile;
use crate::serial::SerialSource;
use crate::staging::StagingError;

/// What all certificates of one run have in common.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// Who signs.
    pub issuer: &'a Issuer,
    /// What may be certified.
    pub profile: &'a Profile,
    /// What the certificates say.
    pub extensions: &'a ExtensionPlan,
    /// How long they are valid.
    pub days: u32,
    /// Why certificates are minted anew although others may live.
    pub reissue: Option<&'a str>,
    /// Why certificates may outlive their issuer.
    pub outlive_issuer: Option<&'a str>,
    /// Why a clock that looks wrong is accepted.
    pub accept_clock: Option<&'a str>,
    /// Where serial numbers come from.
    pub serials: &'a dyn SerialSource,
    /// The present time, for the gate. The certificate's own is the ledger's.
    pub clock: &'a dyn Clock,
    /// How long to wait for another process that is issuing the same.
    pub patience: Duration,
}

/// One request to be granted.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it came from, for the ledger: a file name.
    pub origin: String,
    /// The request itself.
    pub csr: Csr,
    /// The device id, when it is not the subject's.
    pub device_id: Option<String>,
}

/// A certificate that was not issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The input is no request.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The policy gate refused it; it is on record in the ledger.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] conf::Error),
    /// What was made is not right. Nothing was released.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The key could not be used.
    #[error(transparent)]
    Signer(#[from] signer_core::Error),
    /// The ledger could not be used.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The files could not be made. The certificate is in the ledger.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A folder could not be written to.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// The system gives no randomness for serial numbers.
    #[error("no serial number could be drawn")]
    Serial(#[source] std::io::Error),
    /// An input file could not be read.
    #[error("cannot read {}", path.display())]
    Input {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process holds the same request, device id or key, and did not finish in time.
    #[error("another process has been issuing the same for {} seconds (ledger entry {entry})", waited.as_secs())]
    Pending {
        /// The other's intent.
        entry: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// A thread of a batch died.
    #[error("a thread of the batch died")]
    ThreadDied,
}

/// A certificate from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The number of its `issued` entry.
    pub entry: u64,
    /// The certificate (DER).
    pub certificate: Vec<u8>,
    /// Its serial number.
    pub serial: ledger::Serial,
    /// Its device id, where it has one.
    pub device_id: Option<String>,
    /// Whether it was there before, so that no signature was made for it.
    pub origin: Origin,
}

/// How a certificate came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was signed now.
    Signed,
    /// The same request was granted before.
    Ledger,
}

/// A request that passed the gate.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) intent: Intent,
    subject: Name,
    extensions: Vec<Extension>,
    csr: Csr,
}

/// Issues one certificate.
///
/// # Errors
/// [`IssueError`]. Nothing was written but, for a refusal, its entry in the ledger.
pub fn issue(
    terms: &Terms<'_>,
    request: Request,
    ledger: &mut Ledger,
) -> Result<Release, IssueError> {
    let record = Record::of(&request);
    let serial = terms.serial()?;
    let prepared = terms
        .check_run()
        .map_err(IssueError::from)
        .and_then(|()| terms.examine(request, serial))
        .map_err(|error| on_record(ledger, error, &record))?;
    settle(terms, &prepared, &record, ledger)
}

/// From a prepared request to a committed certificate, waiting for whoever is issuing the same.
pub(crate) fn settle(
    terms: &Terms<'_>,
    prepared: &Prepared,
    record: &Record,
    ledger: &mut Ledger,
) -> Result<Release, IssueError> {
    let claim = ledger
        .settle(&prepared.intent, terms.patience)
        .map_err(|error| on_record(ledger, clock_refusal(error), record))?;
    match claim {
        Claim::Existing(certificate) => Ok(existing(*certificate)),
        Claim::Conflict { rule, with } => Err(on_record(ledger, conflict(rule, &with), record)),
        Claim::Pending(holder) => {
            Err(IssueError::Pending { entry: holder.entry, waited: terms.patience })
        }
        Claim::Granted { entry, time } => {
            let signed = || -> Result<Vec<u8>, IssueError> {
                let mut session = terms.issuer.signer().session()?;
                let der = terms.mint(prepared, time.into(), &mut *session)?;
                mint::check(&der, &prepared.plan(), terms.issuer)?;
                Ok(der)
            };
            let der = match signed() {
                Ok(der) => der,
                Err(error) => {
                    // Should even this fail, the next writer finds this process gone and closes the
                    // entry; what went wrong first is what has to be told.
                    let _ = ledger.abort(&[entry], &error.to_string());
                    return Err(on_record(ledger, error, record));
                }
            };
            let numbers = ledger.commit(&[Issued::new(entry, der.clone())])?;
            let number = numbers.first().copied().unwrap_or(entry);
            Ok(prepared.release(number, der))
        }
    }
}

impl Prepared {
    pub(crate) fn plan(&self) -> Plan<'_> {
        Plan {
            subject: &self.subject,
            public_key: self.csr.public_key(),
            extensions: &self.extensions,
            serial: &self.intent.serial,
        }
    }

    pub(crate) fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.csr.public_key()
    }

    /// What was made of it, once it is committed.
    pub(crate) fn release(&self, entry: u64, certificate: Vec<u8>) -> Release {
        Release {
            entry,
            certificate,
            serial: self.intent.serial.clone(),
            device_id: self.intent.device_id.clone(),
            origin: Origin::Signed,
        }
    }
}

impl Terms<'_> {
    /// What is checked once for a run: the issuer, its chain, and the clock. Issuing does so itself, and
    /// has a refusal recorded; who prepares something for it may want to know before.
    ///
    /// # Errors
    /// [`Refusal`] for an issuer or a clock that nothing can be issued with.
    pub fn check_run(&self) -> Result<(), Refusal> {
        gate::check_issuer(self.issuer)?;
        let now = self.clock.now();
        match self.accept_clock {
            None => {
                gate::check_clock(self.issuer, now)?;
                gate::check_chain(self.issuer, now)
            }
            // The clock is known to be wrong, so the chain is looked at as of a time when it held.
            Some(_) => gate::check_chain(self.issuer, self.issuer.youngest()),
        }
    }

    /// Everything that is asked of one request before the ledger is. The serial number is drawn by
    /// the caller, so that many threads may examine and the numbers still come in order.
    pub(crate) fn examine(
        &self,
        request: Request,
        serial: ledger::Serial,
    ) -> Result<Prepared, IssueError> {
        let Request { origin, csr, device_id } = request;
        gate::check_key_type(&csr, self.profile)?;
        gate::check_signature(&csr)?;
        let requested = gate::check_content(&csr, self.profile, self.issuer)?;
        let resolved = self.extensions.resolve(&csr, requested, self.issuer, self.profile)?;
        gate::check_extensions(&resolved.extensions, &resolved.subject, self.issuer)?;
        self.not_after(self.clock.now())?;
        let device_id = device_id.or_else(|| self.device_id_of(&csr));
        device_id.as_deref().map_or(Ok(()), gate::check_device_id)?;
        let digest = self.digest(&csr, &resolved, device_id.as_deref())?;
        let intent = Intent {
            issuer: self.issuer.key_digest(),
            device_type: device_oids::text_of(csr.subject(), &device_oids::DEVICE_TYPE_ID),
            device_id,
            subject_key: gate::identify(&csr)?,
            request: digest,
            serial,
            reissue: self.reissue.map(str::to_owned),
            details: self.details(&csr, &origin),
        };
        Ok(Prepared { intent, subject: resolved.subject, extensions: resolved.extensions, csr })
    }

    pub(crate) fn serial(&self) -> Result<ledger::Serial, IssueError> {
        self.serials.serial().map_err(IssueError::Serial)
    }

    /// Signs what was granted, with the time of the grant.
    pub(crate) fn mint(
        &self,
        prepared: &Prepared,
        granted: SystemTime,
        session: &mut dyn SigningSession,
    ) -> Result<Vec<u8>, IssueError> {
        let blank = self.blank(prepared, granted)?;
        let signature = session.sign(blank.signed_part())?;
        Ok(blank.assemble(&signature, self.issuer)?)
    }

    /// What was granted, with the time of the grant, and all but the signature.
    pub(crate) fn blank(
        &self,
        prepared: &Prepared,
        granted: SystemTime,
    ) -> Result<Blank, IssueError> {
        let not_after = self.not_after(granted)?;
        Ok(Blank::new(&prepared.plan(), self.issuer, granted, not_after)?)
    }

    fn not_after(&self, not_before: SystemTime) -> Result<SystemTime, Refusal> {
        let outlive = self.outlive_issuer.is_some();
        gate::not_after(self.issuer, self.profile, not_before, self.days, outlive)
    }

    /// The attribute that the profile names, else the DSN, else the Device ID.
    fn device_id_of(&self, csr: &Csr) -> Option<String> {
        match self.profile.device_id {
            Some(attribute) => device_oids::text_of(csr.subject(), &attribute.0),
            None => {
                device_oids::dsn(csr.subject()).or_else(|| device_oids::device_id(csr.subject()))
            }
        }
    }

    /// Says whether two requests are the same one: everything that makes a certificate what it is,
    /// but for its serial number and its time.
    fn digest(
        &self,
        csr: &Csr,
        resolved: &Resolved,
        device_id: Option<&str>,
    ) -> Result<Digest, MintError> {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        add(b"touchmark request 1");
        // Not its signature, which is checked by now: an ECDSA request that is made again from the
        // same key and config has another one, and says the same.
        add(csr.signed_der());
        add(self.issuer.certificate().der());
        add(&self.days.to_be_bytes());
        add(&[u8::from(self.outlive_issuer.is_some())]);
        add(device_id.unwrap_or_default().as_bytes());
        add(&serde_json::to_vec(self.profile).map_err(MintError::Profile)?);
        // Not always the request's: `email:move` takes addresses out of it.
        add(&resolved.subject.to_der()?);
        for extension in &resolved.extensions {
            add(&extension.to_der()?);
        }
        Ok(Digest::new(hash.finalize().into()))
    }

    fn details(&self, csr: &Csr, origin: &str) -> serde_json::Value {
        let mut details = serde_json::Map::new();
        details.insert("subject".into(), name_text(csr.subject()).into());
        details.insert("input".into(), origin.into());
        if let Some(reason) = self.outlive_issuer {
            details.insert("outlive-issuer".into(), reason.into());
        }
        if let Some(reason) = self.accept_clock {
            details.insert("accept-clock".into(), reason.into());
        }
        details.into()
    }
}

/// What the ledger keeps of a request that is refused.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    csr: Digest,
    subject: String,
    origin: String,
}

impl Record {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            csr: Digest::of(request.csr.der()),
            subject: name_text(request.csr.subject()),
            origin: request.origin.clone(),
        }
    }

    pub(crate) fn refusal(&self, refusal: &Refusal) -> ledger::Refusal {
        ledger::Refusal {
            rule: refusal.rule.to_string(),
            reason: refusal.reason.clone(),
            csr: Some(self.csr),
            subject: Some(self.subject.clone()),
            details: json!({ "input": self.origin }),
        }
    }
}

/// Puts a refusal on record, and passes every error on. A ledger that cannot even take the refusal
/// is the graver error.
fn on_record(ledger: &mut Ledger, error: impl Into<IssueError>, record: &Record) -> IssueError {
    let error = error.into();
    if let IssueError::Refused(refusal) = &error
        && let Err(failure) = ledger.refuse(&[record.refusal(refusal)])
    {
        return failure.into();
    }
    error
}

/// The ledger's own clock rule is a refusal like the gate's.
pub(crate) fn clock_refusal(error: ledger::Error) -> IssueError {
    match error {
        ledger::Error::ClockBehind { .. } => Refusal::new(Rule::Clock, error.to_string()).into(),
        other => other.into(),
    }
}

pub(crate) fn conflict(rule: ledger::Rule, with: &ledger::Summary) -> Refusal {
    let (rule, what) = match rule {
        ledger::Rule::Serial => (Rule::Serial, "serial number"),
        ledger::Rule::DeviceId => (Rule::DeviceId, "device id"),
        ledger::Rule::SubjectKey => (Rule::SubjectKey, "key"),
    };
    let holder = terminal_text(&with.to_string());
    Refusal::new(rule, format!("another certificate has this {what}: {holder}"))
}

pub(crate) fn existing(certificate: Certificate) -> Release {
    Release {
        entry: certificate.entry,
        certificate: certificate.der,
        serial: certificate.serial,
        device_id: certificate.device_id,
        origin: Origin::Ledger,
    }
}
