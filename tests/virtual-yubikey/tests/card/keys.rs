//! Keys in slots: made, brought, used, moved, attested.

use der::{Decode as _, Encode as _};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use virtual_yubikey::Algorithm;
use x509_cert::Certificate;

use crate::client::{Client, OK, PIN, tlv};

const PIN_NEVER: &[u8] = b"\xAA\x01\x01";
/// 9A, 9C, 9D, 9E, 82 to 95.
const SLOTS: [u8; 24] = [
    0x9A, 0x9C, 0x9D, 0x9E, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x8D,
    0x8E, 0x8F, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95,
];

#[test]
fn every_slot_has_its_own_default_policies() {
    for (model, card_authentication) in [("5.7.1", 1), ("5.7.1-fips", 2)] {
        let mut client = Client::new(model);
        client.manage();
        for slot in SLOTS {
            assert_eq!(client.status(0xF7, 0x00, slot, b""), 0x6A88);
            client.generate(slot, 0x11, b"\xAA\x01\x00\xAB\x01\x00");
            let pin = match slot {
                0x9C => 3,
                0x9E => card_authentication,
                _ => 2,
            };
            let metadata = client.must(0xF7, 0x00, slot, b"");
            assert_eq!(metadata[..10], [1, 1, 0x11, 2, 2, pin, 1, 3, 1, 1], "{model} {slot:02x}");
        }
    }
}

#[test]
fn each_algorithm_is_made_used_and_shown_in_metadata() {
    for algorithm in Algorithm::ALL {
        if algorithm == Algorithm::Rsa4096 {
            // Takes too long; what is different about it is the size alone.
            continue;
        }
        let mut client = Client::new("5.7.1");
        client.manage();
        let public = client.generate(0x9A, algorithm.id(), PIN_NEVER);
        let (form, size): (&[u8], usize) = match algorithm {
            Algorithm::Rsa1024 => (b"\x7F\x49\x81\x88\x81\x81\x80", 128),
            Algorithm::Rsa2048 => (b"\x7F\x49\x82\x01\x09\x81\x82\x01\x00", 256),
            Algorithm::Rsa3072 => (b"\x7F\x49\x82\x01\x89\x81\x82\x01\x80", 384),
            Algorithm::Rsa4096 => (b"\x7F\x49\x82\x02\x09\x81\x82\x02\x00", 512),
            Algorithm::P256 => (b"\x7F\x49\x43\x86\x41\x04", 32),
            Algorithm::P384 => (b"\x7F\x49\x63\x86\x61\x04", 48),
            Algorithm::Ed25519 | Algorithm::X25519 => (b"\x7F\x49\x22\x86\x20", 32),
        };
        assert!(public.starts_with(form), "{algorithm:?}: {public:02x?}");
        let metadata = client.must(0xF7, 0x00, 0x9A, b"");
        let tlvs = &public[if public[2] < 0x80 { 3 } else { 3 + usize::from(public[2] & 3) }..];
        assert!(metadata.ends_with(tlvs), "{algorithm:?}");
        let used = if algorithm == Algorithm::X25519 {
            let point = tlv(0x7C, &[b"\x82\x00".to_vec(), tlv(0x85, &[9; 32])].concat());
            client.send(0x87, algorithm.id(), 0x9A, &point)
        } else {
            client.sign(algorithm.id(), 0x9A, &vec![1; size])
        };
        assert_eq!((used.0[0], used.1), (0x7C, OK), "{algorithm:?}");
        // Another algorithm than the key's.
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert_eq!(client.sign(other.id(), 0x9A, &vec![1; size]).1, 0x6A80);
        }
    }
}

#[test]
fn two_cards_agree_on_a_secret() {
    let [mut one, mut other] = ["5.4.3", "5.7.1"].map(Client::new);
    for (algorithm, point) in [(0x11, 65), (0x14, 97)] {
        let mut public = Vec::new();
        for client in [&mut one, &mut other] {
            client.manage();
            let answer = client.generate(0x9D, algorithm, PIN_NEVER);
            public.push(answer[answer.len() - point..].to_vec());
        }
        let agree = |client: &mut Client, peer: &[u8]| {
            let inner = [b"\x82\x00".to_vec(), tlv(0x85, peer)].concat();
            client.must(0x87, algorithm, 0x9D, &tlv(0x7C, &inner))
        };
        assert_eq!(agree(&mut one, &public[1]), agree(&mut other, &public[0]));
        let mut off = public[0].clone();
        off[point - 1] ^= 1;
        let inner = [b"\x82\x00".to_vec(), tlv(0x85, &off)].concat();
        assert_eq!(one.status(0x87, algorithm, 0x9D, &tlv(0x7C, &inner)), 0x6A80, "off the curve");
    }
}

