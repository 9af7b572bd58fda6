//! Random configs and values, judged by OpenSSL. `TOUCHMARK_SOAK=N` makes N rounds of each kind.

use std::{fs, path::PathBuf};

use issuer::conf::{Error, Reason};

use crate::{
    generator::{Rng, attribute, config, extension, texts},
    openssl::{Issuer, Lab},
};

fn rounds(usual: u64) -> u64 {
    match std::env::var("TOUCHMARK_SOAK") {
        Ok(number) => number.parse().expect("TOUCHMARK_SOAK is a number"),
        Err(_) => usual,
    }
}

fn write(lab: &Lab, name: &str, text: &[u8]) -> PathBuf {
    let path = lab.folder().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn random_configs_are_read_alike() {
    let lab = Lab::new();
    let mut accepted = 0;
    let total = rounds(200);
    for seed in 0..total {
        let text = config(&mut Rng::new(seed));
        let path = write(&lab, "random.conf", &text);
        let theirs = lab.their_request(&path, &[]);
        let ours = lab.our_request(&path, &[]);
        let alike = match (&theirs, &ours) {
            (Ok(theirs), Ok(ours)) => theirs == ours,
            (Err(message), Err(error)) => same_line(&text, message, error),
            _ => false,
        };
        accepted += u64::from(theirs.is_ok());
        let shown = String::from_utf8_lossy(&text);
        assert!(alike, "seed {seed}:\n{shown}\nOpenSSL {theirs:?}\nTouchmark {ours:?}");
    }
    // Were most configs refused, little would have been compared.
    assert!(accepted * 3 > total, "only {accepted} of {total} configs were good");
}

/// Where OpenSSL names a line, it is the last of those that one value stands on; we name the first.
fn same_line(text: &[u8], message: &str, error: &Error) -> bool {
    let Some((_, rest)) = message.split_once("Error on line ") else { return true };
    let theirs: usize = rest.split(' ').next().unwrap().parse().unwrap();
    let ours = usize::try_from(error.place.line().unwrap()).unwrap();
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    let continued = |line: &&[u8]| line.ends_with(b"\\") || line.ends_with(b"\\\r");
    // A piece that ends with CR counts as a line for OpenSSL, so long lines count twice at times.
    let odd = lines.iter().any(|line| line.len() > 500);
    odd || (ours <= theirs && lines[ours - 1..theirs - 1].iter().all(continued))
}

#[test]
fn random_extensions_are_made_alike() {
    let lab = Lab::new();
    let tail = "[seq]\na = INT:1\nb = UTF8:x\nc = BOOL:no\n";
    let ours = |text: &str| {
        let path = write(&lab, "ours.conf", text.as_bytes());
        lab.our_certificate(&path, "ext", Issuer::Full, &[])
    };
    let theirs = |text: &str| {
        let path = write(&lab, "theirs.conf", text.as_bytes());
        lab.their_certificate(&path, "ext", Issuer::Full, &[])
    };
    for seed in 0..rounds(40) {
        let mut rng = Rng::new(seed);
        let mut good = String::new();
        for number in 0..40 {
            let line = extension(&mut rng, number);
            let single = format!("[ext]\n{line}\n{tail}");
            match ours(&single) {
                // The later of two equal names wins, so each such line is judged by itself.
                Ok(made) if !line.starts_with("1.2") => {
                    if rng.one_in(8) {
                        assert_eq!(Ok(made), theirs(&single), "seed {seed}: {line}");
                    }
                }
                Ok(_) => good += &format!("{line}\n"),
                Err(error) if is_stricter(&error) => {}
                Err(error) => {
                    if rng.one_in(8) {
                        let theirs = theirs(&single);
                        assert!(theirs.is_err(), "seed {seed}: {line}\n{error}\n{theirs:02x?}");
                    }
                }
            }
        }
        let all = format!("[ext]\n{good}{tail}");
        let ours = ours(&all).unwrap();
        assert_eq!(Ok(ours), theirs(&all), "seed {seed}:\n{good}");
    }
}

/// What we refuse on purpose although OpenSSL accepts it.
fn is_stricter(error: &Error) -> bool {
    match &error.reason {
        Reason::OidTooLarge { .. } => true,
        Reason::Invalid { what, .. } => *what == "content for its tag",
        _ => false,
    }
}

#[test]
fn random_subjects_are_made_alike() {
    let lab = Lab::new();
    let ours = |text: &str| lab.our_request(&write(&lab, "ours.conf", text.as_bytes()), &[]);
    let theirs = |text: &str| lab.their_request(&write(&lab, "theirs.conf", text.as_bytes()), &[]);
    for seed in 0..rounds(60) {
        let mut rng = Rng::new(seed);
        let head =
            format!("[req]\nprompt = no\n{}distinguished_name = dn\n[dn]\n", texts(&mut rng));
        let mut good = String::new();
        for number in 0..25 {
            let line = attribute(&mut rng, number);
            match ours(&format!("{head}{line}\n")) {
                Ok(_) => good += &format!("{line}\n"),
                Err(error) => {
                    if rng.one_in(12) {
                        let theirs = theirs(&format!("{head}{line}\n"));
                        assert!(theirs.is_err(), "seed {seed}: {head}{line}\n{error}");
                    }
                }
            }
        }
        let all = format!("{head}{good}");
        match ours(&all) {
            Ok(ours) => assert_eq!(Ok(ours), theirs(&all), "seed {seed}:\n{all}"),
            Err(Error { reason: Reason::EmptySubject { .. } | Reason::Twice { .. }, .. }) => {}
            Err(error) => panic!("seed {seed}: {error}\n{all}"),
        }
    }
}
