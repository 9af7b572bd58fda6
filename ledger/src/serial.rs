//! A certificate's serial number.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, hex};

/// A positive serial number of at most 20 octets (RFC 5280 section 4.1.2.2), without leading zeros,
/// so that one number has one spelling however its INTEGER was encoded. A value whose top bit is
/// set needs a leading zero octet in DER, so it must be shorter than 20 octets to fit.
///
/// Written as lower-case hexadecimal; read in either case, with or without colons.
///
/// ```
/// let serial: ledger::Serial = "00:A1:b2".parse().unwrap();
/// assert_eq!(serial.to_string(), "a1b2");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Box<[u8]>);

impl Serial {
    /// Takes the big-endian octets of the number; leading zero octets are dropped.
    ///
    /// # Errors
    /// [`Error::BadSerial`] for zero, for no octets at all, and for more than 20 octets of DER.
    pub fn new(octets: &[u8]) -> Result<Self, Error> {
        let start = octets.iter().position(|&octet| octet != 0).unwrap_or(octets.len());
        match octets.get(start..) {
            Some(value @ [first, ..]) if value.len() + usize::from(first >> 7) <= 20 => {
                Ok(Self(value.into()))
            }
            _ => Err(Error::BadSerial { octets: octets.len() }),
        }
    }

    /// The big-endian octets, the first one not zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::with_text(&self.0, |text| f.pad(text))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let octets = hex::decode(&text.replace(':', ""));
        octets.map_or(Err(Error::BadSerial { octets: 0 }), |octets| Self::new(&octets))
    }
}

impl Serialize for Serial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::with_text(&self.0, |text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Serial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_do_not_make_another_number() {
        assert_eq!(Serial::new(&[0, 0, 0x81]).unwrap(), Serial::new(&[0x81]).unwrap());
    }

    #[test]
    fn only_positive_numbers_of_twenty_octets_are_taken() {
        assert!(Serial::new(&[0x7f; 20]).is_ok());
        assert!(Serial::new(&[0xff; 19]).is_ok());
        for octets in [&[][..], &[0, 0], &[0xff; 20], &[1; 21]] {
            assert!(matches!(Serial::new(octets), Err(Error::BadSerial { .. })), "{octets:?}");
        }
    }
}
