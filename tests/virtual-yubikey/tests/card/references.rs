//! Status words of PIN, PUK and management-key commands, row by row.

use virtual_yubikey::{BlockedAnswer, Card, ManagementAlgorithm as Kind, Model};

use crate::client::{Client, MANAGEMENT_KEY, OK, PIN, PUK, WRONG, encipher, template, tlv};

const DEFAULT_TRIES: &[u8] = b"\x01\x01\xFF\x05\x01\x01\x06\x02\x03\x03";

/// Two values as CHANGE REFERENCE DATA and RESET RETRY COUNTER want them.
fn two(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first, second].concat()
}

#[test]
fn verify_refuses_what_is_no_pin_without_spending_a_try() {
    let mut client = Client::new("5.7.1");
    for (p1, p2, data, status) in [
        (0x00, 0x80, &b"123456"[..], 0x6A80),
        (0x00, 0x80, b"123456\xFF\xFF\xFF", 0x6A80),
        (0x00, 0x81, PUK, 0x6A88),
        (0x00, 0x00, PIN, 0x6A88),
        (0x00, 0x96, b"", 0x6A88),
        (0x00, 0x96, b"\x02\x00", 0x6A88),
        (0x01, 0x80, PIN, 0x6A86),
        (0xFF, 0x80, PIN, 0x6A86),
    ] {
        assert_eq!(client.status(0x20, p1, p2, data), status, "{p1:02x} {p2:02x} {data:02x?}");
    }
    assert_eq!(client.must(0xF7, 0x00, 0x80, b""), DEFAULT_TRIES);
}

#[test]
fn the_last_try_answers_as_switched() {
    for (answer, last) in [(BlockedAnswer::NoTriesLeft, 0x63C0), (BlockedAnswer::Blocked, 0x6983)] {
        let mut client = Client::new("5.7.1");
        client.card.switches().last_try = answer;
        client.card.switches().blocked_status = answer;
        for status in [0x63C2, 0x63C1, last, 0x6983, 0x6983] {
            assert_eq!(client.verify(WRONG), status);
        }
        assert_eq!(client.verify(PIN), 0x6983, "the right one, too late");
        assert_eq!(client.status(0x20, 0x00, 0x80, b""), last);
        for status in [0x63C2, 0x63C1, last, 0x6983] {
            assert_eq!(client.status(0x24, 0x00, 0x81, &two(WRONG, PUK)), status);
        }
        assert_eq!(client.status(0x24, 0x00, 0x81, &two(PUK, PUK)), 0x6983);
        assert_eq!(client.status(0x2C, 0x00, 0x80, &two(PUK, PIN)), 0x6983);
    }
}

#[test]
fn the_puk_unblocks_the_pin_and_a_change_does_not_verify_it() {
    let mut client = Client::new("5.4.3");
    while client.verify(WRONG) != 0x6983 {}
    assert_eq!(client.status(0x2C, 0x00, 0x80, &two(WRONG, b"24681357")), 0x63C2);
    assert_eq!(client.status(0x2C, 0x00, 0x80, &two(PUK, b"24681357")), OK);
    assert_eq!(client.status(0x20, 0x00, 0x80, b""), 0x63C3, "not verified by it");
    assert_eq!(client.verify(PIN), 0x63C2);
    assert_eq!(client.status(0x24, 0x00, 0x80, &two(b"24681357", PIN)), OK);
    assert_eq!(client.status(0x20, 0x00, 0x80, b""), 0x63C3, "nor by a change");
    for (ins, p1, p2, data, status) in [
        (0x24, 0x00, 0x80, two(PIN, b"1234567"), 0x6A80),
        (0x24, 0x00, 0x80, vec![], 0x6A80),
        (0x24, 0x00, 0x9B, two(PIN, PIN), 0x6A88),
        (0x24, 0x01, 0x80, two(PIN, PIN), 0x6A88),
        (0x2C, 0x00, 0x81, two(PUK, PIN), 0x6A88),
        (0x2C, 0x00, 0x80, two(PUK, b""), 0x6A80),
    ] {
        assert_eq!(client.status(ins, p1, p2, &data), status, "{ins:02x} {p1:02x} {p2:02x}");
    }
    assert_eq!(client.must(0xF7, 0x00, 0x80, b""), DEFAULT_TRIES);
    assert_eq!(client.must(0xF7, 0x00, 0x81, b""), DEFAULT_TRIES);
}

