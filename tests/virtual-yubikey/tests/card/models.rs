//! What each firmware can do, gate by gate.

use virtual_yubikey::{Algorithm, Card, ManagementAlgorithm, Model};

use crate::client::{Client, OK, PIN, WRONG};

/// The models from this firmware on.
fn has(model: Model, from: [u8; 3]) -> bool {
    model.facts().firmware >= from
}

#[test]
fn names_are_read_back_and_unknown_ones_are_refused() {
    for model in Model::ALL {
        assert_eq!(model.to_string().parse(), Ok(model));
        let [major, minor, patch] = model.facts().firmware;
        let fips = if model.facts().fips { "-fips" } else { "" };
        assert_eq!(model.to_string(), format!("{major}.{minor}.{patch}{fips}"));
    }
    let names = Model::ALL.map(|model| model.to_string());
    for name in
        ["4.2.6", "4.3.5", "4.4.2-fips", "5.2.7", "5.3.0", "5.4.3", "5.6.0", "5.7.1", "5.7.4"]
    {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
    let error = "5.7".parse::<Model>().unwrap_err();
    assert!(error.to_string().starts_with("no model `5.7`; there are 1.0.4, 4.2.6, "), "{error}");
}

#[test]
fn commands_come_with_the_firmware() {
    for model in Model::ALL {
        let mut client = Client::of(Card::new(model));
        let [major, minor, patch] = model.facts().firmware;
        assert_eq!(client.must(0xFD, 0, 0, b""), [major, minor, patch]);
        for (ins, p1, p2, from, there) in [
            (0xF9, 0x9A, 0x00, [4, 3, 0], 0x6A80),
            (0xF8, 0x00, 0x00, [5, 0, 0], OK),
            (0xF7, 0x00, 0x80, [5, 3, 0], OK),
            (0xF7, 0x00, 0x96, [5, 3, 0], 0x6A88),
            (0xF6, 0xFF, 0x9A, [5, 7, 0], 0x6982),
        ] {
            let expected = if has(model, from) { there } else { 0x6D00 };
            assert_eq!(client.status(ins, p1, p2, b""), expected, "{model} {ins:02x}");
        }
        let logout = if has(model, [5, 4, 3]) { OK } else { 0x6A86 };
        assert_eq!(client.verify(PIN), OK);
        assert_eq!(client.status(0x20, 0xFF, 0x80, b""), logout, "{model}");
        assert_eq!(client.verify(PIN), OK);
        let status = if has(model, [4, 3, 2]) { OK } else { client.tries(3) };
        assert_eq!(client.status(0x20, 0x00, 0x80, b""), status, "{model}");
        let wrong = client.tries(2);
        assert_eq!(client.verify(WRONG), wrong, "{model}");
    }
}

#[test]
fn algorithms_come_with_the_firmware() {
    for model in Model::ALL {
        let mut client = Client::of(Card::new(model));
        client.manage();
        let facts = model.facts();
        for algorithm in Algorithm::ALL {
            let there = match algorithm {
                Algorithm::Rsa1024 => !facts.fips,
                Algorithm::Rsa2048 | Algorithm::P256 => true,
                Algorithm::P384 => has(model, [4, 0, 0]),
                Algorithm::X25519 => has(model, [5, 7, 0]) && !facts.fips,
                _ => has(model, [5, 7, 0]),
            };
            assert_eq!(facts.algorithms.contains(&algorithm), there, "{model} {algorithm:?}");
            // Those that are there are made elsewhere: RSA takes its time.
            if !there {
                let control = [0xAC, 0x03, 0x80, 0x01, algorithm.id()];
                assert_eq!(client.status(0x47, 0x00, 0x9A, &control), 0x6A80);
                assert_eq!(client.status(0xFE, algorithm.id(), 0x9A, b"\x06\x01\x01"), 0x6A80);
            }
        }
    }
}

#[test]
fn policies_and_slots_come_with_the_firmware() {
    for model in Model::ALL {
        let mut client = Client::of(Card::new(model));
        client.manage();
        let fips = model.facts().fips;
        for (slot, policies, there, otherwise) in [
            (0x9A, &b""[..], true, OK),
            (0x9A, b"\xAA\x01\x01", has(model, [4, 0, 0]) && !fips, 0x6A80),
            (0x9A, b"\xAA\x01\x03\xAB\x01\x02", has(model, [4, 0, 0]), 0x6A80),
            (0x9A, b"\xAB\x01\x03", has(model, [4, 3, 0]), 0x6A80),
            (0x82, b"", has(model, [4, 0, 0]), 0x6B00),
            (0x95, b"", has(model, [4, 0, 0]), 0x6B00),
            (0xF9, b"", has(model, [4, 3, 0]), 0x6B00),
        ] {
            let length = 3 + u8::try_from(policies.len()).unwrap();
            let control = [&[0xAC, length, 0x80, 0x01, 0x11], policies].concat();
            let expected = if there { OK } else { otherwise };
            let status = client.status(0x47, 0x00, slot, &control);
            assert_eq!(status, expected, "{model} {slot:02x} {policies:02x?}");
        }
    }
}

#[test]
fn the_factory_leaves_each_model_as_it_is_known_to() {
    for model in Model::ALL {
        let mut client = Client::of(Card::with_serial(model, 0x0102_0304));
        let kind = model.facts().default_management;
        let aes = has(model, [5, 7, 0]);
        let expected = if aes { ManagementAlgorithm::Aes192 } else { ManagementAlgorithm::Tdes };
        assert_eq!(kind, expected, "{model}");
        if has(model, [5, 3, 0]) {
            let metadata = client.must(0xF7, 0x00, 0x9B, b"");
            assert_eq!(metadata, [1, 1, kind.id(), 2, 2, 0, 1, 5, 1, 1]);
        }
        client.manage();
        client.must(0xA4, 0x04, 0x00, b"\xA0\x00\x00\x05\x27\x20\x01");
        assert_eq!(client.must(0x01, 0x10, 0x00, b""), [1, 2, 3, 4]);
        let management = client.send(0xA4, 0x04, 0x00, b"\xA0\x00\x00\x05\x27\x47\x11\x17");
        if has(model, [4, 0, 0]) {
            let [major, minor, patch] = model.facts().firmware;
            let version = format!("{major}.{minor}.{patch}");
            assert!(management.0.ends_with(version.as_bytes()));
            let configuration = client.must(0x1D, 0x00, 0x00, b"");
            assert!(configuration.windows(6).any(|part| part == b"\x02\x04\x01\x02\x03\x04"));
            assert_eq!(client.status(0x1D, 0x01, 0x00, b""), 0x6A86, "there is one page");
        } else {
            assert_eq!(management.1, 0x6A82);
        }
        assert_eq!((model.facts().atr[0], model.facts().atr[1] & 0xF0), (0x3B, 0xF0));
    }
}

#[test]
fn a_fips_key_is_approved_once_its_three_secrets_are_its_own() {
    let mut client = Client::new("5.7.1-fips");
    let approved = |client: &mut Client| {
        client.must(0xA4, 0x04, 0x00, b"\xA0\x00\x00\x05\x27\x47\x11\x17");
        let configuration = client.must(0x1D, 0x00, 0x00, b"");
        client.select();
        assert!(configuration.windows(4).any(|part| part == b"\x14\x02\x00\x02"));
        assert!(configuration.windows(3).any(|part| part == b"\x04\x01\x81"));
        configuration.windows(4).any(|part| part == b"\x15\x02\x00\x02")
    };
    assert!(!approved(&mut client));
    client.must(0x24, 0x00, 0x80, b"123456\xFF\xFF24681357");
    client.must(0x24, 0x00, 0x81, b"1234567875318642");
    assert!(!approved(&mut client));
    client.manage();
    client.must(0xFF, 0xFF, 0xFF, &[b"\x0C\x9B\x20", &[8; 32][..]].concat());
    assert!(approved(&mut client));
}
