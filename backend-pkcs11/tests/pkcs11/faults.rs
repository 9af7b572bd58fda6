//! A module that fails: every function, with every code that matters; hanging; sessions that go.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Home, Kind, PIN, guard, isolated, isolated_with, named, secret, told};
use backend_pkcs11::{Bounds, Pkcs11Backend};
use signer_core::{
    Backend, Error, OpenContext, PinGuard, Result, SecretKind, Signer, Token, VerifyingKey,
};

const BOUNDS: Bounds = bounds(Duration::from_secs(20));
/// Long enough for a busy machine, short enough to wait for.
const SHORT: Bounds = bounds(Duration::from_millis(1500));

const fn bounds(all: Duration) -> Bounds {
    Bounds { call: all, generation: all, pin_pad: all, session: all }
}

fn open(home: &Home) -> Result<Box<dyn Token>> {
    open_within(home, BOUNDS)
}

fn open_within(home: &Home, bounds: Bounds) -> Result<Box<dyn Token>> {
    let backend = Pkcs11Backend::new().with_bounds(bounds);
    backend.open(&home.locator("token=factory"), &home.context(PIN))
}

fn verified(signer: &dyn Signer, signature: &[u8]) {
    let key = VerifyingKey::new(signer.public_key()).unwrap();
    key.verify(&signer.algorithm().identifier(), b"message", signature).unwrap();
}

/// All that one signature takes, from nothing.
fn sign_from_nothing(home: &Home, bounds: Bounds) -> Result<Vec<u8>> {
    let mut token = open_within(home, bounds)?;
    let signer = token.signer(&named("dak"), None)?;
    let first = signer.sign(b"message")?.into_bytes();
    verified(&*signer, &first);
    let second = signer.session()?.sign(b"message")?.into_bytes();
    verified(&*signer, &second);
    Ok(first)
}

fn count(calls: &[String], function: &str) -> usize {
    calls.iter().filter(|call| call.split(' ').next() == Some(function)).count()
}

/// The codes of PKCS#11 3.1 section 5.1 that a working module may come to answer with.
const CODES: [(&str, &str); 22] = [
    ("CKR_HOST_MEMORY", "0x2"),
    ("CKR_SLOT_ID_INVALID", "0x3"),
    ("CKR_GENERAL_ERROR", "0x5"),
    ("CKR_FUNCTION_FAILED", "0x6"),
    ("CKR_ARGUMENTS_BAD", "0x7"),
    ("CKR_DEVICE_ERROR", "0x30"),
    ("CKR_DEVICE_MEMORY", "0x31"),
    ("CKR_DEVICE_REMOVED", "0x32"),
    ("CKR_FUNCTION_CANCELED", "0x50"),
    ("CKR_FUNCTION_NOT_SUPPORTED", "0x54"),
    ("CKR_KEY_HANDLE_INVALID", "0x60"),
    ("CKR_MECHANISM_INVALID", "0x70"),
    ("CKR_OBJECT_HANDLE_INVALID", "0x82"),
    ("CKR_OPERATION_ACTIVE", "0x90"),
    ("CKR_SESSION_CLOSED", "0xb0"),
    ("CKR_SESSION_COUNT", "0xb1"),
    ("CKR_SESSION_HANDLE_INVALID", "0xb3"),
    ("CKR_TOKEN_NOT_PRESENT", "0xe0"),
    ("CKR_USER_NOT_LOGGED_IN", "0x101"),
    ("CKR_CRYPTOKI_NOT_INITIALIZED", "0x190"),
    ("CKR_FUNCTION_REJECTED", "0x200"),
    ("a vendor's own", "0x80000001"),
];

/// The functions that one signature takes.
const FUNCTIONS: [&str; 15] = [
    "C_Initialize",
    "C_GetInfo",
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_OpenSession",
    "C_GetSessionInfo",
    "C_Login",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_GetAttributeValue",
    "C_SignInit",
    "C_Sign",
];

