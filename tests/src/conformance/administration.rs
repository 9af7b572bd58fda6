//! What is done to a token as a whole.

use signer_core::{
    Administration, Contents, Error, KeyRef, ManagementKeyAlgorithm, ManagementKeyProtection,
    NewManagementKey, Retries, SecretKind, Token, TouchPolicy, Tries, WhenKeysDiffer,
};

use super::desk::secret;
use super::{AdministrationClaims, Behaviour, Desk, judge, named};

pub(super) const LIST: &[Behaviour] = named![
    limits_are_set_and_factory_secrets_replaced_or_it_is_refused,
    limits_are_not_set_without_the_right_secrets,
    factory_secrets_that_were_replaced_are_left_alone,
    each_cipher_of_a_management_key_is_set_or_refused,
    a_management_key_that_wants_a_touch_is_set_or_refused,
    a_wrong_management_key_changes_nothing,
    a_management_key_that_the_token_keeps_is_found_with_the_pin,
    a_reset_leaves_nothing_but_what_the_factory_made,
];

const CIPHERS: [ManagementKeyAlgorithm; 4] = [
    ManagementKeyAlgorithm::TripleDes,
    ManagementKeyAlgorithm::Aes128,
    ManagementKeyAlgorithm::Aes192,
    ManagementKeyAlgorithm::Aes256,
];

fn administration(token: &mut dyn Token) -> &mut dyn Administration {
    token.administration().expect("it can be administered")
}

fn claims<'a>(desk: &'a Desk<'_>) -> Option<&'a AdministrationClaims> {
    desk.claims.administration.as_ref()
}

fn is_unsupported<T: std::fmt::Debug>(answer: &Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Unsupported { .. })), "{answer:?}");
}

/// Another key for each seed.
fn key(algorithm: ManagementKeyAlgorithm, seed: u8) -> String {
    (0..algorithm.key_length()).map(|n| format!("{:02x}", 7 * n + usize::from(seed))).collect()
}

fn limits_are_set_and_factory_secrets_replaced_or_it_is_refused(desk: &Desk<'_>) {
    let Some(claims) = claims(desk) else { return };
    let mut token = desk.open();
    let has = desk.has();
    let (new_pin, new_puk) = (secret(has.new_pin), secret(has.new_puk));
    let retries = Retries { pin: 5, puk: 4 };
    if !claims.retries {
        is_unsupported(&administration(&mut *token).verify_for_retries());
        is_unsupported(&administration(&mut *token).set_retries(retries));
        is_unsupported(&administration(&mut *token).replace_factory_secrets(&new_pin, &new_puk));
        return;
    }
    for retries in [Retries { pin: 0, puk: 3 }, Retries { pin: 3, puk: 0 }] {
        is_unsupported(&desk.spending(0, || administration(&mut *token).set_retries(retries)));
    }
    administration(&mut *token).verify_for_retries().unwrap();
    administration(&mut *token).set_retries(retries).unwrap();
    administration(&mut *token).replace_factory_secrets(&new_pin, &new_puk).unwrap();
    let mut other = desk.open();
    let pins = other.pin_manager().unwrap();
    let told = pins.pin_status().unwrap();
    assert_eq!(told.tries, Tries::left(5));
    assert_eq!(told.total, desk.pins().is_some_and(|pins| pins.described).then_some(5));
    if let Some(puk) = pins.puk_status().unwrap() {
        assert_eq!((puk.tries, puk.is_default), (Tries::left(4), told.is_default));
    }
    pins.verify(&new_pin).unwrap();
    let error = pins.verify(&secret(has.pin)).unwrap_err();
    assert!(matches!(error, Error::WrongSecret { tries: Tries::Left(4), .. }), "{error:?}");
    pins.unblock(&new_puk, &new_pin).unwrap();
}

fn limits_are_not_set_without_the_right_secrets(desk: &Desk<'_>) {
    let Some(AdministrationClaims { retries: true, .. }) = claims(desk) else { return };
    let retries = Retries { pin: 5, puk: 4 };
    for (kind, wrong) in [
        (SecretKind::ManagementKey, desk.has().management_key.replace("01", "02")),
        (SecretKind::Pin, "40000001".to_owned()),
    ] {
        let fresh = desk.again();
        fresh.now_has(kind, &wrong);
        for step in [
            |it: &mut dyn Administration, _| it.verify_for_retries(),
            |it: &mut dyn Administration, retries| it.set_retries(retries),
        ] {
            let mut token = fresh.open();
            let error = step(administration(&mut *token), retries).unwrap_err();
            let expected = match &error {
                Error::WrongSecret { kind: found, .. }
                | Error::FailedBefore { kind: found, .. } => *found == kind,
                _ => false,
            };
            assert!(expected, "{error:?}");
        }
        let mut token = fresh.open();
        let pins = token.pin_manager().unwrap();
        pins.verify(&secret(fresh.has().pin)).unwrap();
        let tries = fresh.pins().map(|pins| pins.counter.after(0));
        assert_eq!(Some(pins.pin_status().unwrap().tries), tries);
    }
}

