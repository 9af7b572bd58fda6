//! The table of models.

use std::time::Duration;

use super::{Facts, PinRules};
use crate::Algorithm::{self, Ed25519, P256, P384, Rsa1024, Rsa2048, Rsa3072, Rsa4096};
use crate::card::BlockedAnswer;
use crate::card::ManagementAlgorithm::{self, Aes128, Aes192, Aes256, Tdes};

/// Every model; each says only in what it differs from the generation before.
pub(super) static FACTS: [Facts; 12] = [
    NEO,
    YUBIKEY_4,
    Facts { name: "4.3.5", firmware: [4, 3, 5], ..YUBIKEY_4_3 },
    Facts {
        name: "4.4.2-fips",
        firmware: [4, 4, 2],
        fips: true,
        algorithms: FIPS_4,
        ..YUBIKEY_4_3
    },
    Facts { name: "5.2.7", firmware: [5, 2, 7], ..YUBIKEY_5 },
    Facts { name: "5.3.0", firmware: [5, 3, 0], metadata: true, ..YUBIKEY_5 },
    YUBIKEY_5_4,
    Facts { name: "5.6.0", firmware: [5, 6, 0], ..YUBIKEY_5_4 },
    YUBIKEY_5_7,
    Facts { name: "5.7.1-fips", ..FIPS_5_7 },
    Facts { name: "5.7.4", firmware: [5, 7, 4], ..YUBIKEY_5_7 },
    Facts { name: "5.7.4-fips", firmware: [5, 7, 4], ..FIPS_5_7 },
];

const NEO: Facts = Facts {
    name: "1.0.4",
    firmware: [1, 0, 4],
    fips: false,
    atr:
        b"\x3B\xFC\x13\x00\x00\x81\x31\xFE\x15\x59\x75\x62\x69\x6B\x65\x79\x4E\x45\x4F\x72\x33\xE1",
    form_factor: 1,
    management: false,
    buffer: 2048,
    memory: 51_200,
    algorithms: &[Rsa1024, Rsa2048, P256],
    retired_slots: false,
    policies: false,
    touch_cached: false,
    touch_time_out: Duration::from_secs(15),
    attestation: false,
    serial_command: false,
    metadata: false,
    moves: false,
    logout: false,
    status_of_verified: false,
    default_management: Tdes,
    management_algorithms: &[Tdes],
    pin_rules: PinRules::Any,
    complexity: false,
    last_try: BlockedAnswer::NoTriesLeft,
    wrong: 0x6300,
};

const YUBIKEY_4: Facts = Facts {
    name: "4.2.6",
    firmware: [4, 2, 6],
    atr: b"\x3B\xF8\x13\x00\x00\x81\x31\xFE\x15\x59\x75\x62\x69\x6B\x65\x79\x34\xD4",
    management: true,
    buffer: 3072,
    algorithms: &[Rsa1024, Rsa2048, P256, P384],
    retired_slots: true,
    policies: true,
    wrong: 0x63C0,
    ..NEO
};

const YUBIKEY_4_3: Facts =
    Facts { touch_cached: true, attestation: true, status_of_verified: true, ..YUBIKEY_4 };

const FIPS_4: &[Algorithm] = &[Rsa2048, P256, P384];

const YUBIKEY_5: Facts = Facts {
    atr: b"\x3B\xFD\x13\x00\x00\x81\x31\xFE\x15\x80\x73\xC0\x21\xC0\x57\x59\x75\x62\x69\x4B\x65\x79\x40",
    serial_command: true,
    ..YUBIKEY_4_3
};

const YUBIKEY_5_4: Facts = Facts {
    name: "5.4.3",
    firmware: [5, 4, 3],
    metadata: true,
    logout: true,
    management_algorithms: ALL_KINDS,
    ..YUBIKEY_5
};

const ALL_KINDS: &[ManagementAlgorithm] = &[Tdes, Aes128, Aes192, Aes256];

const YUBIKEY_5_7: Facts = Facts {
    name: "5.7.1",
    firmware: [5, 7, 1],
    algorithms: &Algorithm::ALL,
    moves: true,
    default_management: Aes192,
    pin_rules: PinRules::Characters,
    ..YUBIKEY_5_4
};

/// No RSA-1024, X25519 or 3DES: ykman, too, keeps them from FIPS keys.
const FIPS_5_7: Facts = Facts {
    fips: true,
    algorithms: &[Rsa2048, Rsa3072, Rsa4096, P256, P384, Ed25519],
    management_algorithms: &[Aes128, Aes192, Aes256],
    pin_rules: PinRules::EightCharacters,
    complexity: true,
    ..YUBIKEY_5_7
};
