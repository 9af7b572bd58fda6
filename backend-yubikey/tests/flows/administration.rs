//! Retry limits, PUK, management key, reset.

use backend_yubikey::tlv::element;
use signer_core::{
    Administration, Contents, Error, ManagementKeyAlgorithm, ManagementKeyProtection,
    NewManagementKey, PinManager, Retries, Secret, SecretKind, Token, TouchPolicy, Tries,
};

use super::Rig;
use super::certificates::foreign;
use super::script::MANAGEMENT_KEY;

const NEWEST: [u8; 3] = [5, 7, 1];
const ADMIN_DATA: [u8; 3] = [0x5f, 0xff, 0x00];
const PRINTED: [u8; 3] = [0x5f, 0xc1, 0x09];

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn new_key<'a>(key: &'a Secret, protection: ManagementKeyProtection) -> NewManagementKey<'a> {
    let algorithm = ManagementKeyAlgorithm::Aes192;
    NewManagementKey { key, algorithm, touch: TouchPolicy::Never, protection }
}

#[test]
fn limits_are_set_with_pin_and_management_key_and_factory_secrets_replaced() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    token.set_retries(Retries { pin: 8, puk: 4 }).unwrap();
    assert_eq!(
        rig.card.said(),
        "( piv about-80 verify about-9b prove prove set-retries-8-4 other )"
    );
    token.replace_factory_secrets(&secret("867530"), &secret("31415926")).unwrap();
    assert_eq!(rig.card.said(), "( piv about-80 about-80 change-80 about-81 about-81 change-81 )");
    token.verify(&secret("867530")).unwrap();
    for retries in [Retries { pin: 0, puk: 3 }, Retries { pin: 3, puk: 0 }] {
        assert!(matches!(token.set_retries(retries), Err(Error::Unsupported { .. })));
    }
}

#[test]
fn secrets_that_are_no_longer_the_factorys_are_left_alone() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let replaced = [1, 1, 0xff, 5, 1, 0, 6, 2, 3, 3, 0x90, 0x00];
    rig.card.instead("about-80", &replaced);
    rig.card.instead("about-81", &replaced);
    token.replace_factory_secrets(&secret("867530"), &secret("31415926")).unwrap();
    assert_eq!(rig.card.said(), "( piv about-80 about-81 )");
}

#[test]
fn a_management_key_is_proved_and_kept_after_it_is_set() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    // The scripted card goes on with the key it has, so the proof is by the same key.
    let same = secret(MANAGEMENT_KEY);
    token.set_management_key(&new_key(&same, ManagementKeyProtection::Pin)).unwrap();
    assert_eq!(
        rig.card.said(),
        "( piv about-80 verify about-9b prove prove get-5fff00 set-management-key prove \
         prove put-5fc109 put-5fff00 other )"
    );
    assert_eq!(rig.card.state().objects[&ADMIN_DATA], [0x80, 0x03, 0x81, 0x01, 0x02]);
    assert_eq!(rig.card.state().objects[&PRINTED][..5], [0x88, 0x1a, 0x89, 0x18, 0x01]);
    let commands = rig.card.state().commands.clone();
    let set = commands.iter().find(|command| command[1] == 0xff).unwrap();
    assert_eq!(set[..8], [0x00, 0xff, 0xff, 0xff, 0x1b, 0x0a, 0x9b, 0x18]);
    let info = token.management_key().unwrap();
    assert_eq!(info.protection, ManagementKeyProtection::Pin);
    assert_eq!(info.best_algorithm, ManagementKeyAlgorithm::Aes256);
}

#[test]
fn a_management_key_that_the_card_keeps_is_found_with_the_pin_alone() {
    let rig = Rig::new(NEWEST);
    let mut key = vec![0x88, 0x1a, 0x89, 0x18];
    key.extend((0..24).map(|n| n % 8 + 1));
    rig.card.state().objects.insert(PRINTED, key);
    rig.card.state().objects.insert(ADMIN_DATA, vec![0x80, 0x03, 0x81, 0x01, 0x02]);
    let rig = rig.without_secrets().with_secret(SecretKind::Pin, "123456");
    let mut token = rig.opened();
    token.verify_management_key().unwrap();
    assert_eq!(
        rig.card.said(),
        "( piv get-5fff00 ) ( about-80 verify about-9b get-5fc109 prove prove other )"
    );
}

