//! What every token can do, on SoftHSM2 and on Kryoptic.

use crate::common::{Home, Kind, PIN, SO_PIN, generate, isolated, named, secret, told, with_id};
use backend_pkcs11::Pkcs11Backend;
use signer_core::{
    Backend, Contents, Error, KeyOrigin, KeyPolicy, KeyRef, KeySpec, NewToken, OpenContext,
    PinPolicy, SignatureAlgorithm, Signer, Tries, VerifyingKey,
};

fn verified(signer: &dyn Signer, message: &[u8], signature: &[u8]) {
    let key = VerifyingKey::new(signer.public_key()).unwrap();
    key.verify(&signer.algorithm().identifier(), message, signature).unwrap();
}

fn keys_are_made_and_sign(home: &Home, specs: &[KeySpec]) {
    home.token("factory");
    let mut token = home.open("token=factory");
    for spec in specs {
        let label = spec.to_string();
        let info = generate(&mut *token, &label, *spec);
        assert_eq!(info.spec, *spec);
        assert_eq!(info.origin, Some(KeyOrigin::Generated));
        assert_eq!(info.policy.pin, Some(PinPolicy::Once));
        let key = named(&label);
        assert_eq!(token.key_manager().unwrap().weaknesses(&key).unwrap(), Some(vec![]));
        let algorithms = match spec {
            KeySpec::Rsa(_) => {
                vec![SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::RsaPssSha256]
            }
            spec => vec![spec.default_algorithm()],
        };
        for algorithm in algorithms {
            let signer = token.signer(&key, Some(algorithm)).unwrap();
            assert_eq!(*signer.public_key(), info.public_key);
            for length in [0, 1, 31, 32, 33, 1000] {
                let message = vec![7; length];
                let signature = signer.sign(&message).unwrap();
                verified(&*signer, &message, signature.as_bytes());
            }
            let mut session = signer.session().unwrap();
            for message in [b"one", b"two"] {
                let signature = session.sign(message).unwrap();
                verified(&*signer, message, signature.as_bytes());
            }
            let many: Vec<Vec<u8>> = (0..70).map(|it| vec![it; 3]).collect();
            let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
            let signatures = session.sign_all(&many).unwrap();
            assert_eq!(signatures.len(), many.len());
            for (message, signature) in many.iter().zip(&signatures) {
                verified(&*signer, message, signature.as_bytes());
            }
        }
    }
    assert_eq!(token.keys().unwrap().len(), specs.len());
    // The same again in another process's place: nothing is remembered.
    drop(token);
    let mut token = home.open("token=factory");
    let mut kinds: Vec<KeySpec> = token.keys().unwrap().iter().map(|key| key.spec).collect();
    kinds.sort_by_key(ToString::to_string);
    let mut wanted = specs.to_vec();
    wanted.sort_by_key(ToString::to_string);
    assert_eq!(kinds, wanted);
}

#[test]
fn softhsm_makes_keys_that_sign() {
    isolated("tokens::softhsm_makes_keys_that_sign", Kind::SoftHsm, |home| {
        let all = [KeySpec::P256, KeySpec::P384, KeySpec::Ed25519, KeySpec::Rsa(2048)];
        keys_are_made_and_sign(home, &all);
    });
}

#[test]
fn kryoptic_makes_keys_that_sign() {
    isolated("tokens::kryoptic_makes_keys_that_sign", Kind::Kryoptic, |home| {
        keys_are_made_and_sign(home, &[KeySpec::P256, KeySpec::P384, KeySpec::Rsa(2048)]);
        let mut token = home.open("token=factory");
        let answer = token.key_manager().unwrap().generate(
            &named("edwards"),
            KeySpec::Ed25519,
            KeyPolicy::default(),
        );
        assert!(matches!(answer, Err(Error::Unsupported { .. })), "{answer:?}");
    });
}

