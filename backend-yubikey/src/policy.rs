//! What keys ask for before each use, as the card numbers it.

use signer_core::{Error, KeyPolicy, PinPolicy, Result, TouchPolicy};
use zeroize::Zeroizing;

use crate::model::Model;
use crate::slot::Slot;
use crate::tlv::element;

/// The PIN policy with this number. The fingerprint ones of the Bio series (4 and 5) take the PIN in
/// the finger's stead, so for a program they are once and always.
pub(crate) fn pin_policy(number: u8, slot: Slot) -> Option<PinPolicy> {
    match number {
        0 => Some(slot.default_pin_policy()),
        1 => Some(PinPolicy::Never),
        2 | 4 => Some(PinPolicy::Once),
        3 | 5 => Some(PinPolicy::Always),
        _ => None,
    }
}

/// The touch policy with this number; left to the default it is never.
pub(crate) fn touch_policy(number: u8) -> Option<TouchPolicy> {
    match number {
        0 | 1 => Some(TouchPolicy::Never),
        2 => Some(TouchPolicy::Always),
        3 => Some(TouchPolicy::Cached),
        _ => None,
    }
}

/// The elements AA and AB that ask for a policy; what is not named is left to the card.
///
/// # Errors
/// [`Error::Unsupported`] when the firmware is too old for it, or forbids it.
pub(crate) fn request(policy: KeyPolicy, card: &Model) -> Result<Zeroizing<Vec<u8>>> {
    let version = card.version;
    if policy != KeyPolicy::default() && !version.has_policies() {
        return Err(unsupported("a PIN or touch policy", "4.0.0"));
    }
    if policy.touch == Some(TouchPolicy::Cached) && !version.has_attestation() {
        return Err(unsupported("a cached touch", "4.3.0"));
    }
    if policy.pin == Some(PinPolicy::Never) && !card.may_do_without_pin() {
        return Err(Error::Unsupported {
            operation: format!(
                "a key that never wants the PIN, on the FIPS series with firmware {version},"
            ),
            needs: "PIN policy once or always".into(),
        });
    }
    let mut octets = Zeroizing::default();
    if let Some(pin) = policy.pin {
        let number = match pin {
            PinPolicy::Never => 1,
            PinPolicy::Once => 2,
            PinPolicy::Always => 3,
        };
        Vec::extend_from_slice(&mut octets, &element(0xaa, &[number]));
    }
    if let Some(touch) = policy.touch {
        let number = match touch {
            TouchPolicy::Never => 1,
            TouchPolicy::Always => 2,
            TouchPolicy::Cached => 3,
        };
        Vec::extend_from_slice(&mut octets, &element(0xab, &[number]));
    }
    Ok(octets)
}

fn unsupported(what: &str, firmware: &str) -> Error {
    Error::Unsupported { operation: what.into(), needs: format!("firmware {firmware}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(version: [u8; 3], is_fips: bool) -> Model {
        Model { version: version.into(), form_factor: None, is_fips, has_pin_complexity: is_fips }
    }

    #[test]
    fn what_is_asked_for_is_what_is_read_back() {
        for pin in [PinPolicy::Never, PinPolicy::Once, PinPolicy::Always] {
            for touch in [TouchPolicy::Never, TouchPolicy::Always, TouchPolicy::Cached] {
                let asked = KeyPolicy { pin: Some(pin), touch: Some(touch) };
                let octets = request(asked, &card([5, 7, 1], false)).unwrap();
                let [0xaa, 1, p, 0xab, 1, t] = octets[..] else { panic!("{octets:02x?}") };
                assert_eq!(pin_policy(p, Slot::SIGNATURE), Some(pin));
                assert_eq!(touch_policy(t), Some(touch));
            }
        }
        assert!(request(KeyPolicy::default(), &card([1, 0, 4], false)).unwrap().is_empty());
    }

    #[test]
    fn defaults_are_those_of_the_slot() {
        assert_eq!(pin_policy(0, Slot::SIGNATURE), Some(PinPolicy::Always));
        assert_eq!(pin_policy(0, Slot::CARD_AUTHENTICATION), Some(PinPolicy::Never));
        assert_eq!(pin_policy(0, Slot::AUTHENTICATION), Some(PinPolicy::Once));
        assert_eq!(pin_policy(6, Slot::AUTHENTICATION), None);
    }

    #[test]
    fn a_policy_that_the_firmware_lacks_is_refused() {
        let once = KeyPolicy { pin: Some(PinPolicy::Once), touch: None };
        assert!(request(once, &card([1, 0, 4], false)).is_err());
        let cached = KeyPolicy { pin: None, touch: Some(TouchPolicy::Cached) };
        assert!(request(cached, &card([4, 2, 6], false)).is_err());
    }

    #[test]
    fn keys_of_the_fips_series_never_do_without_the_pin() {
        let never = KeyPolicy { pin: Some(PinPolicy::Never), touch: None };
        for (version, is_fips, taken) in [
            ([4, 4, 5], true, false),
            ([5, 4, 3], true, true),
            ([5, 7, 1], true, false),
            ([5, 7, 1], false, true),
        ] {
            let card = card(version, is_fips);
            assert_eq!(request(never, &card).is_ok(), taken, "{version:?}");
            let default = card.default_pin_policy(Slot::CARD_AUTHENTICATION);
            assert_eq!(default == PinPolicy::Never, taken, "{version:?}");
            assert_eq!(card.default_pin_policy(Slot::SIGNATURE), PinPolicy::Always);
        }
    }
}