#[test]
fn without_any_source_nobody_guesses_the_factory_key() {
    let rig = Rig::new(NEWEST).without_secrets();
    let mut token = rig.opened();
    let error = token.verify_management_key().unwrap_err();
    assert!(matches!(error, Error::NobodyToAsk { kind: SecretKind::ManagementKey, .. }), "{error}");
    assert_eq!(rig.card.count("prove"), 0);
}

#[test]
fn protection_that_is_lifted_takes_the_key_off_the_card() {
    let rig = Rig::new(NEWEST);
    rig.card.state().objects.insert(ADMIN_DATA, vec![0x80, 0x03, 0x81, 0x01, 0x03]);
    rig.card.state().objects.insert(PRINTED, vec![0x88, 0x00]);
    let mut token = rig.opened();
    let same = secret(MANAGEMENT_KEY);
    token.set_management_key(&new_key(&same, ManagementKeyProtection::None)).unwrap();
    assert_eq!(rig.card.state().objects[&ADMIN_DATA], [0x80, 0x03, 0x81, 0x01, 0x01]);
    assert!(rig.card.state().objects[&PRINTED].is_empty());
}

#[test]
fn management_keys_that_cannot_be_are_refused_before_any_command() {
    for (version, algorithm, key, reason) in [
        ([5, 2, 7], ManagementKeyAlgorithm::Aes256, "ab".repeat(32), "firmware 5.4.2"),
        (NEWEST, ManagementKeyAlgorithm::Aes256, "ab".repeat(24), "aes256 takes 32"),
        (NEWEST, ManagementKeyAlgorithm::TripleDes, "0102030405060708".repeat(3), "single DES"),
        (NEWEST, ManagementKeyAlgorithm::Aes128, "xy".repeat(16), "hexadecimal"),
    ] {
        let rig = Rig::new(version);
        let mut token = rig.opened();
        let key = secret(&key);
        let new = NewManagementKey {
            key: &key,
            algorithm,
            touch: TouchPolicy::Never,
            protection: ManagementKeyProtection::None,
        };
        let error = token.set_management_key(&new).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(rig.card.said(), "");
    }
}

#[test]
fn a_reset_spends_the_tries_and_wipes() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let wrong = secret("654321");
    assert!(token.verify(&wrong).is_err());
    rig.card.said();
    token.reset().unwrap();
    assert_eq!(rig.card.said(), "( piv verify verify unblock unblock unblock wipe )");
    assert_eq!(token.pin_status().unwrap().tries, Tries::Left(3));
    // What failed before the reset may be right after it.
    let error = token.verify(&wrong).unwrap_err();
    assert!(matches!(error, Error::WrongSecret { .. }), "{error}");
}

#[test]
fn what_a_reset_would_destroy_is_told() {
    let rig = Rig::new(NEWEST);
    rig.card.state().objects.insert([0x5f, 0xc1, 0x0a], vec![0x70, 0x00]);
    rig.card.state().objects.insert([0x5f, 0xc1, 0x05], vec![0x70, 0x00]);
    let mut token = rig.opened();
    let contents = token.administration().unwrap().contents(Contents::All).unwrap();
    let all = ["p256 key in slot 9c", "certificate in slot 9a", "certificate in slot 9c"];
    assert_eq!(contents, all);
}

#[test]
fn a_certificate_without_a_key_is_looked_for_only_when_all_is_asked_for() {
    for (version, shown) in [(NEWEST, false), ([5, 2, 7], true)] {
        let rig = Rig::new(version);
        let object = element(0x70, &foreign());
        rig.card.state().objects.insert([0x5f, 0xc1, 0x05], object.to_vec());
        let mut token = rig.opened();
        let contents = token.administration().unwrap().contents(Contents::Keys).unwrap();
        let alone = "certificate in slot 9a".to_owned();
        assert_eq!(contents.contains(&alone), shown, "{version:?}: {contents:?}");
    }
}
