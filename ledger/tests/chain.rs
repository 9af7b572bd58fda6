//! The form of bodies and hashes, as the crate documentation promises it.

use ledger::{Digest, EntryFilter, Intent, Serial};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{Bench, begin_one, digest, issue};

#[test]
fn a_body_is_written_exactly_as_documented() {
    let bench = Bench::new();
    let mut options = bench.options();
    options.software = "touchmark 1.2.3".to_owned();
    options.random = std::sync::Arc::new(|buffer: &mut [u8]| {
        buffer.fill(1);
        Ok(())
    });
    let mut ledger = ledger::Ledger::open(&bench.location(), options).unwrap();
    let full = Intent {
        issuer: Digest::new([0x11; 32]),
        device_type: Some("A2TYPE".to_owned()),
        device_id: Some("G3A0 \"quoted\" \u{e9}".to_owned()),
        subject_key: Digest::new([0x22; 32]),
        request: Digest::new([0x33; 32]),
        serial: Serial::new(&[0x0a, 0xbc]).unwrap(),
        reissue: Some("why".to_owned()),
        details: json!({ "b": 1, "a": [null] }),
    };
    let bare = Intent {
        device_type: None,
        device_id: None,
        reissue: None,
        details: Value::Null,
        serial: Serial::new(&[1]).unwrap(),
        subject_key: digest("x"),
        ..full.clone()
    };
    begin_one(&mut ledger, &full);
    begin_one(&mut ledger, &bare);
    let body = |entry| ledger.entry(entry).unwrap().unwrap().body;
    let head = |sequence, kind| {
        format!(
            r#"{{"sequence":{sequence},"time":"2026-11-18T11:06:40.000Z","kind":"{kind}","operator":"ada","station":"line-3","software":"touchmark 1.2.3","data":"#
        )
    };
    let (ones, twos, threes) = ("11".repeat(32), "22".repeat(32), "33".repeat(32));
    assert_eq!(
        body(1),
        head(1, "created") + r#"{"format":1,"ledger":"01010101010101010101010101010101"}}"#
    );
    assert_eq!(
        body(2),
        head(2, "intent")
            + &format!(
                r#"{{"owner":"0101010101010101","issuer":"{ones}","device_type":"A2TYPE","device_id":"G3A0 \"quoted\" é","subject_key":"{twos}","request":"{threes}","serial":"0abc","reissue":"why","details":{{"a":[null],"b":1}}}}}}"#
            )
    );
    assert_eq!(
        body(3),
        head(3, "intent")
            + &format!(
                r#"{{"owner":"0101010101010101","issuer":"{ones}","subject_key":"{}","request":"{threes}","serial":"01"}}}}"#,
                digest("x")
            )
    );
}

#[test]
fn every_hash_is_over_the_domain_the_hash_before_and_the_body() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &crate::common::intent("a"));
    let mut previous = [0_u8; 32];
    let mut count = 0;
    for entry in ledger.entries(EntryFilter::default()) {
        let entry = entry.unwrap();
        let mut hash = Sha256::new();
        hash.update(b"touchmark ledger entry v1\n");
        hash.update(previous);
        hash.update(&entry.body);
        previous = hash.finalize().into();
        assert_eq!(entry.hash, Digest::new(previous));
        count += 1;
    }
    assert_eq!(count, 3);
    assert_eq!(ledger.head().unwrap().hash, Digest::new(previous));
}
