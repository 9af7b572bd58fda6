//! A YubiKey as a token.

mod administration;
mod certificates;
mod keys;
mod pins;

use std::sync::Arc;

use der::Decode;
use signer_core::{
    Administration, CertStore, Error, KeyInfo, KeyManager, KeyOrigin, KeyPolicy, KeyRef, KeySpec,
    OpenContext, PinManager, Result, SignatureAlgorithm, Signer, SubjectPublicKeyInfoOwned, Token,
    TokenInfo,
};
use x509_cert::Certificate;

use crate::algorithm::KeyAlgorithm;
use crate::attestation::Attestation;
use crate::card::{Card, Transaction};
use crate::certificate;
use crate::piv::Probe;
use crate::secrets::Asker;
use crate::signer::YubiKeySigner;
use crate::slot::Slot;

/// One open YubiKey.
#[derive(Debug)]
pub struct YubiKeyToken {
    card: Card,
    info: TokenInfo,
    asker: Asker,
    context: Arc<OpenContext>,
}

impl YubiKeyToken {
    /// Takes over an open card.
    ///
    /// # Errors
    /// [`Error::Locator`] for a reader whose name cannot stand in a locator.
    pub fn new(card: Card, context: OpenContext) -> Result<Self> {
        let (identity, model) = (card.identity(), card.known_model());
        let info = TokenInfo {
            locator: identity.locator().parse()?,
            name: identity.name.clone(),
            model: model.map_or_else(|| "YubiKey".into(), |model| model.to_string()),
            serial: identity.serial.map(|serial| serial.to_string()),
            version: model.map(|model| model.version.to_string()),
            counts_tries: true,
        };
        let context = Arc::new(context);
        let asker = Asker::new(card.clone(), context.clone());
        Ok(Self { card, info, asker, context })
    }

    /// The card, for what the traits of a token have no words for.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// `algorithm` fits the key.
    fn signer_of(
        &self,
        slot: Slot,
        found: Found,
        algorithm: SignatureAlgorithm,
    ) -> Result<YubiKeySigner> {
        let spec = KeySpec::of(&found.public_key)?;
        let model = self.card.model()?;
        let kind = KeyAlgorithm::of(spec, model.version)?;
        let card = (self.card.clone(), model);
        YubiKeySigner::new(card, self.context.clone(), slot, (kind, algorithm), found)
    }

    /// Refuses what the Bio series does not have.
    fn refuse_bio(&self, operation: &str) -> Result<()> {
        let model = self.card.model()?;
        if !model.is_bio() {
            return Ok(());
        }
        Err(Error::Unsupported {
            operation: format!("{operation} of {} ({model})", self.card.identity().name),
            needs: "a YubiKey that is not of the Bio series, which has no PUK and is reset as a \
                    whole by `ykman config reset`"
                .into(),
        })
    }

    /// The slot that a key reference names; of several keys none is the only one.
    fn slot(&mut self, key: &KeyRef) -> Result<Slot> {
        if *key != KeyRef::Sole {
            return Slot::of(key);
        }
        let what = format!("a key on {}", self.card.identity().name);
        let keys = self.keys()?;
        match keys.as_slice() {
            [] => Err(Error::NotFound { what }),
            [only] => Slot::of(&only.key),
            several => Err(Error::Ambiguous {
                what,
                candidates: several.iter().map(|k| format!("{} ({})", k.key, k.spec)).collect(),
            }),
        }
    }
}

impl Token for YubiKeyToken {
    fn info(&self) -> &TokenInfo {
        &self.info
    }

    /// The keys of kinds that sign: X25519 and RSA-1024 are left out. Before firmware 5.3 a key is
    /// known by its attestation, or else by the certificate that is stored with it.
    fn keys(&mut self) -> Result<Vec<KeyInfo>> {
        let mut transaction = self.card.transaction()?;
        let model = transaction.model()?;
        let mut keys = Vec::new();
        for slot in Slot::all().filter(|slot| model.has(*slot)) {
            keys.extend(Found::read(&mut transaction, slot)?.and_then(|key| key.describe(slot)));
        }
        Ok(keys)
    }

