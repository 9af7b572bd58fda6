//! Begin, commit, abort, refuse, record, reissue.

use ledger::{Act, Claim, Error, Event, Intent, Issued, Refusal, Rule, Serial};
use serde_json::{Value, json};

use crate::common::{
    Bench, again, assert_sound, begin_one, certificate, digest, granted, intent, issue, reissue,
    serial,
};

#[test]
fn a_group_is_granted_committed_and_read_back() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let intents: Vec<Intent> = ["a", "b", "c"].map(intent).into();
    let entries: Vec<u64> = ledger.begin(&intents).unwrap().iter().map(granted).collect();
    assert_eq!(entries, [2, 3, 4]);
    let issued: Vec<Issued> =
        entries.iter().map(|&entry| Issued::new(entry, certificate(entry))).collect();
    assert_eq!(ledger.commit(&issued).unwrap(), [5, 6, 7]);
    let found: Vec<_> = ledger.certificates(Default::default()).collect::<Result<_, _>>().unwrap();
    assert_eq!(found.len(), 3);
    for (found, (intent, entry)) in found.iter().zip(intents.iter().zip(entries)) {
        assert_eq!(found.intent, entry);
        assert_eq!(found.der, certificate(entry));
        assert_eq!((found.operator.as_str(), found.station.as_str()), ("ada", "line-3"));
        assert_eq!(found.device_id, intent.device_id);
        assert_eq!(found.device_type, intent.device_type);
        assert_eq!(found.serial, intent.serial);
        assert_eq!(found.subject_key, intent.subject_key);
        assert_eq!(found.request, intent.request);
        assert_eq!(found.issuer, intent.issuer);
        assert_eq!(found.superseded_by, None);
    }
    assert_sound(&ledger);
}

#[test]
fn an_empty_group_writes_nothing() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let head = ledger.head().unwrap();
    assert_eq!(ledger.begin(&[]).unwrap(), []);
    assert!(ledger.commit(&[]).unwrap().is_empty());
    assert_eq!(ledger.head().unwrap(), head);
}

#[test]
fn the_same_request_again_gives_the_same_certificate() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let first = issue(&mut ledger, &intent("a"));
    let head = ledger.head().unwrap();
    match begin_one(&mut ledger, &again(&intent("a"), "2")) {
        Claim::Existing(found) => {
            assert_eq!(found.entry, first);
            assert_eq!(found.serial, intent("a").serial);
            assert_eq!(found.der, certificate(found.intent));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.head().unwrap(), head, "nothing is written for it");
}

#[test]
fn the_same_request_under_another_device_id_is_a_conflict() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    for device_id in [None, Some("b".to_owned())] {
        let other = Intent { device_id, ..again(&intent("a"), "2") };
        let claim = begin_one(&mut ledger, &other);
        assert!(matches!(claim, Claim::Conflict { rule: Rule::SubjectKey, .. }), "{claim:?}");
    }
}

#[test]
fn twins_in_one_group_wait_for_each_other() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let twin = again(&intent("a"), "2");
    let same_id = Intent { device_id: Some("a".to_owned()), ..intent("b") };
    let claims = ledger.begin(&[intent("a"), twin.clone(), same_id.clone()]).unwrap();
    let entry = granted(&claims[0]);
    for claim in &claims[1..] {
        assert!(
            matches!(claim, Claim::Pending(holder) if holder.entry == entry && holder.own),
            "{claim:?}"
        );
    }
    ledger.commit(&[Issued::new(entry, certificate(entry))]).unwrap();
    let claims = ledger.begin(&[twin, same_id]).unwrap();
    assert!(matches!(claims[0], Claim::Existing(_)), "{claims:?}");
    assert!(matches!(claims[1], Claim::Conflict { rule: Rule::DeviceId, .. }), "{claims:?}");
}

#[test]
fn a_conflict_names_the_rule_and_the_other_entry() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let entry = issue(&mut ledger, &intent("a"));
    let other = intent("b");
    let cases = [
        (Rule::Serial, Intent { serial: intent("a").serial, ..other.clone() }),
        (Rule::DeviceId, Intent { device_id: intent("a").device_id, ..other.clone() }),
        (Rule::SubjectKey, Intent { subject_key: intent("a").subject_key, ..other }),
    ];
    for (expected, intent_b) in cases {
        match begin_one(&mut ledger, &intent_b) {
            Claim::Conflict { rule, with } => {
                assert_eq!(rule, expected);
                assert_eq!(with.entry, entry);
                assert_eq!(with.serial, intent("a").serial);
                assert_eq!(with.device_id.as_deref(), Some("a"));
                assert_eq!(
                    with.to_string(),
                    format!("entry {entry} of {}, serial {}, device id a", with.time, with.serial)
                );
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert_sound(&ledger);
}

#[test]
fn device_ids_and_keys_are_unique_per_issuer_and_device_type() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    for (attempt, device_type) in [("2", None), ("3", Some("A3OTHER".to_owned()))] {
        issue(&mut ledger, &Intent { device_type, ..again(&intent("a"), attempt) });
    }
    issue(&mut ledger, &Intent { issuer: digest("other"), ..again(&intent("a"), "4") });
    assert_sound(&ledger);
}

#[test]
fn serials_are_unique_per_issuer_whatever_the_device_type() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    let head = ledger.head().unwrap();
    let typeless = Intent { device_type: None, serial: serial("a"), ..intent("b") };
    let claim = begin_one(&mut ledger, &typeless);
    assert!(matches!(claim, Claim::Conflict { rule: Rule::Serial, .. }), "{claim:?}");
    assert_eq!(ledger.head().unwrap(), head);
    assert_sound(&ledger);
    issue(&mut ledger, &Intent { issuer: digest("other"), ..typeless });
    assert_sound(&ledger);
}

