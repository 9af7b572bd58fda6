//! Many processes in one file, some of which are killed.

use std::{thread, time::Duration};

use ledger::{CertificateFilter, Claim, Ledger, Location, OpenOptions};

use crate::{
    common::{Bench, again, assert_sound, intent, issue, lock_files},
    worker::Worker,
};

fn open(bench: &Bench) -> Ledger {
    // These work by the real clock, as the workers do.
    Ledger::open(&bench.location(), OpenOptions::new("ada", "test")).unwrap()
}

#[test]
fn eight_processes_share_a_ledger_without_failures_or_duplicates() {
    let bench = Bench::new();
    // Not even created yet: all eight try.
    let mut workers: Vec<_> =
        (0..8).map(|n| Worker::start(&bench.path(), "groups", &format!("w{n}"))).collect();
    for worker in &mut workers {
        assert_eq!(worker.line(), "ready");
    }
    workers.iter_mut().for_each(Worker::go);
    for mut worker in workers {
        assert_eq!(worker.line(), "done");
        worker.finish();
    }
    let ledger = open(&bench);
    let report = ledger.verify().unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
    // 30 rounds: 8 of its own for each worker, 8 that all of them ask for.
    assert_eq!(report.certificates, 30 * 8 * 8 + 30 * 8);
    assert_eq!((report.live, report.open), (report.certificates, 0));
    assert_eq!(lock_files(&bench.path()), Vec::<String>::new());
}

#[test]
fn whenever_a_process_is_killed_the_next_closes_what_it_left() {
    let bench = Bench::new();
    let mut abandoned = 0;
    for round in 0..25 {
        let mut victims: Vec<_> = (0..2)
            .map(|n| Worker::start(&bench.path(), "forever", &format!("r{round}v{n}")))
            .collect();
        for victim in &mut victims {
            assert_eq!(victim.line(), "ready");
            victim.go();
        }
        // Some moment from before the first write to well into the work.
        thread::sleep(Duration::from_micros(round * 7919 % 40_000));
        victims.into_iter().for_each(Worker::kill);
        let mut ledger = open(&bench);
        issue(&mut ledger, &intent(&format!("after {round}")));
        let report = ledger.verify().unwrap();
        assert!(report.is_sound(), "round {round}: {:#?}", report.findings);
        assert_eq!(report.open, 0);
        abandoned = report.entries - 2 * report.certificates - 1;
        assert_eq!(lock_files(&bench.path()).len(), 1, "the files of the dead are swept");
    }
    // Each abandoned intent is two entries. If none was, the moments were chosen badly.
    assert!(abandoned >= 2, "no kill hit between intent and commit");
    assert_eq!(lock_files(&bench.path()), Vec::<String>::new());
}

#[test]
fn the_intent_of_a_killed_process_is_abandoned_and_its_serial_never_used() {
    let bench = Bench::new();
    let mut victim = Worker::start(&bench.path(), "hold", "a");
    let held: u64 = victim.line().parse().unwrap();
    let mut ledger = open(&bench);
    let claim = ledger.settle(&again(&intent("a"), "2"), Duration::from_millis(50)).unwrap();
    assert!(
        matches!(&claim, Claim::Pending(holder) if holder.entry == held && !holder.own),
        "{claim:?}"
    );
    victim.kill();
    let claim = ledger.settle(&intent("a"), Duration::from_secs(60)).unwrap();
    assert!(matches!(claim, Claim::Conflict { .. }), "the same serial: {claim:?}");
    issue(&mut ledger, &again(&intent("a"), "3"));
    let kinds: Vec<_> =
        ledger.entries(Default::default()).map(|entry| entry.unwrap().kind).collect();
    assert_eq!(kinds, ["created", "intent", "abandoned", "intent", "issued"]);
    assert_sound(&ledger);
}

#[test]
fn the_second_of_two_processes_with_one_request_gets_the_certificate_of_the_first() {
    let bench = Bench::new();
    let mut first = Worker::start(&bench.path(), "hold", "a");
    let held = first.line();
    let mut second = Worker::start(&bench.path(), "settle", "a");
    assert_eq!(second.line(), "ready");
    first.go();
    assert_eq!(first.line(), "done");
    assert_eq!(second.line(), held);
    first.finish();
    second.finish();
    assert_sound(&open(&bench));
}

#[test]
fn a_reader_sees_one_state_while_others_write() {
    let bench = Bench::new();
    let mut writer = Worker::start(&bench.path(), "groups", "w");
    assert_eq!(writer.line(), "ready");
    let reader = Ledger::open_read_only(&Location::sqlite(bench.path())).unwrap();
    writer.go();
    let mut seen = 0;
    while seen < 30 * 16 {
        assert_sound(&reader);
        let count = reader.certificates(CertificateFilter::default()).map(Result::unwrap).count();
        assert!(count >= seen);
        seen = count;
    }
    assert_eq!(writer.line(), "done");
    writer.finish();
}