#[test]
fn generate_and_import_refuse_what_is_not_right() {
    let mut client = Client::new("5.7.1");
    let scalar = tlv(0x06, &[1; 32]);
    assert_eq!(client.status(0x47, 0x00, 0x9A, b"\xAC\x03\x80\x01\x11"), 0x6982);
    assert_eq!(client.status(0xFE, 0x11, 0x9A, &scalar), 0x6982);
    client.manage();
    for (slot, data, status) in [
        (0x9B, &b"\xAC\x03\x80\x01\x11"[..], 0x6B00),
        (0x81, b"\xAC\x03\x80\x01\x11", 0x6B00),
        (0x96, b"\xAC\x03\x80\x01\x11", 0x6B00),
        (0x9A, b"\xAC\x03\x80\x01\x12", 0x6A80),
        (0x9A, b"\xAC\x00", 0x6A80),
        (0x9A, b"", 0x6A80),
        (0x9A, b"\xAB\x03\x80\x01\x11", 0x6A80),
        (0x9A, b"\xAC\x04\x80\x02\x11\x11", 0x6A80),
        (0x9A, b"\xAC\x06\x80\x01\x11\xAA\x01\x04", 0x6A80),
        (0x9A, b"\xAC\x06\x80\x01\x11\xAA\x01\x05", 0x6A80),
        (0x9A, b"\xAC\x06\x80\x01\x11\xAB\x01\x04", 0x6A80),
        (0x9A, b"\xAC\x06\x80\x01\x11\xAD\x01\x01", 0x6A80),
        (0x9A, b"\xAC\x06\x80\x01\x11\xAA\x02\x01\x01", 0x6A80),
    ] {
        assert_eq!(client.status(0x47, 0x00, slot, data), status, "{slot:02x} {data:02x?}");
    }
    assert_eq!(client.status(0x47, 0x01, 0x9A, b"\xAC\x03\x80\x01\x11"), 0x6A86);
    for (algorithm, slot, data, status) in [
        (0x11, 0x9B, scalar.clone(), 0x6B00),
        (0x12, 0x9A, scalar.clone(), 0x6A80),
        (0x14, 0x9A, scalar.clone(), 0x6A80),
        (0x11, 0x9A, tlv(0x06, &[1; 31]), 0x6A80),
        (0x11, 0x9A, tlv(0x06, &[0; 32]), 0x6A80),
        (0x11, 0x9A, tlv(0x07, &[1; 32]), 0x6A80),
        (0x11, 0x9A, tlv(0x09, &[1; 32]), 0x6A80),
        (0x11, 0x9A, vec![], 0x6A80),
        (0x07, 0x9A, scalar, 0x6A80),
    ] {
        assert_eq!(
            client.status(0xFE, algorithm, slot, &data),
            status,
            "{algorithm:02x} {slot:02x}"
        );
    }
    assert_eq!(client.status(0xF7, 0x00, 0x9A, b""), 0x6A88, "nothing came of it");
}

#[test]
fn an_imported_key_signs_and_cannot_be_attested() {
    let mut client = Client::new("5.4.3");
    client.manage();
    let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let parts = [tlv(0x06, &[7; 32]), b"\xAA\x01\x03\xAB\x01\x01".to_vec()].concat();
    client.must(0xFE, 0x11, 0x82, &parts);
    let point = key.public_key().to_sec1_point(false);
    let expected = [b"\x01\x01\x11\x02\x02\x03\x01\x03\x01\x02\x04\x43\x86\x41", point.as_bytes()];
    assert_eq!(client.must(0xF7, 0x00, 0x82, b""), expected.concat());
    assert_eq!(client.status(0xF9, 0x82, 0x00, b""), 0x6A80);
    assert_eq!(client.verify(PIN), OK);
    assert_eq!(client.sign(0x11, 0x82, &[1; 20]).1, OK);
}

#[test]
fn use_of_a_key_that_is_not_there_or_not_for_that_is_refused() {
    let mut client = Client::new("5.7.1");
    client.manage();
    client.generate(0x9A, 0x11, PIN_NEVER);
    assert_eq!(client.sign(0x11, 0x9C, &[1; 32]).1, 0x6A80);
    assert_eq!(client.sign(0x07, 0xF9, &[1; 256]).1, 0x6A80, "F9 signs attestations alone");
    assert_eq!(client.sign(0x11, 0x80, &[1; 32]).1, 0x6B00);
    for data in [
        &b""[..],
        b"\x7C\x00",
        b"\x7C\x02\x82\x00",
        b"\x7C\x04\x82\x00\x81\x00",
        b"\x7C\x05\x82\x00\x86\x01\x00",
        b"\x7C\x06\x81\x01\x00\x85\x01\x00",
        b"\x7C\x05\x82\x00\x85\x01\x04",
        b"\x7C\x04\x82\x00\x81\x05",
    ] {
        assert_eq!(client.status(0x87, 0x11, 0x9A, data), 0x6A80, "{data:02x?}");
    }
    assert_eq!(client.sign(0x11, 0x9A, &[1; 33]).1, 0x6A80);
    // Without the empty response that asks for one: accepted as well.
    assert_eq!(client.status(0x87, 0x11, 0x9A, &tlv(0x7C, &tlv(0x81, &[1; 32]))), OK);
}

