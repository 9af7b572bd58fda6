//! What the shim does at which call.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What a call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Forward,
    Answer(u64),
    AnswerAfter(u64),
    Hang,
    Die,
}

#[derive(Debug, Default)]
struct Counted {
    rules: String,
    calls: BTreeMap<String, u64>,
}

static COUNTED: Mutex<Option<Counted>> = Mutex::new(None);

/// Notes a call, and says what it comes to. Hanging and dying happen here.
pub(crate) fn called(function: &str, note: &str) -> Deed {
    log(function, note);
    let rules = text();
    let deed = {
        let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counted.get_or_insert_default();
        if counted.rules != rules {
            *counted = Counted { rules, calls: BTreeMap::new() };
        }
        let number = counted.calls.entry(function.to_owned()).or_default();
        *number += 1;
        deed(&counted.rules, function, *number)
    };
    match deed {
        Deed::Hang => loop {
            thread::park();
        },
        Deed::Die => process::abort(),
        deed => deed,
    }
}

/// CKF_PROTECTED_AUTHENTICATION_PATH.
const PIN_PAD: u64 = 0x100;

/// What somebody enters at the token's PIN pad, if it has one.
pub(crate) fn entered(which: &str) -> Option<Vec<u8>> {
    text().lines().find_map(|line| {
        let (name, pin) = line.strip_prefix("pad ")?.split_once(' ')?;
        (name == which).then(|| pin.as_bytes().to_vec())
    })
}

/// The number behind a word that stands at the beginning of a line.
pub(crate) fn told(word: &str) -> Option<u64> {
    text().lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == word).then(|| hex(value))
    })
}

/// The flags of a token, as they are to be shown.
pub(crate) fn flags(real: u64) -> u64 {
    text().lines().fold(real, |flags, line| match line.split_once(' ') {
        Some(("pad", _)) => flags | PIN_PAD,
        Some(("set-flags", value)) => flags | hex(value),
        Some(("clear-flags", value)) => flags & !hex(value),
        _ => flags,
    })
}

fn deed(rules: &str, function: &str, number: u64) -> Deed {
    for line in rules.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(calls), Some(deed)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let from: u64 = calls.trim_end_matches('+').parse().unwrap_or(u64::MAX);
        let meant = number == from || calls.ends_with('+') && number > from;
        if meant && (name == "*" || name == function) {
            return match deed {
                "hang" => Deed::Hang,
                "die" => Deed::Die,
                code => match code.strip_prefix("after:") {
                    Some(code) => Deed::AnswerAfter(hex(code)),
                    None => Deed::Answer(hex(code)),
                },
            };
        }
    }
    Deed::Forward
}

fn hex(text: &str) -> u64 {
    u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap_or(0)
}

fn text() -> String {
    env::var_os("PKCS11_SHIM_RULES")
        .and_then(|path| fs::read_to_string(path).ok())
        .unwrap_or_default()
}

fn log(function: &str, note: &str) {
    let Some(path) = env::var_os("PKCS11_SHIM_LOG") else { return };
    let line =
        if note.is_empty() { format!("{function}\n") } else { format!("{function} {note}\n") };
    // A line that cannot be written fails the test that looks for it.
    let _ = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_meets_its_calls_and_no_others() {
        let rules = "C_Sign 2 0x30\nC_Login 2+ hang\nC_Find 1 after:0x5\n";
        for (function, number, expected) in [
            ("C_Sign", 1, Deed::Forward),
            ("C_Sign", 2, Deed::Answer(0x30)),
            ("C_Sign", 3, Deed::Forward),
            ("C_Login", 1, Deed::Forward),
            ("C_Login", 2, Deed::Hang),
            ("C_Login", 9, Deed::Hang),
            ("C_Find", 1, Deed::AnswerAfter(5)),
            ("C_SignInit", 2, Deed::Forward),
        ] {
            assert_eq!(deed(rules, function, number), expected, "{function} {number}");
        }
        assert_eq!(deed("* 4 die", "C_Sign", 4), Deed::Die);
    }
}
