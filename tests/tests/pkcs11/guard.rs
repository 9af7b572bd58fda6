//! No automation blocks a PIN, and the SO PIN brings one back that is blocked.

use touchmark_tests::modules::Maker;
use touchmark_tests::program::{owner_only, write_requests};

use crate::station::{PIN, Station, line_and_tokens};

const BATCH: &str = "issue --batch csrs --out-dir out";

#[test]
fn a_wrong_pin_in_a_batch_that_is_started_five_times_costs_one_try() {
    let (line, tokens) = line_and_tokens(Maker::Kryoptic);
    let station = Station::with_key(&line, &tokens);
    write_requests(&line, "csrs", "G3A0", 3);
    line.write("pin", "75318642");
    for run in 0..5 {
        let said = station.expect(4, BATCH);
        let again = said.contains("so it was not sent again");
        assert_eq!(again, run > 0, "run {run}: {said}");
    }
    assert_eq!(tokens.calls("C_Login"), 1);
    assert_eq!(tokens.calls("C_Sign"), 0);
    let said = station.expect(0, "pin status");
    assert!(said.contains("fault  a PIN was wrong before"), "{said}");
    // With the source corrected it works; one in 256 right ones looks like the wrong one.
    line.write("pin", PIN);
    station.expect(0, "pin clear-fault");
    station.expect(0, BATCH);
    assert_eq!(tokens.calls("C_Login"), 2);
}

#[test]
fn the_last_try_is_refused_unless_told_and_the_so_pin_unblocks() {
    let (line, tokens) = line_and_tokens(Maker::Kryoptic);
    let station = Station::with_key(&line, &tokens);
    let _csr = line.csr("device");
    let issue = "issue --csr device.csr --out device.pem";
    tokens.spend_tries("factory", 9);
    let said = station.expect(0, "pin status");
    assert!(said.contains("PIN    1 try left"), "{said}");
    tokens.forget_calls();
    let said = station.expect(5, issue);
    assert!(said.contains("the last try for the PIN of token \"factory\""), "{said}");
    assert_eq!(tokens.calls("C_Login"), 0);
    station.expect(0, &format!("--use-last-try {issue}"));
    assert_eq!(tokens.calls("C_Login"), 1);

    tokens.spend_tries("factory", 10);
    tokens.forget_calls();
    let said = station.expect(5, "issue --csr device.csr --out again.pem --reissue lost");
    assert!(said.contains("the PIN of token \"factory\""), "{said}");
    assert!(said.contains("hint: unblock it with its PUK or SO PIN"), "{said}");
    assert_eq!(tokens.calls("C_Login"), 0);

    line.write("wrong", "99999999");
    line.write("new-pin", "11223344");
    owner_only(&line.path("new-pin"));
    let said = station.expect(4, "pin unblock --so-pin file:wrong --new-pin file:new-pin");
    assert!(said.contains("wrong SO PIN"), "{said}");
    station.expect(0, "pin clear-fault");
    station.expect(0, "pin unblock --new-pin file:new-pin");
    line.write("pin", "11223344");
    station.expect(0, "issue --csr device.csr --out again.pem --reissue lost");
    let said = station.expect(0, "ledger list");
    assert!(said.contains("pin.unblock"), "{said}");
    let said = station.expect(0, "puk change --new-so-pin file:new-pin");
    assert!(said.contains("the SO PIN was changed"), "{said}");
}
