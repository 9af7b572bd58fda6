//! The state file outlives everything, and gives no try away.

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use virtual_yubikey::{Card, Device, Durability, StateError, StateFile};

use crate::session::{
    OK, PIN_STATUS, SELECT, VERIFY, WRONG, card, generate_p256, get, manage, put, sign_p256,
};

fn open(path: &Path) -> Result<Card, StateError> {
    StateFile::card(path, Durability::Process, Some(card().model()), None)
}

fn device(path: &Path) -> Device {
    let mut device = Device::new(open(path).unwrap());
    assert!(device.transmit(SELECT).unwrap().ends_with(OK));
    device
}

#[test]
fn what_a_card_keeps_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    let mut first = device(&path);
    manage(&mut first);
    let point = generate_p256(&mut first);
    for link in put(0xC105, &[9; 700]) {
        assert_eq!(first.transmit(&link).unwrap(), OK);
    }
    first.transmit(WRONG);
    drop(first);

    let mut again = device(&path);
    assert_eq!(again.transmit(PIN_STATUS).unwrap(), b"\x63\xC2");
    let metadata = again.transmit(b"\x00\xF7\x00\x9A").unwrap();
    assert!(metadata.windows(65).any(|window| window == point));
    assert!(again.transmit(&get(0xC105)).unwrap().ends_with(b"\x61\x00"));
    assert_eq!(again.transmit(VERIFY).unwrap(), OK);
    assert!(again.transmit(&sign_p256()).unwrap().ends_with(OK));
}

#[test]
fn a_try_is_in_the_file_before_its_answer_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    let mut device = device(&path);
    let mut before = fs::read(&path).unwrap();
    for apdu in [WRONG, WRONG, VERIFY, WRONG] {
        device.transmit(apdu);
        let after = fs::read(&path).unwrap();
        assert_ne!(after, before);
        before = after;
    }
    // What changes nothing is not written.
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    for apdu in [PIN_STATUS, SELECT] {
        device.transmit(apdu);
    }
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
}

#[test]
fn a_state_that_cannot_be_written_gives_no_answer_about_the_pin() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let mut device = device(&inner.join("card.json"));
    fs::remove_dir_all(&inner).unwrap();
    // Neither says whether it was right.
    assert_eq!(device.transmit(WRONG).unwrap(), b"\x65\x81");
    assert_eq!(device.transmit(VERIFY).unwrap(), b"\x65\x81");
    fs::create_dir(&inner).unwrap();
    device.transmit(SELECT);
    assert_eq!(device.transmit(VERIFY).unwrap(), OK);
}

#[test]
fn a_second_card_cannot_use_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    let first = open(&path).unwrap();
    assert!(matches!(open(&path), Err(StateError::InUse { .. })));
    drop(first);
    open(&path).unwrap();
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    drop(open(&path).unwrap());
    let whole = fs::read(&path).unwrap();
    let cuts = (0..whole.len() - 2).step_by(97).map(|length| whole[..length].to_vec());
    for damaged in cuts.chain([b"{}".to_vec(), b"null".to_vec(), b"\x00\xFF".to_vec()]) {
        fs::write(&path, &damaged).unwrap();
        let refusal = open(&path).unwrap_err();
        assert!(matches!(refusal, StateError::Damaged { .. }), "{refusal:?}");
        assert!(refusal.source().is_some());
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
    fs::write(&path, &whole).unwrap();
    open(&path).unwrap();
}

#[test]
fn another_card_than_the_one_asked_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    let of = |model: Option<&str>, serial| {
        let model = model.map(|model| model.parse().unwrap());
        StateFile::card(&path, Durability::Machine, model, serial)
            .map(|card| (card.model().to_string(), card.serial()))
            .map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "FILE"))
    };
    let text = |text: &str| Err(text.to_owned());
    assert_eq!(
        of(None, Some(5)),
        text("there is no state file FILE yet, and no model was given for a new card")
    );
    assert!(!path.exists());
    let made = Ok(("5.4.3".to_owned(), 5));
    assert_eq!(of(Some("5.4.3"), Some(5)), made);
    assert_eq!(of(None, None), made);
    assert_eq!(of(Some("5.4.3"), None), made);
    assert_eq!(of(Some("5.7.1"), None), text("the state file FILE holds a 5.4.3, not a 5.7.1"));
    assert_eq!(
        of(None, Some(6)),
        text(
            "the state file FILE holds a token with the serial number 5, \
             not a token with the serial number 6"
        )
    );
}

#[test]
fn only_the_owner_can_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    let mut device = device(&path);
    device.transmit(WRONG);
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{file:?}");
    }
}
