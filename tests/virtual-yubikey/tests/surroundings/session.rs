//! A client in a few lines, over anything that takes APDUs.

use aes::{
    Aes192,
    cipher::{Array, BlockCipherEncrypt as _, KeyInit as _},
};
use virtual_yubikey::{Card, Device, Model};

pub(crate) const SELECT: &[u8] = b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08";
pub(crate) const VERIFY: &[u8] = b"\x00\x20\x00\x80\x08123456\xFF\xFF";
pub(crate) const WRONG: &[u8] = b"\x00\x20\x00\x80\x08000000\xFF\xFF";
pub(crate) const PIN_STATUS: &[u8] = b"\x00\x20\x00\x80";
pub(crate) const VERSION: &[u8] = b"\x00\xFD\x00\x00";
pub(crate) const SERIAL: &[u8] = b"\x00\xF8\x00\x00";
pub(crate) const OK: &[u8] = b"\x90\x00";

const MANAGEMENT_KEY: [u8; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

pub(crate) fn card() -> Card {
    Card::new("5.7.1".parse::<Model>().unwrap())
}

/// A device in which PIV is selected.
pub(crate) fn device() -> Device {
    let mut device = Device::new(card());
    assert!(device.transmit(SELECT).unwrap().ends_with(OK));
    device.log_mut().clear();
    device
}

/// Shows the management key of a 5.7.1 from the factory.
pub(crate) fn manage(device: &mut Device) {
    let challenge = device.transmit(b"\x00\x87\x0A\x9B\x04\x7C\x02\x81\x00").unwrap();
    let mut block = Array::try_from(&challenge[4..20]).unwrap();
    Aes192::new(&Array::from(MANAGEMENT_KEY)).encrypt_block(&mut block);
    let response = [&b"\x00\x87\x0A\x9B\x14\x7C\x12\x82\x10"[..], &block].concat();
    assert_eq!(device.transmit(&response).unwrap(), OK);
}

/// Generates in slot 9A; the answer is the public point.
pub(crate) fn generate_p256(device: &mut Device) -> Vec<u8> {
    let answer = device.transmit(b"\x00\x47\x00\x9A\x05\xAC\x03\x80\x01\x11").unwrap();
    assert!(answer.ends_with(OK));
    answer[5..70].to_vec()
}

/// The command that signs a digest of sevens in slot 9A.
pub(crate) fn sign_p256() -> Vec<u8> {
    [&b"\x00\x87\x11\x9A\x26\x7C\x24\x82\x00\x81\x20"[..], &[7; 32]].concat()
}

/// GET DATA of an object 5Fxxxx.
pub(crate) fn get(object: u16) -> Vec<u8> {
    [&b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F"[..], &object.to_be_bytes()].concat()
}

/// PUT DATA of an object 5Fxxxx, as a chain of commands.
pub(crate) fn put(object: u16, data: &[u8]) -> Vec<Vec<u8>> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    let object = object.to_be_bytes();
    let body = [&b"\x5C\x03\x5F"[..], &object, b"\x53\x82", &length, data].concat();
    let parts: Vec<&[u8]> = body.chunks(255).collect();
    let link = |(index, part): (usize, &&[u8])| {
        let cla = if index + 1 == parts.len() { 0x00 } else { 0x10 };
        let lc = u8::try_from(part.len()).unwrap();
        [&[cla, 0xDB, 0x3F, 0xFF, lc], *part].concat()
    };
    parts.iter().enumerate().map(link).collect()
}