#[test]
fn keys_move_and_go_and_certificates_stay() {
    let mut client = Client::new("5.7.1");
    assert_eq!(client.status(0xF6, 0x9C, 0x9A, b""), 0x6982);
    client.manage();
    client.generate(0x9A, 0x11, b"");
    client.generate(0x9D, 0x14, b"");
    client.must(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x05\x53\x01\x00");
    let before = client.must(0xF7, 0x00, 0x9A, b"");
    for (to, from, status) in [
        (0x9D, 0x9A, 0x6A80),
        (0x9A, 0x9A, 0x6A80),
        (0x9A, 0x9E, 0x6A88),
        (0xFF, 0x9E, 0x6A88),
        (0x80, 0x9A, 0x6B00),
        (0x9E, 0x9B, 0x6B00),
        (0xF9, 0x9A, 0x6B00),
        (0x9E, 0xF9, 0x6B00),
        (0x95, 0x9A, OK),
    ] {
        assert_eq!(client.status(0xF6, to, from, b""), status, "{from:02x} to {to:02x}");
    }
    assert_eq!(client.must(0xF7, 0x00, 0x95, b""), before, "with its policies and origin");
    assert_eq!(client.status(0xF7, 0x00, 0x9A, b""), 0x6A88);
    assert_eq!(client.must(0xCB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x05"), b"\x53\x01\x00");
    client.must(0xF6, 0xFF, 0x95, b"");
    assert_eq!(client.status(0xF7, 0x00, 0x95, b""), 0x6A88);
    client.generate(0x9C, 0x11, b"");
    client.must(0xF9, 0x9C, 0x00, b"");
    client.must(0xF6, 0xFF, 0xF9, b"");
    assert_eq!(client.status(0xF9, 0x9C, 0x00, b""), 0x6A80, "nothing to attest with");
}

#[test]
fn an_attestation_is_of_this_key_and_by_the_certificate_of_f9() {
    let mut client = Client::new("5.7.1");
    for slot in [0x9A, 0xF9, 0x82] {
        assert_eq!(client.status(0xF9, slot, 0x00, b""), 0x6A80, "{slot:02x}");
    }
    assert_eq!(client.status(0xF9, 0x80, 0x00, b""), 0x6B00);
    client.manage();
    let public = client.generate(0x9A, 0x11, b"\xAA\x01\x03\xAB\x01\x02");
    let attestation = Certificate::from_der(&client.must(0xF9, 0x9A, 0x00, b"")).unwrap();
    let object = client.must(0xCB, 0x3F, 0xFF, b"\x5C\x03\x5F\xFF\x01");
    assert_eq!((object[0], object[4]), (0x53, 0x70));
    let signer = Certificate::from_der(&object[8..]).unwrap();
    assert_eq!(attestation.tbs_certificate().issuer(), signer.tbs_certificate().subject());
    let spki = attestation.tbs_certificate().subject_public_key_info().to_der().unwrap();
    assert!(spki.ends_with(&public[5..]));
    let extension = |number: u32| {
        let oid = format!("1.3.6.1.4.1.41482.3.{number}");
        let extensions = attestation.tbs_certificate().extensions().unwrap();
        let found = extensions.iter().find(|extension| extension.extn_id.to_string() == oid);
        found.unwrap().extn_value.as_bytes().to_vec()
    };
    assert_eq!((extension(3), extension(8), extension(9)), (vec![5, 7, 1], vec![3, 2], vec![1]));
}

#[test]
fn f9_can_be_overwritten_and_a_reset_does_not_bring_it_back() {
    let mut client = Client::new("5.7.1");
    client.manage();
    let factory = client.must(0xF7, 0x00, 0xF9, b"");
    client.generate(0xF9, 0x11, b"");
    let own = client.must(0xF7, 0x00, 0xF9, b"");
    assert_ne!(own, factory);
    client.must(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\xFF\x01\x53\x03\x70\x01\x00");
    client.generate(0x9A, 0x11, b"");
    assert_eq!(client.status(0xF9, 0x9A, 0x00, b""), 0x6A80, "no certificate of F9");
    client.block_both();
    client.must(0xFB, 0, 0, b"");
    assert_eq!(client.must(0xF7, 0x00, 0xF9, b""), own);
    let object = client.must(0xCB, 0x3F, 0xFF, b"\x5C\x03\x5F\xFF\x01");
    assert_eq!(object, b"\x53\x03\x70\x01\x00");
}
