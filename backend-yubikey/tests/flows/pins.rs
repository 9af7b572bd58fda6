//! PIN and PUK.

use std::sync::{Arc, Mutex};

use signer_core::{
    Error, PinManager, PinStatus, Secret, SecretKind, SecretRequest, SecretSource, Tries,
};

use super::Rig;

const NEWEST: [u8; 3] = [5, 7, 1];

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

#[test]
fn the_counters_are_read_without_spending_a_try() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let full = PinStatus { tries: Tries::Left(3), total: Some(3), is_default: Some(true) };
    assert_eq!(token.pin_status().unwrap(), full);
    assert_eq!(token.puk_status().unwrap(), Some(full));
    assert_eq!(rig.card.said(), "( piv about-80 ) ( about-81 )");
}

#[test]
fn before_metadata_an_empty_verify_tells_the_counter() {
    let rig = Rig::new([5, 2, 7]);
    let mut token = rig.opened();
    let status = PinStatus { tries: Tries::Left(3), total: None, is_default: None };
    assert_eq!(token.pin_status().unwrap(), status);
    assert_eq!(token.puk_status().unwrap(), None);
    assert_eq!(rig.card.said(), "( piv counter )");
}

#[test]
fn a_card_that_somebody_left_verified_is_asked_again_after_another_applet() {
    let rig = Rig::new([5, 2, 7]);
    let mut token = rig.opened();
    rig.card.instead("counter", &[0x90, 0x00]);
    assert_eq!(token.pin_status().unwrap().tries, Tries::Left(3));
    assert_eq!(rig.card.said(), "( piv counter other piv counter )");
}

#[test]
fn the_pin_is_changed_in_one_transaction_that_leaves_nothing_verified() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    token.change(&secret("123456"), &secret("867530")).unwrap();
    assert_eq!(rig.card.said(), "( piv about-80 change-80 )");
    assert_eq!(rig.card.state().pin, *b"867530\xff\xff");
    let last = rig.card.state().commands.last().cloned().unwrap();
    assert_eq!(last, b"\x00\x24\x00\x80\x10123456\xff\xff867530\xff\xff");
    token.verify(&secret("867530")).unwrap();
    assert_eq!(rig.card.said(), "( about-80 verify other )");
}

#[test]
fn a_wrong_puk_says_puk() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let error = token.unblock(&secret("87654321"), &secret("867530")).unwrap_err();
    assert_eq!(error.to_string(), "wrong PUK for YubiKey 16021234 (2 tries left)");
    let again = token.unblock(&secret("87654321"), &secret("867530")).unwrap_err();
    assert!(matches!(again, Error::FailedBefore { kind: SecretKind::Puk, .. }), "{again}");
    assert_eq!(rig.card.state().puk_tries, 2);
}

#[test]
fn a_blocked_pin_is_unblocked_by_the_puk() {
    let rig = Rig::new(NEWEST);
    rig.card.state().tries = 0;
    let mut token = rig.opened();
    let error = token.verify(&secret("123456")).unwrap_err();
    assert!(matches!(error, Error::Blocked { .. }), "{error}");
    token.unblock(&secret("12345678"), &secret("867530")).unwrap();
    token.verify(&secret("867530")).unwrap();
    assert_eq!(rig.card.count("verify"), 1);
}

#[test]
fn a_new_pin_that_is_against_the_rules_costs_no_try() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    for (new, reason) in [
        ("12345", "the fewest"),
        ("123456789", "the most"),
        ("äöü", "it has 3 characters"),
        ("123456", "it is the old one"),
        // Only the card knows that this one is too simple.
        ("111111", "the token refuses it"),
    ] {
        let error = token.change(&secret("123456"), &secret(new)).unwrap_err();
        assert!(error.to_string().contains(reason), "{new}: {error}");
    }
    assert_eq!(rig.card.state().tries, 3);
    assert_eq!(rig.card.count("change-80"), 1);
    token.change(&secret("123456"), &secret("867530")).unwrap();
}

#[test]
fn the_counter_before_the_last_failure_says_blocked_in_either_dialect() {
    for dialect in [[0x63, 0xc0], [0x69, 0x83]] {
        let rig = Rig::new(NEWEST);
        let mut token = rig.opened();
        rig.card.instead("verify", &dialect);
        let error = token.verify(&secret("654321")).unwrap_err();
        let Error::WrongSecret { tries: Tries::Blocked, .. } = error else { panic!("{error}") };
    }
}

#[test]
fn an_applet_that_another_program_selected_in_between_gets_no_pin() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    token.pin_status().unwrap();
    rig.card.said();
    rig.card.state().application = b"another".to_vec();
    token.verify(&secret("123456")).unwrap();
    assert_eq!(rig.card.said(), "( about-80 piv about-80 verify other )");
    // What is not told by metadata does not go out before SELECT at all.
    let rig = Rig::new([5, 2, 7]);
    let mut token = rig.opened();
    token.pin_status().unwrap();
    token.verify(&secret("123456")).unwrap();
    assert_eq!(rig.card.said(), "( piv counter ) ( piv counter verify other )");
}

/// Somebody who knows the PIN, and what he was told when he was asked.
#[derive(Debug, Default)]
struct Person {
    asked: Mutex<Vec<Tries>>,
    /// Whether the card was free while he typed.
    card: Mutex<Option<super::script::Script>>,
}

impl SecretSource for Person {
    fn secret(&self, ask: &SecretRequest<'_>) -> signer_core::Result<Secret> {
        self.asked.lock().unwrap().push(ask.tries);
        if let Some(card) = self.card.lock().unwrap().as_ref() {
            let log = card.state().log.clone();
            let count = |word: &str| log.iter().filter(|line| *line == word).count();
            assert_eq!(count("("), count(")"), "nobody waits for the card while a person types");
        }
        Ok(secret("123456"))
    }
}

#[test]
fn a_person_is_told_the_tries_and_not_asked_where_none_may_be_spent() {
    let person = Arc::new(Person::default());
    let mut rig = Rig::new(NEWEST).without_secrets();
    *person.card.lock().unwrap() = Some(rig.card.clone());
    rig.context.secrets = signer_core::Secrets::new().with_prompt(person.clone());
    let slot = signer_core::KeyRef::Slot("9c".into());
    rig.card.state().tries = 2;
    let signer = signer_core::Token::signer(&mut rig.open(), &slot, None).unwrap();
    let mut session = signer.session().unwrap();
    session.sign(b"message").unwrap();
    session.sign(b"message").unwrap();
    drop(session);
    assert_eq!(*person.asked.lock().unwrap(), [Tries::Left(2)], "asked once");

    rig.card.state().tries = 1;
    let signer = signer_core::Token::signer(&mut rig.open(), &slot, None).unwrap();
    assert!(matches!(signer.sign(b"message"), Err(Error::LastTryRefused { .. })));
    assert_eq!(person.asked.lock().unwrap().len(), 1);
}