    fn signer(
        &mut self,
        key: &KeyRef,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Arc<dyn Signer>> {
        let slot = self.slot(key)?;
        let mut transaction = self.card.transaction()?;
        let found = Found::need(&mut transaction, slot)?;
        drop(transaction);
        let algorithm = SignatureAlgorithm::for_key(algorithm, KeySpec::of(&found.public_key)?)?;
        let signer = self.signer_of(slot, found, algorithm)?;
        Ok(Arc::new(signer))
    }

    fn key_manager(&mut self) -> Option<&mut dyn KeyManager> {
        Some(self)
    }

    fn pin_manager(&mut self) -> Option<&mut dyn PinManager> {
        Some(self)
    }

    fn cert_store(&mut self) -> Option<&mut dyn CertStore> {
        Some(self)
    }

    fn administration(&mut self) -> Option<&mut dyn Administration> {
        Some(self)
    }
}

/// What can be learned of the key in a slot.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    pub(crate) policy: KeyPolicy,
    pub(crate) origin: Option<KeyOrigin>,
}

impl Found {
    /// By one command where the firmware allows it: metadata from 5.3, an attestation from 4.3 for
    /// keys that the card made; else what this program put there itself, or the certificate, which
    /// says nothing of policies.
    fn read(transaction: &mut Transaction<'_>, slot: Slot) -> Result<Option<Self>> {
        let version = transaction.model()?.version;
        if version.has_metadata() {
            return Ok(transaction.key_metadata(slot)?.map(|key| Self {
                public_key: key.public_key,
                policy: KeyPolicy { pin: Some(key.pin), touch: Some(key.touch) },
                origin: Some(key.origin),
            }));
        }
        if version.has_attestation()
            && let Some(leaf) = transaction.attest(slot)?
        {
            let key = Attestation::read(&leaf).map_err(|error| Error::Device {
                doing: format!("reading the attestation of {slot}"),
                source: Box::new(error),
            })?;
            return Ok(Some(Self {
                public_key: key.public_key,
                policy: KeyPolicy { pin: Some(key.pin), touch: Some(key.touch) },
                origin: Some(KeyOrigin::Generated),
            }));
        }
        if let Some(key) = transaction.made().iter().find(|known| known.key == slot.key_ref()) {
            let KeyInfo { public_key, policy, origin, .. } = key.clone();
            return Ok(Some(Self { public_key, policy, origin }));
        }
        let public_key = match stored_certificate(transaction, slot)? {
            None => return Ok(None),
            Some(der) => public_key_of(&der, slot)?,
        };
        Ok(Some(Self { public_key, policy: KeyPolicy::default(), origin: None }))
    }

    fn need(transaction: &mut Transaction<'_>, slot: Slot) -> Result<Self> {
        if let Some(found) = Self::read(transaction, slot)? {
            return Ok(found);
        }
        let version = transaction.model()?.version;
        let name = &transaction.identity().name;
        if !version.has_metadata() && transaction.probe(slot)? != Probe::Empty {
            return Err(Error::PublicKeyUntold {
                place: format!("{slot} of {name}"),
                reason: format!("firmware {version} shows it by a certificate, and none is stored"),
            });
        }
        Err(Error::NotFound { what: format!("a key in {slot} of {name}") })
    }

    /// Nothing for kinds that do not sign.
    fn describe(self, slot: Slot) -> Option<KeyInfo> {
        Some(KeyInfo {
            key: slot.key_ref(),
            spec: KeySpec::of(&self.public_key).ok()?,
            public_key: self.public_key,
            policy: self.policy,
            origin: self.origin,
        })
    }
}

/// The certificate (DER) that is stored for a slot.
fn stored_certificate(transaction: &mut Transaction<'_>, slot: Slot) -> Result<Option<Vec<u8>>> {
    let Some(object) = transaction.object(slot.certificate())? else { return Ok(None) };
    certificate::decode(&object).map(Some).map_err(|error| Error::Device {
        doing: format!("reading the certificate in {slot} of {}", transaction.identity().name),
        source: Box::new(error),
    })
}

fn public_key_of(der: &[u8], slot: Slot) -> Result<SubjectPublicKeyInfoOwned> {
    let certificate = Certificate::from_der(der).map_err(|error| Error::Device {
        doing: format!("reading the certificate for {slot}"),
        source: Box::new(error),
    })?;
    Ok(certificate.tbs_certificate().subject_public_key_info().clone())
}
