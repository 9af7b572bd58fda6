//! Who a card is, and what it is: asking for them.

use crate::apdu::Command;
use crate::channel::{CardError, Channel};
use crate::device_info::DeviceInfo;
use crate::model::Model;
use crate::tlv::TlvError;
use crate::version::Version;

/// Who a card is, for as long as the connection lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The serial number, unless the token was told to hide it.
    pub serial: Option<u32>,
    /// The name of the reader that it is in.
    pub reader: String,
    /// What a person calls it.
    pub name: String,
}

impl Identity {
    fn new(serial: Option<u32>, reader: &str) -> Self {
        let name = match serial {
            Some(serial) => format!("YubiKey {serial}"),
            None => format!("the YubiKey in {reader}"),
        };
        Self { serial, reader: reader.to_owned(), name }
    }

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
}

pub(crate) const PIV: [u8; 5] = [0xa0, 0x00, 0x00, 0x03, 0x08];
pub(crate) const MANAGEMENT: [u8; 8] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x47, 0x11, 0x17];
pub(crate) const OTP: [u8; 8] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01, 0x01];

pub(crate) fn select(application: &[u8]) -> Command {
    Command::new(0xa4, 0x04, 0x00).with(application)
}

/// Asks who it is and what.
pub(crate) fn read(channel: &mut Channel, reader: &str) -> Result<(Identity, Model), CardError> {
    read_model(channel).map(|(serial, model)| (Identity::new(serial, reader), model))
}

/// Asks PIV who it is and no more; what it is, too, where only other applets tell. Where PIV tells it is
/// selected afterwards, and **what an earlier program left verified may still be**.
pub(crate) fn read_briefly(
    channel: &mut Channel,
    reader: &str,
) -> Result<(Identity, Option<Model>), CardError> {
    channel.send(&select(&PIV))?;
    match by_piv(channel) {
        Ok(Some(serial)) => Ok((Identity::new(Some(serial), reader), None)),
        Ok(None) | Err(CardError::Status(_) | CardError::Answer(_)) => {
            read(channel, reader).map(|(identity, model)| (identity, Some(model)))
        }
        Err(other) => Err(other),
    }
}

/// Asks what it is, and by the way who, where its settings do not hide that.
pub(crate) fn read_model(channel: &mut Channel) -> Result<(Option<u32>, Model), CardError> {
    let info = device_info(channel)?;
    let version = info.version.ok_or(TlvError::Truncated)?;
    let model = Model {
        version,
        form_factor: info.form_factor,
        // All of 4.4 is the FIPS series, which did not say so yet.
        is_fips: info.is_fips || (version.major, version.minor) == (4, 4),
        has_pin_complexity: info.has_pin_complexity,
    };
    Ok((info.serial, model))
}

/// Asks the management applet, which knows everything in two commands from the YubiKey 4 on and drops
/// what an earlier program left verified; and where there is none, PIV itself.
fn device_info(channel: &mut Channel) -> Result<DeviceInfo, CardError> {
    match managed(channel) {
        Ok(Some(info)) => Ok(info),
        Ok(None) | Err(CardError::Status(_) | CardError::Answer(_)) => {
            channel.send(&select(&PIV))?;
            let version = version(channel)?;
            let serial = serial(channel, Some(version)).unwrap_or(None);
            Ok(DeviceInfo { serial, version: Some(version), ..DeviceInfo::default() })
        }
        Err(other) => Err(other),
    }
}

/// The serial number, with PIV selected before and after. Where the firmware is not known PIV itself
/// has told it before.
pub(crate) fn serial(
    channel: &mut Channel,
    version: Option<Version>,
) -> Result<Option<u32>, CardError> {
    if version.is_none_or(Version::has_serial_command) {
        return by_piv(channel);
    }
    channel.send(&select(&OTP))?;
    let answer = channel.send(&Command::new(0x01, 0x10, 0x00));
    channel.send(&select(&PIV))?;
    number(&answer?)
}

fn by_piv(channel: &mut Channel) -> Result<Option<u32>, CardError> {
    number(&channel.send(&Command::new(0xf8, 0x00, 0x00))?)
}

fn number(answer: &[u8]) -> Result<Option<u32>, CardError> {
    let octets: [u8; 4] = answer.try_into().map_err(|_| TlvError::Truncated)?;
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