#[test]
fn a_serial_with_leading_zeros_is_the_same_serial() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let octets = |octets: &[u8]| Serial::new(octets).unwrap();
    issue(&mut ledger, &Intent { serial: octets(&[0, 0x81]), ..intent("a") });
    let claim = begin_one(&mut ledger, &Intent { serial: octets(&[0x81]), ..intent("b") });
    assert!(matches!(claim, Claim::Conflict { rule: Rule::Serial, .. }), "{claim:?}");
}

#[test]
fn without_a_device_id_only_serial_and_key_count() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let without = |name: &str| Intent { device_id: None, ..intent(name) };
    issue(&mut ledger, &without("a"));
    issue(&mut ledger, &without("b"));
    let same_key = Intent { subject_key: intent("a").subject_key, ..without("c") };
    let claim = begin_one(&mut ledger, &same_key);
    assert!(matches!(claim, Claim::Conflict { rule: Rule::SubjectKey, .. }), "{claim:?}");
}

#[test]
fn a_reissue_supersedes_all_that_it_replaces() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let by_key = issue(&mut ledger, &intent("a"));
    let by_id = issue(&mut ledger, &intent("b"));
    // The key of one and the device id of the other.
    let new =
        Intent { device_id: intent("b").device_id, ..reissue(&intent("a"), "board replaced") };
    let entry = issue(&mut ledger, &new);
    match ledger.entry(entry).unwrap().unwrap().event {
        Event::Issued(event) => assert_eq!(event.supersedes, [by_key, by_id]),
        other => panic!("{other:?}"),
    }
    let found: Vec<_> = ledger.certificates(Default::default()).collect::<Result<_, _>>().unwrap();
    let superseded: Vec<_> = found.iter().map(|found| found.superseded_by).collect();
    assert_eq!(superseded, [Some(entry), Some(entry), None]);
    assert_sound(&ledger);
    // What was superseded no longer stands in the way.
    issue(&mut ledger, &Intent { device_id: Some("a".to_owned()), ..intent("c") });
    assert_sound(&ledger);
}

#[test]
fn a_reissue_of_the_same_request_mints_anew_every_time() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let first = issue(&mut ledger, &reissue(&intent("a"), "first of all"));
    let second = issue(&mut ledger, &reissue(&intent("a"), "again"));
    let third = issue(&mut ledger, &reissue(&intent("a"), "and again"));
    assert!(first < second && second < third);
    match begin_one(&mut ledger, &again(&intent("a"), "plain")) {
        Claim::Existing(found) => assert_eq!(found.entry, third),
        other => panic!("{other:?}"),
    }
    assert_sound(&ledger);
}

#[test]
fn an_open_reissue_holds_what_it_will_replace_and_more() {
    let bench = Bench::new();
    let (mut one, mut two) = (bench.open(), bench.open());
    issue(&mut one, &intent("a"));
    let new_key = Intent { subject_key: digest("new"), ..reissue(&intent("a"), "board") };
    let entry = granted(&begin_one(&mut one, &new_key));
    let plain = again(&intent("a"), "2");
    let same_key = Intent { subject_key: digest("new"), ..intent("b") };
    let rival = reissue(&intent("a"), "me too");
    for other in [&plain, &same_key, &rival] {
        let claim = begin_one(&mut two, other);
        assert!(
            matches!(&claim, Claim::Pending(holder) if holder.entry == entry && !holder.own),
            "{claim:?}"
        );
    }
    one.abort(&[entry], "signer failed").unwrap();
    assert!(matches!(begin_one(&mut two, &plain), Claim::Existing(_)), "the old one lives on");
    let entry = granted(&begin_one(&mut two, &rival));
    two.commit(&[Issued::new(entry, certificate(entry))]).unwrap();
    assert_sound(&one);
}

#[test]
fn a_reissue_needs_a_serial_of_its_own() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    let same = Intent { reissue: Some("again".to_owned()), ..intent("a") };
    let claim = begin_one(&mut ledger, &same);
    assert!(matches!(claim, Claim::Conflict { rule: Rule::Serial, .. }), "{claim:?}");
}

