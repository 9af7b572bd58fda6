//! Making, bringing, destroying, moving and vouching for keys.

use der::{Decode, Encode};
use signer_core::{
    Error, KeyInfo, KeyManager, KeyOrigin, KeyPolicy, KeyRef, KeySpec, PinPolicy, Secret, Token,
    TouchPolicy, VerifyingKey,
};
use x509_cert::Certificate;

use super::desk::private_key;
use super::{Behaviour, Desk, judge, named, soft};

pub(super) const LIST: &[Behaviour] = named![
    an_empty_place_has_no_key,
    each_kind_of_key_is_made_and_signs_or_is_refused,
    each_policy_is_kept_or_refused,
    each_kind_of_key_that_is_brought_signs_or_is_refused,
    what_is_no_private_key_is_refused,
    a_key_at_any_place_is_as_it_is_told,
    nothing_is_ever_overwritten,
    a_key_that_is_destroyed_is_gone,
    a_key_moves_and_is_the_same,
    an_attestation_is_about_the_key_and_signed_by_the_next,
    a_key_is_found_by_its_place_and_no_other_is_taken_for_it,
];

pub(super) const SPECS: [KeySpec; 6] = [
    KeySpec::P256,
    KeySpec::P384,
    KeySpec::Ed25519,
    KeySpec::Rsa(2048),
    KeySpec::Rsa(3072),
    KeySpec::Rsa(4096),
];

fn manager(token: &mut dyn Token) -> &mut dyn KeyManager {
    token.key_manager().expect("keys can be managed")
}

fn an_empty_place_has_no_key(desk: &Desk<'_>) {
    let mut token = desk.open();
    match token.keys() {
        Ok(keys) => assert!(keys.is_empty(), "{keys:?}"),
        Err(error) => assert!(matches!(error, Error::NotFound { .. }), "{error}"),
    }
    assert!(matches!(desk.signer(&mut *token, 0), Err(Error::NotFound { .. })));
    assert!(matches!(token.signer(&KeyRef::Sole, None), Err(Error::NotFound { .. })));
}

fn each_kind_of_key_is_made_and_signs_or_is_refused(desk: &Desk<'_>) {
    for spec in SPECS {
        let fresh = desk.again();
        let mut token = fresh.open();
        let key = fresh.key(0);
        let made = manager(&mut *token).generate(&key, spec, KeyPolicy::default());
        if !fresh.makes(spec) {
            assert!(matches!(made, Err(Error::Unsupported { .. })), "{spec}: {made:?}");
            assert!(fresh.signer(&mut *token, 0).is_err(), "{spec} was made all the same");
            continue;
        }
        let made = made.unwrap_or_else(|error| panic!("{spec}: {error:?}"));
        assert_eq!((made.spec, &made.key), (spec, &key));
        assert_eq!(KeySpec::of(&made.public_key).unwrap(), spec);
        fresh.show(&mut *token, &made);
        is_listed(&fresh, &made, KeyOrigin::Generated);
        signs(&fresh, &made);
    }
}

fn each_policy_is_kept_or_refused(desk: &Desk<'_>) {
    let keys = &desk.claims.keys;
    let pins = [None, Some(PinPolicy::Never), Some(PinPolicy::Once), Some(PinPolicy::Always)];
    let touches =
        [None, Some(TouchPolicy::Never), Some(TouchPolicy::Always), Some(TouchPolicy::Cached)];
    for pin in pins {
        for touch in touches {
            let policy = KeyPolicy { pin, touch };
            let kept = pin.is_none_or(|pin| keys.pin_policies.contains(&pin))
                && touch.is_none_or(|touch| keys.touch_policies.contains(&touch));
            let fresh = desk.again();
            let mut token = fresh.open();
            if kept {
                let made = fresh.make_with(&mut *token, 0, policy);
                let told = made.policy;
                assert!(pin.is_none() || told.pin == pin, "{policy:?}: {told:?}");
                assert!(touch.is_none() || told.touch == touch, "{policy:?}: {told:?}");
                let origin = made.origin.unwrap_or(KeyOrigin::Generated);
                is_listed(&fresh, &made, origin);
                signs(&fresh, &made);
                continue;
            }
            let key = fresh.key(0);
            let made = match fresh.makes(KeySpec::P256) {
                true => manager(&mut *token).generate(&key, KeySpec::P256, policy),
                false => manager(&mut *token).import(&key, &private_key(KeySpec::P256), policy),
            };
            assert!(matches!(made, Err(Error::Unsupported { .. })), "{policy:?}: {made:?}");
        }
    }
}

