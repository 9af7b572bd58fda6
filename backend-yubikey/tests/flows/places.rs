//! From a locator to the one card that is meant.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use backend_yubikey::YubiKeyBackend;
use backend_yubikey::transport::{Readers, Transport, TransportError, Waits};
use signer_core::{Backend, Error, Event, Interaction, KeyRef, OpenContext, Token};

use super::script::Script;
use super::{Rig, Shelf};

pub(super) fn shelf(cards: &[(&str, &Script)]) -> YubiKeyBackend {
    let cards = cards.iter().map(|(name, card)| ((*name).to_owned(), (*card).clone())).collect();
    YubiKeyBackend::new(Arc::new(Shelf(cards)))
}

#[test]
fn tokens_are_listed_by_two_commands_each() {
    let (one, two) = (Script::new([5, 7, 1], 1), Script::new([5, 4, 3], 2));
    let tokens =
        shelf(&[("YubiKey 0", &one), ("YubiKey 1", &two)]).list(&OpenContext::default()).unwrap();
    let shown: Vec<_> = tokens.iter().map(|token| token.locator.to_string()).collect();
    assert_eq!(shown, ["yubikey:serial=1", "yubikey:serial=2"]);
    assert_eq!(tokens[0].model, "YubiKey 5 (USB-C)");
    assert_eq!(tokens[1].version.as_deref(), Some("5.4.3"));
    assert_eq!(one.said(), "( other config )");
}

#[test]
fn a_key_that_another_program_has_is_waited_for_and_named_and_hides_no_other() {
    let listed = |cards: &[(&str, &Script)]| {
        let told = Arc::new(Told::default());
        let cards = cards.iter().map(|(name, card)| ((*name).to_owned(), (*card).clone()));
        let backend = YubiKeyBackend::new(Arc::new(Held(Shelf(cards.collect()))));
        let context = OpenContext { interaction: told.clone(), ..OpenContext::default() };
        let listed = backend.list(&context);
        let said = told.0.lock().unwrap().clone();
        (listed, said)
    };
    let (one, two) = (Script::new([5, 7, 1], 1), Script::new([5, 4, 3], 2));
    let (tokens, told) = listed(&[("held", &one), ("YubiKey 1", &two)]);
    let shown: Vec<_> = tokens.unwrap().iter().map(|token| token.locator.to_string()).collect();
    assert_eq!(shown, ["yubikey:serial=2"]);
    assert_eq!(told[0], "waiting for the YubiKey in held");
    assert!(
        told[1].starts_with("without the YubiKey in held: connecting to the card in held failed")
    );
    assert!(told[1].contains("another program has the card to itself"), "{told:?}");
    assert_eq!(told.len(), 2);

    let (nothing, told) = listed(&[("held", &one)]);
    assert!(matches!(nothing, Err(Error::Device { .. })));
    assert_eq!(told, ["waiting for the YubiKey in held"]);
    let (nothing, told) = listed(&[("held", &one), ("held as well", &two)]);
    assert!(nothing.unwrap_err().to_string().contains("held as well"));
    assert_eq!(told.len(), 3, "the other one is named too: {told:?}");
}

/// Readers of which another program holds those that are called so.
#[derive(Debug)]
struct Held(Shelf);

impl Readers for Held {
    fn names(&self) -> Result<Vec<String>, TransportError> {
        self.0.names()
    }

    fn connect(&self, name: &str) -> Result<Box<dyn Transport>, TransportError> {
        self.0.connect(name)
    }

    fn connect_telling(
        &self,
        name: &str,
        waits: Waits,
    ) -> Result<Box<dyn Transport>, TransportError> {
        if name.starts_with("held") {
            waits();
            return Err(TransportError::Busy);
        }
        self.connect(name)
    }
}

/// What a person was told, a line each.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Interaction for Told {
    fn event(&self, event: Event<'_>) {
        self.0.lock().unwrap().push(match event {
            Event::Waiting { token } => format!("waiting for {token}"),
            Event::OutOfReach { token, error } => {
                format!("without {token}: {error}: {}", error.source().unwrap())
            }
            other => format!("{other:?}"),
        });
    }
}

