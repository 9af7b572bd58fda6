//! The tokens that a module shows, and the one that is meant.

use cryptoki::error::{Error as Answer, RvError};
use cryptoki::slot::{Slot, TokenInfo};
use signer_core::{Error, Result, Tries};

use crate::fault::Fault;
use crate::module::Module;
use crate::selection::{TokenFilter, encoded_text};

/// A token, and where it is at the moment. Slot numbers change with every insertion, and SoftHSM2
/// deals them anew when a token is initialised, so they are never kept.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) slot: Slot,
    pub(crate) info: TokenInfo,
    slot_manufacturer: String,
    slot_description: String,
    library: Library,
}

#[derive(Clone, Debug)]
struct Library {
    manufacturer: String,
    description: String,
    version: String,
}

/// What tells a token from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) label: String,
    pub(crate) serial: String,
    pub(crate) manufacturer: String,
    pub(crate) model: String,
}

impl Seen {
    /// The same place, with what the token in it says now.
    pub(crate) fn with(&self, info: TokenInfo) -> Self {
        Self { info, ..self.clone() }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            label: self.info.label().to_owned(),
            serial: self.info.serial_number().to_owned(),
            manufacturer: unpadded(self.info.manufacturer_id()),
            model: unpadded(self.info.model()),
        }
    }

    fn value(&self, name: &str) -> &str {
        match name {
            "token" => self.info.label(),
            "serial" => self.info.serial_number(),
            "manufacturer" => self.info.manufacturer_id(),
            "model" => self.info.model(),
            "slot-manufacturer" => &self.slot_manufacturer,
            "slot-description" => &self.slot_description,
            "library-manufacturer" => &self.library.manufacturer,
            "library-description" => &self.library.description,
            "library-version" => &self.library.version,
            _ => "",
        }
    }

    pub(crate) fn fits(&self, filter: &TokenFilter) -> bool {
        filter.slot_id.is_none_or(|id| id == self.slot.id())
            && filter.wanted.iter().all(|(name, wanted)| match *name {
                // "3" stands for 3.0 (RFC 7512 section 2.3).
                "library-version" if !wanted.contains('.') => {
                    self.value(name) == format!("{wanted}.0")
                }
                name => unpadded(self.value(name)) == *wanted,
            })
    }
}

impl Identity {
    /// The path attributes of a locator that names this token and no other.
    pub(crate) fn attributes(&self) -> String {
        [("token", &self.label), ("serial", &self.serial)]
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encoded_text(value)))
            .collect::<Vec<_>>()
            .join(";")
    }

    /// As a person would name it.
    pub(crate) fn name(&self) -> String {
        match (self.label.as_str(), self.serial.as_str()) {
            ("", serial) => format!("token with serial {serial:?}"),
            (label, "") => format!("token {label:?}"),
            (label, serial) => format!("token {label:?} (serial {serial})"),
        }
    }
}

/// Every token that the module shows; slots without one, and with one that it cannot read, are
/// passed over.
pub(crate) fn tokens(module: &Module) -> Result<Vec<Seen>, Fault> {
    module.ask(|pkcs11| {
        let library = pkcs11.get_library_info()?;
        let version = library.library_version();
        let library = Library {
            manufacturer: library.manufacturer_id().to_owned(),
            description: library.library_description().to_owned(),
            version: format!("{}.{}", version.major(), version.minor()),
        };
        let mut tokens = Vec::new();
        for slot in pkcs11.get_slots_with_token()? {
            let (Some(info), Some(place)) =
                (present(pkcs11.get_token_info(slot))?, present(pkcs11.get_slot_info(slot))?)
            else {
                continue;
            };
            tokens.push(Seen {
                slot,
                info,
                slot_manufacturer: place.manufacturer_id().to_owned(),
                slot_description: place.slot_description().to_owned(),
                library: library.clone(),
            });
        }
        Ok(tokens)
    })
}

/// The one initialised token that is meant.
pub(crate) fn sole(tokens: Vec<Seen>, filter: &TokenFilter, module: &Module) -> Result<Seen> {
    one(tokens, filter, module, "token", |it| it.info.token_initialized())
}

/// The one empty token that is meant.
pub(crate) fn empty(tokens: Vec<Seen>, filter: &TokenFilter, module: &Module) -> Result<Seen> {
    one(tokens, filter, module, "empty token", |it| !it.info.token_initialized())
}

fn one(
    tokens: Vec<Seen>,
    filter: &TokenFilter,
    module: &Module,
    what: &str,
    kind: impl Fn(&Seen) -> bool,
) -> Result<Seen> {
    let wanted = {
        let mut wanted: Vec<String> = filter
            .wanted
            .iter()
            .map(|(name, value)| {
                // "token with token" reads badly.
                let name = if *name == "token" { "label" } else { name };
                format!("{name} {value:?}")
            })
            .collect();
        wanted.extend(filter.slot_id.map(|id| format!("slot-id {id}")));
        let wanted =
            if wanted.is_empty() { String::new() } else { format!(" with {}", wanted.join(", ")) };
        format!("{what}{wanted} of {}", module.path().display())
    };
    let mut fitting: Vec<Seen> =
        tokens.into_iter().filter(|it| kind(it) && it.fits(filter)).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (None, _) => Err(Error::NotFound { what: wanted }),
        (Some(token), true) => Ok(token),
        (Some(last), false) => {
            fitting.push(last);
            Err(Error::Ambiguous {
                what: wanted,
                candidates: fitting.iter().map(described).collect(),
            })
        }
    }
}

/// Text without what fills it up: blanks, or the zero octets of tpm2-pkcs11.
fn unpadded(text: &str) -> String {
    text.trim_end_matches(['\0', ' ']).to_owned()
}

fn described(seen: &Seen) -> String {
    let Identity { label, serial, manufacturer, model } = seen.identity();
    format!(
        "token {label:?} serial {serial:?} manufacturer {manufacturer:?} model {model:?} in slot {}",
        seen.slot.id()
    )
}

fn present<T>(answer: Result<T, Answer>) -> Result<Option<T>, Answer> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Answer::Pkcs11(
            RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::DeviceRemoved
            | RvError::SlotIdInvalid,
            _,
        )) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Tries for the user's PIN, as far as flags tell (PKCS#11 3.1 section 3.2, table 6).
pub(crate) fn user_tries(info: &TokenInfo) -> Tries {
    tries(info.user_pin_locked(), info.user_pin_final_try(), info.user_pin_count_low())
}

/// Tries for the security officer's PIN.
pub(crate) fn officer_tries(info: &TokenInfo) -> Tries {
    tries(info.so_pin_locked(), info.so_pin_final_try(), info.so_pin_count_low())
}

fn tries(locked: bool, final_try: bool, low: bool) -> Tries {
    match (locked, final_try, low) {
        (true, _, _) => Tries::Blocked,
        (_, true, _) => Tries::Last,
        (_, _, true) => Tries::Low,
        // No flag may also mean that the token never sets one.
        _ => Tries::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_a_text_up_is_no_part_of_it() {
        for padded in ["IBM SW   TPM", "IBM SW   TPM    ", "IBM SW   TPM\0\0\0\0"] {
            assert_eq!(unpadded(padded), "IBM SW   TPM");
        }
        assert_eq!(unpadded("\0"), "");
    }
}
