//! The clock is behind.

use ledger::{Act, Claim, Error, Issued, Ledger, OpenOptions, Refusal};
use serde_json::Value;

use crate::common::{
    Bench, TestClock, again, assert_sound, begin_one, certificate, granted, intent, issue,
};

const START: u64 = TestClock::START;

fn accepting(bench: &Bench) -> Ledger {
    let accept_clock = Some("battery replaced".to_owned());
    Ledger::open(&bench.location(), OpenOptions { accept_clock, ..bench.options() }).unwrap()
}

fn refusal() -> Refusal {
    let (rule, reason) = ("clock".to_owned(), "the clock is behind".to_owned());
    Refusal { rule, reason, csr: None, subject: None, details: Value::Null }
}

#[test]
fn five_minutes_behind_are_tolerated_and_a_second_more_is_not() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    bench.clock.set(START - 301);
    let head = ledger.head().unwrap();
    match ledger.begin(&[intent("b")]).unwrap_err() {
        Error::ClockBehind { last, now } => {
            assert_eq!(last.as_millis() - now.as_millis(), 301_000);
        }
        other => panic!("{other}"),
    }
    assert_eq!(ledger.head().unwrap(), head);
    bench.clock.set(START - 300);
    issue(&mut ledger, &intent("b"));
    assert_sound(&ledger);
}

#[test]
fn an_accepted_clock_is_noted_in_every_entry_that_it_touches() {
    let bench = Bench::new();
    issue(&mut bench.open(), &intent("a"));
    bench.clock.set(START - 86_400);
    let mut ledger = accepting(&bench);
    let claims = ledger.begin(&[intent("b"), intent("c")]).unwrap();
    for claim in &claims {
        let entry = ledger.entry(granted(claim)).unwrap().unwrap();
        let note = entry.clock.unwrap();
        assert_eq!(note.accepted.as_deref(), Some("battery replaced"));
        assert_eq!(note.after.as_millis() - entry.time.as_millis(), 86_400_000);
        assert!(entry.body.contains(r#""clock":{"after":"#), "{}", entry.body);
    }
    // From here on, this is the time.
    let entry = granted(&claims[0]);
    let issued = ledger.commit(&[Issued::new(entry, certificate(entry))]).unwrap()[0];
    assert_eq!(ledger.entry(issued).unwrap().unwrap().clock, None);
    issue(&mut bench.open(), &intent("d"));
    assert_sound(&ledger);
}

#[test]
fn an_accepted_clock_that_is_right_leaves_no_note() {
    let bench = Bench::new();
    let mut ledger = accepting(&bench);
    let entry = issue(&mut ledger, &intent("a"));
    assert_eq!(ledger.entry(entry).unwrap().unwrap().clock, None);
}

#[test]
fn what_was_done_under_a_wrong_clock_is_kept_but_does_not_make_it_right() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    let open = granted(&begin_one(&mut ledger, &intent("b")));
    bench.clock.set(START - 86_400);
    // A signature that exists must not get lost.
    let issued = ledger.commit(&[Issued::new(open, certificate(open))]).unwrap()[0];
    ledger.refuse(&[refusal()]).unwrap();
    let acted = ledger.record(&Act { name: "key.sign".to_owned(), details: Value::Null }).unwrap();
    for entry in [issued, acted] {
        let note = ledger.entry(entry).unwrap().unwrap().clock.unwrap();
        assert_eq!(note.after.as_millis(), i64::try_from(START).unwrap() * 1000);
        assert_eq!(note.accepted, None);
    }
    let error = ledger.begin(&[intent("c")]).unwrap_err();
    assert!(matches!(error, Error::ClockBehind { .. }), "{error}");
    bench.clock.set(START + 1);
    issue(&mut ledger, &intent("c"));
    assert_sound(&ledger);
}

#[test]
fn a_small_step_back_at_a_time_adds_up_only_while_entries_say_so() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    for step in 0..5 {
        bench.clock.set(START - 250 * step);
        issue(&mut ledger, &intent(&format!("{step}")));
    }
    bench.clock.set(START - 250 * 4 - 301);
    assert!(matches!(ledger.begin(&[intent("x")]), Err(Error::ClockBehind { .. })));
    assert_sound(&ledger);
}

#[test]
fn a_certificate_that_exists_is_not_given_out_under_a_wrong_clock() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    bench.clock.set(START - 301);
    assert!(matches!(ledger.begin(&[again(&intent("a"), "2")]), Err(Error::ClockBehind { .. })));
    let claim = begin_one(&mut accepting(&bench), &again(&intent("a"), "2"));
    assert!(matches!(claim, Claim::Existing(_)), "{claim:?}");
}

#[test]
fn a_clock_out_of_all_range_is_an_error() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    bench.clock.set(253_402_300_800);
    assert!(matches!(ledger.begin(&[intent("a")]), Err(Error::ClockRange)));
}
