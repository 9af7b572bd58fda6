//! Signing with a key on a token.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki::object::ObjectHandle;
use signer_core::{
    Error, KeyRef, KeySpec, Result, Signature, SignatureAlgorithm, Signer, SigningSession,
    SubjectPublicKeyInfoOwned, VerifyingKey,
};

use crate::fault::Fault;
use crate::fingerprint::fingerprint;
use crate::key_object::{self, WholeKey};
use crate::method::Method;
use crate::open_token::{As, OpenToken};
use crate::pool::{Access, Borrowed, Worker};
use crate::signing;

/// One private key on a token, ready to sign.
///
/// A single signature is checked before it is handed out. In a run of signatures the first is: it
/// proves that the public key is this key's, and whoever issues a certificate checks every one.
#[derive(Debug)]
pub(crate) struct Pkcs11Signer {
    open: Arc<OpenToken>,
    key: KeyRef,
    /// The module's number for the key. It changes when the token is pulled and put back.
    handle: Mutex<ObjectHandle>,
    public_key: SubjectPublicKeyInfoOwned,
    verifying: VerifyingKey,
    spec: KeySpec,
    algorithm: SignatureAlgorithm,
    method: Method,
    always_authenticate: bool,
    proven: AtomicBool,
}

impl Pkcs11Signer {
    pub(crate) fn new(
        open: Arc<OpenToken>,
        found: WholeKey,
        algorithm: SignatureAlgorithm,
        method: Method,
    ) -> Result<Self> {
        let verifying = VerifyingKey::new(&found.public_key).map_err(|error| Error::Device {
            doing: format!("reading the public half of {}", found.private.reference()),
            source: Box::new(error),
        })?;
        Ok(Self {
            open,
            key: found.private.reference(),
            handle: Mutex::new(found.private.handle),
            verifying,
            public_key: found.public_key,
            spec: found.spec,
            algorithm,
            method,
            always_authenticate: found.private.always_authenticate,
            proven: AtomicBool::new(false),
        })
    }

