//! When a key wants the PIN, and when a touch.

use std::time::Duration;

use virtual_yubikey::{Finger, Touch};

use crate::client::{Client, OK, PIN, WRONG, template, tlv};

const P256: u8 = 0x11;
const DENIED: u16 = 0x6982;
/// Something that drops what was shown.
type Drop = fn(&mut Client);

const PIN_NEVER: &[u8] = b"\xAA\x01\x01";
const PIN_ONCE: &[u8] = b"\xAA\x01\x02";
const PIN_ALWAYS: &[u8] = b"\xAA\x01\x03";

/// A card with one key in 9A.
fn with_key(policies: &[u8]) -> Client {
    let mut client = Client::new("5.7.1");
    client.manage();
    client.generate(0x9A, P256, policies);
    client
}

fn sign(client: &mut Client) -> u16 {
    client.sign(P256, 0x9A, &[1; 32]).1
}

#[test]
fn a_key_that_never_wants_the_pin_signs_without() {
    let mut client = with_key(PIN_NEVER);
    assert_eq!(sign(&mut client), OK);
    assert_eq!(client.verify(WRONG), 0x63C2);
    assert_eq!(sign(&mut client), OK);
}

#[test]
fn a_key_that_wants_the_pin_once_signs_until_the_state_is_dropped() {
    let mut client = with_key(PIN_ONCE);
    let drops: [(&str, Drop); 4] = [
        ("power", |client| {
            client.card.power_cycle();
            client.select();
        }),
        ("another applet", |client| {
            client.must(0xA4, 0x04, 0x00, b"\xA0\x00\x00\x05\x27\x47\x11\x17");
            client.select();
        }),
        ("logout", |client| assert_eq!(client.status(0x20, 0xFF, 0x80, b""), OK)),
        ("a wrong PIN", |client| assert_eq!(client.verify(WRONG), 0x63C2)),
    ];
    for (name, drop) in drops {
        assert_eq!(sign(&mut client), DENIED, "before the PIN, {name}");
        assert_eq!(client.verify(PIN), OK);
        for _ in 0..3 {
            assert_eq!(sign(&mut client), OK, "{name}");
            client.must(0xFD, 0, 0, b"");
            client.select();
        }
        drop(&mut client);
        assert_eq!(sign(&mut client), DENIED, "after {name}");
    }
}

#[test]
fn a_key_that_always_wants_the_pin_wants_it_in_the_command_before() {
    let mut client = with_key(PIN_ALWAYS);
    assert_eq!(client.verify(PIN), OK);
    assert_eq!(sign(&mut client), OK);
    assert_eq!(sign(&mut client), DENIED);
    let between: [&[u8]; 7] = [
        b"\x00\xFD\x00\x00\x00",
        b"\x00\x20\x00\x80",
        b"\x00\xCB\x3F\xFF\x03\x5C\x01\x7E",
        b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08",
        b"\x00\xC0\x00\x00\x00",
        b"\x00\x99\x00\x00",
        b"\x80\x20\x00\x80",
    ];
    for command in between {
        assert_eq!(client.verify(PIN), OK);
        client.raw(command);
        assert_eq!(sign(&mut client), DENIED, "after {command:02x?}");
    }
    // Links of a chain are one command; a chain that is given up was another.
    assert_eq!(client.verify(PIN), OK);
    let whole = tlv(0x7C, &[b"\x82\x00".to_vec(), tlv(0x81, &[1; 32])].concat());
    let (first, second) = whole.split_at(20);
    let head = |cla, part: &[u8]| {
        let length = u8::try_from(part.len()).unwrap();
        [&[cla, 0x87, P256, 0x9A, length][..], part].concat()
    };
    assert_eq!(client.raw(&head(0x10, first)), (vec![], OK));
    assert_eq!(client.raw(&head(0x00, second)).1, OK);
    assert_eq!(client.verify(PIN), OK);
    assert_eq!(client.raw(b"\x10\xDB\x3F\xFF\x01\x5C"), (vec![], OK));
    assert_eq!(sign(&mut client), DENIED);
}

#[test]
fn a_select_of_piv_keeps_the_state_or_drops_it_as_told() {
    let mut client = with_key(PIN_ONCE);
    client.verify(PIN);
    client.select();
    assert_eq!(sign(&mut client), OK);
    client.must(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\x00\x01\x53\x01\x00");
    client.card.switches().select_again = virtual_yubikey::SelectAgain::DropsState;
    client.select();
    assert_eq!(sign(&mut client), DENIED);
    assert_eq!(client.status(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\x00\x01\x53\x01\x00"), DENIED);
}

#[test]
fn a_key_that_wants_a_touch_waits_for_it_and_gives_up_after_15_seconds() {
    let mut client = with_key(b"\xAA\x01\x01\xAB\x01\x02");
    let clock = client.card.clock().clone();
    let second = Duration::from_secs(1);
    client.card.set_finger(Finger::script(
        [Touch::After(2 * second), Touch::Never, Touch::After(16 * second)],
        Touch::After(Duration::ZERO),
    ));
    for (status, waited) in [(OK, 2), (DENIED, 15), (DENIED, 15), (OK, 0), (OK, 0)] {
        let before = clock.now();
        assert_eq!(sign(&mut client), status);
        assert_eq!(clock.now() - before, waited * second);
    }
    assert_eq!(client.card.touches_asked(), 5);
    assert_eq!(client.sign(P256, 0x9A, &[1; 33]).1, 0x6A80);
    assert_eq!(client.card.touches_asked(), 5, "nobody touches for what fails");
}

#[test]
fn a_cached_touch_lasts_15_seconds() {
    let mut client = with_key(b"\xAA\x01\x01\xAB\x01\x03");
    let clock = client.card.clock().clone();
    let asked = |client: &mut Client| {
        assert_eq!(sign(client), OK);
        client.card.touches_asked()
    };
    assert_eq!(asked(&mut client), 1);
    clock.pass(Duration::from_secs(14));
    assert_eq!(asked(&mut client), 1);
    clock.pass(Duration::from_secs(1));
    assert_eq!(asked(&mut client), 2);
    client.card.power_cycle();
    client.select();
    assert_eq!(asked(&mut client), 3);
}

#[test]
fn the_management_key_can_want_a_touch_too() {
    let mut client = Client::new("5.7.1");
    client.manage();
    let key = [b"\x0A\x9B\x18", &[9; 24][..]].concat();
    client.must(0xFF, 0xFF, 0xFE, &key);
    client.card.power_cycle();
    client.select();
    client.card.set_finger(Finger::script([Touch::Never], Touch::After(Duration::ZERO)));
    let kind = virtual_yubikey::ManagementAlgorithm::Aes192;
    assert_eq!(client.manage_with(kind, &[9; 24]), DENIED);
    assert_eq!(client.manage_with(kind, &[9; 24]), OK);
    assert_eq!(client.must(0xF7, 0x00, 0x9B, b""), b"\x01\x01\x0A\x02\x02\x00\x02\x05\x01\x00");
    client.block_both();
    client.must(0xFB, 0, 0, b"");
    client.manage();
    assert_eq!(client.card.touches_asked(), 2);
    assert_eq!(client.status(0x87, 0x0A, 0x9B, &template(0x82, &[0; 16])), DENIED);
}
