//! The fact sheet's golden octets, played back.
#![expect(clippy::unwrap_used, reason = "a conversation that goes astray fails the test")]

use backend_yubikey::Card;
use backend_yubikey::algorithm::KeyAlgorithm;
use backend_yubikey::management_key::ManagementKey;
use backend_yubikey::object::ObjectId;
use backend_yubikey::slot::Slot;
use backend_yubikey::transport::record::Replay;
use backend_yubikey::transport::{Leave, Transport, TransportError};
use signer_core::{ManagementKeyAlgorithm, Secret, SecretKind};

/// SELECT and READ CONFIG of the management applet, then SELECT of PIV.
const OPENING: &str = "
    begin
    > 00a4040008a000000527471117
    < 352e372e319000
    > 001d000000
    < 19 0102023f 020400cc07c9 040101 0503050701 0302023b 0a0100 9000
    end
    begin
    > 00a4040005a000000308
    < 61114f0600001000010079074f05a0000003089000
";

fn open(text: &str) -> (Card, Replay) {
    let replay = Replay::of(&format!("{OPENING}{text}"));
    (Card::open("a reader", Box::new(replay.clone())).unwrap(), replay)
}

fn hex(octet: &str, times: usize) -> String {
    octet.repeat(times)
}

#[test]
fn an_rsa_block_goes_in_one_extended_command() {
    let (request, answer) = (hex("11", 256), hex("22", 256));
    let (card, replay) = open(&format!(
        "> 0087079a00010a7c820106820081820100{request}\n< 7c82010482820100{answer}9000\nend"
    ));
    let first = Slot::AUTHENTICATION;
    let signature = card.transaction().unwrap().use_key(first, KeyAlgorithm::Rsa2048, &[0x11; 256]);
    assert_eq!(signature.unwrap(), [0x22; 256]);
    assert!(replay.rest().is_empty(), "{:?}", replay.rest());
}

/// Where a reader takes no extended length: 255 and 11 octets, and the answer in two parts.
#[test]
fn an_rsa_block_is_chained_where_the_reader_wants_it() {
    let text = format!(
        "{OPENING}
        > 1087079aff7c820106820081820100{}
        < 9000
        > 0087079a0b{}
        < 7c82010482820100{}6108
        > 00c0000008
        < {}9000
        end",
        hex("11", 245),
        hex("11", 11),
        hex("22", 248),
        hex("22", 8),
    );
    let replay = Replay::of(&text);
    let card = Card::open("a reader", Box::new(Contactless(replay.clone()))).unwrap();
    let first = Slot::AUTHENTICATION;
    let signature = card.transaction().unwrap().use_key(first, KeyAlgorithm::Rsa2048, &[0x11; 256]);
    assert_eq!(signature.unwrap(), [0x22; 256]);
    assert!(replay.rest().is_empty(), "{:?}", replay.rest());
}

#[test]
fn the_management_key_is_proved_as_yubicos_tool_does_it() {
    // The answer to our challenge cannot be known beforehand, so this card is a wrong one.
    let (card, replay) = open(
        "> 00870a9b047c028000
         < 7c128010 000102030405060708090a0b0c0d0e0f 9000
         > 00870a9b26 ............................................................................
         < 6982
         > 00a4040008a000000527471117
         < 352e372e319000
         end",
    );
    let text = Secret::new("0102030405060708".repeat(3).into_bytes());
    let cipher = ManagementKeyAlgorithm::Aes192;
    let key = ManagementKey::from_hex(cipher, &text, SecretKind::ManagementKey).unwrap();
    let error = card.transaction().unwrap().authenticate(&key).unwrap_err();
    assert_eq!(
        error.to_string(),
        "wrong management key for YubiKey 13371337 (number of tries unknown)"
    );
    assert!(replay.rest().is_empty(), "{:?}", replay.rest());
}

#[test]
fn objects_are_read_and_removed() {
    let (card, replay) = open(
        "> 00cb3fff0000055c035fff00
         < 530580038101029000
         > 00cb3fff0000055c035fc102
         < 6a82
         > 00cb3fff0000055c035fc107
         < 53009000
         > 00db3fff075c035fc10a5300
         < 9000
         end",
    );
    let mut transaction = card.transaction().unwrap();
    let admin = transaction.object(ObjectId::ADMIN_DATA).unwrap().unwrap();
    assert_eq!(*admin, [0x80, 0x03, 0x81, 0x01, 0x02]);
    assert_eq!(transaction.object(ObjectId::new(0x5f_c102)).unwrap(), None);
    assert_eq!(transaction.object(ObjectId::new(0x5f_c107)).unwrap(), None);
    transaction.put_object(ObjectId::new(0x5f_c10a), &[]).unwrap();
    drop(transaction);
    assert!(replay.rest().is_empty(), "{:?}", replay.rest());
}

/// A reader that takes short commands only.
#[derive(Debug)]
struct Contactless(Replay);

impl Transport for Contactless {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.0.transmit(command)
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        self.0.begin()
    }

    fn end(&mut self, leave: Leave) -> Result<(), TransportError> {
        self.0.end(leave)
    }

    fn takes_extended_length(&self) -> bool {
        false
    }
}