/// A process for each way of counting, side by side.
#[test]
fn every_code_of_every_function_ends_in_a_signature_or_an_error() {
    let name = "faults::every_code_of_every_function_ends_in_a_signature_or_an_error";
    in_processes(name, "CALLS", &["1", "2", "1+"], |home, calls| {
        drop(home.token_with_key("factory"));
        for function in FUNCTIONS {
            for (code, value) in CODES {
                home.rules(&format!("{function} {calls} {value}\n"));
                home.calls();
                let what = format!("{function} {calls} {code}");
                match sign_from_nothing(home, BOUNDS) {
                    Ok(_)
                    | Err(
                        Error::Device { .. } | Error::NotFound { .. } | Error::Unsupported { .. },
                    ) => (),
                    Err(other) => panic!("{what}: {}", told(&other)),
                }
                let seen = home.calls();
                // Whatever a login came to, it is not tried a second time on its own account.
                if function == "C_Login" && calls == "1+" {
                    assert_eq!(count(&seen, "C_Login"), 1, "{what}: {seen:?}");
                }
                // Nothing is left behind that a next run would trip over.
                home.rules("");
                let mut next = sign_from_nothing(home, BOUNDS);
                // But for a login of which nobody knows whether the token counted it.
                if function == "C_Login" && matches!(next, Err(Error::FailedBefore { .. })) {
                    assert_eq!(count(&home.calls(), "C_Login"), 0, "{what}");
                    let id = open(home).unwrap().info().id();
                    assert!(guard().clear_fault(&id, SecretKind::Pin).unwrap());
                    next = sign_from_nothing(home, BOUNDS);
                }
                assert!(next.is_ok(), "after {what}: {}", told(&next.unwrap_err()));
            }
        }
    });
}

/// Runs a test in several processes at once, each told its value by a variable.
fn in_processes(name: &str, variable: &str, values: &[&str], body: fn(&Home, &str)) {
    if let Ok(value) = env::var(variable) {
        return isolated(name, Kind::Shim, |home| body(home, &value));
    }
    thread::scope(|scope| {
        for value in values {
            scope.spawn(move || {
                isolated_with(name, Kind::Shim, &[(variable, value)], |_| unreachable!());
            });
        }
    });
}

#[test]
fn a_lost_session_is_made_good_once() {
    isolated("faults::a_lost_session_is_made_good_once", Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let mut token = open(home).unwrap();
        let signer = token.signer(&named("dak"), None).unwrap();
        let mut session = signer.session().unwrap();
        for function in ["C_SignInit", "C_Sign"] {
            for code in ["0xb0", "0xb3", "0x101", "0x60", "0x82", "0x90", "0x32", "0xe0"] {
                home.rules(&format!("{function} 1 {code}\n"));
                home.calls();
                let signature = session.sign(b"message").unwrap();
                verified(&*signer, signature.as_bytes());
                let calls = home.calls();
                assert_eq!(count(&calls, "C_OpenSession"), 1, "{function} {code}: {calls:?}");
                // For good, it is an error after the second time.
                home.rules(&format!("{function} 1+ {code}\n"));
                home.calls();
                let error = session.sign(b"message").unwrap_err();
                assert!(matches!(error, Error::Device { .. }), "{error}");
                assert_eq!(count(&home.calls(), function), 2, "{function} {code}");
                home.rules("");
                verified(&*signer, session.sign(b"message").unwrap().as_bytes());
            }
        }
        // In the middle of a group, too: each is signed, and signed once.
        let messages = [&b"message"[..]; 40];
        for number in [1, 2, 7, 40] {
            home.rules(&format!("C_Sign {number} 0xb3\n"));
            home.calls();
            let signatures = session.sign_all(&messages).unwrap();
            assert_eq!(signatures.len(), messages.len());
            for signature in &signatures {
                verified(&*signer, signature.as_bytes());
            }
            // The lost one twice; where it came in a group, that is seen only when it is tried alone.
            let calls = count(&home.calls(), "C_Sign");
            assert!(calls == messages.len() + 1, "{number}: {calls}");
        }
        for number in [1, 2, 7, 40] {
            home.rules(&format!("C_Sign {number} 0x30\n"));
            home.calls();
            let error = told(&session.sign_all(&messages).unwrap_err());
            assert!(error.contains("CKR_DEVICE_ERROR"), "{error}");
            assert_eq!(count(&home.calls(), "C_Sign"), number);
        }
        // A failure of the device is told and not tried again.
        home.rules("C_Sign 1 0x30\n");
        home.calls();
        let error = told(&session.sign(b"message").unwrap_err());
        assert!(error.contains("CKR_DEVICE_ERROR"), "{error}");
        assert_eq!(count(&home.calls(), "C_Sign"), 1);
    });
}

