//! What the ledger costs per certificate: groups of 256, begun and committed, up to 100,000
//! certificates (or the number in `LEDGER_BENCH`); then many writers in one file; then a
//! verification.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench stops at the first failure")]

use std::{
    env,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use ledger::{Claim, Digest, Intent, Issued, Ledger, Location, OpenOptions, Serial};
use serde_json::json;

const GROUP: u64 = 256;

fn main() {
    let total: u64 = env::var("LEDGER_BENCH").map_or(100_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.db");
    one_writer(&path, total);
    verify(&path);
    for writers in [2, 8] {
        many_writers(&folder.path().join(format!("{writers}.db")), writers, 40);
    }
}

fn one_writer(path: &Path, total: u64) {
    println!("certificates  begin us/cert  commit us/cert  file MB  log MB  worst group ms");
    let mut ledger = open(path);
    let step = (total / 10).max(GROUP);
    let (mut first, mut next_line) = (0, step);
    let (mut begin, mut commit, mut worst) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut begin_all, mut commit_all) = (Duration::ZERO, Duration::ZERO);
    let mut done = 0;
    while first < total {
        let (intents, certificates) = group(first);
        let since = Instant::now();
        let claims = ledger.begin(&intents).unwrap();
        let begun = since.elapsed();
        let issued = issued(&claims, certificates);
        let since = Instant::now();
        ledger.commit(&issued).unwrap();
        let committed = since.elapsed();
        begin += begun;
        commit += committed;
        worst = worst.max(begun + committed);
        first += GROUP;
        done += GROUP;
        if first >= next_line {
            println!(
                "{first:>12}  {:>13.1}  {:>14.1}  {:>7.1}  {:>6.1}  {:>14.1}",
                micros(begin, done),
                micros(commit, done),
                megabytes(path, ""),
                megabytes(path, "-wal"),
                worst.as_secs_f64() * 1e3,
            );
            begin_all += begin;
            commit_all += commit;
            (begin, commit, worst) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
            done = 0;
            next_line += step;
        }
    }
    println!(
        "one writer, {first} certificates: {:.1} us per certificate (begin {:.1}, commit {:.1})",
        micros(begin_all + commit_all, first),
        micros(begin_all, first),
        micros(commit_all, first)
    );
}

fn verify(path: &Path) {
    let ledger = Ledger::open_read_only(&Location::sqlite(path)).unwrap();
    let since = Instant::now();
    let report = ledger.verify().unwrap();
    assert!(report.is_sound());
    println!("verified {} entries in {:.2} s", report.entries, since.elapsed().as_secs_f64());
}

fn many_writers(path: &Path, writers: u64, groups: u64) {
    open(path);
    let since = Instant::now();
    let worst = thread::scope(|scope| {
        let writers: Vec<_> = (0..writers)
            .map(|writer| {
                scope.spawn(move || {
                    let mut ledger = open(path);
                    let mut worst = Duration::ZERO;
                    for round in 0..groups {
                        let (intents, certificates) = group((writer * groups + round) * GROUP);
                        let since = Instant::now();
                        let claims = ledger.begin(&intents).unwrap();
                        ledger.commit(&issued(&claims, certificates)).unwrap();
                        worst = worst.max(since.elapsed());
                    }
                    worst
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).max().unwrap()
    });
    let certificates = writers * groups * GROUP;
    println!(
        "{writers} writers, {certificates} certificates: {:.1} us per certificate, slowest group {:.0} ms",
        micros(since.elapsed(), certificates),
        worst.as_secs_f64() * 1e3
    );
}

fn open(path: &Path) -> Ledger {
    Ledger::open(&Location::sqlite(path), OpenOptions::new("bench", "bench")).unwrap()
}

fn group(first: u64) -> (Vec<Intent>, Vec<Vec<u8>>) {
    (first..first + GROUP).map(|number| (intent(number), certificate(number))).unzip()
}

fn intent(number: u64) -> Intent {
    let digest = |what: &str| Digest::of(format!("{what} {number}").as_bytes());
    Intent {
        issuer: Digest::of(b"issuer"),
        device_type: Some("A2ABCDEFGHIJKL".to_owned()),
        device_id: Some(format!("G3A0PA{number:010}")),
        subject_key: digest("key"),
        request: digest("request"),
        serial: Serial::new(digest("serial").as_bytes().first_chunk::<16>().unwrap()).unwrap(),
        reissue: None,
        details: json!({ "subject": format!("CN=G3A0PA{number:010}"), "file": format!("csrs/{number}.csr") }),
    }
}

fn certificate(number: u64) -> Vec<u8> {
    (0..20_u64)
        .flat_map(|part| *Digest::of(format!("{number} {part}").as_bytes()).as_bytes())
        .collect()
}

fn issued(claims: &[Claim], certificates: Vec<Vec<u8>>) -> Vec<Issued> {
    let entries = claims.iter().map(|claim| match claim {
        Claim::Granted { entry, .. } => *entry,
        other => unreachable!("{other:?}"),
    });
    entries.zip(certificates).map(|(entry, der)| Issued::new(entry, der)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn micros(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(path: &Path, suffix: &str) -> f64 {
    let path = format!("{}{suffix}", path.display());
    std::fs::metadata(path).map_or(0, |file| file.len()) as f64 / 1e6
}
