//! What a card keeps without power, and when.

use std::io;
use std::sync::{Arc, Mutex};

use virtual_yubikey::{Card, Model, Snapshot, Store};

use crate::client::{Client, OK, PIN, WRONG};

#[test]
fn a_card_read_back_from_its_snapshot_is_the_same_card() {
    for model in Model::ALL {
        let mut client = Client::of(Card::with_serial(model, 77));
        client.manage();
        let public = client.generate(0x9E, 0x11, b"");
        client.must(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x02\x53\x03\x01\xAB\xFF");
        client.verify(WRONG);
        let text = serde_json::to_string(&client.card.snapshot()).unwrap();
        let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
        let mut again = Client::of(Card::from_snapshot(snapshot));
        assert_eq!((again.card.model(), again.card.serial()), (model, 77));
        let tries = again.tries(2);
        assert_eq!(again.status(0x20, 0x00, 0x80, b""), tries, "{model}");
        assert_eq!(again.must(0xCB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x02"), b"\x53\x03\x01\xAB\xFF");
        assert_eq!(again.status(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x02\x53\x00"), 0x6982);
        if !model.facts().fips {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&public[5..]).unwrap();
            let (signature, status) = again.sign(0x11, 0x9E, &[4; 32]);
            assert_eq!(status, OK);
            let signature = p256::ecdsa::Signature::from_der(&signature[4..]).unwrap();
            p256::ecdsa::signature::hazmat::PrehashVerifier::verify_prehash(
                &key, &[4; 32], &signature,
            )
            .unwrap();
        }
        assert_eq!(serde_json::to_string(&again.card.snapshot()).unwrap(), text);
    }
}

#[test]
fn restore_takes_the_card_back_to_before_and_the_power_away() {
    let mut client = Client::new("5.4.3");
    let before = client.card.snapshot();
    client.card.switches().memory = 5;
    client.block_both();
    client.card.restore(before);
    assert_eq!(client.raw(b"\x00\xFD\x00\x00\x00").1, 0x6D00);
    client.select();
    assert_eq!(client.verify(PIN), OK);
    assert_eq!(client.card.switches().memory, 5, "switches are no part of it");
}

#[test]
fn another_serial_number_is_another_key_with_the_same_secrets() {
    let mut client = Client::new("5.4.3");
    assert_eq!(client.verify(WRONG), 0x63C2);
    let snapshot = client.card.snapshot();
    assert_eq!((snapshot.model(), snapshot.serial()), (client.card.model(), client.card.serial()));
    client.card.restore(snapshot.with_serial(0xA1B2_C3D4));
    client.select();
    assert_eq!(client.must(0xF8, 0, 0, b""), b"\xA1\xB2\xC3\xD4");
    assert_eq!(client.status(0x20, 0x00, 0x80, b""), 0x63C2);
}

#[test]
fn nothing_secret_is_printed() {
    let client = Client::new("5.4.3");
    let expected = "{ model: Model(5.4.3), serial: 16021234, .. }";
    assert_eq!(format!("{:?}", client.card), format!("Card {expected}"));
    assert_eq!(format!("{:?}", client.card.snapshot()), format!("Snapshot {expected}"));
}

/// Keeps each state as text; full after so many.
#[derive(Clone)]
struct Kept(Arc<Mutex<Vec<String>>>, usize);

impl Store for Kept {
    fn keep(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap();
        if kept.len() == self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        kept.push(serde_json::to_string(snapshot).unwrap());
        Ok(())
    }
}

#[test]
fn each_change_is_kept_before_the_answer_and_nothing_else_is() {
    let mut client = Client::new("5.4.3");
    let kept = Kept(Arc::default(), usize::MAX);
    client.card.set_store(kept.clone());
    let count = |client: &mut Client, change: &mut dyn FnMut(&mut Client)| {
        let before = kept.0.lock().unwrap().len();
        change(client);
        let kept = kept.0.lock().unwrap();
        if kept.len() > before {
            let now = serde_json::to_string(&client.card.snapshot()).unwrap();
            assert_eq!(kept.last(), Some(&now));
        }
        kept.len() - before
    };
    let nothing: [&mut dyn FnMut(&mut Client); 7] = [
        &mut |client| client.select(),
        &mut |client| assert_eq!(client.verify(PIN), OK),
        &mut |client| assert_eq!(client.status(0x20, 0x00, 0x80, b"short"), 0x6A80),
        &mut |client| client.manage(),
        &mut |client| assert_eq!(client.status(0xFB, 0, 0, b""), 0x6985),
        &mut |client| {
            assert_eq!(client.status(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x02\x53\x00"), OK)
        },
        &mut |client| client.card.power_cycle(),
    ];
    for change in nothing {
        assert_eq!(count(&mut client, change), 0);
    }
    client.select();
    client.manage();
    let changes: [&mut dyn FnMut(&mut Client); 6] = [
        &mut |client| assert_eq!(client.verify(WRONG), 0x63C2),
        &mut |client| assert_eq!(client.verify(PIN), OK),
        &mut |client| assert_eq!(client.status(0xFA, 4, 4, b""), OK),
        &mut |client| drop(client.generate(0x9A, 0x11, b"\xAA\x01\x01")),
        &mut |client| {
            assert_eq!(client.status(0xDB, 0x3F, 0xFF, b"\x5C\x03\x5F\xC1\x02\x53\x01\x00"), OK)
        },
        &mut |client| assert_eq!(client.status(0x2C, 0x00, 0x80, &[1; 16]), 0x63C3),
    ];
    for change in changes {
        assert_eq!(count(&mut client, change), 1);
    }
    assert_eq!(count(&mut client, &mut |client| drop(client.sign(0x11, 0x9A, &[1; 32]))), 0);
}

#[test]
fn a_change_that_cannot_be_kept_is_not_told() {
    for pin in [PIN, WRONG] {
        let mut client = Client::new("5.4.3");
        assert_eq!(client.verify(WRONG), 0x63C2);
        client.card.set_store(Kept(Arc::default(), 0));
        assert_eq!(client.verify(pin), 0x6581, "right or wrong");
        assert_ne!(client.status(0x20, 0x00, 0x80, b""), OK, "not verified either");
    }
}
