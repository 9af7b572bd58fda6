//! The kept corpora of the PEM and certificate fuzzers, each file as it is and slightly damaged.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a corpus that cannot be read fails the test; indices come from the length"
)]

use std::path::PathBuf;

/// Every file of a corpus, then every file with one bit of each byte flipped or its end cut off.
fn run(corpus: &str, entry: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus").join(corpus);
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let seed = std::fs::read(file.unwrap().path()).unwrap();
        files += 1;
        entry(&seed);
        // A prime step visits different fields in different files.
        for index in (0..seed.len()).step_by(1 + seed.len() / 97) {
            let mut damaged = seed.clone();
            damaged[index] ^= 1 << (index % 8);
            entry(&damaged);
            entry(&seed[..index]);
        }
    }
    assert!(files >= 5, "only {files} seeds in {corpus}");
}

#[test]
fn pem_corpus_keeps_its_promises_when_damaged() {
    run("pem", touchmark_tests::fuzz::pem);
}

#[test]
fn certificate_corpus_keeps_its_promises_when_damaged() {
    run("certificate", touchmark_tests::fuzz::certificate);
}

#[test]
fn every_certificate_seed_is_one_that_parses() {
    use issuer::pem::{Kind, read_all};
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus/certificate");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let blocks = read_all(&std::fs::read(&path).unwrap(), Kind::Certificate, 1 << 20).unwrap();
        for block in blocks {
            let parsed = issuer::certificate::ParsedCertificate::from_der(&block.der);
            assert!(parsed.is_ok(), "{}: {parsed:?}", path.display());
        }
    }
}
