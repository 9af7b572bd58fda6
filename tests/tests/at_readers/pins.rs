//! PIN and PUK: changed by one, known to the other.

use crate::desk::{Desk, KEY, PIN};

const SECOND_PIN: &str = "864209";
const THIRD_PIN: &str = "75318642";
const SECOND_PUK: &str = "97531864";
const THIRD_PUK: &str = "24681357";

/// Changes, and unblocking.
pub(crate) fn pins_and_puks_are_the_same_for_all(model: &str) {
    let desk = Desk::new(model);
    desk.keep("new-pin", SECOND_PIN);
    desk.touchmark("9a", "pin change --new-pin file:new-pin").done();
    all_know(&desk, SECOND_PIN, PIN);

    desk.ykman(&format!("access change-pin -P {SECOND_PIN} -n {THIRD_PIN}")).done();
    desk.keep("pin", THIRD_PIN);
    desk.touchmark("9a", "pin verify").done();
    desk.piv_tool(&format!("-a change-pin -P {THIRD_PIN} -N {SECOND_PIN}")).done();
    desk.keep("pin", SECOND_PIN);
    desk.touchmark("9a", "pin verify").done();
    let change = format!("--login --pin {SECOND_PIN} --change-pin --new-pin {THIRD_PIN}");
    desk.opensc(&change).done();
    desk.keep("pin", THIRD_PIN);
    desk.touchmark("9a", "pin verify").done();

    desk.keep("new-puk", SECOND_PUK);
    desk.touchmark("9a", "puk change --new-puk file:new-puk").done();
    desk.ykman(&format!("access change-puk -p {SECOND_PUK} -n {THIRD_PUK}")).done();
    desk.keep("puk", THIRD_PUK);

    // Blocked by another one, unblocked by Touchmark.
    block(&desk);
    desk.touchmark("9a", "pin verify").refused_with(5, "blocked");
    desk.touchmark("9a", "pin unblock --new-pin file:new-pin").done();
    all_know(&desk, SECOND_PIN, THIRD_PIN);
    desk.keep("pin", SECOND_PIN);

    // The other way round.
    block(&desk);
    desk.ykman(&format!("access unblock-pin -p {THIRD_PUK} -n {THIRD_PIN}")).done();
    desk.keep("pin", THIRD_PIN);
    desk.touchmark("9a", "pin verify").done();
}

/// Limits and what is left of them.
pub(crate) fn tries_are_the_same_for_all(model: &str) {
    let desk = Desk::new(model);
    desk.piv_tool("-a verify-pin -P 11223344").refused("2 tries left");
    desk.touchmark("9a", "pin status").done_saying(&[if desk.facts.metadata {
        "2 of 3 tries left; still the factory's"
    } else {
        "2 tries left"
    }]);
    // A wrong PIN of Touchmark's is told by the others.
    desk.keep("pin", "11223344");
    desk.touchmark("9a", "pin verify").refused_with(4, "1 try");
    desk.piv_tool("-a status").done_saying(&["PIN tries left:\t1"]);
    let said = if desk.facts.metadata { "1/3" } else { "remaining:      1" };
    desk.ykman("info").done_saying(&[said]);
    desk.piv_tool(&format!("-a verify-pin -P {PIN}")).done();

    desk.keep("pin", PIN);
    desk.keep("new-pin", SECOND_PIN);
    desk.keep("new-puk", SECOND_PUK);
    let set = "pin set-retries 7 4 --new-pin file:new-pin --new-puk file:new-puk";
    desk.touchmark("9a", set).done();
    let said = desk.ykman("info").done();
    for (needs_metadata, text) in [
        (false, "PIN tries remaining:      7"),
        (true, "PIN tries remaining:      7/7"),
        (true, "PUK tries remaining:      4/4"),
    ] {
        let told = desk.facts.metadata || !needs_metadata;
        assert!(!told || said.contains(text), "{text}: {said}");
    }
    all_know(&desk, SECOND_PIN, PIN);
    desk.ykman(&format!("access change-puk -p {SECOND_PUK} -n {THIRD_PUK}")).done();

    // ykman leaves PIN and PUK of the factory.
    desk.ykman(&format!("access set-retries --force -m {KEY} -P {SECOND_PIN} 9 8")).done();
    desk.keep("pin", PIN);
    desk.touchmark("9a", "pin verify").done();
    let status = desk.touchmark("9a", "pin status").done();
    let expected: &[&str] = match desk.facts.metadata {
        true => &["PIN    9 of 9 tries left; still", "PUK    8 of 8 tries left; still"],
        false => &["PIN    9 tries left"],
    };
    for text in expected {
        assert!(status.contains(text), "{text}: {status}");
    }
}

/// Nobody takes the old one for right any more, and everybody the new one.
fn all_know(desk: &Desk, new: &str, old: &str) {
    desk.piv_tool(&format!("-a verify-pin -P {old}")).refused("tries left");
    desk.piv_tool(&format!("-a verify-pin -P {new}")).done();
    desk.ykman(&format!("access change-pin -P {new} -n {new}")).done();
    desk.opensc(&format!("--login --pin {new} --list-objects")).done();
    desk.ykcs11(&format!("--login --pin {new} --list-objects")).done();
}

fn block(desk: &Desk) {
    for _ in 0..3 {
        desk.piv_tool("-a verify-pin -P 11223344").refused("");
    }
    desk.piv_tool("-a status").done_saying(&["PIN tries left:\t0"]);
}
