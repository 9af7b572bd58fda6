//! Retry limits, cut short at every APDU. The card falls back to factory PIN and PUK on the way, so
//! the same command has to finish what it began.

use std::fs;

use touchmark_tests::faults::State;

use super::desk::{Desk, SERIAL};

const SET: &str = "pin set-retries 5 4 --new-pin file:new-pin --new-puk file:new-puk \
                   --ledger sqlite:touchmark.db";

/// Keys of a model whose secrets are not the factory's, one like the other.
struct Keys {
    model: &'static str,
    ready: Desk,
}

impl Keys {
    fn of(model: &'static str) -> Self {
        let ready = Desk::new(model);
        ready.write("own-pin", "314159");
        ready.write("own-puk", "27182818");
        ready.said("pin change --new-pin file:own-pin", 0);
        ready.said("puk change --new-puk file:own-puk", 0);
        Self { model, ready }
    }

    fn one(&self) -> Desk {
        let desk = Desk::new(self.model);
        fs::copy(self.ready.path(&state_file()), desk.path(&state_file())).unwrap();
        for (name, secret) in
            [("pin", "314159"), ("puk", "27182818"), ("new-pin", "662607"), ("new-puk", "13806490")]
        {
            desk.write(name, secret);
        }
        desk
    }
}

#[test]
fn cut_anywhere_the_same_command_finishes_and_costs_a_try_at_most() {
    for model in ["5.7.1", "4.3.5"] {
        let keys = Keys::of(model);
        let undisturbed = keys.one();
        undisturbed.said(SET, 0);
        let log = undisturbed.log();
        let apdus = log.lines().filter(|line| line.contains(" -> ")).count();
        assert!(apdus > 8, "{model}: {log}");
        for at in 1..=apdus {
            for cut in ["drop-before", "drop-after"] {
                let desk = keys.one();
                let what = format!("{model}, {cut} {at}");
                finishes(&desk, &format!("[[fault]]\nat = {at}\ndo = \"{cut}\"\n"), &what);
            }
        }
    }
}

fn finishes(desk: &Desk, fault: &str, what: &str) {
    let faults = desk.path(&format!("{SERIAL}.faults.toml"));
    fs::write(&faults, fault).unwrap();
    let first = desk.run(SET);
    fs::remove_file(&faults).unwrap();
    let mut told = String::from_utf8(first.stderr).unwrap() + &desk.log();
    for kind in ["pin", "puk"] {
        let (left, total) = state(desk).tries(kind);
        assert!(total - left <= 1, "{what}: {kind}, {left} of {total}: {told}");
    }
    // A connection that is lost before anything was shown is made anew.
    if !first.status.success() {
        let again = desk.run(SET);
        told += &String::from_utf8(again.stderr).unwrap();
        told += &desk.log();
        assert_eq!(again.status.code(), Some(0), "{what}: {told}");
    }
    for reference in ["80", "81"] {
        assert!(wrong(&told, reference) <= 1, "{what}: {told}");
    }
    let now = state(desk);
    assert_eq!((now.tries("pin"), now.tries("puk")), ((5, 5), (4, 4)), "{what}: {told}");
    assert_eq!((now.secret("pin"), now.secret("puk")), ("662607".into(), "13806490".into()));
}

/// How often the card took a PIN (80) or PUK (81) for wrong.
fn wrong(log: &str, reference: &str) -> usize {
    let presented = |line: &&str| {
        let with_secret = line.contains(&format!("00{reference} ("));
        with_secret && line.contains("-> 63c")
    };
    log.lines().filter(presented).count()
}

fn state_file() -> String {
    format!("{SERIAL}.json")
}

fn state(desk: &Desk) -> State {
    State::read(&desk.path(&state_file()))
}
