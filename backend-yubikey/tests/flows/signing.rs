//! Signatures and sessions, counted.

use signer_core::{Error, KeyRef, SecretKind, SignatureAlgorithm, Signer, Token};
use std::sync::Arc;

use super::Rig;

const NEWEST: [u8; 3] = [5, 7, 1];

fn slot() -> KeyRef {
    KeyRef::Slot("9c".into())
}

fn signer(rig: &Rig) -> Arc<dyn Signer> {
    rig.open().signer(&slot(), None).unwrap()
}

#[test]
fn one_signature_from_nothing_takes_eight_commands() {
    let rig = Rig::new(NEWEST);
    signer(&rig).sign(b"message").unwrap();
    assert_eq!(
        rig.card.said(),
        "( other config ) ( piv about-9c ) ( about-80 verify use-9c other )"
    );
}

#[test]
fn the_apdu_of_a_signature_is_the_golden_one() {
    let rig = Rig::new(NEWEST);
    signer(&rig).sign(b"abc").unwrap();
    let commands = rig.card.state().commands.clone();
    let shown = |octets: &[u8]| octets.iter().map(|o| format!("{o:02x}")).collect::<String>();
    assert_eq!(shown(&commands[5]), "0020008008313233343536ffff");
    assert_eq!(
        shown(&commands[6]),
        "0087119c267c2482008120ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn in_a_session_each_signature_takes_one_command() {
    let rig = Rig::new(NEWEST);
    let signer = signer(&rig);
    rig.card.said();
    let mut session = signer.session().unwrap();
    for _ in 0..10 {
        session.sign(b"message").unwrap();
    }
    drop(session);
    let said = rig.card.said();
    let ten = ["use-9c"; 10].join(" ");
    assert_eq!(said, format!("( about-80 verify {ten} other )"));
}

#[test]
fn a_key_that_always_wants_the_pin_takes_two_commands_each() {
    let rig = Rig::new(NEWEST);
    rig.card.state().policies = [3, 1];
    let signer = signer(&rig);
    rig.card.said();
    let mut session = signer.session().unwrap();
    for _ in 0..3 {
        session.sign(b"message").unwrap();
    }
    drop(session);
    assert_eq!(rig.card.said(), "( about-80 verify use-9c verify use-9c verify use-9c other )");
}

#[test]
fn a_key_that_never_wants_the_pin_is_used_without_it() {
    let rig = Rig::new(NEWEST).without_secrets();
    rig.card.state().policies = [1, 1];
    signer(&rig).sign(b"message").unwrap();
    assert!(rig.card.said().ends_with("( piv use-9c )"));
}

#[test]
fn after_many_signatures_others_get_their_turn_and_the_serial_is_looked_at() {
    let rig = Rig::new(NEWEST);
    let signer = signer(&rig);
    let mut session = signer.session().unwrap();
    rig.card.said();
    for _ in 0..257 {
        session.sign(b"message").unwrap();
    }
    drop(session);
    let said = rig.card.said();
    assert!(said.ends_with("use-9c other ) ( piv serial about-80 verify use-9c other )"), "{said}");
    assert_eq!(said.matches("use-9c").count(), 257);
    assert_eq!(said.matches("verify").count(), 2);
}

#[test]
fn a_wrong_pin_stops_a_batch_at_the_first_try_and_is_not_tried_by_the_next_one() {
    let rig = Rig::new(NEWEST).with_secret(SecretKind::Pin, "654321");
    for run in 0..5 {
        let signer = signer(&rig);
        let mut session = signer.session().unwrap();
        let error = session.sign(b"message").unwrap_err();
        match run {
            0 => assert!(matches!(error, Error::WrongSecret { .. }), "{error}"),
            _ => assert!(matches!(error, Error::FailedBefore { .. }), "{error}"),
        }
        assert!(session.sign(b"message").is_err());
    }
    assert_eq!(rig.card.count("verify"), 1);
    assert_eq!(rig.card.state().tries, 2);
}

#[test]
fn a_pin_that_cannot_be_right_is_not_sent() {
    for value in ["", "\n", "12345", "123456789", "123456\r\n\r\n", "\u{feff}", "        \t"] {
        let rig = Rig::new(NEWEST).with_secret(SecretKind::Pin, value);
        let error = signer(&rig).sign(b"message").unwrap_err();
        assert!(!error.to_string().contains("123456"), "{error}");
        assert_eq!(rig.card.count("verify"), 0, "{value:?}");
    }
}

#[test]
fn the_last_try_is_not_spent() {
    let rig = Rig::new(NEWEST);
    rig.card.state().tries = 1;
    let error = signer(&rig).sign(b"message").unwrap_err();
    assert!(matches!(error, Error::LastTryRefused { .. }), "{error}");
    rig.card.state().tries = 0;
    let error = signer(&rig).sign(b"message").unwrap_err();
    assert!(matches!(error, Error::Blocked { .. }), "{error}");
    assert_eq!(rig.card.count("verify"), 0);
}

#[test]
fn a_signature_with_a_flipped_bit_is_not_released() {
    let rig = Rig::new(NEWEST);
    let mut answer = vec![0x7c, 0x0c, 0x82, 0x0a, 0x30, 0x08, 0x02, 0x02, 0x11, 0x11];
    answer.extend([0x02, 0x02, 0x22, 0x22, 0x90, 0x00]);
    rig.card.instead("use-9c", &answer);
    let error = signer(&rig).sign(b"message").unwrap_err();
    assert!(error.to_string().contains("checking the signature"), "{error}");
}

#[test]
fn a_touch_is_asked_for_before_the_command_and_only_where_the_key_wants_it() {
    for (policy, signatures, touches) in [(1, 3, 0), (2, 3, 3), (3, 3, 1)] {
        let rig = Rig::new(NEWEST);
        rig.card.state().policies = [2, policy];
        let signer = signer(&rig);
        let mut session = signer.session().unwrap();
        for _ in 0..signatures {
            session.sign(b"message").unwrap();
        }
        assert_eq!(rig.touches.count(), touches, "policy {policy}");
    }
}

#[test]
fn a_touch_that_did_not_come_is_told_apart_from_a_missing_pin() {
    let rig = Rig::new(NEWEST);
    rig.card.state().policies = [2, 2];
    rig.card.instead("use-9c", &[0x69, 0x82]);
    let error = signer(&rig).sign(b"message").unwrap_err();
    assert!(error.to_string().contains("waiting for a touch"), "{error}");
    assert_eq!(rig.card.count("verify"), 1, "the PIN was right and is not sent again");
}

#[test]
fn an_empty_slot_is_not_found() {
    let rig = Rig::new(NEWEST);
    rig.card.state().key = None;
    let error = rig.open().signer(&slot(), None).unwrap_err();
    assert_eq!(error.to_string(), "a key in slot 9c of YubiKey 16021234 not found");
}

#[test]
fn an_algorithm_that_the_key_does_not_have_is_refused_before_the_pin() {
    let rig = Rig::new(NEWEST);
    let refused = rig.open().signer(&slot(), Some(SignatureAlgorithm::RsaPssSha256));
    assert!(matches!(refused.unwrap_err(), Error::Unsupported { .. }));
    assert_eq!(rig.card.count("verify"), 0);
}

#[test]
fn the_only_key_need_not_be_named() {
    let rig = Rig::new(NEWEST);
    let signer = rig.open().signer(&KeyRef::Sole, None).unwrap();
    signer.sign(b"message").unwrap();
}

#[test]
fn threads_take_turns_at_one_card() {
    let rig = Rig::new(NEWEST);
    let signer = signer(&rig);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let signer = signer.clone();
            std::thread::spawn(move || signer.sign(b"message").unwrap())
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(rig.card.count("verify"), 4, "each transaction verifies for itself");
}

#[test]
fn eucleak_is_told_once_when_a_curve_key_is_used_and_not_when_it_is_read() {
    let rig = Rig::new([5, 4, 3]);
    let mut token = rig.opened();
    token.keys().unwrap();
    let signer = token.signer(&slot(), None).unwrap();
    assert_eq!(rig.touches.advice(), [""; 0]);
    let mut session = signer.session().unwrap();
    for _ in 0..3 {
        session.sign(b"message").unwrap();
    }
    drop(session);
    signer.sign(b"message").unwrap();
    let advice = rig.touches.advice();
    assert!(matches!(advice.as_slice(), [one] if one.contains("EUCLEAK")), "{advice:?}");

    let rig = Rig::new(NEWEST);
    self::signer(&rig).sign(b"message").unwrap();
    assert_eq!(rig.touches.advice(), [""; 0]);
}
