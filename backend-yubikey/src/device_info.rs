//! What the management applet tells about the whole token.

use std::fmt;

use crate::tlv::{Elements, TlvError};
use crate::version::Version;

/// Serial number, firmware and shape of a token (READ CONFIG of the management applet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The serial number, unless the token was told to hide it.
    pub serial: Option<u32>,
    /// The firmware.
    pub version: Option<Version>,
    /// The shape.
    pub form_factor: Option<FormFactor>,
    /// Whether it can be run as a FIPS 140 module.
    pub is_fips: bool,
    /// Whether it refuses PINs and PUKs that anybody would guess.
    pub has_pin_complexity: bool,
}

impl DeviceInfo {
    /// Reads the answer: one octet of length, then `02` serial, `04` shape, `05` firmware, `14` FIPS,
    /// `16` PIN complexity.
    ///
    /// # Errors
    /// [`TlvError`] when it is none.
    pub fn decode(octets: &[u8]) -> Result<Self, TlvError> {
        let (length, rest) = octets.split_first().ok_or(TlvError::Truncated)?;
        let parts = Elements::of(rest.get(..usize::from(*length)).ok_or(TlvError::Truncated)?);
        let exact = |tag| move |_| TlvError::Value { tag };
        let serial: Option<[u8; 4]> =
            parts.find(SERIAL)?.map(TryInto::try_into).transpose().map_err(exact(SERIAL))?;
        let version: Option<[u8; 3]> =
            parts.find(VERSION)?.map(TryInto::try_into).transpose().map_err(exact(VERSION))?;
        let form = parts.find(FORM_FACTOR)?.and_then(|value| value.first()).copied();
        let fips_capable =
            parts.find(FIPS_CAPABLE)?.is_some_and(|value| value.iter().any(|o| *o != 0));
        Ok(Self {
            serial: serial.map(u32::from_be_bytes),
            version: version.map(Version::from),
            form_factor: form.and_then(FormFactor::numbered),
            has_pin_complexity: parts.find(PIN_COMPLEXITY)? == Some(&[1]),
            is_fips: fips_capable || form.is_some_and(|form| form & FIPS != 0),
        })
    }
}

/// The shape of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum FormFactor {
    UsbAKeychain,
    UsbANano,
    UsbCKeychain,
    UsbCNano,
    UsbCLightning,
    UsbABio,
    UsbCBio,
}

impl FormFactor {
    /// The shape with this number; its upper bits tell of FIPS and other series.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        match number & 0x0f {
            1 => Some(Self::UsbAKeychain),
            2 => Some(Self::UsbANano),
            3 => Some(Self::UsbCKeychain),
            4 => Some(Self::UsbCNano),
            5 => Some(Self::UsbCLightning),
            6 => Some(Self::UsbABio),
            7 => Some(Self::UsbCBio),
            _ => None,
        }
    }
}

impl fmt::Display for FormFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UsbAKeychain => "USB-A",
            Self::UsbANano => "USB-A nano",
            Self::UsbCKeychain => "USB-C",
            Self::UsbCNano => "USB-C nano",
            Self::UsbCLightning => "USB-C and Lightning",
            Self::UsbABio => "USB-A Bio",
            Self::UsbCBio => "USB-C Bio",
        })
    }
}

/// The bit of a form factor that tells of the FIPS series.
pub(crate) const FIPS: u8 = 0x80;

const SERIAL: u32 = 0x02;
const FORM_FACTOR: u32 = 0x04;
const VERSION: u32 = 0x05;
const FIPS_CAPABLE: u32 = 0x14;
const PIN_COMPLEXITY: u32 = 0x16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fact_sheets_answer_is_understood() {
        let octets = [
            0x19, 0x01, 0x02, 0x02, 0x3f, 0x02, 0x04, 0x00, 0xcc, 0x07, 0xc9, 0x04, 0x01, 0x01,
            0x05, 0x03, 0x05, 0x07, 0x01, 0x03, 0x02, 0x02, 0x3b, 0x0a, 0x01, 0x00,
        ];
        let info = DeviceInfo::decode(&octets).unwrap();
        assert_eq!(info.serial, Some(13_371_337));
        assert_eq!(info.version, Some(Version::new(5, 7, 1)));
        assert_eq!(info.form_factor, Some(FormFactor::UsbAKeychain));
        assert!(!info.is_fips);
        for damaged in 0..octets.len() {
            assert!(DeviceInfo::decode(&octets[..damaged]).is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_hidden_serial_and_the_fips_series_are_told() {
        let info = DeviceInfo::decode(&[3, 0x04, 0x01, 0x81]).unwrap();
        assert_eq!((info.serial, info.is_fips), (None, true));
        assert_eq!(info.form_factor, Some(FormFactor::UsbAKeychain));
    }

    #[test]
    fn pin_complexity_is_told() {
        for (octets, told) in
            [(&[3, 0x16, 1, 1][..], true), (&[3, 0x16, 1, 0], false), (&[0], false)]
        {
            assert_eq!(DeviceInfo::decode(octets).unwrap().has_pin_complexity, told);
        }
    }
}
