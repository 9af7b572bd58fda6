//! Short and extended commands, chains, and answers in parts.

use crate::client::{Client, OK, PIN, tlv};

/// A command as a chain of links with at most `size` octets of data each.
fn links(header: [u8; 3], data: &[u8], size: usize) -> Vec<Vec<u8>> {
    let [ins, p1, p2] = header;
    let last = data.len().div_ceil(size) - 1;
    let link = |(index, part): (usize, &[u8])| {
        let cla = if index == last { 0x00 } else { 0x10 };
        [&[cla, ins, p1, p2, u8::try_from(part.len()).unwrap()], part].concat()
    };
    data.chunks(size).enumerate().map(link).collect()
}

fn object(size: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..=250).cycle().take(size).collect();
    [b"\x5C\x03\x5F\xC1\x05".to_vec(), tlv(0x53, &data)].concat()
}

#[test]
fn a_chain_is_one_command_whatever_the_size_of_its_links() {
    for size in [1, 7, 254, 255] {
        let mut client = Client::new("5.4.3");
        client.manage();
        let put = object(600);
        let links = links([0xDB, 0x3F, 0xFF], &put, size);
        for link in &links {
            assert_eq!(client.raw(link), (vec![], OK));
        }
        assert_eq!(client.must(0xCB, 0x3F, 0xFF, &put[..5]), put[5..]);
    }
}

#[test]
fn another_command_or_no_power_ends_a_chain() {
    let interruptions: [fn(&mut Client); 4] = [
        |client| assert_eq!(client.raw(b"\x00\xFD\x00\x00\x00").1, OK),
        |client| assert_eq!(client.raw(b"\x10\xCB\x3F\xFF\x01\x5C").1, OK),
        |client| assert_eq!(client.raw(b"\x00\xC0\x00\x00\x00").1, 0x6985),
        |client| {
            client.card.power_cycle();
            client.select();
            client.manage();
        },
    ];
    for interrupt in interruptions {
        let mut client = Client::new("5.4.3");
        client.manage();
        let links = links([0xDB, 0x3F, 0xFF], &object(600), 255);
        assert_eq!(client.raw(&links[0]).1, OK);
        interrupt(&mut client);
        assert_eq!(client.raw(&links[1]).1, OK);
        assert_eq!(client.raw(&links[2]).1, 0x6A80, "the first link is gone");
        assert_eq!(client.must(0xCB, 0x3F, 0xFF, b"\x5C\x01\x7E").len(), 20);
        assert_eq!(client.status(0xCB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x05"), 0x6A82);
    }
}

#[test]
fn a_chain_longer_than_the_buffer_is_refused_at_the_link_that_is_too_much() {
    let mut client = Client::new("5.4.3");
    client.manage();
    let mut link = vec![0x10, 0xDB, 0x3F, 0xFF, 0xFF];
    link.extend([0; 255]);
    for _ in 0..12 {
        assert_eq!(client.raw(&link), (vec![], OK));
    }
    assert_eq!(client.raw(&link), (vec![], 0x6700));
    assert_eq!(client.raw(b"\x00\xFD\x00\x00\x00").1, OK);
}

#[test]
fn a_long_answer_to_a_short_command_comes_in_parts() {
    let mut client = Client::new("5.4.3");
    client.manage();
    for (size, statuses) in [
        (253, &[OK][..]),
        (254, &[0x6101, OK]),
        (507, &[0x61FF, OK]),
        (508, &[0x6100, OK]),
        (600, &[0x6100, 0x615C, OK]),
        (
            3000,
            &[
                0x6100, 0x6100, 0x6100, 0x6100, 0x6100, 0x6100, 0x6100, 0x6100, 0x6100, 0x6100,
                0x61BC, OK,
            ],
        ),
    ] {
        let put = object(size);
        client.must(0xDB, 0x3F, 0xFF, &put);
        let mut whole = Vec::new();
        for (index, status) in statuses.iter().enumerate() {
            let get = b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x05";
            let (part, answered) = match index {
                0 => client.raw(get),
                1 => client.raw(b"\x00\xC0\x00\x00"),
                _ => client.raw(b"\x00\xC0\x00\x00\x05"),
            };
            assert_eq!(answered, *status, "{size}, part {index}");
            assert!(part.len() <= 256);
            whole.extend(part);
        }
        assert_eq!(whole, put[5..], "{size}");
        assert_eq!(client.raw(b"\x00\xC0\x00\x00\x00"), (vec![], 0x6985), "nothing is left");
        assert_eq!(client.must(0xCB, 0x3F, 0xFF, &put[..5]), put[5..], "extended: whole");
    }
}

#[test]
fn another_command_discards_what_is_left_of_an_answer() {
    let mut client = Client::new("5.4.3");
    client.manage();
    client.must(0xDB, 0x3F, 0xFF, &object(600));
    assert_eq!(client.raw(b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x05").1, 0x6100);
    assert_eq!(client.raw(b"\x00\xFD\x00\x00\x00").1, OK);
    assert_eq!(client.raw(b"\x00\xC0\x00\x00\x00"), (vec![], 0x6985));
}

#[test]
fn what_is_no_command_is_refused_and_changes_nothing() {
    let mut client = Client::new("5.4.3");
    for (apdu, status) in [
        (&b""[..], 0x6700),
        (b"\x00", 0x6700),
        (b"\x00\x20\x00", 0x6700),
        (b"\x00\x20\x00\x80\x08123456\xFF", 0x6700),
        (b"\x00\x20\x00\x80\x08123456\xFF\xFF\x00\x00", 0x6700),
        (b"\x0C\x20\x00\x80\x08123456\xFF\xFF", 0x6882),
        (b"\x04\x20\x00\x80\x08123456\xFF\xFF", 0x6882),
        (b"\x01\x20\x00\x80\x08123456\xFF\xFF", 0x6E00),
        (b"\x80\x20\x00\x80\x08123456\xFF\xFF", 0x6E00),
        (b"\xFF\xFF\xFF\xFF", 0x6E00),
        (b"\x00\x21\x00\x80\x08123456\xFF\xFF", 0x6D00),
        (b"\x00\xA4\x00\x00\x02\x3F\x00", 0x6A86),
        (b"\x00\xA4\x04\x00", 0x6A82),
        (b"\x00\xA4\x04\x00\x04\xA0\x00\x00\x03", 0x6A82),
        (b"\x00\xA4\x04\x00\x06\xA0\x00\x00\x03\x08\x01", 0x6A82),
        (b"\x00\xA4\x04\x00\x0C\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00\x00", 0x6A82),
    ] {
        assert_eq!(client.raw(apdu), (vec![], status), "{apdu:02x?}");
        assert_eq!(client.raw(b"\x00\x20\x00\x80"), (vec![], 0x63C3), "PIV is selected still");
    }
    assert_eq!(client.raw(b"\x00\x20\x00\x80\x00\x00\x08123456\xFF\xFF\x00\x00"), (vec![], OK));
    assert_eq!(client.verify(PIN), OK);
}
