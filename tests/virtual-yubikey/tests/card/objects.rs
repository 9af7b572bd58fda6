//! Data objects.

use crate::client::{Client, OK, PIN, tlv};

fn get(client: &mut Client, tag: &[u8]) -> (Vec<u8>, u16) {
    client.send(0xCB, 0x3F, 0xFF, &tlv(0x5C, tag))
}

fn put(client: &mut Client, tag: &[u8], data: &[u8]) -> u16 {
    client.status(0xDB, 0x3F, 0xFF, &[tlv(0x5C, tag), tlv(0x53, data)].concat())
}

/// Every object that a client reads or writes.
fn tags() -> Vec<[u8; 3]> {
    let standard = (0x01..=0x23).map(|low| [0x5F, 0xC1, low]);
    let yubico = [0x00, 0x01, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15].map(|low| [0x5F, 0xFF, low]);
    standard.chain(yubico).chain([[0x5F, 0x00, 0x00], [0x5F, 0x00, 0x01]]).collect()
}

#[test]
fn every_object_is_written_read_and_taken_away() {
    let mut client = Client::new("5.4.3");
    client.manage();
    assert_eq!(client.verify(PIN), OK);
    for tag in tags() {
        let factory = if tag == [0x5F, 0xFF, 0x01] { OK } else { 0x6A82 };
        assert_eq!(get(&mut client, &tag).1, factory, "{tag:02x?}");
        assert_eq!(put(&mut client, &tag, &tag), OK);
    }
    for tag in tags() {
        assert_eq!(get(&mut client, &tag), (tlv(0x53, &tag), OK));
        assert_eq!(put(&mut client, &tag, b""), OK);
        assert_eq!(get(&mut client, &tag).1, 0x6A82);
        assert_eq!(put(&mut client, &tag, b""), OK, "what is not there is taken away, too");
    }
}

#[test]
fn what_is_no_object_is_refused() {
    let mut client = Client::new("5.4.3");
    assert_eq!(put(&mut client, b"\x5F\xC1\x02", b"1"), 0x6982);
    client.manage();
    for tag in
        [&b"\x7E"[..], b"\x7F\x61", b"\x5E\xFF\xFF", b"\x60\x00\x00", b"", b"\x5F\xC1\x02\x00"]
    {
        assert_eq!(put(&mut client, tag, b"1"), 0x6A80, "{tag:02x?}");
    }
    for (data, status) in [
        (&b""[..], 0x6A80),
        (b"\x5C\x03\x5F\xC1\x02", 0x6A80),
        (b"\x5C\x03\x5F\xC1\x02\x54\x01\x00", 0x6A80),
        (b"\x5C\x03\x5F\xC1\x02\x53\x02\x00", 0x6A80),
        (b"\x5C\x03\x5F\xC1\x02\x53\x01\x00\x00", 0x6A80),
        (b"\x53\x01\x00\x5C\x03\x5F\xC1\x02", 0x6A80),
    ] {
        assert_eq!(client.status(0xDB, 0x3F, 0xFF, data), status, "{data:02x?}");
    }
    for (data, status) in [
        (&b""[..], 0x6A80),
        (b"\x5C\x00", 0x6A80),
        (b"\x5C\x04\x5F\xC1\x02\x00", 0x6A80),
        (b"\x5D\x03\x5F\xC1\x02", 0x6A80),
        (b"\x5C\x02\x7F\x61", 0x6A82),
        (b"\x5C\x03\x00\x00\x00", 0x6A82),
    ] {
        assert_eq!(client.status(0xCB, 0x3F, 0xFF, data), status, "{data:02x?}");
    }
    for ins in [0xCB, 0xDB] {
        assert_eq!(client.status(ins, 0x3F, 0xFE, b"\x5C\x03\x5F\xC1\x02"), 0x6A86);
        assert_eq!(client.status(ins, 0x00, 0xFF, b"\x5C\x03\x5F\xC1\x02"), 0x6A86);
    }
}

#[test]
fn four_objects_are_read_with_the_pin_alone() {
    let mut client = Client::new("5.4.3");
    client.manage();
    for low in [0x03, 0x08, 0x09, 0x21] {
        let tag = [0x5F, 0xC1, low];
        assert_eq!(get(&mut client, &tag).1, 0x6A82, "empty: no PIN is asked for");
        assert_eq!(put(&mut client, &tag, b"secret"), OK);
        assert_eq!(get(&mut client, &tag).1, 0x6982);
    }
    assert_eq!(client.verify(PIN), OK);
    for low in [0x03, 0x08, 0x09, 0x21] {
        assert_eq!(get(&mut client, &[0x5F, 0xC1, low]), (tlv(0x53, b"secret"), OK));
    }
}

#[test]
fn an_object_may_fill_the_command_buffer_and_no_more() {
    for (model, most) in [("5.4.3", 3063), ("1.0.4", 2039)] {
        let mut client = Client::new(model);
        client.manage();
        let tag = b"\x5F\xC1\x05";
        assert_eq!(put(&mut client, tag, &vec![1; most + 1]), 0x6700, "{model}");
        assert_eq!(get(&mut client, tag).1, 0x6A82);
        assert_eq!(put(&mut client, tag, &vec![1; most]), OK, "{model}");
        assert_eq!(get(&mut client, tag).0.len(), most + 4);
    }
}

#[test]
fn all_objects_share_51_200_octets() {
    let mut client = Client::new("5.4.3");
    client.manage();
    let certificate = get(&mut client, b"\x5F\xFF\x01").0.len() - 4;
    let mut left = 51_200 - certificate;
    for tag in tags().into_iter().filter(|tag| *tag != [0x5F, 0xFF, 0x01]) {
        let size = 3000.min(left);
        let status = put(&mut client, &tag, &vec![1; 3000]);
        assert_eq!(status, if size == 3000 { OK } else { 0x6A84 });
        if size < 3000 {
            assert_eq!(put(&mut client, &tag, &vec![1; size + 1]), 0x6A84);
            assert_eq!(put(&mut client, &tag, &vec![1; size]), OK);
            // Full; what is there may shrink, change and go.
            assert_eq!(put(&mut client, &tag, &vec![2; size]), OK);
            assert_eq!(put(&mut client, b"\x5F\xAA\xAA", b"1"), 0x6A84);
            assert_eq!(put(&mut client, &tag, b"1"), OK);
            assert_eq!(put(&mut client, b"\x5F\xAA\xAA", b"1"), OK);
            return;
        }
        left -= size;
    }
    panic!("never full");
}

#[test]
fn a_test_can_leave_as_little_memory_as_it_likes() {
    let mut client = Client::new("5.4.3");
    client.manage();
    client.card.switches().memory = 0;
    assert_eq!(put(&mut client, b"\x5F\xC1\x05", b"1"), 0x6A84);
}
