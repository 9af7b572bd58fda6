//! Making, importing, moving, deleting and attesting keys.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use pem_rfc7468::decode_vec;
use signer_core::{
    Error, KeyManager, KeyOrigin, KeyPolicy, KeyRef, KeySpec, PinPolicy, Secret, SecretKind, Token,
    TouchPolicy, Tries,
};

use super::Rig;
use super::script::MANAGEMENT_KEY;

const NEWEST: [u8; 3] = [5, 7, 1];

fn slot() -> KeyRef {
    KeyRef::Slot("9c".into())
}

#[test]
fn a_key_is_made_with_its_policies_in_seven_commands() {
    let rig = Rig::new(NEWEST);
    rig.card.state().key = None;
    let mut token = rig.opened();
    let policy = KeyPolicy { pin: Some(PinPolicy::Once), touch: Some(TouchPolicy::Cached) };
    let key = token.generate(&slot(), KeySpec::P256, policy).unwrap();
    assert_eq!(
        (key.spec, key.policy, key.origin),
        (KeySpec::P256, policy, Some(KeyOrigin::Generated))
    );
    assert_eq!(rig.card.said(), "( piv about-9b prove prove about-9c generate-9c other )");
    let commands = rig.card.state().commands.clone();
    let golden = b"\x00\x47\x00\x9c\x00\x00\x0b\xac\x09\x80\x01\x11\xaa\x01\x02\xab\x01\x03";
    assert_eq!(commands[commands.len() - 2], golden);
    assert_eq!(commands[4], b"\x00\x87\x0a\x9b\x04\x7c\x02\x80\x00", "the handshake's first step");
    assert_eq!(commands[5][..9], *b"\x00\x87\x0a\x9b\x26\x7c\x24\x80\x10");
}

#[test]
fn a_key_that_is_there_is_not_overwritten() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let error = token.generate(&slot(), KeySpec::P256, KeyPolicy::default()).unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    assert_eq!(rig.card.count("generate-9c"), 0);
}

#[test]
fn firmware_that_makes_weak_keys_is_told_before_any_command() {
    let rig = Rig::new([4, 3, 1]);
    let mut token = rig.opened();
    let error = token.generate(&slot(), KeySpec::Rsa(2048), KeyPolicy::default()).unwrap_err();
    assert!(error.to_string().contains("ROCA"), "{error}");
    assert_eq!(rig.card.said(), "");
    let rig = Rig::new([4, 4, 2]);
    let mut token = rig.opened();
    let error = token.generate(&slot(), KeySpec::P256, KeyPolicy::default()).unwrap_err();
    assert!(error.to_string().contains("YSA-2019-02"), "{error}");
    assert_eq!(rig.card.said(), "");
}

#[test]
fn a_wrong_management_key_is_told_and_nothing_is_done() {
    let other = "ff".repeat(24);
    let rig = Rig::new(NEWEST).with_secret(SecretKind::ManagementKey, &other);
    rig.card.state().key = None;
    let mut token = rig.opened();
    let error = token.generate(&slot(), KeySpec::P256, KeyPolicy::default()).unwrap_err();
    let Error::WrongSecret { kind: SecretKind::ManagementKey, tries: Tries::Unknown, .. } = error
    else {
        panic!("{error}")
    };
    assert_eq!(rig.card.said(), "( piv about-9b prove prove other )");
}

#[test]
fn the_cipher_comes_from_the_card_and_not_from_the_length() {
    // Before metadata it is 3DES, which this card refuses as an AES one does.
    let rig = Rig::new([5, 2, 7]);
    let mut token = rig.opened();
    let error = token.delete_certificate_of_nothing();
    assert!(matches!(error, Error::WrongSecret { .. }), "{error}");
    let last = rig.card.state().commands.iter().rev().find(|c| c[1] == 0x87).cloned().unwrap();
    assert_eq!(last[2], 0x03);
}

#[test]
fn a_card_that_only_echoes_proves_nothing() {
    let rig = Rig::new(NEWEST);
    rig.card.state().key = None;
    let mut token = rig.opened();
    // The witness is answered rightly; the challenge comes back as zeros.
    let witness = [&[0x7c, 0x12, 0x80, 0x10][..], &[0x11; 16], &[0x90, 0x00]].concat();
    let zeros = [&[0x7c, 0x12, 0x82, 0x10][..], &[0x00; 16], &[0x90, 0x00]].concat();
    rig.card.instead("prove", &witness);
    rig.card.instead("prove", &zeros);
    let error = token.generate(&slot(), KeySpec::P256, KeyPolicy::default()).unwrap_err();
    assert!(matches!(error, Error::WrongSecret { .. }), "{error}");
    assert_eq!(rig.card.count("generate-9c"), 0);
}

