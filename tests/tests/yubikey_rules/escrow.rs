//! What is put away before a token is told, and what is looked at before that.

use super::desk::Desk;

/// What shows the card a secret or sets one, as the log has it.
const WITH_SECRETS: [&str; 6] =
    ["VERIFY:", "CHANGE", "RESET RETRY", "AUTHENTICATE", "SET MANAGEMENT", "SET RETRIES"];

fn showed_no_secret(desk: &Desk, what: &str) {
    let log = desk.log();
    for name in WITH_SECRETS {
        assert!(!log.contains(name), "{what}: {log}");
    }
}

#[test]
fn a_random_secret_that_nobody_keeps_is_refused_before_the_card_is_shown_one() {
    let desk = Desk::new("5.7.1");
    for (command, kind) in [
        ("pin change --new-pin random", "new PIN"),
        ("pin unblock --new-pin random", "new PIN"),
        ("puk change --new-puk random", "new PUK"),
        ("pin set-retries 5 5 --new-pin file:new --new-puk random", "new PUK"),
        ("pin set-retries 5 5 --new-pin random --new-puk file:new", "new PIN"),
        ("management-key change", "new management key"),
        ("management-key change --protect", "new management key"),
    ] {
        desk.write("new", "48151623");
        let said = desk.said(&format!("{command} --ledger sqlite:l.db"), 2);
        assert!(said.contains(&format!("a random {kind} would be kept nowhere")), "{said}");
        showed_no_secret(&desk, command);
    }
}

#[test]
fn a_management_key_that_the_firmware_lacks_leaves_nothing_in_escrow() {
    for (model, wish, needs) in [
        ("4.3.5", "--algorithm aes128", "firmware 5.4.2"),
        ("5.3.0", "--algorithm aes256", "firmware 5.4.2"),
        ("1.0.4", "--touch always", "firmware 4.0.0"),
        ("4.2.6", "--touch cached", "firmware 4.3.0"),
        ("5.7.1-fips", "--algorithm 3des", "AES"),
    ] {
        let desk = Desk::new(model);
        let said = desk.said(&format!("management-key change {wish} --escrow kept"), 6);
        assert!(said.contains(needs), "{model}: {said}");
        assert!(!desk.path("kept").exists(), "{model}");
        showed_no_secret(&desk, model);
    }
}

#[test]
fn a_management_key_that_is_not_hexadecimal_leaves_nothing_in_escrow() {
    let desk = Desk::new("5.7.1");
    desk.write("new", &"xy".repeat(32));
    let said = desk.said("management-key change --new-management-key file:new --escrow kept", 2);
    assert!(said.contains("file:new") && said.contains("hexadecimal"), "{said}");
    assert!(!desk.path("kept").exists());
    assert!(!desk.log().contains("SET MANAGEMENT"));
}

#[test]
fn errors_and_answers_call_a_token_by_one_name() {
    for (model, name) in [("5.7.1", "YubiKey 16021234"), ("4.3.5", "YubiKey 16021234")] {
        let desk = Desk::new(model);
        desk.write("wrong", "654321");
        desk.write("new", "867530");
        let status = desk.run("--json pin status").stdout;
        let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
        assert_eq!(status["token"], name);
        for (command, exit, said) in [
            ("pin verify --pin file:wrong", 4, format!("wrong PIN for {name} (2 tries left)")),
            ("pin verify --pin file:wrong", 4, format!("the PIN for {name} was wrong before")),
            ("--signer yubikey: pin verify", 2, format!("the PIN of {name} is needed")),
            ("token reset --serial-confirm 1", 7, format!("the serial number of {name} is not")),
            ("--signer yubikey:slot=9c sign pin --out s", 3, format!("slot 9c of {name}")),
        ] {
            let found = desk.said(command, exit);
            assert!(found.contains(&said), "{command}: {found}");
        }
        desk.said("pin change --new-pin file:new --escrow kept", 0);
        let kept = std::fs::read_dir(desk.path("kept")).unwrap().next().unwrap().unwrap();
        let kept = std::fs::read_to_string(kept.path()).unwrap();
        assert!(kept.contains(&format!("token = \"{name}\"")), "{model}");
    }
}