fn each_kind_of_key_that_is_brought_signs_or_is_refused(desk: &Desk<'_>) {
    for spec in SPECS {
        let fresh = desk.again();
        let mut token = fresh.open();
        let (key, private_key) = (fresh.key(0), private_key(spec));
        let brought = manager(&mut *token).import(&key, &private_key, KeyPolicy::default());
        if !fresh.claims.keys.imports.contains(&spec) {
            assert!(matches!(brought, Err(Error::Unsupported { .. })), "{spec}: {brought:?}");
            continue;
        }
        let brought = brought.unwrap_or_else(|error| panic!("{spec}: {error:?}"));
        assert_eq!(brought.public_key, soft::public_key(&private_key));
        fresh.show(&mut *token, &brought);
        is_listed(&fresh, &brought, KeyOrigin::Imported);
        signs(&fresh, &brought);
    }
}

fn what_is_no_private_key_is_refused(desk: &Desk<'_>) {
    let mut token = desk.open();
    for octets in [&b""[..], b"\x30\x03\x02\x01\x00", b"-----BEGIN PRIVATE KEY-----"] {
        let rubbish = Secret::new(octets.to_vec());
        let key = desk.key(0);
        let brought = manager(&mut *token).import(&key, &rubbish, KeyPolicy::default());
        let expected = match desk.claims.keys.imports.is_empty() {
            true => matches!(brought, Err(Error::Unsupported { .. })),
            false => matches!(brought, Err(Error::MalformedKey { .. })),
        };
        assert!(expected, "{brought:?}");
    }
}

fn a_key_at_any_place_is_as_it_is_told(desk: &Desk<'_>) {
    for index in 0..desk.bench().places().len() {
        let fresh = desk.again();
        let mut token = fresh.open();
        let made = fresh.make(&mut *token, index);
        is_listed(&fresh, &made, made.origin.unwrap_or(KeyOrigin::Generated));
        let signer = fresh.signer(&mut *fresh.open(), index).unwrap();
        judge::verifies(&*signer, b"message", &signer.sign(b"message").unwrap());
    }
}

fn nothing_is_ever_overwritten(desk: &Desk<'_>) {
    let mut token = desk.open();
    let made = desk.make(&mut *token, 0);
    if desk.makes(KeySpec::P256) {
        let over = manager(&mut *token).generate(&desk.key(0), KeySpec::P256, KeyPolicy::default());
        assert!(matches!(over, Err(Error::AlreadyExists { .. })), "{over:?}");
    }
    if desk.claims.keys.imports.contains(&KeySpec::P256) {
        let other = private_key(KeySpec::P256);
        let over = manager(&mut *token).import(&desk.key(0), &other, KeyPolicy::default());
        assert!(matches!(over, Err(Error::AlreadyExists { .. })), "{over:?}");
    }
    if desk.claims.keys.relocates {
        desk.make(&mut *token, 1);
        let over = manager(&mut *token).relocate(&desk.key(1), &desk.key(0));
        assert!(matches!(over, Err(Error::AlreadyExists { .. })), "{over:?}");
        assert!(desk.signer(&mut *token, 1).is_ok(), "the key that was to be moved is gone");
    }
    let kept = desk.signer(&mut *token, 0).unwrap();
    assert_eq!(*kept.public_key(), made.public_key);
    assert!(kept.sign(b"still there").is_ok());
}

fn a_key_that_is_destroyed_is_gone(desk: &Desk<'_>) {
    let mut token = desk.open();
    desk.make(&mut *token, 0);
    let deleted = manager(&mut *token).delete(&desk.key(0));
    if !desk.claims.keys.deletes {
        assert!(matches!(deleted, Err(Error::Unsupported { .. })), "{deleted:?}");
        assert!(desk.signer(&mut *token, 0).unwrap().sign(b"still there").is_ok());
        return;
    }
    deleted.unwrap();
    assert!(matches!(desk.signer(&mut *token, 0), Err(Error::NotFound { .. })));
    assert!(matches!(desk.signer(&mut *desk.open(), 0), Err(Error::NotFound { .. })));
    let again = manager(&mut *token).delete(&desk.key(0));
    assert!(matches!(again, Err(Error::NotFound { .. })), "{again:?}");
}