    fn borrow(&self) -> Result<Borrowed<'_>> {
        self.open.session(Access::Read, As::Anyone).map_err(|fault| self.failed(fault))
    }

    fn failed(&self, fault: Fault) -> Error {
        fault.doing(format!("signing with {} of {}", self.key, self.open.name()))
    }

    fn sign_with(&self, worker: &mut Worker, message: &[u8]) -> Result<Signature> {
        let input = self.method.input(message);
        let made = match self.attempt(worker, input.clone()) {
            // Nothing was signed: the session was lost, or the login. Once, it is made good.
            Err(fault) if self.is_lost(&fault, worker) => {
                self.mend(worker).and_then(|()| self.attempt(worker, input))
            }
            made => made,
        };
        if made.is_err() {
            // An operation may still be under way in that session, and nothing ends it but this.
            worker.open = None;
        }
        made.and_then(|octets| self.method.signature(octets, self.spec))
            .map_err(|fault| self.failed(fault))
    }

    fn is_lost(&self, fault: &Fault, worker: &mut Worker) -> bool {
        fault.is_lost_session() || fault.code().is_some() && self.open.is_logged_out(worker)
    }

    fn attempt(&self, worker: &mut Worker, input: Vec<u8>) -> Result<Vec<u8>, Fault> {
        if worker.open.is_none() {
            self.open.mend(worker, As::User)?;
        }
        let (raw, method) = (self.open.module().raw(), self.method);
        let key = *self.handle();
        if !self.always_authenticate {
            let bound = self.open.module().bounds().call;
            return self.open.on(worker, bound, move |session| {
                signing::sign(raw, session, key, method, &input)
            });
        }
        // The key wants the PIN again, between the two calls and with nothing else in between.
        self.open.present_again(worker, move |session, _, pin| {
            signing::sign_with_pin(raw, session, key, method, &input, pin)
        })
    }

    /// Signs messages in order, up to where the session turns out to be lost; making that good is left
    /// to [`Self::sign_with`].
    fn sign_row(&self, worker: &mut Worker, messages: &[&[u8]]) -> Result<Vec<Signature>, Fault> {
        let inputs = messages.iter().map(|message| self.method.input(message)).collect();
        let (raw, method, key) = (self.open.module().raw(), self.method, *self.handle());
        let (made, fault) =
            self.open.on_each(worker, inputs, move |session, input: &Vec<u8>| {
                signing::sign(raw, session, key, method, input)
            })?;
        if let Some(fault) = fault
            && !self.is_lost(&fault, worker)
        {
            worker.open = None;
            return Err(fault);
        }
        made.into_iter().map(|octets| self.method.signature(octets, self.spec)).collect()
    }

    fn handle(&self) -> MutexGuard<'_, ObjectHandle> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session and login, and the key looked for anew: it has to be the same key.
    fn mend(&self, worker: &mut Worker) -> Result<(), Fault> {
        self.open.mend(worker, As::User)?;
        let (key, token) = (self.key.clone(), self.open.name().to_owned());
        let found = self.open.on(worker, self.open.module().bounds().call, move |session| {
            key_object::find(session, &key, &token)
        })?;
        if found.public_key != self.public_key {
            return Err(Fault::Told(Error::AnotherKey {
                origin: format!("{} of {}", self.key, self.open.name()),
                expected: fingerprint(&self.public_key),
                found: fingerprint(&found.public_key),
            }));
        }
        *self.handle() = found.private.handle;
        Ok(())
    }

    fn check(&self, message: &[u8], signature: &Signature) -> Result<()> {
        let identifier = self.algorithm.identifier();
        self.verifying.verify(&identifier, message, signature.as_bytes()).map_err(|error| {
            Error::Device {
                doing: format!(
                    "checking a signature by {} of {} against the public key beside it",
                    self.key,
                    self.open.name()
                ),
                source: Box::new(error),
            }
        })?;
        self.proven.store(true, Ordering::Release);
        Ok(())
    }
}

impl Signer for Pkcs11Signer {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        let mut borrowed = self.borrow()?;
        let worker = borrowed.worker().map_err(|fault| self.failed(fault))?;
        let signature = self.sign_with(worker, message)?;
        self.check(message, &signature)?;
        Ok(signature)
    }

    fn session(&self) -> Result<Box<dyn SigningSession + '_>> {
        Ok(Box::new(Run { signer: self, borrowed: self.borrow()?, sound: false }))
    }
}

/// A run of signatures over one session of the pool.
#[derive(Debug)]
struct Run<'a> {
    signer: &'a Pkcs11Signer,
    borrowed: Borrowed<'a>,
    /// Whether the last signature went well and was right, so that many may be asked for at once.
    sound: bool,
}

impl SigningSession for Run<'_> {
    fn sign(&mut self, message: &[u8]) -> Result<Signature> {
        let worker = self.borrowed.worker().map_err(|fault| self.signer.failed(fault))?;
        self.sound = false;
        let signature = self.signer.sign_with(worker, message)?;
        if !self.signer.proven.load(Ordering::Acquire) {
            self.signer.check(message, &signature)?;
        }
        self.sound = true;
        Ok(signature)
    }

    fn sign_all(&mut self, messages: &[&[u8]]) -> Result<Vec<Signature>> {
        let mut signatures = Vec::with_capacity(messages.len());
        while let Some(rest @ [next, ..]) = messages.get(signatures.len()..) {
            if !self.sound || self.signer.always_authenticate {
                // One alone makes a lost session good.
                signatures.push(self.sign(next)?);
                continue;
            }
            self.sound = false;
            let worker = self.borrowed.worker().map_err(|fault| self.signer.failed(fault))?;
            let made = self.signer.sign_row(worker, rest);
            let made = made.map_err(|fault| self.signer.failed(fault))?;
            self.sound = made.len() == rest.len();
            signatures.extend(made);
        }
        Ok(signatures)
    }
}
