//! Every fuzz target over its kept corpus, each seed as it is and damaged in many ways.
//!
//! The damage is the same in every run. `TOUCHMARK_SOAK=100` makes a hundred times as much of it;
//! `cargo +nightly fuzz run TARGET` looks for more with feedback, and what it finds is kept here.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::panic::catch_unwind;
use std::path::PathBuf;

use touchmark_tests::fuzz::TARGETS;
use touchmark_tests::mutate::{Random, mutated};
use touchmark_tests::soak;

/// Damaged versions of each seed.
const MUTATIONS: usize = 60;
/// The longest input; longer ones say nothing new and take their time.
const LONGEST: usize = 64 * 1024;

#[test]
fn every_target_keeps_its_promises_on_its_corpus_and_on_damage_to_it() {
    let rounds = MUTATIONS * soak();
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 5, "only {} seeds for {name}", seeds.len());
        std::thread::scope(|scope| {
            let half = seeds.len().div_ceil(2);
            for part in seeds.chunks(half) {
                let seeds = &seeds;
                scope.spawn(move || {
                    for (file, seed) in part {
                        run(name, target, seed);
                        for end in (0..seed.len()).step_by(1 + seed.len() / 50) {
                            run(name, target, &seed[..end]);
                        }
                        let mut random = Random::named(&format!("{name}/{file}"));
                        for _ in 0..rounds {
                            let other = &seeds[random.below(seeds.len())].1;
                            let mut input = mutated(seed, other, &mut random);
                            input.truncate(LONGEST);
                            run(name, target, &input);
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn every_certificate_seed_is_one_that_parses() {
    use issuer::certificate::ParsedCertificate;
    use issuer::pem::{Kind, read_all};
    for (file, seed) in seeds("certificate") {
        for block in read_all(&seed, Kind::Certificate, 1 << 20).unwrap() {
            let parsed = ParsedCertificate::from_der(&block.der);
            assert!(parsed.is_ok(), "{file}: {parsed:?}");
        }
    }
}

#[test]
fn most_request_seeds_are_read() {
    let seeds = seeds("csr");
    let read = seeds.iter().filter(|(_, seed)| issuer::csr::Csr::read(seed).is_ok()).count();
    assert!(read > seeds.len() / 2, "{read} of {}", seeds.len());
}

fn run(name: &str, target: fn(&[u8]), input: &[u8]) {
    if catch_unwind(|| target(input)).is_err() {
        let hex: String = input.iter().map(|octet| format!("{octet:02x}")).collect();
        panic!("target {name} broke on {} octets: {hex}", input.len());
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus").join(target);
    let mut seeds: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}