fn keys_are_imported_and_deleted(home: &Home, files: &[(&str, KeySpec)]) {
    home.token("factory");
    let mut token = home.open("token=factory");
    for (number, (options, spec)) in files.iter().enumerate() {
        let mut command = vec!["genpkey", "-out", "key.pem"];
        command.extend(options.split(' '));
        home.run("openssl", &command);
        let convert = "pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der";
        home.run("openssl", &convert.split(' ').collect::<Vec<_>>());
        let der = std::fs::read(home.file("key.der")).unwrap();
        let id = [u8::try_from(number).unwrap(), 0xff];
        let key = KeyRef::Object { label: Some("in".into()), id: Some(id.to_vec()) };
        let manager = token.key_manager().unwrap();
        let info =
            manager.import(&key, &signer_core::Secret::new(der.clone()), KeyPolicy::default());
        let info = info.unwrap_or_else(|error| panic!("{spec}: {}", told(&error)));
        assert_eq!((info.spec, info.key.clone()), (*spec, key.clone()));
        assert_eq!(info.origin, Some(KeyOrigin::Imported));
        assert_eq!(manager.weaknesses(&key).unwrap(), Some(vec![]));
        let again = manager.import(&key, &signer_core::Secret::new(der), KeyPolicy::default());
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
        let signer = token.signer(&key, None).unwrap();
        // The public key is OpenSSL's for this file.
        home.run(
            "openssl",
            &[
                "pkey",
                "-inform",
                "DER",
                "-in",
                "key.der",
                "-pubout",
                "-outform",
                "DER",
                "-out",
                "public.der",
            ],
        );
        let theirs = std::fs::read(home.file("public.der")).unwrap();
        assert_eq!(der::Encode::to_der(signer.public_key()).unwrap(), theirs);
        verified(&*signer, b"message", signer.sign(b"message").unwrap().as_bytes());
        drop(signer);
        token.key_manager().unwrap().delete(&with_id(&id)).unwrap();
        assert!(matches!(token.signer(&key, None), Err(Error::NotFound { .. })));
    }
    assert!(token.keys().unwrap().is_empty());
    assert_eq!(
        token.administration().unwrap().contents(Contents::All).unwrap(),
        Vec::<String>::new()
    );
}

const EC256: (&str, KeySpec) = ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", KeySpec::P256);
const EC384: (&str, KeySpec) = ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", KeySpec::P384);
const RSA: (&str, KeySpec) = ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", KeySpec::Rsa(2048));

#[test]
fn softhsm_imports_keys_and_deletes_them() {
    isolated("tokens::softhsm_imports_keys_and_deletes_them", Kind::SoftHsm, |home| {
        let edwards = ("-algorithm ED25519", KeySpec::Ed25519);
        keys_are_imported_and_deleted(home, &[EC256, EC384, RSA, edwards]);
    });
}

#[test]
fn kryoptic_imports_keys_and_deletes_them() {
    isolated("tokens::kryoptic_imports_keys_and_deletes_them", Kind::Kryoptic, |home| {
        keys_are_imported_and_deleted(home, &[EC256, EC384, RSA]);
    });
}

fn an_empty_token_is_initialised_once(home: &Home) {
    let backend = Pkcs11Backend::new();
    let empty = backend.empty_slots(&home.locator("")).unwrap();
    let at = home.locator(&format!("slot-id={}", empty[0]));
    let (so_pin, pin) = (secret(SO_PIN), secret(PIN));
    let new = NewToken { label: "factory line 3", so_pin: &so_pin, pin: &pin };
    let made = backend.initialize(&at, &new, &OpenContext::default()).unwrap();
    assert!(made.locator.to_string().contains("token=factory%20line%203"), "{}", made.locator);
    assert!(made.counts_tries);
    // Its own locator finds it, and it alone; the PIN is the one that was set.
    let mut token = backend.open(&made.locator, &home.context(PIN)).unwrap();
    assert_eq!(*token.info(), made);
    token.pin_manager().unwrap().verify(&pin).unwrap();
    assert_eq!(token.pin_manager().unwrap().pin_status().unwrap().tries, Tries::Unknown);
    // A second one of that label, or a slot that is not empty, is refused.
    let again = backend.initialize(&at, &new, &OpenContext::default());
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    let taken = NewToken { label: "other", ..new };
    let full = home.locator("serial=nonexistent");
    assert!(matches!(
        backend.initialize(&full, &taken, &OpenContext::default()),
        Err(Error::NotFound { .. })
    ));
    let short = secret("1");
    let weak = NewToken { label: "weak", so_pin: &so_pin, pin: &short };
    let slot = backend.empty_slots(&home.locator("")).unwrap()[0];
    let refused = backend.initialize(
        &home.locator(&format!("slot-id={slot}")),
        &weak,
        &OpenContext::default(),
    );
    assert!(matches!(refused, Err(Error::SecretUnusable { .. })), "{refused:?}");
    assert_eq!(backend.tokens(&home.locator("")).unwrap().len(), 1);
}