fn factory_secrets_that_were_replaced_are_left_alone(desk: &Desk<'_>) {
    let Some(AdministrationClaims { retries: true, .. }) = claims(desk) else { return };
    let has = desk.has();
    let mut token = desk.open();
    token.pin_manager().unwrap().change(&secret(has.pin), &secret(has.new_pin)).unwrap();
    let mine = secret(has.new_pin);
    // As a run does that goes on where an earlier one was cut short.
    administration(&mut *token)
        .replace_factory_secrets(&secret(has.new_puk), &secret(has.new_puk))
        .unwrap();
    token.pin_manager().unwrap().verify(&mine).unwrap();
    let again = administration(&mut *token).replace_factory_secrets(&secret(has.new_puk), &mine);
    again.unwrap();
    token.pin_manager().unwrap().unblock(&secret(has.new_puk), &mine).unwrap();
}

fn each_cipher_of_a_management_key_is_set_or_refused(desk: &Desk<'_>) {
    let Some(claims) = claims(desk) else { return };
    if claims.management_keys.is_empty() {
        let mut token = desk.open();
        is_unsupported(&administration(&mut *token).management_key());
        is_unsupported(&administration(&mut *token).verify_management_key());
    }
    for algorithm in CIPHERS {
        let fresh = desk.again();
        let mut token = fresh.open();
        let text = key(algorithm, 1);
        let new = secret(&text);
        let new = NewManagementKey {
            key: &new,
            algorithm,
            touch: TouchPolicy::Never,
            protection: ManagementKeyProtection::None,
        };
        let set = administration(&mut *token).set_management_key(&new);
        if !claims.management_keys.contains(&algorithm) {
            is_unsupported(&set);
            if !claims.management_keys.is_empty() {
                administration(&mut *fresh.open()).verify_management_key().unwrap();
            }
            continue;
        }
        set.unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
        let error = administration(&mut *fresh.open()).verify_management_key().unwrap_err();
        // The old one may be of another length than the new cipher takes.
        assert!(
            matches!(
                error,
                Error::WrongSecret { kind: SecretKind::ManagementKey, tries: Tries::Unknown, .. }
                    | Error::SecretUnusable { .. }
            ),
            "{algorithm}: {error:?}"
        );
        fresh.now_has(SecretKind::ManagementKey, &text);
        let mut token = fresh.open();
        let told = administration(&mut *token).management_key().unwrap();
        assert_eq!((told.algorithm, told.protection), (algorithm, ManagementKeyProtection::None));
        assert!(claims.management_keys.contains(&told.best_algorithm));
        assert!(told.is_default.is_none_or(|is_default| !is_default));
        administration(&mut *token).verify_management_key().unwrap();
        fresh.make(&mut *token, 0);
    }
}

fn a_management_key_that_wants_a_touch_is_set_or_refused(desk: &Desk<'_>) {
    let Some(claims) = claims(desk) else { return };
    let Some(algorithm) = claims.management_keys.first().copied() else { return };
    for touch in [TouchPolicy::Always, TouchPolicy::Cached] {
        let fresh = desk.again();
        let mut token = fresh.open();
        let text = key(algorithm, 2);
        let new = secret(&text);
        let protection = ManagementKeyProtection::None;
        let new = NewManagementKey { key: &new, algorithm, touch, protection };
        let set = administration(&mut *token).set_management_key(&new);
        if !claims.management_touches.contains(&touch) {
            is_unsupported(&set);
            administration(&mut *fresh.open()).verify_management_key().unwrap();
            continue;
        }
        set.unwrap();
        fresh.now_has(SecretKind::ManagementKey, &text);
        let mut token = fresh.open();
        let told = administration(&mut *token).management_key().unwrap().touch;
        assert!(told.is_none_or(|told| told == touch), "{touch}: {told:?}");
        administration(&mut *token).verify_management_key().unwrap();
    }
}