#[test]
fn new_values_follow_the_rules_of_the_firmware() {
    const REFUSED: u16 = 0x6985;
    let umlauts: &[u8] = "äöüß".as_bytes();
    for (model, reference, new, status) in [
        ("5.6.0", 0x80, &b"1\xFF\xFF\xFF\xFF\xFF\xFF\xFF"[..], OK),
        ("5.6.0", 0x80, b"\x00\x00\x00\x00\x00\x00\x00\x00", OK),
        ("5.7.1", 0x80, b"12345\xFF\xFF\xFF", REFUSED),
        ("5.7.1", 0x80, b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", REFUSED),
        ("5.7.1", 0x80, b"\xFE\xFD\xFC\xFB\xFA\xF9\xF8\xF7", REFUSED),
        ("5.7.1", 0x80, umlauts, REFUSED),
        ("5.7.1", 0x80, b"dr\xC3\xBCben\xFF", OK),
        ("5.7.1", 0x81, b"dr\xC3\xBCben\xFF", REFUSED),
        ("5.7.1", 0x81, b"1234567\xFF", OK),
        ("5.7.1", 0x80, b"111111\xFF\xFF", OK),
        ("5.7.1-fips", 0x80, b"1357924\xFF", REFUSED),
        ("5.7.1-fips", 0x80, b"11111111", REFUSED),
        ("5.7.1-fips", 0x80, b"password", REFUSED),
        ("5.7.1-fips", 0x80, b"13579246", OK),
        ("5.7.1-fips", 0x81, b"12345678", REFUSED),
        ("5.7.1-fips", 0x81, b"13579246", OK),
    ] {
        let mut client = Client::new(model);
        let old = if reference == 0x80 { PIN } else { PUK };
        let answer = client.status(0x24, 0x00, reference, &two(old, new));
        assert_eq!(answer, status, "{model} {reference:02x} {new:02x?}");
        assert_eq!(client.must(0xF7, 0x00, reference, b"")[5], u8::from(status != OK));
    }
}

#[test]
fn easy_values_are_refused_where_complexity_is_asked_for() {
    for easy in
        [b"123456\xFF\xFF", b"111111\xFF\xFF", b"abc123\xFF\xFF", b"password", b"123123\xFF\xFF"]
    {
        let mut client = Client::new("5.7.1");
        client.card.switches().complexity = true;
        assert_eq!(client.status(0x24, 0x00, 0x80, &two(PIN, easy)), 0x6985, "{easy:02x?}");
        assert_eq!(client.status(0x2C, 0x00, 0x80, &two(PUK, easy)), 0x6985, "{easy:02x?}");
        assert_eq!(client.status(0x24, 0x00, 0x81, &two(PUK, easy)), 0x6985, "{easy:02x?}");
        assert_eq!(client.verify(PIN), OK);
    }
}

#[test]
fn set_retries_wants_both_secrets_and_gives_the_factory_values_back() {
    let mut client = Client::new("5.7.1");
    assert_eq!(client.status(0xFA, 5, 6, b""), 0x6982);
    assert_eq!(client.verify(PIN), OK);
    assert_eq!(client.status(0xFA, 5, 6, b""), 0x6982, "the PIN alone");
    client.manage();
    assert_eq!(client.status(0x20, 0xFF, 0x80, b""), OK);
    assert_eq!(client.status(0xFA, 5, 6, b""), 0x6982, "the management key alone");
    assert_eq!(client.status(0x24, 0x00, 0x80, &two(PIN, b"24681357")), OK);
    assert_eq!(client.verify(b"24681357"), OK);
    assert_eq!(client.status(0xFA, 0, 6, b""), 0x6A86);
    assert_eq!(client.status(0xFA, 5, 0, b""), 0x6A86);
    assert_eq!(client.status(0xFA, 20, 255, b""), OK);
    assert_eq!(
        client.status(0x20, 0x00, 0x80, b""),
        0x63CF,
        "not verified any more, and at most 15"
    );
    assert_eq!(client.must(0xF7, 0x00, 0x80, b"")[8..], [20, 20]);
    assert_eq!(client.must(0xF7, 0x00, 0x81, b"")[8..], [255, 255]);
    for left in [0x63CF, 0x63CF, 0x63CF, 0x63CF, 0x63CF, 0x63CE] {
        assert_eq!(client.verify(WRONG), left);
    }
    assert_eq!(client.verify(PIN), OK);
}

#[test]
fn a_fips_key_sets_retries_only_before_the_first_change() {
    let mut client = Client::new("5.7.1-fips");
    client.manage();
    assert_eq!(client.verify(PIN), OK);
    assert_eq!(client.status(0xFA, 5, 5, b""), OK);
    assert_eq!(client.status(0x24, 0x00, 0x81, &two(PUK, b"13579246")), OK);
    assert_eq!(client.verify(PIN), OK);
    assert_eq!(client.status(0xFA, 6, 6, b""), 0x6985);
}

#[test]
fn reset_wants_both_blocked_and_brings_the_factory_back() {
    let mut client = Client::new("5.7.1");
    client.manage();
    client.generate(0x9A, 0x11, b"");
    client.must(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x02\x53\x01\x00");
    client.must(0xFF, 0xFF, 0xFF, &[b"\x08\x9B\x10", &[3; 16][..]].concat());
    assert_eq!(client.status(0xFB, 0, 0, b""), 0x6985);
    while client.verify(WRONG) != 0x6983 {}
    assert_eq!(client.status(0xFB, 0, 0, b""), 0x6985);
    client.block_both();
    assert_eq!(client.status(0xFB, 1, 0, b""), 0x6A86);
    client.must(0xFB, 0, 0, b"");
    assert_eq!(client.status(0xF7, 0x00, 0x9A, b""), 0x6A88);
    assert_eq!(client.status(0xCB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x02"), 0x6A82);
    assert_eq!(client.status(0x47, 0x00, 0x9A, b"\xAC\x03\x80\x01\x11"), 0x6982);
    for reference in [0x80, 0x81] {
        assert_eq!(client.must(0xF7, 0x00, reference, b""), DEFAULT_TRIES);
    }
    client.manage();
}

#[test]
fn each_kind_of_management_key_is_set_and_shown_where_the_firmware_has_it() {
    for model in Model::ALL {
        let facts = model.facts();
        for (kind, id, length) in [
            (Kind::Tdes, 3, 24),
            (Kind::Aes128, 8, 16),
            (Kind::Aes192, 0x0A, 24),
            (Kind::Aes256, 0x0C, 32),
        ] {
            let mut client = Client::of(Card::new(model));
            let key: Vec<u8> = (10..).take(length).collect();
            let set = [&[id, 0x9B, u8::try_from(length).unwrap()], &key[..]].concat();
            assert_eq!(client.status(0xFF, 0xFF, 0xFF, &set), 0x6982, "{model}");
            client.manage();
            if !facts.management_algorithms.contains(&kind) {
                assert_eq!(client.status(0xFF, 0xFF, 0xFF, &set), 0x6A80, "{model} {kind:?}");
                continue;
            }
            assert_eq!(client.status(0xFF, 0xFF, 0xFF, &set[..set.len() - 1]), 0x6A80);
            assert_eq!(client.status(0xFF, 0xFF, 0xFC, &set), 0x6A86);
            assert_eq!(client.status(0xFF, 0x00, 0xFF, &set), 0x6A86);
            assert_eq!(client.status(0xFF, 0xFF, 0xFF, &set), OK);
            client.card.power_cycle();
            client.select();
            assert_eq!(client.status(0x47, 0x00, 0x9A, b"\xAC\x03\x80\x01\x11"), 0x6982);
            let other = if id == 3 { 8 } else { 3 };
            let asked = client.status(0x87, other, 0x9B, b"\x7C\x02\x80\x00");
            assert_eq!(asked, 0x6A80, "{model}: another kind than the key's");
            assert_eq!(client.manage_with(kind, &vec![0; length]), 0x6982);
            assert_eq!(client.manage_with(kind, &key), OK, "{model} {kind:?}");
            client.generate(0x9A, 0x11, b"");
        }
    }
}

#[test]
fn a_management_handshake_has_two_steps_and_no_way_around() {
    let mut client = Client::new("5.7.1");
    let send = |client: &mut Client, data: &[u8]| client.status(0x87, 0x0A, 0x9B, data);
    let both = |witness: &[u8]| tlv(0x7C, &[tlv(0x80, witness), tlv(0x81, &[1; 16])].concat());
    assert_eq!(send(&mut client, &both(&[0; 16])), 0x6982, "no witness was asked for");
    assert_eq!(send(&mut client, &template(0x82, &[0; 16])), 0x6982, "no challenge was");
    // A witness echoed, a challenge answered with itself.
    let witness = client.must(0x87, 0x0A, 0x9B, b"\x7C\x02\x80\x00");
    assert_eq!(send(&mut client, &both(&witness[4..])), 0x6982);
    let challenge = client.must(0x87, 0x0A, 0x9B, b"\x7C\x02\x81\x00");
    assert_eq!(send(&mut client, &template(0x82, &challenge[4..])), 0x6982);
    // The right answer to a challenge that was used up.
    let right = encipher(Kind::Aes192, &MANAGEMENT_KEY, &challenge[4..]);
    assert_eq!(send(&mut client, &template(0x82, &right)), 0x6982);
    // The right answer to a challenge of before the power went.
    let challenge = client.must(0x87, 0x0A, 0x9B, b"\x7C\x02\x81\x00");
    client.card.power_cycle();
    client.select();
    let right = encipher(Kind::Aes192, &MANAGEMENT_KEY, &challenge[4..]);
    assert_eq!(send(&mut client, &template(0x82, &right)), 0x6982);
    for odd in [
        &b""[..],
        b"\x7C",
        b"\x7C\x00",
        b"\x7C\x02\x83\x00",
        b"\x7B\x02\x80\x00",
        b"\x7C\x03\x80\x00",
    ] {
        assert_eq!(send(&mut client, odd), 0x6A80, "{odd:02x?}");
    }
    // A wrong key takes the right back; there is no counter.
    client.manage();
    for _ in 0..300 {
        assert_eq!(client.manage_with(Kind::Aes192, &[7; 24]), 0x6982);
    }
    assert_eq!(client.status(0x47, 0x00, 0x9A, b"\xAC\x03\x80\x01\x11"), 0x6982);
    client.manage();
}