#[test]
fn softhsm_token_is_initialised_once() {
    isolated(
        "tokens::softhsm_token_is_initialised_once",
        Kind::SoftHsm,
        an_empty_token_is_initialised_once,
    );
}

#[test]
fn kryoptic_token_is_initialised_once() {
    isolated(
        "tokens::kryoptic_token_is_initialised_once",
        Kind::Kryoptic,
        an_empty_token_is_initialised_once,
    );
}

fn a_key_that_wants_the_pin_each_time_gets_it(home: &Home) {
    home.token("factory");
    let mut token = home.open("token=factory");
    let policy = KeyPolicy { pin: Some(PinPolicy::Always), touch: None };
    let info = token.key_manager().unwrap().generate(&named("dak"), KeySpec::P256, policy).unwrap();
    assert_eq!(info.policy.pin, Some(PinPolicy::Always));
    let signer = token.signer(&named("dak"), None).unwrap();
    let mut session = signer.session().unwrap();
    for message in [&b"one"[..], b"two", b"three"] {
        verified(&*signer, message, session.sign(message).unwrap().as_bytes());
    }
    // Opened once more, it finds itself logged in, and has no PIN yet to present to the key.
    let mut again = home.open("token=factory");
    let signer = again.signer(&named("dak"), None).unwrap();
    verified(&*signer, b"four", signer.sign(b"four").unwrap().as_bytes());
}

#[test]
fn softhsm_key_that_wants_the_pin_each_time_gets_it() {
    isolated(
        "tokens::softhsm_key_that_wants_the_pin_each_time_gets_it",
        Kind::SoftHsm,
        a_key_that_wants_the_pin_each_time_gets_it,
    );
}

#[test]
fn kryoptic_key_that_wants_the_pin_each_time_gets_it() {
    isolated(
        "tokens::kryoptic_key_that_wants_the_pin_each_time_gets_it",
        Kind::Kryoptic,
        a_key_that_wants_the_pin_each_time_gets_it,
    );
}

fn threads_sign_with_one_login(home: &Home) {
    let mut token = home.token_with_key("factory");
    let signer = token.signer(&named("dak"), None).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let signer = &signer;
            scope.spawn(move || {
                let mut session = signer.session().unwrap();
                for message in 0..25_u8 {
                    let message = [thread, message];
                    verified(&**signer, &message, session.sign(&message).unwrap().as_bytes());
                }
            });
        }
    });
}

#[test]
fn softhsm_signs_from_many_threads() {
    isolated("tokens::softhsm_signs_from_many_threads", Kind::SoftHsm, threads_sign_with_one_login);
}

#[test]
fn kryoptic_signs_from_many_threads() {
    isolated(
        "tokens::kryoptic_signs_from_many_threads",
        Kind::Kryoptic,
        threads_sign_with_one_login,
    );
}

#[test]
fn keys_are_not_overwritten_and_need_a_name() {
    isolated("tokens::keys_are_not_overwritten_and_need_a_name", Kind::SoftHsm, |home| {
        let mut token = home.token_with_key("factory");
        let manager = token.key_manager().unwrap();
        let mut generate =
            |key: &KeyRef, policy| manager.generate(key, KeySpec::P256, policy).unwrap_err();
        let policy = KeyPolicy::default();
        assert!(matches!(generate(&named("dak"), policy), Error::AlreadyExists { .. }));
        assert!(matches!(generate(&KeyRef::Sole, policy), Error::Unsupported { .. }));
        assert!(matches!(generate(&KeyRef::Slot("9c".into()), policy), Error::Unsupported { .. }));
        let never = KeyPolicy { pin: Some(PinPolicy::Never), touch: None };
        assert!(matches!(generate(&named("b"), never), Error::Unsupported { .. }));
        let touch = KeyPolicy { pin: None, touch: Some(signer_core::TouchPolicy::Always) };
        assert!(matches!(generate(&named("b"), touch), Error::Unsupported { .. }));
        assert_eq!(token.keys().unwrap().len(), 1);
    });
}
