//! Which key it is: what each firmware can do, as one table.

mod table;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Algorithm;
use crate::card::{BlockedAnswer, ManagementAlgorithm};

/// One key of the table.
///
/// Its name is the firmware version, with `-fips` after it for a key of the FIPS series; `FromStr`
/// and `Display` agree on it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Model(&'static Facts);

/// What a firmware can do, and how it leaves the factory.
#[derive(Debug)]
pub struct Facts {
    /// Firmware version, and `-fips`.
    pub name: &'static str,
    /// What VERSION (FD) answers: of the PIV applet, which only on a NEO differs from the key's.
    pub firmware: [u8; 3],
    /// A key of the FIPS series.
    pub fips: bool,
    /// Answer to reset, over USB.
    pub atr: &'static [u8],
    /// 01 USB-A keychain, 02 USB-A nano, 03 USB-C keychain, ... without the FIPS bit.
    pub form_factor: u8,
    /// Has a management applet that tells what the key is.
    pub management: bool,
    /// Octets that the data of one command may have.
    pub buffer: usize,
    /// Octets that all data objects together may have.
    pub memory: usize,
    /// What GENERATE and IMPORT take.
    pub algorithms: &'static [Algorithm],
    /// Has slots 82 to 95.
    pub retired_slots: bool,
    /// Keys have a PIN and a touch policy.
    pub policies: bool,
    /// Knows the touch policy that lasts 15 seconds.
    pub touch_cached: bool,
    /// How long it waits for a touch.
    pub touch_time_out: Duration,
    /// Has ATTEST (F9) and a key in slot F9.
    pub attestation: bool,
    /// Has SERIAL (F8).
    pub serial_command: bool,
    /// Has METADATA (F7).
    pub metadata: bool,
    /// Has MOVE (F6).
    pub moves: bool,
    /// Has VERIFY with P1 = FF.
    pub logout: bool,
    /// An empty VERIFY answers 9000 when the PIN is verified; else always the tries left.
    pub status_of_verified: bool,
    /// The management key in the factory; all have the same octets.
    pub default_management: ManagementAlgorithm,
    /// Kinds of management key.
    pub management_algorithms: &'static [ManagementAlgorithm],
    /// What may become a PIN or PUK.
    pub pin_rules: PinRules,
    /// Refuses PINs and PUKs that anybody would guess.
    pub complexity: bool,
    /// What the try that blocks a PIN or PUK answers.
    pub last_try: BlockedAnswer,
    /// The status word of a wrong PIN with no tries left: 63C0, on a NEO 6300.
    pub wrong: u16,
}

/// What may become a PIN or PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinRules {
    /// Any 8 octets.
    Any,
    /// 6 to 8 characters in 8 octets: of Unicode for the PIN, of ASCII for the PUK.
    Characters,
    /// Exactly 8 characters, which leaves room for ASCII alone.
    EightCharacters,
}

/// No such model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no model `{name}`; there are {}", names())]
pub struct UnknownModel {
    /// What was asked for.
    pub name: String,
}

impl Model {
    /// All of them, oldest firmware first.
    pub const ALL: [Self; table::FACTS.len()] = {
        let mut all = [Self(&table::FACTS[0]); table::FACTS.len()];
        let mut index = 0;
        while index < all.len() {
            #[expect(clippy::indexing_slicing, reason = "below the length of both")]
            {
                all[index] = Self(&table::FACTS[index]);
            }
            index += 1;
        }
        all
    };

    /// What it can do.
    pub fn facts(self) -> &'static Facts {
        self.0
    }
}

impl Facts {
    /// The form factor as it goes into attestations and device information.
    pub(crate) fn form_factor_octet(&self) -> u8 {
        if self.fips { self.form_factor | 0x80 } else { self.form_factor }
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Model {}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({self})")
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        let known = Self::ALL.into_iter().find(|model| model.0.name == name);
        known.ok_or_else(|| UnknownModel { name: name.to_owned() })
    }
}

impl TryFrom<String> for Model {
    type Error = UnknownModel;

    fn try_from(name: String) -> Result<Self, UnknownModel> {
        name.parse()
    }
}

impl From<Model> for String {
    fn from(model: Model) -> Self {
        model.to_string()
    }
}

fn names() -> String {
    Model::ALL.map(|model| model.0.name).join(", ")
}