#[test]
fn one_signature_is_one_call() {
    isolated("faults::one_signature_is_one_call", Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        home.calls();
        let mut token = open(home).unwrap();
        let signer = token.signer(&named("dak"), None).unwrap();
        signer.sign(b"message").unwrap();
        let calls = home.calls();
        assert_eq!(count(&calls, "C_Sign"), 1, "{calls:?}");
        assert_eq!(count(&calls, "C_Login"), 1, "{calls:?}");
        let mut session = signer.session().unwrap();
        for _ in 0..10 {
            session.sign(b"message").unwrap();
        }
        drop(session);
        let calls = home.calls();
        assert_eq!(calls.len(), 20, "{calls:?}");
        assert_eq!(count(&calls, "C_Sign"), 10, "{calls:?}");
        // Another signer, another opening: still one module, and one login.
        let mut again = open(home).unwrap();
        again.signer(&named("dak"), None).unwrap().sign(b"message").unwrap();
        let calls = home.calls();
        assert_eq!(count(&calls, "C_Initialize"), 0, "{calls:?}");
        assert_eq!(count(&calls, "C_Login"), 0, "{calls:?}");
        drop((token, again));
        assert_eq!(count(&home.calls(), "C_Finalize"), 0, "a signer is left");
        drop(signer);
        let calls = home.calls();
        assert_eq!(count(&calls, "C_Finalize"), 1, "{calls:?}");
        assert_eq!(calls.last().map(String::as_str), Some("C_Finalize"), "{calls:?}");
    });
}

#[test]
fn sessions_that_run_out_are_shared() {
    isolated("faults::sessions_that_run_out_are_shared", Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let mut token = open(home).unwrap();
        let signer = token.signer(&named("dak"), None).unwrap();
        home.rules("C_OpenSession 1+ 0xb1\n");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        verified(&*signer, signer.sign(b"message").unwrap().as_bytes());
                    }
                });
            }
        });
        // Where not even one is to be had, that is told.
        drop((signer, token));
        home.rules("C_OpenSession 1+ 0xb1\n# once more\n");
        let error = told(&sign_from_nothing(home, BOUNDS).unwrap_err());
        assert!(error.contains("CKR_SESSION_COUNT"), "{error}");
    });
}

/// A process for each function: a module that hangs is lost to its process.
#[test]
fn a_hang_ends_at_the_bound_and_nothing_more_is_asked() {
    let name = "faults::a_hang_ends_at_the_bound_and_nothing_more_is_asked";
    let functions = [&FUNCTIONS[..], &["C_CloseSession", "C_Finalize"]].concat();
    in_processes(name, "HANGS", &functions, |home, function| {
        drop(home.token_with_key("factory"));
        home.rules(&format!("{function} 1 hang\n"));
        home.calls();
        let started = Instant::now();
        let outcome = sign_from_nothing(home, SHORT);
        assert!(started.elapsed() < Duration::from_secs(60), "{function}");
        if matches!(function, "C_CloseSession" | "C_Finalize") {
            // Too late to spoil anything.
            assert!(outcome.is_ok(), "{function}: {outcome:?}");
        } else {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Device { .. }), "{function}: {error}");
            assert!(told(&error).contains("did not answer within 1.5 s"), "{}", told(&error));
        }
        let calls = home.calls();
        assert_eq!(calls.last().and_then(|it| it.split(' ').next()), Some(function), "{calls:?}");
        let error = told(&sign_from_nothing(home, SHORT).unwrap_err());
        assert!(error.contains("hangs in an earlier call"), "{error}");
        assert_eq!(home.calls(), Vec::<String>::new());
    });
}

#[test]
fn a_hang_in_the_middle_of_a_group_ends_at_the_bound_too() {
    let name = "faults::a_hang_in_the_middle_of_a_group_ends_at_the_bound_too";
    isolated(name, Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let mut token = open_within(home, SHORT).unwrap();
        let signer = token.signer(&named("dak"), None).unwrap();
        let mut session = signer.session().unwrap();
        home.rules("C_Sign 7 hang\n");
        home.calls();
        let error = told(&session.sign_all(&[&b"message"[..]; 40]).unwrap_err());
        assert!(error.contains("did not answer within 1.5 s"), "{error}");
        assert_eq!(count(&home.calls(), "C_Sign"), 7);
        let error = told(&session.sign_all(&[&b"message"[..]; 40]).unwrap_err());
        assert!(error.contains("hangs in an earlier call"), "{error}");
        assert_eq!(home.calls(), Vec::<String>::new());
    });
}