fn a_wrong_management_key_changes_nothing(desk: &Desk<'_>) {
    let Some(claims) = claims(desk) else { return };
    let Some(algorithm) = claims.management_keys.first().copied() else { return };
    let right = desk.has().management_key;
    desk.now_has(SecretKind::ManagementKey, &right.replace("01", "02"));
    let mut token = desk.open();
    let new = secret(&key(algorithm, 3));
    let new = NewManagementKey {
        key: &new,
        algorithm,
        touch: TouchPolicy::Never,
        protection: ManagementKeyProtection::Pin,
    };
    for refused in [
        administration(&mut *token).verify_management_key(),
        administration(&mut *token).set_management_key(&new),
        token.key_manager().unwrap().delete(&desk.key(0)),
    ] {
        let expected = match &refused {
            Err(Error::WrongSecret { kind, .. }) => *kind == SecretKind::ManagementKey,
            Err(Error::Unsupported { .. }) => !desk.claims.keys.deletes,
            _ => false,
        };
        assert!(expected, "{refused:?}");
    }
    desk.now_has(SecretKind::ManagementKey, right);
    let mut token = desk.open();
    administration(&mut *token).verify_management_key().unwrap();
    let told = administration(&mut *token).management_key().unwrap();
    assert_eq!(told.protection, ManagementKeyProtection::None);
}

fn a_management_key_that_the_token_keeps_is_found_with_the_pin(desk: &Desk<'_>) {
    let Some(claims) = claims(desk) else { return };
    let Some(algorithm) = claims.management_keys.first().copied() else { return };
    let mut token = desk.open();
    let text = key(algorithm, 4);
    let new = secret(&text);
    let mut new = NewManagementKey {
        key: &new,
        algorithm,
        touch: TouchPolicy::Never,
        protection: ManagementKeyProtection::Pin,
    };
    administration(&mut *token).set_management_key(&new).unwrap();
    let with_pin = desk.context_with(&[SecretKind::Pin]);
    let mut token = desk.open_as(&with_pin);
    let told = administration(&mut *token).management_key().unwrap();
    assert_eq!(told.protection, ManagementKeyProtection::Pin);
    administration(&mut *token).verify_management_key().unwrap();
    let other = key(algorithm, 5);
    let other = secret(&other);
    let again = NewManagementKey { key: &other, ..new };
    administration(&mut *token).set_management_key(&again).unwrap();
    let mut token = desk.open_as(&with_pin);
    administration(&mut *token).verify_management_key().unwrap();
    new.protection = ManagementKeyProtection::None;
    administration(&mut *token).set_management_key(&new).unwrap();
    let mut token = desk.open_as(&with_pin);
    let told = administration(&mut *token).management_key().unwrap();
    assert_eq!(told.protection, ManagementKeyProtection::None);
    let error = administration(&mut *token).verify_management_key().unwrap_err();
    assert!(matches!(error, Error::NobodyToAsk { kind: SecretKind::ManagementKey, .. }), "{error}");
}

fn a_reset_leaves_nothing_but_what_the_factory_made(desk: &Desk<'_>) {
    let Some(claims) = claims(desk) else { return };
    let mut token = desk.open();
    if !claims.resets {
        is_unsupported(&administration(&mut *token).reset());
        return;
    }
    let has = desk.has();
    assert!(administration(&mut *token).contents(Contents::All).unwrap().is_empty());
    let made = desk.make(&mut *token, 0);
    let der = judge::certificate(desk.folder(), &made.public_key);
    token.cert_store().unwrap().write(&made.key, &der, WhenKeysDiffer::Store).unwrap();
    token.pin_manager().unwrap().change(&secret(has.pin), &secret(has.new_pin)).unwrap();
    let contents = administration(&mut *token).contents(Contents::All).unwrap();
    assert_eq!(contents.len(), 2, "{contents:?}");
    assert!(contents.iter().all(|line| line.contains(&made.key.to_string())), "{contents:?}");
    assert_eq!(administration(&mut *token).contents(Contents::Keys).unwrap(), contents);

    administration(&mut *token).reset().unwrap();
    for token in [token, desk.open()].iter_mut() {
        assert_eq!(
            administration(&mut **token).contents(Contents::All).unwrap(),
            Vec::<String>::new()
        );
        let found = token.signer(&KeyRef::Sole, None);
        assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
        let pins = token.pin_manager().unwrap();
        let tries = desk.pins().map(|pins| pins.counter.after(0));
        assert_eq!(Some(pins.pin_status().unwrap().tries), tries);
        pins.verify(&secret(has.pin)).unwrap();
        administration(&mut **token).verify_management_key().unwrap();
    }
    desk.make(&mut *desk.open(), 0);
}
