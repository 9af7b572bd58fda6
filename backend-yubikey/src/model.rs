//! What a card is: firmware, shape, series, and what follows from them.

use std::fmt;

use signer_core::PinPolicy;

use crate::device_info::FormFactor;
use crate::slot::Slot;
use crate::version::Version;

/// What a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// The firmware.
    pub version: Version,
    /// The shape, where the firmware tells.
    pub form_factor: Option<FormFactor>,
    /// Whether it can be run as a FIPS 140 module.
    pub is_fips: bool,
    /// Whether it refuses PINs and PUKs that anybody would guess.
    pub has_pin_complexity: bool,
}

impl Model {
    /// The one with the strictest rules for PIN and PUK: what suits it suits every other one.
    pub(crate) const STRICTEST: Self = Self {
        version: Version::new(5, 7, 4),
        form_factor: None,
        is_fips: true,
        has_pin_complexity: true,
    };

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

    /// Whether there is such a slot: the NEO has no retired ones.
    #[must_use]
    pub fn has(&self, slot: Slot) -> bool {
        self.version.has_policies() || slot.reference() >= Slot::AUTHENTICATION.reference()
    }

    /// Whether it is of the Bio series, which has no PUK.
    #[must_use]
    pub fn is_bio(&self) -> bool {
        matches!(self.form_factor, Some(FormFactor::UsbABio | FormFactor::UsbCBio))
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version.major {
            0 => f.write_str("YubiKey (development)")?,
            1..=3 => f.write_str("YubiKey NEO")?,
            major => write!(f, "YubiKey {major}")?,
        }
        if self.is_fips {
            f.write_str(" FIPS")?;
        }
        match self.form_factor {
            Some(form) => write!(f, " ({form})"),
            None => Ok(()),
        }
    }
}