#[test]
fn the_serial_number_decides_and_without_it_two_are_ambiguous() {
    let (one, two) = (Script::new([5, 7, 1], 1), Script::new([5, 4, 3], 2));
    let backend = shelf(&[("YubiKey 0", &one), ("YubiKey 1", &two)]);
    let open = |at: &str| backend.open(&at.parse().unwrap(), &OpenContext::default());
    assert_eq!(open("yubikey:serial=2;slot=9c").unwrap().info().serial.as_deref(), Some("2"));
    assert_eq!(open("yubikey:reader=YubiKey 0").unwrap().info().serial.as_deref(), Some("1"));
    let Err(Error::Ambiguous { candidates, .. }) = open("yubikey:slot=9c") else { panic!() };
    assert_eq!(
        candidates,
        [
            "yubikey:serial=1: YubiKey 5 (USB-C), firmware 5.7.1, in YubiKey 0",
            "yubikey:serial=2: YubiKey 5 (USB-C), firmware 5.4.3, in YubiKey 1"
        ]
    );
    let error = open("yubikey:serial=3").unwrap_err();
    assert_eq!(error.to_string(), "YubiKey 3 not found");
}

#[test]
fn what_a_locator_cannot_say_is_refused() {
    let card = Script::new([5, 7, 1], 1);
    let backend = shelf(&[("YubiKey 0", &card)]);
    for at in ["yubikey:serial=x", "yubikey:slot=9b", "yubikey:colour=red", "yubikey:?x=1"] {
        let error = backend.open(&at.parse().unwrap(), &OpenContext::default()).unwrap_err();
        assert!(matches!(error, Error::Locator { .. }), "{at}: {error}");
    }
    assert!(card.state().commands.is_empty());
    let key = backend.key(&"yubikey:serial=1;slot=9C".parse().unwrap()).unwrap();
    assert_eq!(key, KeyRef::Slot("9c".into()));
}

#[test]
fn without_a_management_applet_piv_itself_is_asked() {
    let rig = Rig::new([5, 7, 1]);
    rig.card.state().has_management_applet = false;
    assert_eq!(rig.open().info().serial.as_deref(), Some("16021234"));
    assert_eq!(rig.card.said(), "( other piv version serial )");
}

#[test]
fn an_old_card_tells_its_serial_number_in_the_otp_applet() {
    let rig = Rig::new([4, 0, 4]);
    rig.card.state().has_management_applet = false;
    rig.card.instead("otp-serial", &[0x00, 0xf4, 0x77, 0x72, 0x90, 0x00]);
    assert_eq!(rig.open().info().serial.as_deref(), Some("16021362"));
    assert_eq!(rig.card.said(), "( other piv version otp otp-serial piv )");
}

#[test]
fn a_token_that_hides_its_serial_number_is_known_by_its_reader() {
    let rig = Rig::new([5, 7, 1]);
    rig.card.instead("config", &[5, 0x05, 3, 5, 7, 1, 0x90, 0x00]);
    let token = rig.open();
    let info = token.info();
    assert_eq!(info.serial, None);
    assert_eq!(info.locator.to_string(), "yubikey:reader=Yubico YubiKey CCID 00");
    assert_eq!(info.id(), token.card().identity().id());
    rig.card.instead("config", &[5, 0x05, 3, 5, 7, 1, 0x90, 0x00]);
    let backend = YubiKeyBackend::new(Arc::new(rig.readers.clone()));
    assert!(backend.open(&info.locator, &rig.context).is_ok());
}

#[test]
fn a_card_without_piv_is_no_token() {
    let rig = Rig::new([5, 7, 1]);
    rig.card.state().has_management_applet = false;
    rig.card.instead("piv", &[0x6a, 0x82]);
    let backend = YubiKeyBackend::new(Arc::new(rig.readers.clone()));
    let error = backend.open(&"yubikey:".parse().unwrap(), &rig.context).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}
