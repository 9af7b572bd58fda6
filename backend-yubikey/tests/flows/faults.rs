//! What happens when things go wrong on the way to the card.

use backend_yubikey::transport::TransportError;
use signer_core::{Error, KeyRef, PinManager, Secret, Token};

use super::Rig;
use super::script::Cut;

const NEWEST: [u8; 3] = [5, 7, 1];

fn slot() -> KeyRef {
    KeyRef::Slot("9c".into())
}

#[test]
fn a_card_that_another_program_reset_is_used_again_when_it_is_the_same() {
    let rig = Rig::new(NEWEST);
    let signer = rig.opened().signer(&slot(), None).unwrap();
    rig.card.said();
    rig.card.state().begins.push_back(TransportError::Reset);
    signer.sign(b"message").unwrap();
    assert_eq!(rig.card.said(), "reconnect ( piv serial about-80 verify use-9c other )");
}

#[test]
fn another_card_in_its_place_gets_no_pin() {
    for error in [TransportError::Reset, TransportError::Removed, TransportError::NoService] {
        let rig = Rig::new(NEWEST);
        let signer = rig.opened().signer(&slot(), None).unwrap();
        rig.card.state().serial = 7;
        rig.card.state().begins.push_back(error);
        let error = signer.sign(b"message").unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        assert!(error.to_string().contains("in its place is YubiKey 7"), "{error}");
        assert_eq!(rig.card.count("verify"), 0);
        assert!(rig.card.said().ends_with("reconnect ( piv serial )"));
    }
}

#[test]
fn a_card_that_is_gone_is_looked_for_once() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    rig.card.state().begins.extend([TransportError::Removed, TransportError::Removed]);
    let error = token.pin_status().unwrap_err();
    assert!(matches!(error, Error::Device { .. }), "{error}");
    assert_eq!(rig.card.said(), "reconnect");
}

#[test]
fn an_answer_of_no_octets_is_a_removed_card() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let next = rig.card.state().commands.len();
    rig.card.state().cuts.insert(next, Cut::NoOctets);
    token.pin_status().unwrap();
    assert_eq!(rig.card.said(), "( ) reconnect ( piv serial about-80 )");
}

#[test]
fn a_card_that_is_lost_where_select_was_spared_is_looked_for_all_the_same() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    token.pin_status().unwrap();
    rig.card.said();
    let next = rig.card.state().commands.len();
    rig.card.state().cuts.insert(next, Cut::NoOctets);
    token.pin_status().unwrap();
    assert_eq!(rig.card.said(), "( reconnect ( piv serial about-80 )");

    let next = rig.card.state().commands.len();
    rig.card.state().cuts.insert(next, Cut::Before);
    rig.card.state().serial = 7;
    let error = token.verify(&Secret::new(b"123456".to_vec())).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(rig.card.count("verify"), 0);
}

/// The link is cut before and after every command of a signature, and the same thing is tried again.
#[test]
fn wherever_the_link_is_cut_a_pin_is_sent_once_until_the_counter_shows_it_right() {
    for cut in [Cut::Before, Cut::After] {
        for at in 0..8 {
            let rig = Rig::new(NEWEST);
            rig.card.state().cuts.insert(at, cut);
            let first = sign(&rig);
            let sent = rig.card.count("verify");
            assert!(sent <= 1, "{cut:?} {at}: {sent} times");
            // A right PIN leaves a full counter, which lifts what the guard noted.
            assert!(rig.card.state().tries == 3);
            assert!(!rig.card.state().verified || at == 7, "{cut:?} {at}");
            let second = sign(&rig);
            assert!(second.is_ok(), "{cut:?} {at}: {first:?}, then {second:?}");
        }
    }
}

#[test]
fn a_wrong_pin_whose_answer_was_lost_is_not_sent_again() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let wrong = Secret::new(b"654321".to_vec());
    let verify = rig.card.state().commands.len() + 2;
    rig.card.state().cuts.insert(verify, Cut::After);
    let lost = token.verify(&wrong).unwrap_err();
    assert!(matches!(lost, Error::Device { .. }), "{lost}");
    let refused = token.verify(&wrong).unwrap_err();
    assert!(matches!(refused, Error::FailedBefore { .. }), "{refused}");
    assert_eq!((rig.card.count("verify"), rig.card.state().tries), (1, 2));
}

#[test]
fn a_card_that_cannot_be_left_clean_is_reset() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    rig.card.instead("other", &[0x6f, 0x00]);
    rig.card.instead("otp", &[0x6f, 0x00]);
    token.verify(&Secret::new(b"123456".to_vec())).unwrap();
    assert_eq!(rig.card.said(), "( piv about-80 verify other otp reset)");
    assert!(!rig.card.state().verified);
}

#[test]
fn a_panic_leaves_the_card_clean_and_usable() {
    let rig = Rig::new(NEWEST);
    let token = rig.opened();
    let guard = rig.context.guard.clone();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut transaction = token.card().transaction().unwrap();
        transaction.verify_pin(&guard, &Secret::new(b"123456".to_vec())).unwrap();
        panic!("in the middle of it");
    }));
    assert!(panicked.is_err());
    assert!(rig.card.said().ends_with("verify other )"));
    assert!(!rig.card.state().verified);
    assert!(token.card().transaction().is_ok());
}

#[test]
fn rubbish_in_place_of_any_answer_is_an_error_and_no_panic() {
    for word in ["about-9c", "about-80", "use-9c"] {
        for rubbish in [
            &[0x90, 0x00][..],
            &[0xff; 40],
            &[0x01, 0x01, 0x90, 0x00],
            &[0x7c, 0x82, 0xff, 0xff, 0x90, 0x00],
            &[0x61, 0x01],
            &[0x90],
        ] {
            let rig = Rig::new(NEWEST);
            for _ in 0..3 {
                rig.card.instead(word, rubbish);
            }
            assert!(sign(&rig).is_err(), "{word}: {rubbish:02x?}");
        }
    }
}

#[test]
fn a_stolen_applet_is_named() {
    let rig = Rig::new(NEWEST);
    let signer = rig.opened().signer(&slot(), None).unwrap();
    rig.card.instead("use-9c", &[0x6d, 0x00]);
    let error = signer.sign(b"message").unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("selected another applet"), "{source}");
}

fn sign(rig: &Rig) -> signer_core::Result<()> {
    let backend = backend_yubikey::YubiKeyBackend::new(std::sync::Arc::new(rig.readers.clone()));
    let mut token = backend.open_token(&"yubikey:".parse().unwrap(), &rig.context)?;
    token.signer(&slot(), None)?.sign(b"message").map(drop)
}
