//! Signing, one message at a time and many.

use std::thread;

use signer_core::{Error, KeyPolicy, PinPolicy, SecretKind, SignatureAlgorithm};

use super::{Behaviour, Desk, judge, named};

pub(super) const LIST: &[Behaviour] = named![
    messages_of_any_length_are_signed,
    a_signer_outlives_its_token_and_serves_several_threads,
    a_session_asks_for_the_pin_as_the_policy_has_it,
    sessions_and_single_signatures_take_turns,
    an_algorithm_that_does_not_fit_is_refused,
    a_wrong_pin_makes_no_signature_and_ends_a_session,
];

fn messages_of_any_length_are_signed(desk: &Desk<'_>) {
    let mut token = desk.open();
    desk.make(&mut *token, 0);
    let signer = desk.signer(&mut *token, 0).unwrap();
    for length in [0, 1, 255, 256, 5_000, 1 << 20] {
        let message = vec![0x5a; length];
        judge::verifies(&*signer, &message, &signer.sign(&message).unwrap());
    }
}

fn a_signer_outlives_its_token_and_serves_several_threads(desk: &Desk<'_>) {
    let mut token = desk.open();
    desk.make(&mut *token, 0);
    let signer = desk.signer(&mut *token, 0).unwrap();
    drop(token);
    thread::scope(|scope| {
        for n in 0..4_u8 {
            let signer = &*signer;
            scope.spawn(move || {
                for m in 0..8 {
                    let message = [n, m];
                    judge::verifies(signer, &message, &signer.sign(&message).unwrap());
                }
            });
        }
    });
}

fn a_session_asks_for_the_pin_as_the_policy_has_it(desk: &Desk<'_>) {
    let policies = desk.claims.keys.pin_policies.iter().map(|pin| Some(*pin));
    for pin in policies.chain([None]) {
        let fresh = desk.again();
        let mut token = fresh.open();
        fresh.make_with(&mut *token, 0, KeyPolicy { pin, touch: None });
        fresh.bench().power_cycle();
        let mut token = fresh.open();
        let count = 5;
        let mut session = || {
            let signer = fresh.signer(&mut *token, 0).unwrap();
            let mut session = signer.session().unwrap();
            for n in 0..count {
                judge::verifies(&*signer, &[n], &session.sign(&[n]).unwrap());
            }
        };
        // A hidden key's policy is not told, nor is a default; then whatever it takes is right.
        match pin.filter(|_| fresh.claims.keys.hidden.is_empty()) {
            Some(PinPolicy::Never) => fresh.spending(0, session),
            Some(PinPolicy::Once) => fresh.spending(1, session),
            Some(PinPolicy::Always) => {
                let first = fresh.pins().is_some_and(|pins| pins.before_keys);
                fresh.spending(u64::from(first) + u64::from(count), session);
            }
            None => session(),
        }
    }
}

fn sessions_and_single_signatures_take_turns(desk: &Desk<'_>) {
    let mut token = desk.open();
    desk.make(&mut *token, 0);
    let signer = desk.signer(&mut *token, 0).unwrap();
    for _ in 0..3 {
        let mut session = signer.session().unwrap();
        judge::verifies(&*signer, b"in a session", &session.sign(b"in a session").unwrap());
        drop(session);
        judge::verifies(&*signer, b"alone", &signer.sign(b"alone").unwrap());
        desk.bench().power_cycle();
        judge::verifies(&*signer, b"again", &signer.sign(b"again").unwrap());
    }
}

fn an_algorithm_that_does_not_fit_is_refused(desk: &Desk<'_>) {
    let mut token = desk.open();
    desk.make(&mut *token, 0);
    let other = Some(SignatureAlgorithm::EcdsaP384Sha384);
    let signer = token.signer(&desk.key(0), other);
    assert!(matches!(signer, Err(Error::Unsupported { .. })), "{signer:?}");
}

fn a_wrong_pin_makes_no_signature_and_ends_a_session(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let pin = desk.claims.keys.pin_policies.last().copied();
    desk.make_with(&mut *desk.open(), 0, KeyPolicy { pin, touch: None });
    desk.now_has(SecretKind::Pin, "40000001");
    let mut token = desk.open();
    let five_times = |act: &mut dyn FnMut() -> Error| {
        desk.spending(1, || {
            for n in 0..5 {
                let error = act();
                match n {
                    0 => assert!(matches!(error, Error::WrongSecret { .. }), "{error}"),
                    _ => assert!(matches!(error, Error::FailedBefore { .. }), "{error}"),
                }
            }
        });
    };
    if claims.before_keys {
        five_times(&mut || desk.signer(&mut *token, 0).unwrap_err());
        let error = desk.spending(0, || desk.signer(&mut *desk.open(), 0).unwrap_err());
        assert!(matches!(error, Error::FailedBefore { kind: SecretKind::Pin, .. }), "{error}");
        return;
    }
    let signer = desk.signer(&mut *token, 0).unwrap();
    let mut session = signer.session().unwrap();
    five_times(&mut || session.sign(b"message").unwrap_err());
    drop(session);
    let error = desk.spending(0, || signer.sign(b"message").unwrap_err());
    assert!(matches!(error, Error::FailedBefore { kind: SecretKind::Pin, .. }), "{error}");
}