#[test]
fn a_module_that_hangs_at_the_very_beginning_is_not_begun_anew() {
    let name = "faults::a_module_that_hangs_at_the_very_beginning_is_not_begun_anew";
    isolated(name, Kind::Shim, |home| {
        home.rules("C_Initialize 1+ hang\n");
        for reason in ["did not answer within 1.5 s", "hangs in an earlier call"] {
            let error = told(&open_within(home, SHORT).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(home.calls(), ["C_Initialize"]);
    });
}

#[test]
fn a_wrong_pin_costs_one_try_however_often_it_is_asked_for() {
    let name = "faults::a_wrong_pin_costs_one_try_however_often_it_is_asked_for";
    isolated(name, Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        // Incorrect, of the wrong length, invalid, locked: as answers to a login all are final.
        for (number, code) in ["0xa0", "0xa2", "0xa1", "0xa4"].into_iter().enumerate() {
            home.rules(&format!("C_Login 1+ {code}\n"));
            home.calls();
            let context = home.context(&format!("wrong-{number:03}"));
            let backend = Pkcs11Backend::new().with_bounds(BOUNDS);
            let mut token = backend.open(&home.locator("token=factory"), &context).unwrap();
            for _ in 0..5 {
                let error = token.signer(&named("dak"), None).unwrap_err();
                let expected = matches!(
                    error,
                    Error::WrongSecret { .. } | Error::Blocked { .. } | Error::FailedBefore { .. }
                );
                assert!(expected, "{code}: {error}");
            }
            let calls = home.calls();
            assert_eq!(count(&calls, "C_Login"), 1, "{code}: {calls:?}");
        }
    });
}

const FINAL_TRY: &str = "set-flags 0x20000\n";
const LOCKED: &str = "set-flags 0x40000\n";
const SO_FINAL_TRY: &str = "set-flags 0x200000\n";

#[test]
fn nothing_is_presented_on_the_last_try_or_to_a_locked_token() {
    let name = "faults::nothing_is_presented_on_the_last_try_or_to_a_locked_token";
    isolated(name, Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        for flags in [FINAL_TRY, LOCKED] {
            home.rules(flags);
            home.calls();
            let mut token = open(home).unwrap();
            let by_signer = token.signer(&named("dak"), None).unwrap_err();
            let pins = token.pin_manager().unwrap();
            let by_verify = pins.verify(&secret(PIN)).unwrap_err();
            let by_change = pins.change(&secret(PIN), &secret("newpin-1")).unwrap_err();
            for error in [by_signer, by_verify, by_change] {
                match flags {
                    FINAL_TRY => assert!(matches!(error, Error::LastTryRefused { .. }), "{error}"),
                    _ => assert!(matches!(error, Error::Blocked { .. }), "{error}"),
                }
            }
            let calls = home.calls();
            assert_eq!(count(&calls, "C_Login") + count(&calls, "C_SetPIN"), 0, "{calls:?}");
        }
        home.rules(SO_FINAL_TRY);
        let mut token = open(home).unwrap();
        let refused = token
            .pin_manager()
            .unwrap()
            .unblock(&secret(crate::common::SO_PIN), &secret("newpin-1"));
        assert!(matches!(refused, Err(Error::LastTryRefused { .. })), "{refused:?}");
        assert_eq!(count(&home.calls(), "C_Login"), 0);
    });
}

/// A process that tries to make room for it dies, and takes the ledger's intent with it.
#[test]
fn a_length_and_a_number_of_objects_that_cannot_be_are_errors() {
    let name = "faults::a_length_and_a_number_of_objects_that_cannot_be_are_errors";
    isolated(name, Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        for (rules, reason) in [
            // -1 in 32 bits, and nearly the most that there is.
            ("lengths 0xffffffff\n", "an attribute Label of 4294967295 octets"),
            ("lengths 0x3fffffffffffffff\n", "an attribute Label of 4611686018427387903 octets"),
            ("endless 0x1\n", "more than 100000 objects"),
        ] {
            home.rules(rules);
            let error = sign_from_nothing(home, BOUNDS).unwrap_err();
            assert!(matches!(error, Error::Device { .. }), "{rules}: {error}");
            assert!(told(&error).contains(reason), "{rules}: {}", told(&error));
            home.rules("");
            sign_from_nothing(home, BOUNDS).unwrap();
        }
    });
}

#[test]
fn a_pin_that_was_not_looked_at_is_not_taken_for_right() {
    let name = "faults::a_pin_that_was_not_looked_at_is_not_taken_for_right";
    isolated(name, Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let backend = Pkcs11Backend::new().with_bounds(BOUNDS);
        let guard = PinGuard::new().in_folder(home.file("guard"));
        let try_one = |pin: &str| {
            let context = OpenContext { guard: guard.clone(), ..home.context(pin) };
            let mut token = backend.open(&home.locator("token=factory"), &context).unwrap();
            let refused = token.signer(&named("dak"), None).unwrap_err();
            (refused, guard.faults(&token.info().id()).unwrap().len())
        };
        let (error, faults) = try_one("00000000");
        assert!(matches!(error, Error::WrongSecret { .. }), "{error}");
        assert_eq!(faults, 1);
        // CKR_USER_ALREADY_LOGGED_IN, as when another part of the program came first: what is known to be
        // wrong stays so. (One PIN in 256 is taken for the first, and does as well here.)
        home.rules("C_Login 1+ 0x100\n");
        assert_eq!(try_one("11111111").1, 1);
    });
}
