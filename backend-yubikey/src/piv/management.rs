//! What needs the management key, and proving that one has it.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use signer_core::{Error, ManagementKeyAlgorithm, Result, Retries, SecretKind, TouchPolicy, Tries};
use zeroize::Zeroizing;

use super::PIN;
use crate::apdu::Command;
use crate::card::Transaction;
use crate::channel::CardError;
use crate::management_key::{self, ManagementKey};
use crate::metadata::ManagementKeyMetadata;
use crate::status::Meaning;
use crate::tlv::{Elements, TlvError, element, elements};
use crate::transport::TransportError;

impl Transaction<'_> {
    /// Cipher and touch policy of the management key: what the card says, and 3DES without a touch
    /// before it could say (firmware 5.3). The length of a key tells nothing: 3DES and AES-192 have
    /// the same.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn management_key_facts(&mut self) -> Result<ManagementKeyMetadata> {
        if let Some(known) = *self.known_management_key() {
            return Ok(known);
        }
        let facts = self.management_key_metadata()?.unwrap_or(ManagementKeyMetadata {
            algorithm: ManagementKeyAlgorithm::TripleDes,
            touch: TouchPolicy::Never,
            is_default: None,
        });
        *self.known_management_key() = Some(facts);
        Ok(facts)
    }

    /// What the card says about its management key; nothing before firmware 5.3.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn management_key_metadata(&mut self) -> Result<Option<ManagementKeyMetadata>> {
        if !self.model()?.version.has_metadata() {
            return Ok(None);
        }
        let identity = self.identity();
        let answer = self.send(&Command::new(0xf7, 0x00, REFERENCE));
        let key = answer.and_then(|answer| Ok(ManagementKeyMetadata::decode(&answer)?));
        key.map(Some).map_err(|error| {
            error.doing(format!("describing the management key of {}", identity.name))
        })
    }

    /// Proves to the card that one has the management key, and has the card prove that it has it too.
    ///
    /// # Errors
    /// [`Error::WrongSecret`] with [`Tries::Unknown`] when either does not; [`Error::Device`].
    pub fn authenticate(&mut self, key: &ManagementKey) -> Result<()> {
        self.must_be_cleaned();
        let name = self.identity().name.clone();
        let touch = self.known_management_key().map_or(TouchPolicy::Never, |known| known.touch);
        match self.prove(key) {
            Ok(true) => Ok(()),
            Ok(false) => Err(wrong(name)),
            Err(error) => {
                match error.meaning() {
                    // A wrong key and a touch that did not come look the same.
                    Some(Meaning::Unauthorised) if touch != TouchPolicy::Never => Err(error
                        .doing(format!("waiting for a touch of {name} and its management key"))),
                    // 6A80: the right key by the wrong cipher.
                    Some(Meaning::Unauthorised | Meaning::BadData | Meaning::Wrong(_)) => {
                        Err(wrong(name))
                    }
                    _ => Err(error.doing(format!("proving the management key of {name}"))),
                }
            }
        }
    }

    /// Sets a new management key. The old one has been proved.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn set_management_key(&mut self, key: &ManagementKey, touch: TouchPolicy) -> Result<()> {
        let touch = match touch {
            TouchPolicy::Never => 0xff,
            TouchPolicy::Always => 0xfe,
            TouchPolicy::Cached => 0xfd,
        };
        let octets = key.expose();
        let mut data = Zeroizing::new(Vec::with_capacity(octets.len() + 3));
        // At most 32 octets.
        let length = u8::try_from(octets.len()).unwrap_or(u8::MAX);
        data.extend([management_key::number(key.algorithm()), REFERENCE, length]);
        data.extend_from_slice(octets);
        let command = Command::new(0xff, 0xff, touch).with_secret(data);
        // Whatever comes of it, it is not what it was.
        *self.known_management_key() = None;
        *self.management_secret() = None;
        let is_fips = self.known_model().is_some_and(|model| model.is_fips);
        self.send(&command).map(drop).map_err(|error| {
            let identity = self.identity();
            match error.meaning() {
                // The fifth FIPS series has AES alone.
                Some(Meaning::BadData)
                    if is_fips && key.algorithm() == ManagementKeyAlgorithm::TripleDes =>
                {
                    Error::Unsupported {
                        operation: "a 3DES management key on a YubiKey of the FIPS series".into(),
                        needs: "aes128, aes192 or aes256".into(),
                    }
                }
                _ => error.doing(format!("setting the management key of {}", identity.name)),
            }
        })
    }

    /// Sets how many tries PIN and PUK have; **both fall back to the factory's**. PIN and management
    /// key have been proved.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for no tries at all, and [`Error::Device`].
    pub fn set_retries(&mut self, retries: Retries) -> Result<()> {
        check_retries(retries)?;
        self.verified = None;
        *self.pin() = None;
        let is_fips = self.known_model().is_some_and(|model| model.is_fips);
        self.send(&Command::new(0xfa, retries.pin, retries.puk)).map(drop).map_err(|error| {
            let identity = self.identity();
            match error.meaning() {
                Some(Meaning::Refused) if is_fips => Error::Unsupported {
                    operation: format!("setting the retry limits of {}", identity.name),
                    needs: "a YubiKey that is not of the FIPS series, or one whose PIN and PUK \
                            were never changed since its last reset"
                        .into(),
                },
                _ => error.doing(format!("setting the retry limits of {}", identity.name)),
            }
        })
    }

    /// Puts the applet back to its factory state. The card wants PIN and PUK to be blocked first, so
    /// their tries are spent, on purpose, with a value that nobody can have chosen.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn reset(&mut self) -> Result<()> {
        let doing = format!("resetting {}", self.identity().name);
        self.verified = None;
        *self.pin() = None;
        *self.known_management_key() = None;
        *self.management_secret() = None;
        self.made().clear();
        // RESET RETRY COUNTER with a wrong PUK, as Yubico's own tool blocks it.
        for (ins, length) in [(0x20, 8), (0x2c, 16)] {
            self.block(ins, length).map_err(|error| error.doing(doing.as_str()))?;
        }
        self.send(&Command::new(0xfb, 0x00, 0x00)).map(drop).map_err(|error| error.doing(doing))
    }

    fn block(&mut self, ins: u8, length: usize) -> Result<(), CardError> {
        // 255 tries are the most that can be set.
        for _ in 0..=u8::MAX {
            let unchosen = Zeroizing::new(vec![0xff; length]);
            let command = Command::new(ins, 0x00, PIN).with_secret(unchosen);
            let Err(error) = self.send(&command) else { continue };
            match error.meaning() {
                Some(Meaning::Wrong(Tries::Blocked) | Meaning::Blocked) => return Ok(()),
                Some(Meaning::Wrong(_)) => {}
                _ => return Err(error),
            }
        }
        Err(CardError::Endless)
    }

    /// Mutual authentication (SP 800-73-5 part 2, section 3.2.4): the card's witness is decrypted for
    /// it, and it encrypts our challenge.
    fn prove(&mut self, key: &ManagementKey) -> Result<bool, CardError> {
        let cipher = management_key::number(key.algorithm());
        let block = management_key::block_length(key.algorithm());
        let command = || Command::new(0x87, cipher, REFERENCE);

        let ask = element(DYNAMIC, &element(WITNESS, &[]));
        let answer = self.send(&command().with_secret(ask))?;
        let witness = Elements::of(Elements::of(&answer).value(DYNAMIC)?).value(WITNESS)?;
        if witness.len() != block {
            return Err(TlvError::Value { tag: WITNESS }.into());
        }
        let witness = key.decrypt(witness).ok_or(TlvError::Value { tag: WITNESS })?;

        let mut challenge = vec![0; block];
        SystemRandom::new()
            .fill(&mut challenge)
            .map_err(|_| TransportError::Other("no randomness".into()))?;
        let proof = elements(&[(WITNESS, &witness), (CHALLENGE, &challenge)]);
        let answer = self.send(&command().with_secret(element(DYNAMIC, &proof)))?;
        let response = Elements::of(Elements::of(&answer).value(DYNAMIC)?).value(RESPONSE)?;
        Ok(key.is_proved_by(&challenge, response))
    }
}

/// The card ignores a limit of no tries in silence.
///
/// # Errors
/// [`Error::Unsupported`].
pub(crate) fn check_retries(retries: Retries) -> Result<()> {
    if retries.pin != 0 && retries.puk != 0 {
        return Ok(());
    }
    Err(Error::Unsupported {
        operation: "a PIN or PUK without tries".into(),
        needs: "1 to 255".into(),
    })
}

const REFERENCE: u8 = 0x9b;
const DYNAMIC: u32 = 0x7c;
const WITNESS: u32 = 0x80;
const CHALLENGE: u32 = 0x81;
const RESPONSE: u32 = 0x82;

fn wrong(token: String) -> Error {
    Error::WrongSecret { kind: SecretKind::ManagementKey, token, tries: Tries::Unknown }
}
