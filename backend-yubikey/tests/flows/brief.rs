//! A card that is asked who it is and no more.

use backend_yubikey::tlv::elements;
use signer_core::{
    Administration, Backend, Error, Introduction, OpenContext, PinManager, Secret, SecretKind,
    Token,
};

use super::Rig;
use super::places::shelf;
use super::script::{Cut, Script};

const PIN: &[u8] = b"123456";

fn secret(octets: &[u8]) -> Secret {
    Secret::new(octets.to_vec())
}

fn brief(version: [u8; 3]) -> Rig {
    let mut rig = Rig::new(version);
    rig.context.introduction = Introduction::Brief;
    rig
}

#[test]
fn a_pin_is_presented_and_changed_in_few_commands() {
    let rig = brief([5, 7, 1]);
    let mut token = rig.open();
    assert_eq!(rig.card.said(), "( piv serial )");
    assert_eq!(token.info().name, "YubiKey 16021234");
    assert_eq!((token.info().model.as_str(), token.info().version.as_deref()), ("YubiKey", None));
    token.verify(&secret(PIN)).unwrap();
    assert_eq!(rig.card.said(), "( about-80 verify other )");
    token.change(&secret(PIN), &secret(b"86753091")).unwrap();
    assert_eq!(rig.card.said(), "( piv about-80 change-80 )");
}

#[test]
fn a_new_pin_that_some_model_refuses_has_the_card_asked_which_it_is() {
    let rig = brief([5, 7, 1]);
    let mut token = rig.opened();
    token.change(&secret(PIN), &secret(b"867530")).unwrap();
    assert_eq!(rig.card.said(), "( other config piv about-80 change-80 )");
    // And asked once.
    assert_eq!(token.objection_to_new(SecretKind::NewPin, &secret(b"867531")).unwrap(), None);
    assert_eq!(rig.card.said(), "");
}

#[test]
fn older_cards_are_asked_as_far_as_they_answer() {
    for (version, opening, verifying) in [
        // No METADATA yet.
        ([5, 2, 7], "( piv serial )", "( about-80 piv about-80 counter verify other )"),
        // No serial number of PIV's.
        ([4, 3, 5], "( piv serial other config )", "( piv counter verify other )"),
    ] {
        let rig = brief(version);
        let mut token = rig.open();
        assert_eq!(rig.card.said(), opening);
        assert_eq!(token.info().name, "YubiKey 16021234");
        token.verify(&secret(PIN)).unwrap();
        assert_eq!(rig.card.said(), verifying);
    }
}

#[test]
fn a_serial_number_that_piv_hides_is_asked_of_the_management_applet() {
    let rig = brief([5, 4, 3]);
    rig.card.instead("serial", &[0x69, 0x85]);
    let token = rig.open();
    assert_eq!(rig.card.said(), "( piv serial other config )");
    assert_eq!(token.card().identity().serial, Some(16_021_234));
}

#[test]
fn what_somebody_left_verified_does_not_stay_so() {
    for (introduction, before) in
        [(Introduction::Brief, "about-80 piv about-80 "), (Introduction::Full, "piv ")]
    {
        let mut rig = Rig::new([5, 2, 7]);
        rig.context.introduction = introduction;
        let mut token = rig.opened();
        rig.card.state().verified = true;
        // Selected by whoever verified it.
        rig.card.state().application = b"\xa0\0\0\x03\x08".to_vec();
        token.verify(&secret(PIN)).unwrap();
        let said = format!("( {before}counter other piv counter verify other )");
        assert_eq!(rig.card.said(), said);
        assert!(!rig.card.state().verified, "{introduction:?}");
    }
}

#[test]
fn another_card_is_told_nothing() {
    let rig = brief([5, 7, 1]);
    let mut token = rig.opened();
    let next = rig.card.state().commands.len();
    rig.card.state().cuts.insert(next, Cut::Before);
    rig.card.state().serial = 5_000_001;
    let error = token.verify(&secret(PIN)).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(rig.card.said(), "( reconnect ( piv serial ) )");

    // Where the reader does not say that it was pulled, the other card does.
    let rig = brief([5, 7, 1]);
    let mut token = rig.opened();
    let parts = elements(&[(2, &[0, 0, 0, 9]), (4, &[3]), (5, &[5, 7, 1])]).to_vec();
    rig.card.instead("config", &[&[14][..], &parts, &[0x90, 0x00]].concat());
    let error = token.change(&secret(PIN), &secret(b"867530")).unwrap_err();
    assert!(error.to_string().contains("in its place is YubiKey 9"), "{error}");
    assert_eq!(rig.card.said(), "( other config piv )");
}

#[test]
fn what_needs_the_model_asks_for_it_before_anything_is_verified() {
    let rig = brief([5, 4, 3]);
    let mut token = rig.opened();
    token.verify_for_retries().unwrap();
    let said = "( other config piv about-80 verify about-9b prove prove other )";
    assert_eq!(rig.card.said(), said);
}

#[test]
fn several_cards_are_told_apart_as_far_as_they_answer() {
    let (one, two) = (Script::new([5, 7, 1], 1), Script::new([5, 4, 3], 2));
    two.instead("config", &[0x6f, 0x00]);
    two.instead("version", &[0x6f, 0x00]);
    let backend = shelf(&[("YubiKey 0", &one), ("YubiKey 1", &two)]);
    let with = OpenContext { introduction: Introduction::Brief, ..OpenContext::default() };
    let error = backend.open(&"yubikey:".parse().unwrap(), &with).unwrap_err();
    let Error::Ambiguous { candidates, .. } = error else { panic!("{error}") };
    let first = "yubikey:serial=1: YubiKey 5 (USB-C), firmware 5.7.1, in YubiKey 0";
    assert_eq!(candidates, [first, "yubikey:serial=2, in YubiKey 1"]);
}
