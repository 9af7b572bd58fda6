//! Whole conversations, as real clients have them.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};

use crate::client::{Client, OK, PIN, WRONG, encipher, tlv};

const SELECTED: &[u8] =
    b"\x61\x11\x4F\x06\x00\x00\x10\x00\x01\x00\x79\x07\x4F\x05\xA0\x00\x00\x03\x08";

#[test]
fn ykman_makes_a_self_signed_certificate_in_9c() {
    let mut client = Client::new("5.7.1");
    let (witness, _) = client.raw(b"\x00\x87\x0A\x9B\x00\x00\x04\x7C\x02\x80\x00");
    assert_eq!((&witness[..4], witness.len()), (&b"\x7C\x12\x80\x10"[..], 20));
    client.manage();

    let public = client.generate(0x9C, 0x11, b"");
    assert_eq!((&public[..5], public.len()), (&b"\x7F\x49\x43\x86\x41"[..], 70));
    let digest = [0x5A; 32];
    let sign = [b"\x00\x87\x11\x9C\x00\x00\x26\x7C\x24\x82\x00\x81\x20", &digest[..]].concat();
    assert_eq!(client.raw(&sign).1, 0x6982, "the PIN first");
    assert_eq!(client.raw(b"\x00\x20\x00\x80\x00\x00\x08123456\xFF\xFF").1, OK);
    let (answer, status) = client.raw(&sign);
    assert_eq!(status, OK);
    let length = answer[3];
    assert_eq!((answer[0], answer[1], answer[2]), (0x7C, length + 2, 0x82));
    let key = VerifyingKey::from_sec1_bytes(&public[5..]).unwrap();
    let signature = Signature::from_der(&answer[4..]).unwrap();
    key.verify_prehash(&digest, &signature).unwrap();
    assert_eq!(client.raw(&sign).1, 0x6982, "a PIN is good for one signature here");

    let certificate = tlv(0x53, &[tlv(0x70, &[7; 284]), b"\x71\x01\x00\xFE\x00".to_vec()].concat());
    client.must(0xDB, 0x3F, 0xFF, &[b"\x5C\x03\x5F\xC1\x0A", &certificate[..]].concat());
    assert_eq!(client.raw(b"\x00\xCB\x3F\xFF\x00\x00\x05\x5C\x03\x5F\xC1\x02").1, 0x6A82);
    assert_eq!(client.must(0xCB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x0A"), certificate);
}

#[test]
fn libykpiv_opens_the_card_with_short_commands_that_end_in_le() {
    let mut client = Client::new("5.4.3");
    client.card.power_cycle();
    assert_eq!(client.raw(b"\x00\xFD\x00\x00\x00"), (vec![], 0x6D00), "nothing is selected");
    let select = b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08\x00";
    assert_eq!(client.raw(select), (SELECTED.to_vec(), OK));
    assert_eq!(client.raw(b"\x00\x20\x00\x80\x00"), (vec![], 0x63C3));
    assert_eq!(client.raw(b"\x00\xFD\x00\x00\x00"), (vec![5, 4, 3], OK));
    let serial = client.card.serial().to_be_bytes().to_vec();
    assert_eq!(client.raw(b"\x00\xF8\x00\x00\x00"), (serial, OK));
    assert_eq!(client.raw(b"\x00\x20\x00\x80\x08123456\xFF\xFF\x00"), (vec![], OK));
    assert_eq!(client.raw(b"\x00\x20\x00\x80\x00"), (vec![], OK));
    assert_eq!(client.raw(b"\x00\xF9\x9A\x00\x00"), (vec![], 0x6A80), "no key to attest");
    assert_eq!(client.raw(b"\x00\xF9\xF9\x00\x00"), (vec![], 0x6A80));
}

#[test]
fn ykman_asks_the_management_applet_what_the_key_is() {
    let mut client = Client::new("5.7.1");
    client.card.power_cycle();
    let select = b"\x00\xA4\x04\x00\x00\x00\x08\xA0\x00\x00\x05\x27\x47\x11\x17";
    let (name, status) = client.raw(select);
    assert_eq!((&name[..], status), (&b"Virtual mgr - FW version 5.7.1"[..], OK));
    let (configuration, status) = client.raw(b"\x00\x1D\x00\x00");
    assert_eq!((usize::from(configuration[0]), status), (configuration.len() - 1, OK));
    let serial = tlv(0x02, &client.card.serial().to_be_bytes());
    for part in [serial.as_slice(), b"\x01\x02\x02\x3F", b"\x05\x03\x05\x07\x01", b"\x04\x01\x01"] {
        assert!(configuration.windows(part.len()).any(|window| window == part), "{part:02x?}");
    }
    assert_eq!(client.raw(b"\x00\xFD\x00\x00\x00").1, 0x6D00, "PIV is not selected");
}

#[test]
fn below_firmware_5_the_serial_number_comes_from_the_otp_applet() {
    let mut client = Client::new("4.3.5");
    assert_eq!(client.raw(b"\x00\xF8\x00\x00\x00").1, 0x6D00);
    let select = b"\x00\xA4\x04\x00\x08\xA0\x00\x00\x05\x27\x20\x01\x01";
    assert_eq!(client.raw(select), (vec![4, 3, 5, 0, 0, 0], OK));
    let serial = client.card.serial().to_be_bytes().to_vec();
    assert_eq!(client.raw(b"\x00\x01\x10\x00\x00"), (serial, OK));
}

#[test]
fn opensc_looks_for_other_cards_first_and_reads_the_discovery_object() {
    let mut client = Client::new("5.4.3");
    client.card.power_cycle();
    for probe in [
        &b"\x00\xA4\x04\x00\x07\x62\x76\x01\xFF\x00\x00\x00"[..],
        b"\x00\xA4\x04\x00\x06\xA0\x00\x00\x00\x01\x01",
        b"\x00\xA4\x04\x00\x0B\xE8\x2B\x06\x01\x04\x01\x81\xC3\x1F\x02\x01",
        b"\x00\xA4\x04\x00\x06\xD2\x76\x00\x01\x24\x01\x00",
    ] {
        assert_eq!(client.raw(probe).1, 0x6A82, "{probe:02x?}");
    }
    assert_eq!(client.raw(b"\x00\xCA\xDF\x30\x05").1, 0x6D00);
    assert_eq!(client.raw(b"\x00\xCB\x3F\xFF\x03\x5C\x01\x7E\x08").1, 0x6D00);
    let select = b"\x00\xA4\x04\x00\x09\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x00";
    assert_eq!(client.raw(select), (SELECTED.to_vec(), OK));
    let discovery =
        b"\x7E\x12\x4F\x0B\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00\x5F\x2F\x02\x40\x00";
    let asked = client.raw(b"\x00\xCB\x3F\xFF\x03\x5C\x01\x7E\x08");
    assert_eq!(asked, (discovery.to_vec(), OK), "all of it, whatever Le says");
    assert_eq!(client.raw(b"\x00\x20\x00\x80"), (vec![], 0x63C3));
}

#[test]
fn ykman_blocks_pin_and_puk_and_resets() {
    let mut client = Client::new("5.7.1");
    for left in [0x63C2, 0x63C1, 0x63C0, 0x6983] {
        assert_eq!(client.verify(&[0xFF; 8]), left);
    }
    assert_eq!(client.status(0xFB, 0, 0, b""), 0x6985, "the PUK is not blocked yet");
    for left in [0x63C2, 0x63C1, 0x63C0, 0x6983] {
        assert_eq!(client.status(0x2C, 0x00, 0x80, &[0xFF; 16]), left);
    }
    client.must(0xFB, 0, 0, b"");
    assert_eq!(client.verify(PIN), OK);
}

#[test]
fn a_mutual_handshake_proves_both_sides_and_is_good_for_once() {
    let mut client = Client::new("5.4.3");
    let kind = virtual_yubikey::ManagementAlgorithm::Tdes;
    let key = crate::client::MANAGEMENT_KEY;
    let witness = client.must(0x87, 0x03, 0x9B, b"\x7C\x02\x80\x00");
    assert_eq!(witness[..4], *b"\x7C\x0A\x80\x08");
    let deciphered = crate::client::decipher_tdes(&key, &witness[4..]);
    let inner = [tlv(0x80, &deciphered), tlv(0x81, b"challeng"), b"\x82\x00".to_vec()].concat();
    let answer = client.must(0x87, 0x03, 0x9B, &tlv(0x7C, &inner));
    assert_eq!(answer, [b"\x7C\x0A\x82\x08", &encipher(kind, &key, b"challeng")[..]].concat());
    assert_eq!(client.status(0x87, 0x03, 0x9B, &tlv(0x7C, &inner)), 0x6982);
    assert_eq!(client.verify(WRONG), 0x63C2);
}