fn a_key_moves_and_is_the_same(desk: &Desk<'_>) {
    let mut token = desk.open();
    let made = desk.make(&mut *token, 0);
    // Where there is one place alone, even the question where to has no answer.
    let to = if desk.has_room() { desk.key(1) } else { KeyRef::Slot("82".into()) };
    let moved = manager(&mut *token).relocate(&desk.key(0), &to);
    if !desk.claims.keys.relocates {
        assert!(matches!(moved, Err(Error::Unsupported { .. })), "{moved:?}");
        return;
    }
    moved.unwrap();
    assert!(matches!(desk.signer(&mut *token, 0), Err(Error::NotFound { .. })));
    let signer = desk.signer(&mut *token, 1).unwrap();
    assert_eq!(*signer.public_key(), made.public_key);
    judge::verifies(&*signer, b"moved", &signer.sign(b"moved").unwrap());
    let nothing = manager(&mut *token).relocate(&desk.key(0), &desk.key(2));
    assert!(matches!(nothing, Err(Error::NotFound { .. })), "{nothing:?}");
}

fn an_attestation_is_about_the_key_and_signed_by_the_next(desk: &Desk<'_>) {
    let mut token = desk.open();
    let made = desk.make(&mut *token, 0);
    let attested = manager(&mut *token).attest(&desk.key(0));
    if !desk.claims.keys.attests {
        assert!(matches!(attested, Err(Error::Unsupported { .. })), "{attested:?}");
        return;
    }
    if made.origin == Some(KeyOrigin::Imported) {
        assert!(matches!(attested, Err(Error::NotFound { .. })), "{attested:?}");
        return;
    }
    let chain: Vec<Certificate> =
        attested.unwrap().iter().map(|der| Certificate::from_der(der).unwrap()).collect();
    assert!(chain.len() > 1, "nobody signed it");
    assert_eq!(*chain[0].tbs_certificate().subject_public_key_info(), made.public_key);
    for pair in chain.windows(2) {
        let signer = pair[1].tbs_certificate().subject_public_key_info();
        VerifyingKey::new(signer)
            .unwrap()
            .verify(
                pair[0].signature_algorithm(),
                &pair[0].tbs_certificate().to_der().unwrap(),
                pair[0].signature().raw_bytes(),
            )
            .unwrap();
    }
    if desk.has_room() && desk.claims.keys.imports.contains(&KeySpec::P256) {
        let (key, brought) = (desk.key(1), private_key(KeySpec::P256));
        manager(&mut *token).import(&key, &brought, KeyPolicy::default()).unwrap();
        let attested = manager(&mut *token).attest(&key);
        assert!(matches!(attested, Err(Error::NotFound { .. })), "{attested:?}");
    }
}

fn a_key_is_found_by_its_place_and_no_other_is_taken_for_it(desk: &Desk<'_>) {
    let mut token = desk.open();
    let first = desk.make(&mut *token, 0);
    let sole = token.signer(&KeyRef::Sole, None).unwrap();
    assert_eq!(*sole.public_key(), first.public_key);
    if !desk.has_room() {
        let named = token.signer(&KeyRef::Slot("9c".into()), None);
        assert!(matches!(named, Err(Error::NotFound { .. })), "{named:?}");
        return;
    }
    assert!(matches!(desk.signer(&mut *token, 1), Err(Error::NotFound { .. })));
    let second = desk.make(&mut *token, 1);
    assert_ne!(first.public_key, second.public_key);
    assert_eq!(*desk.signer(&mut *token, 0).unwrap().public_key(), first.public_key);
    assert_eq!(*desk.signer(&mut *token, 1).unwrap().public_key(), second.public_key);
    let Err(Error::Ambiguous { candidates, .. }) = token.signer(&KeyRef::Sole, None) else {
        panic!("one of two was taken for the only one");
    };
    assert_eq!(candidates.len(), 2, "{candidates:?}");
}

/// Another program that opens the token sees the key as it was made.
fn is_listed(desk: &Desk<'_>, made: &KeyInfo, origin: KeyOrigin) {
    desk.bench().power_cycle();
    let keys = desk.open_as(&desk.context_with(&[])).keys().unwrap();
    let [listed] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!((&listed.key, listed.spec), (&made.key, made.spec));
    assert_eq!(listed.public_key, made.public_key);
    let (seen, claims) = (!desk.claims.hides(origin), &desk.claims.keys);
    let policy = if seen && claims.tells_policies { made.policy } else { KeyPolicy::default() };
    let origin = (seen && claims.tells_origins).then_some(origin);
    assert_eq!((listed.policy, listed.origin), (policy, origin));
}

/// The key signs by each algorithm that fits it, and OpenSSL agrees.
fn signs(desk: &Desk<'_>, made: &KeyInfo) {
    let mut token = desk.open();
    for algorithm in judge::algorithms(made.spec) {
        let signer = token.signer(&desk.key(0), Some(algorithm)).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        assert_eq!(*signer.public_key(), made.public_key);
        let signature = signer.sign(b"message").unwrap();
        judge::verifies(&*signer, b"message", &signature);
        judge::openssl_verifies(desk.folder(), &*signer, b"message", &signature);
    }
}
