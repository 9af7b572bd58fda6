//! A module that crashes does not take the ledger with it.

use touchmark_tests::line::count;
use touchmark_tests::modules::Maker;
use touchmark_tests::program::was_killed;

use crate::station::{KEY, Station, line_and_tokens};

const ISSUE: &str = "issue --csr device.csr --out device.pem";

#[test]
fn a_crash_in_this_process_ends_it_and_the_next_run_closes_its_intent() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let _csr = line.csr("device");
    tokens.rules("C_Sign 1 die\n");
    let output = station.run(ISSUE);
    assert!(was_killed(output.status), "{}", output.status);
    assert_eq!(line.ledger().verify().unwrap().open, 1);
    tokens.rules("");
    station.expect(0, ISSUE);
    assert_eq!(count(&line.ledger(), "abandoned"), 1);
    assert_eq!(count(&line.ledger(), "issued"), 1);
    station.expect(0, "ledger verify");
}

#[test]
fn a_crash_in_a_process_of_its_own_is_an_error_and_an_abort_at_once() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let _csr = line.csr("device");
    station.settings(&tokens.locator(KEY), "isolation = \"process\"");
    tokens.rules("C_Sign 1 die\n");
    let said = station.expect(8, ISSUE);
    assert!(said.contains("hint:"), "{said}");
    assert_eq!(tokens.calls("C_Sign"), 1);
    let ledger = line.ledger();
    assert_eq!((count(&ledger, "aborted"), count(&ledger, "issued")), (1, 0));
    assert_eq!(ledger.verify().unwrap().open, 0);
    drop(ledger);
    tokens.rules("");
    station.expect(0, ISSUE);
    assert_eq!(count(&line.ledger(), "abandoned"), 0);
}
