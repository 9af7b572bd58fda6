//! Fuzzing of what reads a YubiKey's answers, each parser by itself.

#![expect(clippy::expect_used, clippy::panic, reason = "a broken promise")]

use backend_yubikey::attestation::{Attestation, TrustAnchors};
use backend_yubikey::certificate;
use backend_yubikey::device_info::{DeviceInfo, FormFactor};
use backend_yubikey::metadata::{KeyMetadata, ManagementKeyMetadata, pin_status};
use backend_yubikey::slot::Slot;
use backend_yubikey::status::{StatusError, StatusWord};
use backend_yubikey::tlv::{Elements, element};
use backend_yubikey::version::Version;
use der::Encode;
use signer_core::{KeySpec, Tries};

use super::printable;

/// TLV: every value lies in the octets, and what was read is written and read back the same.
pub fn tlv(data: &[u8]) {
    let mut total = 0;
    let mut again = Vec::new();
    for one in Elements::of(data) {
        let Ok((tag, value)) = one else { break };
        // No tag is 0, and nobody writes one.
        if tag == 0 {
            break;
        }
        total += 2 + value.len();
        assert!(total <= data.len(), "more than there was");
        assert!(data.as_ptr_range().contains(&value.as_ptr()) || value.is_empty(), "elsewhere");
        again.extend_from_slice(&element(tag, value));
        let first = Elements::of(data).value(tag).expect("it was read once");
        assert!(Elements::of(&again).value(tag) == Ok(first), "read back otherwise");
    }
    for tag in [0x53, 0x70, 0x7f49] {
        if let Ok(array) = Elements::of(data).array::<4>(tag) {
            assert_eq!(Elements::of(data).value(tag), Ok(&array[..]));
        }
    }
}

/// Metadata of keys, PIN and PUK, and the management key, and status words. The first octet chooses
/// the slot.
pub fn metadata(data: &[u8]) {
    let Some((&first, octets)) = data.split_first() else { return };
    let slot = Slot::all().nth(usize::from(first) % 24).unwrap_or(Slot::SIGNATURE);
    match KeyMetadata::decode(octets, slot) {
        Ok(key) => {
            let der = key.public_key.to_der().expect("a key that was read is written");
            // Kinds that do not sign have no name.
            let _ = KeySpec::of(&key.public_key);
            assert!(der.len() < octets.len() + 64, "longer than it came");
        }
        Err(error) => printable(&error.to_string()),
    }
    if let Ok(status) = pin_status(octets) {
        assert!(status.total.is_some() && status.tries != Tries::Unknown, "no counter");
    }
    if let Err(error) = ManagementKeyMetadata::decode(octets) {
        printable(&error.to_string());
    }
    if let [high, low, ..] = *octets {
        let status = StatusWord(u16::from_be_bytes([high, low]));
        printable(&StatusError { header: [first, high, low], status }.to_string());
    }
}

/// Certificate objects, compressed or not: none becomes larger than any certificate is, and what was
/// read is written and read back the same.
pub fn certificate_object(data: &[u8]) {
    match certificate::decode(data) {
        Ok(der) => {
            assert!(der.len() <= data.len().max(certificate::LARGEST), "it grew");
            match certificate::encode(&der, Version::new(5, 7, 1)) {
                Ok(object) => {
                    assert_eq!(certificate::decode(&object).expect("it was written"), der);
                }
                Err(certificate::CertificateError::TooLarge { .. }) => {}
                Err(error) => panic!("not written: {error}"),
            }
        }
        Err(error) => printable(&error.to_string()),
    }
    // Whoever has a certificate may store it.
    if let Ok(object) = certificate::encode(data, Version::new(3, 4, 9)) {
        assert_eq!(certificate::decode(&object).expect("it was written"), data);
    }
}

/// Attestations: two octets of length, the attestation, and the rest is the card's certificate. None
/// that is made up is believed.
pub fn attestation(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (leaf, card) = rest.split_at(length);
    let read = Attestation::read(leaf);
    if let Err(error) = &read {
        printable(&error.to_string());
    }
    let trusting = TrustAnchors::none().with_root(card);
    for anchors in [TrustAnchors::none(), TrustAnchors::yubico()].into_iter().chain(trusting) {
        match Attestation::verify(leaf, card, &anchors) {
            Ok(verified) => assert_eq!(Some(verified), read.as_ref().ok().cloned()),
            Err(error) => printable(&error.to_string()),
        }
    }
    assert!(Attestation::verify(leaf, card, &TrustAnchors::none()).is_err(), "trusted by nobody");
}

/// What the management applet tells.
pub fn device_info(data: &[u8]) {
    match DeviceInfo::decode(data) {
        Ok(info) => {
            let form = info.form_factor.map(|form| form.to_string());
            printable(&form.unwrap_or_default());
            if let Some(version) = info.version {
                let told = version.to_string();
                assert_eq!(told.parse::<Version>().ok(), Some(version), "{told}");
            }
        }
        Err(error) => printable(&error.to_string()),
    }
    for number in data {
        assert_eq!(FormFactor::numbered(*number), FormFactor::numbered(number & 0x0f));
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(version) = text.parse::<Version>()
    {
        printable(&version.to_string());
    }
}
