//! What commands are called, and which of them carry secrets.

/// Every name that [`command_name`] gives.
pub const COMMAND_NAMES: &[&str] = &[
    "SELECT",
    "GET RESPONSE",
    "VERIFY",
    "PIN STATUS",
    "LOG OUT",
    "CHANGE REFERENCE DATA",
    "RESET RETRY COUNTER",
    "SET RETRIES",
    "RESET",
    "AUTHENTICATE MANAGEMENT KEY",
    "SET MANAGEMENT KEY",
    "GENERAL AUTHENTICATE",
    "GENERATE",
    "IMPORT",
    "ATTEST",
    "METADATA",
    "MOVE KEY",
    "GET DATA",
    "PUT DATA",
    "VERSION",
    "SERIAL",
    "READ CONFIG",
    "OTP",
    UNKNOWN,
];

const UNKNOWN: &str = "UNKNOWN";

/// The name of a command APDU, whatever applet is selected; `UNKNOWN` for those that a YubiKey's
/// PIV, management and OTP applets do not have.
///
/// VERIFY without data is `PIN STATUS`, or `LOG OUT` with P1 = FF; GENERAL AUTHENTICATE with key 9B
/// is `AUTHENTICATE MANAGEMENT KEY`. Each link of a chain has the name of the whole.
#[must_use]
pub fn command_name(apdu: &[u8]) -> &'static str {
    let &[_, ins, p1, p2, ..] = apdu else { return UNKNOWN };
    match (ins, p1, p2) {
        (0xA4, ..) => "SELECT",
        (0xC0, ..) => "GET RESPONSE",
        (0x20, 0xFF, _) => "LOG OUT",
        (0x20, ..) if is_empty(apdu) => "PIN STATUS",
        (0x20, ..) => "VERIFY",
        (0x24, ..) => "CHANGE REFERENCE DATA",
        (0x2C, ..) => "RESET RETRY COUNTER",
        (0xFA, ..) => "SET RETRIES",
        (0xFB, ..) => "RESET",
        (0x87, _, 0x9B) => "AUTHENTICATE MANAGEMENT KEY",
        (0xFF, ..) => "SET MANAGEMENT KEY",
        (0x87, ..) => "GENERAL AUTHENTICATE",
        (0x47, ..) => "GENERATE",
        (0xFE, ..) => "IMPORT",
        (0xF9, ..) => "ATTEST",
        (0xF7, ..) => "METADATA",
        (0xF6, ..) => "MOVE KEY",
        (0xCB, ..) => "GET DATA",
        (0xDB, ..) => "PUT DATA",
        (0xFD, ..) => "VERSION",
        (0xF8, ..) => "SERIAL",
        (0x1D, ..) => "READ CONFIG",
        (0x01, ..) => "OTP",
        _ => UNKNOWN,
    }
}

/// Whether a command has no data: cases 1 and 2 of ISO 7816-3, short and extended.
fn is_empty(apdu: &[u8]) -> bool {
    matches!(apdu, [_, _, _, _] | [_, _, _, _, _] | [_, _, _, _, 0, _, _])
}

/// Whether what follows the header of a command, or the data of its answer, is secret.
///
/// PIN, PUK, private keys, the management key and its handshake; and the object in which a
/// management key lies protected by the PIN (5FC109), written or read.
pub(crate) fn is_secret(apdu: &[u8]) -> bool {
    match command_name(apdu) {
        "VERIFY"
        | "CHANGE REFERENCE DATA"
        | "RESET RETRY COUNTER"
        | "AUTHENTICATE MANAGEMENT KEY"
        | "SET MANAGEMENT KEY"
        | "IMPORT" => true,
        "GET DATA" | "PUT DATA" => apdu.windows(5).take(8).any(|at| at == b"\x5C\x03\x5F\xC1\x09"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_given_to_some_command_and_no_other() {
        let mut given = std::collections::BTreeSet::new();
        for ins in 0..=255 {
            for (p1, p2) in [(0, 0x80), (0xFF, 0x80), (0, 0x9B)] {
                given.insert(command_name(&[0, ins, p1, p2]));
                given.insert(command_name(&[0, ins, p1, p2, 1, 7]));
            }
        }
        given.insert(command_name(&[0, 0x20]));
        assert_eq!(given, COMMAND_NAMES.iter().copied().collect());
    }

    #[test]
    fn a_verify_without_data_is_no_verify() {
        for (apdu, name) in [
            (&b"\x00\x20\x00\x80"[..], "PIN STATUS"),
            (b"\x00\x20\x00\x80\x00", "PIN STATUS"),
            (b"\x00\x20\x00\x80\x00\x00\x00", "PIN STATUS"),
            (b"\x00\x20\x00\x80\x02\x31\x32", "VERIFY"),
            (b"\x00\x20\xFF\x80", "LOG OUT"),
            (b"\x00\x20\x00\x80\x08123456\xFF\xFF", "VERIFY"),
        ] {
            assert_eq!(command_name(apdu), name);
        }
    }

    #[test]
    fn the_object_with_the_protected_management_key_is_secret_either_way() {
        for apdu in [
            &b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x09"[..],
            b"\x00\xCB\x3F\xFF\x00\x00\x05\x5C\x03\x5F\xC1\x09",
            b"\x10\xDB\x3F\xFF\x07\x5C\x03\x5F\xC1\x09\x53\x00",
        ] {
            assert!(is_secret(apdu));
        }
        assert!(!is_secret(b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x05"));
    }
}
