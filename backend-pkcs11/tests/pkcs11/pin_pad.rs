//! A token with a PIN pad: what is entered there is known to nobody else.

use std::sync::{Arc, Mutex};

use backend_pkcs11::Pkcs11Backend;
use signer_core::{
    Backend, Error, Event, Interaction, OpenContext, SecretKind, Secrets, Token, Tries,
};

use crate::common::{Home, Kind, PIN, SO_PIN, guard, isolated, named, secret};

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<SecretKind>>);

impl Interaction for Heard {
    fn event(&self, event: Event<'_>) {
        if let Event::PinPad { token, kind } = event {
            assert!(token.contains("factory"), "{token}");
            self.0.lock().unwrap().push(kind);
        }
    }
}

impl Heard {
    /// What was asked for since this was last asked.
    fn take(&self) -> Vec<SecretKind> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A token at which these are entered, and no other source of secrets.
fn opened(home: &Home, entered: &str) -> (Box<dyn Token>, Arc<Heard>) {
    home.rules(entered);
    home.calls();
    let heard = Arc::new(Heard::default());
    let context =
        OpenContext { interaction: heard.clone(), guard: guard(), ..OpenContext::default() };
    let at = home.locator("token=factory");
    (Pkcs11Backend::new().open(&at, &context).unwrap(), heard)
}

fn pad(user: &str, old: &str, new: &str) -> String {
    format!("pad user {user}\npad so {SO_PIN}\npad old {old}\npad new {new}\n")
}

/// The calls that carry a secret, with what is noted of them.
fn secret_calls(home: &Home) -> Vec<String> {
    let mut calls = home.calls();
    calls.retain(|call| ["C_Login", "C_SetPIN", "C_InitPIN"].iter().any(|it| call.starts_with(it)));
    calls
}

#[test]
fn a_login_asks_for_the_pin_at_the_token_once() {
    isolated("pin_pad::a_login_asks_for_the_pin_at_the_token_once", Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let (mut token, heard) = opened(home, &pad(PIN, "", ""));
        assert!(token.pin_manager().unwrap().has_pin_pad());
        let signer = token.signer(&named("dak"), None).unwrap();
        signer.sign(b"message").unwrap();
        assert_eq!(heard.take(), [SecretKind::Pin]);
        assert_eq!(secret_calls(home), ["C_Login user 1 null"]);
        token.pin_manager().unwrap().verify(&secret("")).unwrap();
        assert_eq!(heard.take(), [SecretKind::Pin]);
        // Once more for the next signature: the check logged everybody out.
        signer.sign(b"message").unwrap();
        assert_eq!(heard.take(), [SecretKind::Pin]);
    });
}

#[test]
fn a_wrong_pin_at_the_token_is_told_and_not_remembered() {
    let name = "pin_pad::a_wrong_pin_at_the_token_is_told_and_not_remembered";
    isolated(name, Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let (mut token, _) = opened(home, &pad("00000000", "", ""));
        for _ in 0..3 {
            let error = token.pin_manager().unwrap().verify(&secret("")).unwrap_err();
            let wrong = matches!(
                error,
                Error::WrongSecret { kind: SecretKind::Pin, tries: Tries::Low, .. }
            );
            assert!(wrong, "{error}");
        }
        assert_eq!(secret_calls(home), ["C_Login user 1 null"; 3]);
        assert_eq!(guard().faults(&token.info().id()).unwrap(), []);
        home.rules(&pad(PIN, "", ""));
        token.pin_manager().unwrap().verify(&secret("")).unwrap();
        // The counter is read all the same, and a last try is not spent unasked.
        home.rules(&format!("{}set-flags 0x20000\n", pad(PIN, "", "")));
        home.calls();
        let error = token.pin_manager().unwrap().verify(&secret("")).unwrap_err();
        assert!(matches!(error, Error::LastTryRefused { .. }), "{error}");
        assert_eq!(secret_calls(home), Vec::<String>::new());
    });
}

#[test]
fn a_pin_is_changed_and_unblocked_at_the_token() {
    isolated("pin_pad::a_pin_is_changed_and_unblocked_at_the_token", Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let nothing = secret("");
        let (mut token, heard) = opened(home, &pad(PIN, PIN, "11223344"));
        let pins = token.pin_manager().unwrap();
        pins.change(&nothing, &nothing).unwrap();
        assert_eq!(heard.take(), [SecretKind::Pin]);
        assert_eq!(secret_calls(home), ["C_SetPIN null"]);
        // A source here and the pad there is neither.
        for (one, other) in [(&nothing, &secret(PIN)), (&secret(PIN), &nothing)] {
            let error = pins.change(one, other).unwrap_err();
            assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        }
        assert_eq!(secret_calls(home), Vec::<String>::new());
        // The old one is wrong by now.
        let error = pins.change(&nothing, &nothing).unwrap_err();
        assert!(matches!(error, Error::WrongSecret { kind: SecretKind::Pin, .. }), "{error}");
        home.rules(&pad("11223344", "", "55667788"));
        pins.verify(&nothing).unwrap();

        home.calls();
        heard.take();
        pins.unblock(&nothing, &nothing).unwrap();
        assert_eq!(heard.take(), [SecretKind::SoPin, SecretKind::NewPin]);
        assert_eq!(secret_calls(home), ["C_Login user 0 null", "C_InitPIN null"]);
        home.rules(&pad("55667788", "", ""));
        pins.verify(&nothing).unwrap();
        // With the officer's PIN from here and the new one there.
        home.rules(&pad("55667788", "", PIN));
        pins.unblock(&secret(SO_PIN), &nothing).unwrap();
        home.rules(&pad(PIN, SO_PIN, "00000000"));
        pins.verify(&nothing).unwrap();

        home.calls();
        heard.take();
        token.administration().unwrap().change_puk(&nothing, &nothing).unwrap();
        assert_eq!(heard.take(), [SecretKind::SoPin, SecretKind::NewSoPin]);
        assert_eq!(secret_calls(home), ["C_Login user 0 null", "C_SetPIN null"]);
        let pins = token.pin_manager().unwrap();
        let error = pins.unblock(&nothing, &secret(PIN)).unwrap_err();
        assert!(matches!(error, Error::WrongSecret { kind: SecretKind::SoPin, .. }), "{error}");
    });
}

#[test]
fn a_source_that_is_named_is_used_in_place_of_the_pad() {
    let name = "pin_pad::a_source_that_is_named_is_used_in_place_of_the_pad";
    isolated(name, Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        home.rules(&pad("00000000", "", ""));
        home.calls();
        let mut token = home.open("token=factory");
        token.signer(&named("dak"), None).unwrap();
        assert_eq!(secret_calls(home), ["C_Login user 1"]);
        // Without a pad, an empty PIN is none, and nobody is asked for one in vain.
        home.rules("");
        assert!(!home.open("token=factory").pin_manager().unwrap().has_pin_pad());
        let refused = home.open("token=factory").pin_manager().unwrap().verify(&secret(""));
        assert!(matches!(refused, Err(Error::SecretUnusable { .. })), "{refused:?}");
        drop(token);
        let nobody = OpenContext { secrets: Secrets::new(), ..OpenContext::default() };
        let at = home.locator("token=factory");
        let mut token = Pkcs11Backend::new().open(&at, &nobody).unwrap();
        let error = token.signer(&named("dak"), None).unwrap_err();
        assert!(matches!(error, Error::NobodyToAsk { .. }), "{error}");
    });
}
