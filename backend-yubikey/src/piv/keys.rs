//! Keys in slots: making, importing, using, moving, deleting, attesting, describing.

use signer_core::{Error, KeyPolicy, Result, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::algorithm::KeyAlgorithm;
use crate::apdu::Command;
use crate::card::Transaction;
use crate::channel::CardError;
use crate::metadata::KeyMetadata;
use crate::policy;
use crate::slot::Slot;
use crate::status::Meaning;
use crate::tlv::{Elements, TlvError, element, elements};

impl Transaction<'_> {
    /// What the card says about the key in a slot; nothing when the slot is empty. From firmware 5.3
    /// on.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn key_metadata(&mut self, slot: Slot) -> Result<Option<KeyMetadata>> {
        let command = Command::new(0xf7, 0x00, slot.reference()).with_long_answer();
        let key = match self.send(&command) {
            Err(error) if error.meaning() == Some(Meaning::NotFound) => return Ok(None),
            Err(error) => Err(error),
            Ok(answer) => KeyMetadata::decode(&answer, slot).map_err(CardError::from),
        };
        key.map(Some).map_err(|error| self.failed("describing the key in", slot, error))
    }

    /// The certificate by which the card vouches that it made the key in a slot; nothing when the
    /// slot is empty or its key was imported. From firmware 4.3 on.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn attest(&mut self, slot: Slot) -> Result<Option<Vec<u8>>> {
        let command = Command::new(0xf9, slot.reference(), 0x00).with_long_answer();
        match self.send(&command) {
            Ok(answer) => Ok(Some(answer.to_vec())),
            Err(error) => match error.meaning() {
                Some(Meaning::BadData | Meaning::NotFound | Meaning::BadReference) => Ok(None),
                _ => Err(self.failed("attesting the key in", slot, error)),
            },
        }
    }

    /// Makes a key. **What is in the slot is gone.** The management key has been proved.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a policy that the firmware lacks, and [`Error::Device`].
    pub fn generate(
        &mut self,
        slot: Slot,
        algorithm: KeyAlgorithm,
        policy: KeyPolicy,
    ) -> Result<SubjectPublicKeyInfoOwned> {
        let wishes = policy::request(policy, &self.model()?)?;
        let template = [&element(0x80, &[algorithm.number()])[..], &wishes].concat();
        let command = Command::new(0x47, 0x00, slot.reference())
            .with(element(0xac, &template).to_vec())
            .with_long_answer();
        let key = self.send(&command).and_then(|answer| {
            let key = Elements::of(&answer).value(0x7f49)?;
            Ok(algorithm.public_key(key)?)
        });
        key.map_err(|error| self.failed("making a key in", slot, error))
    }

    /// Imports a private key in the parts that the card takes. **What is in the slot is gone.** The
    /// management key has been proved.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a policy that the firmware lacks, and [`Error::Device`].
    pub fn import(
        &mut self,
        slot: Slot,
        algorithm: KeyAlgorithm,
        parts: &[(u32, &[u8])],
        policy: KeyPolicy,
    ) -> Result<()> {
        let wishes = policy::request(policy, &self.model()?)?;
        let key = elements(parts);
        let mut data = Zeroizing::new(Vec::with_capacity(key.len() + wishes.len()));
        data.extend_from_slice(&key);
        data.extend_from_slice(&wishes);
        let command = Command::new(0xfe, algorithm.number(), slot.reference()).with_secret(data);
        let imported = self.send(&command).map(drop);
        imported.map_err(|error| self.failed("importing a key into", slot, error))
    }

    /// Moves a key; its certificate stays behind. From firmware 5.7 on. The management key has been
    /// proved.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, and [`Error::Device`].
    pub fn move_key(&mut self, from: Slot, to: Slot) -> Result<()> {
        self.dispose(from, to.reference(), "moving the key in")
    }

    /// Destroys a key; its certificate stays behind. From firmware 5.7 on. The management key has
    /// been proved.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, and [`Error::Device`].
    pub fn delete_key(&mut self, slot: Slot) -> Result<()> {
        self.dispose(slot, NOWHERE, "deleting the key in")
    }

    /// Uses a private key on a block, a digest or a message, as its kind takes it. What a refusal
    /// means depends on the key's policies, so it is left to the caller.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn use_key(
        &mut self,
        slot: Slot,
        algorithm: KeyAlgorithm,
        input: &[u8],
    ) -> Result<Vec<u8>, CardError> {
        let request = element(0x7c, &elements(&[(RESPONSE, &[]), (CHALLENGE, input)]));
        let mut command =
            Command::new(0x87, algorithm.number(), slot.reference()).with(request.to_vec());
        if algorithm.modulus_length().is_some() {
            command = command.with_long_answer();
        }
        let answer = self.send(&command)?;
        let output = Elements::of(Elements::of(&answer).value(0x7c)?).value(RESPONSE)?;
        if output.is_empty() {
            return Err(TlvError::Value { tag: RESPONSE }.into());
        }
        Ok(output.to_vec())
    }

    fn dispose(&mut self, slot: Slot, to: u8, doing: &str) -> Result<()> {
        match self.send(&Command::new(0xf6, to, slot.reference())) {
            Ok(_) => Ok(()),
            Err(error) if error.meaning() == Some(Meaning::NotFound) => Err(Error::NotFound {
                what: format!("a key in {slot} of {}", self.identity().name),
            }),
            Err(error) => Err(self.failed(doing, slot, error)),
        }
    }

    fn failed(&self, doing: &str, slot: Slot, error: CardError) -> Error {
        error.doing(format!("{doing} {slot} of {}", self.identity().name))
    }
}

/// Where a key is moved to that is to be destroyed.
const NOWHERE: u8 = 0xff;
const CHALLENGE: u32 = 0x81;
const RESPONSE: u32 = 0x82;
