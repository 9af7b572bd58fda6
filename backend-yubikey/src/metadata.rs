//! Answers of GET METADATA (firmware 5.3 and later).

use signer_core::{
    KeyOrigin, ManagementKeyAlgorithm, PinPolicy, PinStatus, SubjectPublicKeyInfoOwned,
    TouchPolicy, Tries,
};

use crate::algorithm::KeyAlgorithm;
use crate::management_key;
use crate::policy::{pin_policy, touch_policy};
use crate::slot::Slot;
use crate::tlv::{Elements, TlvError};

/// What the card says about the key in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMetadata {
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// When it wants the PIN.
    pub pin: PinPolicy,
    /// When it wants a touch.
    pub touch: TouchPolicy,
    /// Where it came from.
    pub origin: KeyOrigin,
    /// Its public half.
    pub public_key: SubjectPublicKeyInfoOwned,
}

impl KeyMetadata {
    /// Reads the answer for a slot: `01` kind, `02` policies, `03` origin, `04` public key.
    ///
    /// # Errors
    /// [`TlvError`] when it is none.
    pub fn decode(octets: &[u8], slot: Slot) -> Result<Self, TlvError> {
        let parts = Elements::of(octets);
        let [number] = parts.array(ALGORITHM)?;
        let algorithm = KeyAlgorithm::numbered(number).ok_or(TlvError::Value { tag: ALGORITHM })?;
        let [pin, touch] = parts.array(POLICY)?;
        let origin = match parts.array(ORIGIN)? {
            [1] => KeyOrigin::Generated,
            [2] => KeyOrigin::Imported,
            _ => return Err(TlvError::Value { tag: ORIGIN }),
        };
        Ok(Self {
            algorithm,
            pin: pin_policy(pin, slot).ok_or(TlvError::Value { tag: POLICY })?,
            touch: touch_policy(touch).ok_or(TlvError::Value { tag: POLICY })?,
            origin,
            public_key: algorithm.public_key(parts.value(PUBLIC_KEY)?)?,
        })
    }
}

/// Reads the answer for PIN (80) or PUK (81): `05` whether it is the factory's, `06` total and left.
///
/// # Errors
/// [`TlvError`] when it is none.
pub fn pin_status(octets: &[u8]) -> Result<PinStatus, TlvError> {
    let parts = Elements::of(octets);
    let [total, left] = parts.array(RETRIES)?;
    let is_default = is_default(parts)?;
    Ok(PinStatus { tries: Tries::left(left), total: Some(total), is_default })
}

/// What the card says about its management key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementKeyMetadata {
    /// Its cipher.
    pub algorithm: ManagementKeyAlgorithm,
    /// When it wants a touch.
    pub touch: TouchPolicy,
    /// Whether it is the factory's.
    pub is_default: Option<bool>,
}

impl ManagementKeyMetadata {
    /// Reads the answer for 9B: `01` cipher, `02` policies, `05` whether it is the factory's.
    ///
    /// # Errors
    /// [`TlvError`] when it is none.
    pub fn decode(octets: &[u8]) -> Result<Self, TlvError> {
        let parts = Elements::of(octets);
        let [number] = parts.array(ALGORITHM)?;
        let [_, touch] = parts.array(POLICY)?;
        Ok(Self {
            algorithm: management_key::numbered(number)
                .ok_or(TlvError::Value { tag: ALGORITHM })?,
            touch: touch_policy(touch).ok_or(TlvError::Value { tag: POLICY })?,
            is_default: is_default(parts)?,
        })
    }
}

const ALGORITHM: u32 = 0x01;
const POLICY: u32 = 0x02;
const ORIGIN: u32 = 0x03;
const PUBLIC_KEY: u32 = 0x04;
const IS_DEFAULT: u32 = 0x05;
const RETRIES: u32 = 0x06;

fn is_default(parts: Elements<'_>) -> Result<Option<bool>, TlvError> {
    Ok(parts.find(IS_DEFAULT)?.map(|value| value == [1]))
}

#[cfg(test)]
mod tests {
    use signer_core::KeySpec;

    use super::*;

    #[test]
    fn the_fact_sheets_answers_are_understood() {
        let status = pin_status(&[1, 1, 0xff, 5, 1, 1, 6, 2, 3, 3]).unwrap();
        let factory = PinStatus { tries: Tries::Left(3), total: Some(3), is_default: Some(true) };
        assert_eq!(status, factory);
        let key = ManagementKeyMetadata::decode(&[1, 1, 0x0a, 2, 2, 0, 1, 5, 1, 1]).unwrap();
        assert_eq!(key.algorithm, ManagementKeyAlgorithm::Aes192);
        assert_eq!((key.touch, key.is_default), (TouchPolicy::Never, Some(true)));
    }

    #[test]
    fn more_than_fifteen_tries_are_told_exactly() {
        let status = pin_status(&[1, 1, 0xff, 5, 1, 0, 6, 2, 255, 200]).unwrap();
        assert_eq!((status.tries, status.total), (Tries::Left(200), Some(255)));
    }

    #[test]
    fn a_slots_key_is_described() {
        let mut octets = vec![1, 1, 0x11, 2, 2, 3, 2, 3, 1, 1, 4, 67, 0x86, 65, 4];
        octets.extend([7; 64]);
        let key = KeyMetadata::decode(&octets, Slot::SIGNATURE).unwrap();
        assert_eq!((key.pin, key.touch), (PinPolicy::Always, TouchPolicy::Always));
        assert_eq!(key.origin, KeyOrigin::Generated);
        assert_eq!(KeySpec::of(&key.public_key).unwrap(), KeySpec::P256);
        for damaged in 0..octets.len() {
            assert!(KeyMetadata::decode(&octets[..damaged], Slot::SIGNATURE).is_err());
        }
    }
}