#[test]
fn a_key_is_imported_in_the_parts_that_the_card_takes() {
    let rig = Rig::new(NEWEST);
    rig.card.state().key = None;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let pkcs8 = Secret::new(pair.to_pkcs8v1().unwrap().as_ref().to_vec());
    let policy = KeyPolicy { pin: Some(PinPolicy::Never), touch: None };
    let key = rig.opened().import(&slot(), &pkcs8, policy).unwrap();
    assert_eq!(key.origin, Some(KeyOrigin::Imported));
    let commands = rig.card.state().commands.clone();
    let import = &commands[commands.len() - 2];
    assert_eq!(import[..7], [0x00, 0xfe, 0x11, 0x9c, 0x25, 0x06, 0x20]);
    assert_eq!(import[import.len() - 3..], [0xaa, 0x01, 0x01]);
}

#[test]
fn moving_and_deleting_need_the_fifth_series() {
    let rig = Rig::new([5, 4, 3]);
    let mut token = rig.opened();
    let to = KeyRef::Slot("82".into());
    for error in [token.delete(&slot()).unwrap_err(), token.relocate(&slot(), &to).unwrap_err()] {
        assert!(error.to_string().ends_with("needs firmware 5.7.0"), "{error}");
    }
    assert_eq!(rig.card.said(), "");

    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    token.relocate(&slot(), &to).unwrap();
    token.delete(&slot()).unwrap();
    assert_eq!(
        rig.card.said(),
        "( piv about-9b prove prove about-82 move-9c-82 other ) ( piv prove prove move-9c-ff other )"
    );
    let occupied = token.relocate(&to, &slot()).unwrap_err();
    assert!(matches!(occupied, Error::AlreadyExists { .. }), "{occupied}");
}

#[test]
fn deleting_nothing_is_not_found() {
    let rig = Rig::new(NEWEST);
    rig.card.instead("move-9c-ff", &[0x6a, 0x88]);
    let error = rig.opened().delete(&slot()).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[test]
fn an_attestation_of_another_token_is_not_believed_for_this_one() {
    let rig = Rig::new([5, 4, 3]);
    let der = |pem: &[u8]| decode_vec(pem).unwrap().1;
    let leaf = der(include_bytes!("../attestations/factory-5.4.3-9a.pem"));
    let card = der(include_bytes!("../attestations/factory-5.4.3-f9.pem"));
    rig.card.state().attestation = Some(leaf.clone());
    let object = backend_yubikey::tlv::element(0x70, &card).to_vec();
    rig.card.state().objects.insert([0x5f, 0xff, 0x01], object);
    let mut token = rig.opened();
    let first = KeyRef::Slot("9a".into());
    assert_eq!(token.attest(&first).unwrap(), [leaf, card]);
    assert_eq!(rig.card.said(), "( piv attest-9a get-5fff01 )");
    // It is genuine, and of the YubiKey 15732500.
    let attested = token.attestation(&first, &[]).unwrap();
    assert_eq!(attested.serial.as_deref(), Some("15732500"));
    assert_eq!((attested.version.as_str(), attested.is_fips), ("5.4.3", false));
    assert_eq!(attested.policy.pin, Some(PinPolicy::Once));
    let doubt = attested.doubt.unwrap().to_string();
    assert!(doubt.contains("not signed by the key in slot f9 of this YubiKey"), "{doubt}");
    let doubt = token.attestation(&slot(), &[]).unwrap().doubt.unwrap().to_string();
    assert!(doubt.contains("is about slot 9a"), "{doubt}");
}

#[test]
fn before_metadata_a_key_is_known_by_its_attestation() {
    let rig = Rig::new([4, 3, 7]);
    let leaf = decode_vec(include_bytes!("../attestations/factory-4.3.7-9a.pem")).unwrap().1;
    let mut token = rig.opened();
    let attested = [leaf.as_slice(), &[0x90, 0x00]].concat();
    rig.card.instead("attest-9a", &attested);
    let keys = token.keys().unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].key, KeyRef::Slot("9a".into()));
    assert_eq!(keys[0].policy.pin, Some(PinPolicy::Once));
}

#[test]
fn listing_takes_one_command_for_each_slot() {
    let rig = Rig::new(NEWEST);
    let keys = rig.opened().keys().unwrap();
    assert_eq!(keys.len(), 1);
    let said = rig.card.said();
    assert_eq!(said.matches("about-").count(), 24, "{said}");
    assert!(!MANAGEMENT_KEY.is_empty());
}

trait Shorthand {
    fn delete_certificate_of_nothing(&mut self) -> Error;
}

impl Shorthand for backend_yubikey::YubiKeyToken {
    fn delete_certificate_of_nothing(&mut self) -> Error {
        signer_core::CertStore::remove(self, &slot()).unwrap_err()
    }
}
