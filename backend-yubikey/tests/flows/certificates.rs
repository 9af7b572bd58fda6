//! Certificates that are stored for slots.

use aws_lc_rs::signature::KeyPair;
use backend_yubikey::tlv::element;
use pem_rfc7468::decode_vec;
use signer_core::{CertStore, Error, KeyRef, WhenKeysDiffer};

use super::Rig;

const NEWEST: [u8; 3] = [5, 7, 1];
const CERTIFICATE: [u8; 3] = [0x5f, 0xc1, 0x0a];

fn slot() -> KeyRef {
    KeyRef::Slot("9c".into())
}

pub(crate) fn foreign() -> Vec<u8> {
    decode_vec(include_bytes!("../attestations/factory-5.4.3-9a.pem")).unwrap().1
}

/// A certificate for the card's own key: somebody else's with the point replaced.
fn own(rig: &Rig) -> Vec<u8> {
    let mut der = foreign();
    let state = rig.card.state();
    let point = state.key.as_ref().unwrap().public_key().as_ref().to_vec();
    let at = der.windows(5).position(|w| w == [0x03, 0x42, 0x00, 0x04, 0x04]).unwrap() + 3;
    der[at..at + 65].copy_from_slice(&point);
    der
}

#[test]
fn a_certificate_is_stored_and_read() {
    let rig = Rig::new(NEWEST);
    let der = own(&rig);
    let mut token = rig.opened();
    token.write(&slot(), &der, WhenKeysDiffer::Refuse).unwrap();
    assert_eq!(rig.card.said(), "( piv about-9b prove prove about-9c put-5fc10a other )");
    assert_eq!(token.read(&slot()).unwrap(), der);
    let stored = rig.card.state().objects[&CERTIFICATE].clone();
    assert_eq!(stored[..2], [0x70, 0x82]);
    assert_eq!(stored[stored.len() - 5..], [0x71, 0x01, 0x00, 0xfe, 0x00]);
}

#[test]
fn the_whole_certificate_goes_in_one_command() {
    let rig = Rig::new(NEWEST);
    let der = own(&rig);
    let mut token = rig.opened();
    token.write(&slot(), &der, WhenKeysDiffer::Refuse).unwrap();
    let commands = rig.card.state().commands.clone();
    let put = commands.iter().find(|command| command[1] == 0xdb).unwrap();
    assert_eq!(put[..7], [0x00, 0xdb, 0x3f, 0xff, 0x00, 0x02, 0x6b]);
    assert_eq!(put[7..16], [0x5c, 0x03, 0x5f, 0xc1, 0x0a, 0x53, 0x82, 0x02, 0x62]);
    assert_eq!(put.len(), 7 + 0x26b);
}

#[test]
fn a_certificate_of_another_key_is_stored_only_when_that_is_wanted() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    let error = token.write(&slot(), &foreign(), WhenKeysDiffer::Refuse).unwrap_err();
    assert!(matches!(error, Error::AnotherKey { .. }), "{error}");
    assert!(rig.card.state().objects.is_empty());
    token.write(&slot(), &foreign(), WhenKeysDiffer::Store).unwrap();
    assert_eq!(token.read(&slot()).unwrap(), foreign());
}

#[test]
fn before_metadata_the_key_shows_by_a_signature_that_it_is_the_right_one() {
    let rig = Rig::new([5, 2, 7]);
    let mut token = rig.opened();
    let error = token.write(&slot(), &foreign(), WhenKeysDiffer::Refuse).unwrap_err();
    assert!(matches!(error, Error::AnotherKey { .. }), "{error}");
    assert!(rig.card.state().objects.is_empty());
    assert_eq!(rig.card.said(), "( piv attest-9c ) ( piv counter verify use-9c other )");
}

#[test]
fn an_absent_certificate_is_not_found_and_a_damaged_one_is_an_error() {
    let rig = Rig::new(NEWEST);
    let mut token = rig.opened();
    assert!(matches!(token.read(&slot()), Err(Error::NotFound { .. })));
    assert!(matches!(token.remove(&slot()), Err(Error::NotFound { .. })));
    rig.card.state().objects.insert(CERTIFICATE, element(0x70, b"rubbish").to_vec());
    assert!(matches!(token.read(&slot()), Err(Error::Device { .. })));
    token.remove(&slot()).unwrap();
    assert!(rig.card.state().objects[&CERTIFICATE].is_empty());
    assert!(matches!(token.read(&slot()), Err(Error::NotFound { .. })));
}
