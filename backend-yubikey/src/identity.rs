//! Who a card is: serial number, firmware, shape.

use signer_core::{Error, PinPolicy};

use crate::apdu::Command;
use crate::channel::{CardError, Channel};
use crate::device_info::{DeviceInfo, FormFactor};
use crate::slot::Slot;
use crate::tlv::TlvError;
use crate::version::Version;

/// Who a card is, for as long as the connection lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The serial number, unless the token was told to hide it.
    pub serial: Option<u32>,
    /// The firmware.
    pub version: Version,
    /// The shape, where the firmware tells.
    pub form_factor: Option<FormFactor>,
    /// Whether it can be run as a FIPS 140 module.
    pub is_fips: bool,
    /// Whether it refuses PINs and PUKs that anybody would guess.
    pub has_pin_complexity: bool,
    /// The name of the reader that it is in.
    pub reader: String,
    /// What a person calls it.
    pub name: String,
}

impl Identity {
    /// What tells this card from all others, whichever way it was opened; as
    /// [`signer_core::TokenInfo::id`] has it.
    #[must_use]
    pub fn id(&self) -> String {
        match self.serial {
            Some(serial) => format!("yubikey:{serial}"),
            None => self.locator(),
        }
    }

    /// The locator that names it and no other.
    #[must_use]
    pub fn locator(&self) -> String {
        match self.serial {
            Some(serial) => format!("yubikey:serial={serial}"),
            None => format!("yubikey:reader={}", escaped(&self.reader)),
        }
    }

    /// Whether it keeps to the rules of the FIPS series of firmware 5.7: secrets of eight characters.
    #[must_use]
    pub fn has_fips_rules(&self) -> bool {
        self.is_fips && self.version.has_fifth_series_extras()
    }

    /// Whether its keys may do without the PIN.
    #[must_use]
    pub fn may_do_without_pin(&self) -> bool {
        !self.has_fips_rules() && (self.version.major, self.version.minor) != (4, 4)
    }

    /// The PIN policy of keys that were made without naming one.
    #[must_use]
    pub fn default_pin_policy(&self, slot: Slot) -> PinPolicy {
        match slot.default_pin_policy() {
            PinPolicy::Never if !self.may_do_without_pin() => PinPolicy::Once,
            usual => usual,
        }
    }

    /// Refuses what the Bio series does not have.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    pub(crate) fn refuse_bio(&self, operation: &str) -> Result<(), Error> {
        match self.form_factor {
            Some(FormFactor::UsbABio | FormFactor::UsbCBio) => Err(Error::Unsupported {
                operation: format!("{operation} of {} ({})", self.name, self.model()),
                needs:
                    "a YubiKey that is not of the Bio series, which has no PUK and is reset as a \
                        whole by `ykman config reset`"
                        .into(),
            }),
            _ => Ok(()),
        }
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn model(&self) -> String {
        let series = match self.version.major {
            0 => "YubiKey (development)".to_owned(),
            1..=3 => "YubiKey NEO".to_owned(),
            major => format!("YubiKey {major}"),
        };
        let fips = if self.is_fips { " FIPS" } else { "" };
        let form = self.form_factor.map(|form| format!(" ({form})")).unwrap_or_default();
        format!("{series}{fips}{form}")
    }
}

pub(crate) const PIV: [u8; 5] = [0xa0, 0x00, 0x00, 0x03, 0x08];
pub(crate) const MANAGEMENT: [u8; 8] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x47, 0x11, 0x17];
pub(crate) const OTP: [u8; 8] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01, 0x01];

pub(crate) fn select(application: &[u8]) -> Command {
    Command::new(0xa4, 0x04, 0x00).with(application)
}

/// Asks the management applet, which knows everything in two commands from the YubiKey 4 on and drops
/// what an earlier program left verified; and where there is none, PIV itself.
pub(crate) fn read(channel: &mut Channel, reader: &str) -> Result<Identity, CardError> {
    let info = match managed(channel) {
        Ok(Some(info)) => info,
        Ok(None) | Err(CardError::Status(_) | CardError::Answer(_)) => {
            channel.send(&select(&PIV))?;
            let version = version(channel)?;
            let serial = serial(channel, version).unwrap_or(None);
            DeviceInfo { serial, version: Some(version), ..DeviceInfo::default() }
        }
        Err(other) => return Err(other),
    };
    let name = match info.serial {
        Some(serial) => format!("YubiKey {serial}"),
        None => format!("the YubiKey in {reader}"),
    };
    let version = info.version.ok_or(TlvError::Truncated)?;
    Ok(Identity {
        serial: info.serial,
        version,
        form_factor: info.form_factor,
        // All of 4.4 is the FIPS series, which did not say so yet.
        is_fips: info.is_fips || (version.major, version.minor) == (4, 4),
        has_pin_complexity: info.has_pin_complexity,
        reader: reader.to_owned(),
        name,
    })
}

/// The serial number, with PIV selected before and after.
pub(crate) fn serial(channel: &mut Channel, version: Version) -> Result<Option<u32>, CardError> {
    let answer = if version.has_serial_command() {
        channel.send(&Command::new(0xf8, 0x00, 0x00))?
    } else {
        channel.send(&select(&OTP))?;
        let answer = channel.send(&Command::new(0x01, 0x10, 0x00));
        channel.send(&select(&PIV))?;
        answer?
    };
    let octets: [u8; 4] = answer.as_slice().try_into().map_err(|_| TlvError::Truncated)?;
    Ok(Some(u32::from_be_bytes(octets)).filter(|serial| *serial != 0))
}

/// Nothing on a NEO, whose management applet has another version than PIV.
fn managed(channel: &mut Channel) -> Result<Option<DeviceInfo>, CardError> {
    let text = channel.send(&select(&MANAGEMENT))?;
    let told = String::from_utf8_lossy(&text).split_whitespace().last().map(str::to_owned);
    let told: Option<Version> = told.and_then(|version| version.parse().ok());
    if told.is_some_and(|version| (1..4).contains(&version.major)) {
        return Ok(None);
    }
    let mut info = DeviceInfo::decode(&channel.send(&Command::new(0x1d, 0x00, 0x00))?)?;
    info.version = info.version.or(told);
    Ok(info.version.is_some().then_some(info))
}

fn version(channel: &mut Channel) -> Result<Version, CardError> {
    let answer = channel.send(&Command::new(0xfd, 0x00, 0x00))?;
    let octets: [u8; 3] = answer.as_slice().try_into().map_err(|_| TlvError::Truncated)?;
    Ok(Version::from(octets))
}

/// A reader's name as it can stand in a locator.
fn escaped(name: &str) -> String {
    let plain = |c: &char| c.is_alphanumeric() || " -_.()+".contains(*c);
    name.chars().fold(String::new(), |mut text, c| {
        match plain(&c) {
            true => text.push(c),
            false => {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer)
                    .bytes()
                    .for_each(|o| text.push_str(&format!("%{o:02X}")));
            }
        }
        text
    })
}
