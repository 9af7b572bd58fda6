//! Wrong PINs, last tries, and the security officer.

use crate::common::{Home, Kind, PIN, SO_PIN, isolated, named, secret};
use backend_pkcs11::Pkcs11Backend;
use signer_core::{Backend, Error, SecretKind, Tries};

fn wrong(number: u32) -> signer_core::Secret {
    secret(&format!("wrong-{number:03}"))
}

/// Spends tries as somebody else would: each in a process of its own, by another program.
fn spend(home: &Home, times: u32) {
    let module = home.module().display().to_string();
    for number in 0..times {
        let pin = format!("wrong-{number:03}");
        let output = std::process::Command::new("pkcs11-tool")
            .args(["--module", &module, "--token-label", "factory", "--login", "--pin", &pin, "-O"])
            .output()
            .unwrap();
        assert!(!output.status.success());
    }
}

#[test]
fn kryoptic_spares_the_last_try_and_the_officer_unblocks() {
    let name = "pins::kryoptic_spares_the_last_try_and_the_officer_unblocks";
    isolated(name, Kind::Kryoptic, |home| {
        drop(home.token_with_key("factory"));
        let status = |home: &Home| {
            let mut token = home.open("token=factory");
            token.pin_manager().unwrap().pin_status().unwrap().tries
        };
        assert_eq!(status(home), Tries::Unknown);
        spend(home, 7);
        assert_eq!(status(home), Tries::Low);
        spend(home, 2);
        assert_eq!(status(home), Tries::Last);
        // Neither a right nor a wrong one is presented now.
        let mut token = home.open("token=factory");
        for pin in [secret(PIN), wrong(900)] {
            let refused = token.pin_manager().unwrap().verify(&pin);
            assert!(matches!(refused, Err(Error::LastTryRefused { .. })), "{refused:?}");
        }
        let refused = token.signer(&named("dak"), None);
        assert!(matches!(refused, Err(Error::LastTryRefused { .. })), "{refused:?}");
        assert_eq!(status(home), Tries::Last);
        drop(token);
        spend(home, 1);
        assert_eq!(status(home), Tries::Blocked);
        let mut token = home.open("token=factory");
        let blocked = token.pin_manager().unwrap().verify(&secret(PIN));
        assert!(matches!(blocked, Err(Error::Blocked { .. })), "{blocked:?}");
        // A wrong officer's PIN is told as such; the right one sets a new PIN.
        let pins = token.pin_manager().unwrap();
        let not_the_officer = pins.unblock(&wrong(0), &secret("newpin-1"));
        let Err(Error::WrongSecret { kind: SecretKind::SoPin, .. }) = not_the_officer else {
            panic!("{not_the_officer:?}")
        };
        pins.unblock(&secret(SO_PIN), &secret("newpin-1")).unwrap();
        assert_eq!(pins.pin_status().unwrap().tries, Tries::Unknown);
        pins.verify(&secret("newpin-1")).unwrap();
        drop(token);
        let context = home.context("newpin-1");
        let mut token =
            Pkcs11Backend::new().open(&home.locator("token=factory"), &context).unwrap();
        token.signer(&named("dak"), None).unwrap().sign(b"message").unwrap();
    });
}

fn a_pin_that_failed_is_not_presented_twice(home: &Home) {
    drop(home.token_with_key("factory"));
    let backend = Pkcs11Backend::new();
    let open = |pin: &str| backend.open(&home.locator("token=factory"), &home.context(pin));
    let mut token = open("wrong-pin").unwrap();
    let first = token.signer(&named("dak"), None);
    assert!(matches!(first, Err(Error::WrongSecret { kind: SecretKind::Pin, .. })), "{first:?}");
    for _ in 0..20 {
        let again = token.signer(&named("dak"), None);
        assert!(matches!(again, Err(Error::FailedBefore { .. })), "{again:?}");
    }
    // Not through another opening of the token either, nor on request.
    let mut other = open("wrong-pin").unwrap();
    for _ in 0..20 {
        let again = other.signer(&named("dak"), None);
        assert!(matches!(again, Err(Error::FailedBefore { .. })), "{again:?}");
        let again = other.pin_manager().unwrap().verify(&secret("wrong-pin"));
        assert!(matches!(again, Err(Error::FailedBefore { .. })), "{again:?}");
    }
    // Ten wrong ones would have locked Kryoptic: the right one still works.
    open(PIN).unwrap().signer(&named("dak"), None).unwrap().sign(b"message").unwrap();
}

#[test]
fn softhsm_is_not_given_a_wrong_pin_twice() {
    isolated(
        "pins::softhsm_is_not_given_a_wrong_pin_twice",
        Kind::SoftHsm,
        a_pin_that_failed_is_not_presented_twice,
    );
}

#[test]
fn kryoptic_is_not_given_a_wrong_pin_twice() {
    isolated(
        "pins::kryoptic_is_not_given_a_wrong_pin_twice",
        Kind::Kryoptic,
        a_pin_that_failed_is_not_presented_twice,
    );
}

fn pins_are_verified_and_changed(home: &Home) {
    let mut token = home.token_with_key("factory");
    let signer = token.signer(&named("dak"), None).unwrap();
    let pins = token.pin_manager().unwrap();
    // Checked for real, though the process is logged in.
    let refused = pins.verify(&wrong(1));
    assert!(matches!(refused, Err(Error::WrongSecret { .. })), "{refused:?}");
    pins.verify(&secret(PIN)).unwrap();
    let refused = pins.change(&wrong(2), &secret("newpin-1"));
    assert!(
        matches!(refused, Err(Error::WrongSecret { kind: SecretKind::Pin, .. })),
        "{refused:?}"
    );
    for (new, length) in [("", 0), ("1", 1)] {
        let refused = pins.change(&secret(PIN), &secret(new));
        let Err(Error::SecretUnusable { kind: SecretKind::NewPin, .. }) = refused else {
            panic!("{length}: {refused:?}")
        };
    }
    pins.change(&secret(PIN), &secret("newpin-1")).unwrap();
    pins.verify(&secret("newpin-1")).unwrap();
    let refused = pins.verify(&secret(PIN));
    assert!(matches!(refused, Err(Error::WrongSecret { .. })), "{refused:?}");
    // Back again, so that the signer of before, which was logged out meanwhile, finds its PIN right.
    pins.change(&secret("newpin-1"), &secret(PIN)).unwrap();
    signer.sign(b"message").unwrap();

    let officer = token.administration().unwrap();
    let refused = officer.change_puk(&wrong(3), &secret("new-so-pin"));
    assert!(
        matches!(refused, Err(Error::WrongSecret { kind: SecretKind::SoPin, .. })),
        "{refused:?}"
    );
    officer.change_puk(&secret(SO_PIN), &secret("new-so-pin")).unwrap();
    let pins = token.pin_manager().unwrap();
    pins.unblock(&secret("new-so-pin"), &secret("newpin-2")).unwrap();
    pins.verify(&secret("newpin-2")).unwrap();
    let tries = pins.puk_status().unwrap().unwrap().tries;
    assert!(tries.may_be_spent(), "{tries}");
}

#[test]
fn softhsm_verifies_and_changes_pins() {
    isolated(
        "pins::softhsm_verifies_and_changes_pins",
        Kind::SoftHsm,
        pins_are_verified_and_changed,
    );
}

#[test]
fn kryoptic_verifies_and_changes_pins() {
    isolated(
        "pins::kryoptic_verifies_and_changes_pins",
        Kind::Kryoptic,
        pins_are_verified_and_changed,
    );
}
