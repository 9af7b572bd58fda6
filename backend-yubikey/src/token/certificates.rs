//! Certificates that are stored for slots.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use der::Encode;
use signer_core::{
    CertStore, Error, KeyPolicy, KeyRef, KeySpec, PinPolicy, Result, SignatureAlgorithm, Signer,
    SigningSession, SubjectPublicKeyInfoOwned, VerifyError, WhenKeysDiffer,
};

use super::{Found, YubiKeyToken, public_key_of, stored_certificate};
use crate::certificate;
use crate::signer::WithinTransaction;
use crate::slot::Slot;
use crate::version::Version;

impl CertStore for YubiKeyToken {
    fn read(&mut self, key: &KeyRef) -> Result<Vec<u8>> {
        let slot = self.slot(key)?;
        let found = stored_certificate(&mut self.card.transaction()?, slot)?;
        found.ok_or_else(|| self.no_certificate(slot))
    }

    fn write(&mut self, key: &KeyRef, der: &[u8], differ: WhenKeysDiffer) -> Result<()> {
        let slot = self.slot(key)?;
        let public_key = public_key_of(der, slot)?;
        let version = self.card.model()?.version;
        let object = encoded(der, slot, version)?;
        if differ == WhenKeysDiffer::Refuse && !version.has_metadata() {
            self.prove_possession(slot, &public_key)?;
        }
        let mut transaction = self.asker.manage()?;
        if differ == WhenKeysDiffer::Refuse && version.has_metadata() {
            let found = Found::need(&mut transaction, slot)?;
            same_key(&found.public_key, &public_key, slot)?;
        }
        transaction.put_object(slot.certificate(), &object)
    }

    /// Both in one transaction, in which the slot's key shows by its signatures that it is the right
    /// one. The management key is proved first: nothing is signed that could not be stored.
    fn write_made(
        &mut self,
        key: &KeyRef,
        signer: &dyn Signer,
        make: &mut dyn FnMut(&mut dyn SigningSession) -> Option<Vec<u8>>,
    ) -> Result<()> {
        let slot = self.slot(key)?;
        let found = Found::need(&mut self.card.transaction()?, slot)?;
        same_key(&found.public_key, signer.public_key(), slot)?;
        let signer = self.signer_of(slot, found, signer.algorithm())?;
        let mut transaction = match signer.pin_policy() {
            PinPolicy::Never => self.asker.manage()?,
            PinPolicy::Once => self.asker.manage_with_pin()?,
            // Right before each signature, and so not now.
            PinPolicy::Always => {
                self.asker.have_pin()?;
                self.asker.manage()?
            }
        };
        let mut session = WithinTransaction { signer: &signer, transaction: &mut transaction };
        let Some(der) = make(&mut session) else { return Ok(()) };
        same_key(signer.public_key(), &public_key_of(&der, slot)?, slot)?;
        let object = encoded(&der, slot, transaction.model()?.version)?;
        transaction.put_object(slot.certificate(), &object)
    }

    fn remove(&mut self, key: &KeyRef) -> Result<()> {
        let slot = self.slot(key)?;
        let mut transaction = self.asker.manage()?;
        if transaction.object(slot.certificate())?.is_none() {
            return Err(self.no_certificate(slot));
        }
        transaction.put_object(slot.certificate(), &[])
    }
}

impl YubiKeyToken {
    fn no_certificate(&self, slot: Slot) -> Error {
        Error::NotFound {
            what: format!("a certificate in {slot} of {}", self.card.identity().name),
        }
    }

    /// Before firmware 5.3 the card tells the public key of keys only that it made itself. Any other
    /// one shows whether it is the right one by signing something.
    fn prove_possession(&mut self, slot: Slot, expected: &SubjectPublicKeyInfoOwned) -> Result<()> {
        if self.card.model()?.version.has_attestation() {
            let leaf = self.card.transaction()?.attest(slot)?;
            if let Some(leaf) = leaf {
                return same_key(&public_key_of(&leaf, slot)?, expected, slot);
            }
        }
        let spec = KeySpec::of(expected)?;
        let algorithm = SignatureAlgorithm::for_key(None, spec)?;
        let expected =
            Found { public_key: expected.clone(), policy: KeyPolicy::default(), origin: None };
        let signer = self.signer_of(slot, expected.clone(), algorithm)?;
        let mut nonce = [0; 32];
        SystemRandom::new().fill(&mut nonce).map_err(|unspecified| Error::Device {
            doing: "making a nonce".into(),
            source: Box::new(unspecified),
        })?;
        // Released only when it verifies with the expected key.
        match signer.sign(&nonce) {
            Ok(_) => Ok(()),
            Err(Error::Device { source, .. }) if source.is::<VerifyError>() => {
                Err(Error::AnotherKey {
                    origin: slot.to_string(),
                    expected: "of a key that this firmware does not tell".into(),
                    found: fingerprint(&expected.public_key),
                })
            }
            Err(error) => Err(error),
        }
    }
}

/// A certificate as its object holds it.
fn encoded(der: &[u8], slot: Slot, version: Version) -> Result<Vec<u8>> {
    certificate::encode(der, version).map_err(|error| Error::Device {
        doing: format!("storing a certificate in {slot}"),
        source: Box::new(error),
    })
}

/// # Errors
/// [`Error::AnotherKey`] when they are two keys.
pub(super) fn same_key(
    expected: &SubjectPublicKeyInfoOwned,
    found: &SubjectPublicKeyInfoOwned,
    slot: Slot,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::AnotherKey {
        origin: slot.to_string(),
        expected: fingerprint(expected),
        found: fingerprint(found),
    })
}

/// SHA-256 of a SubjectPublicKeyInfo, in lower-case hex.
fn fingerprint(key: &SubjectPublicKeyInfoOwned) -> String {
    let der = key.to_der().unwrap_or_default();
    digest(&SHA256, &der).as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}