#[test]
fn an_aborted_intent_gives_all_back_but_its_serial() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let entry = granted(&begin_one(&mut ledger, &intent("a")));
    let closed = ledger.abort(&[entry], "card pulled").unwrap();
    match ledger.entry(closed[0]).unwrap().unwrap().event {
        Event::Aborted(event) => {
            assert_eq!((event.intent, event.reason.as_str()), (entry, "card pulled"));
        }
        other => panic!("{other:?}"),
    }
    let claim = begin_one(&mut ledger, &intent("a"));
    assert!(
        matches!(&claim, Claim::Conflict { rule: Rule::Serial, with } if with.entry == entry),
        "{claim:?}"
    );
    issue(&mut ledger, &again(&intent("a"), "2"));
    assert_sound(&ledger);
}

#[test]
fn only_an_open_intent_of_ones_own_can_be_committed_or_aborted() {
    let bench = Bench::new();
    let (mut one, mut two) = (bench.open(), bench.open());
    let committed = granted(&begin_one(&mut one, &intent("a")));
    let issued = one.commit(&[Issued::new(committed, certificate(1))]).unwrap()[0];
    let aborted = granted(&begin_one(&mut one, &intent("b")));
    let closed = one.abort(&[aborted], "no").unwrap()[0];
    let open = granted(&begin_one(&mut one, &intent("c")));
    let foreign = granted(&begin_one(&mut two, &intent("d")));
    let head = one.head().unwrap();
    let cases = [
        (committed, format!("entry {issued} committed it")),
        (aborted, format!("entry {closed} closed it")),
        (foreign, "belongs to owner".to_owned()),
        (1, "no such intent".to_owned()),
        (999, "no such intent".to_owned()),
        (u64::MAX, "no such intent".to_owned()),
    ];
    for (entry, why) in cases {
        // The good one before it is rolled back with it.
        let group = [open, entry];
        let errors = [
            one.commit(&group.map(|entry| Issued::new(entry, certificate(2)))).unwrap_err(),
            one.abort(&group, "no").unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(&error, Error::NotOpen { entry: named, state }
                    if *named == entry && state.contains(&why)),
                "{entry}: {error}"
            );
        }
    }
    let twice = [open, open].map(|entry| Issued::new(entry, certificate(2)));
    assert!(matches!(one.commit(&twice), Err(Error::NotOpen { .. })));
    assert_eq!(one.head().unwrap(), head, "nothing of a failed group is kept");
    one.commit(&twice[..1]).unwrap();
    assert_sound(&one);
}

#[test]
fn refusals_and_acts_are_kept_as_given() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let refusal = Refusal {
        rule: "key-type".to_owned(),
        reason: "p224 \"is\" not\nallowed \u{1f512}".to_owned(),
        csr: Some(digest("csr")),
        subject: Some("CN=x".to_owned()),
        details: json!({ "input": "a.csr" }),
    };
    let bare = Refusal {
        rule: "x".to_owned(),
        reason: "y".to_owned(),
        csr: None,
        subject: None,
        details: Value::Null,
    };
    let entries = ledger.refuse(&[refusal.clone(), bare.clone()]).unwrap();
    let act = Act { name: "key.generate".to_owned(), details: json!({ "algorithm": "p256" }) };
    let acted = ledger.record(&act).unwrap();
    let event = |entry| ledger.entry(entry).unwrap().unwrap().event;
    assert_eq!(event(entries[0]), Event::Refused(Box::new(refusal)));
    assert_eq!(event(entries[1]), Event::Refused(Box::new(bare)));
    assert_eq!(event(acted), Event::Act(act));
    assert_sound(&ledger);
}

#[test]
fn what_is_empty_or_too_large_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let entry = granted(&begin_one(&mut ledger, &intent("a")));
    let head = ledger.head().unwrap();
    let empty = || Some(String::new());
    let large = Value::String("x".repeat(1 << 20));
    let intents = [
        Intent { device_id: empty(), ..intent("b") },
        Intent { device_type: empty(), ..intent("b") },
        Intent { reissue: empty(), ..intent("b") },
        Intent { device_id: Some("x".repeat(1025)), ..intent("b") },
        Intent { details: large.clone(), ..intent("b") },
    ];
    for bad in intents {
        assert!(matches!(ledger.begin(&[bad]), Err(Error::BadSize { .. })));
    }
    let act = |name: &str, details| Act { name: name.to_owned(), details };
    let errors = [
        ledger.commit(&[Issued::new(entry, Vec::new())]).unwrap_err(),
        ledger.commit(&[Issued::new(entry, vec![0; (1 << 20) + 1])]).unwrap_err(),
        ledger.abort(&[entry], "").unwrap_err(),
        ledger.record(&act("", Value::Null)).unwrap_err(),
        ledger.record(&act("x", large)).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::BadSize { .. }), "{error}");
    }
    assert_eq!(ledger.head().unwrap(), head);
    assert_sound(&ledger);
}
