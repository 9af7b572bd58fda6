//! What firmware has against a key, a PIN or a policy reaches the person at the program, and before
//! the card is asked.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "yubikey_rules/desk.rs"]
mod desk;
#[path = "yubikey_rules/escrow.rs"]
mod escrow;
#[path = "yubikey_rules/old.rs"]
mod old;
#[path = "yubikey_rules/retries.rs"]
mod retries;

use std::fs;
use std::path::Path;

use desk::Desk;

#[test]
fn eucleak_is_a_warning_when_a_curve_key_is_made_or_used_and_only_once() {
    let desk = Desk::new("5.4.3");
    let warned = |said: &str| said.matches("EUCLEAK").count();
    assert_eq!(warned(&desk.said("token list", 0)), 0);
    assert_eq!(warned(&desk.said("pin status", 0)), 0);
    let said = desk.said("key generate --algorithm p256 --pin-policy once", 0);
    assert!(said.starts_with("warning: YubiKey 16021234: firmware 5.4.3 is open to EUCLEAK"));
    assert_eq!(warned(&said), 1);
    assert_eq!(warned(&desk.said("key list", 0)), 0);
    desk.write("data", "data");
    assert_eq!(warned(&desk.said("sign data --out signature --quiet", 0)), 1);
    let conf = "[req]\nprompt = no\ndistinguished_name = dn\n[dn]\nCN = a line\n";
    desk.write("dak.conf", conf);
    assert_eq!(warned(&desk.said("csr --config dak.conf --out dak.csr", 0)), 1);
    let said = desk.said("--json csr --config dak.conf --out dak.csr", 0);
    assert!(said.starts_with("{\"warning\":\"YubiKey 16021234: firmware 5.4.3"), "{said}");

    let newer = Desk::new("5.7.1");
    assert_eq!(newer.said("key generate", 0), "");
    let rsa = Desk::new("5.4.3");
    assert_eq!(warned(&rsa.said("key generate --algorithm rsa2048", 0)), 0);
}

#[test]
fn firmware_that_makes_weak_keys_is_refused_without_a_word_to_its_piv() {
    for (model, algorithm, reason) in [
        ("4.2.6", "rsa2048", "ROCA"),
        ("4.4.2-fips", "p256", "YSA-2019-02"),
        ("4.4.2-fips", "rsa2048", "YSA-2019-02"),
    ] {
        let desk = Desk::new(model);
        let said = desk.said(&format!("key generate --algorithm {algorithm}"), 6);
        assert!(said.contains(reason), "{model}: {said}");
        assert!(!desk.log().contains("GENERATE"), "{model}");
    }
    Desk::new("4.2.6").said("key generate --algorithm p256", 0);
}

#[test]
fn firmware_older_than_the_settings_ask_for_is_refused_by_both_versions() {
    let desk = Desk::new("5.4.3");
    desk.settings("min-firmware = \"5.7.0\"");
    for command in ["key generate", "pin verify", "token info"] {
        let said = desk.said(command, 7);
        assert!(said.contains("has firmware 5.4.3, and the settings ask for 5.7.0"), "{said}");
    }
    assert!(!desk.log().contains("VERIFY"));
    desk.settings("min-firmware = \"5.4.3\"");
    desk.said("pin verify", 0);
}

#[test]
fn the_fips_series_has_its_rules_told_before_a_secret_is_sent() {
    for (model, new, reason) in [
        ("5.7.1-fips", "867530", "8 are the fewest"),
        ("5.7.4-fips", "8675309", "8 are the fewest"),
        ("5.7.1-fips", "12345678", "anybody would guess"),
        ("5.7.1-fips", "77777777", "anybody would guess"),
        ("5.7.1-fips", "password", "anybody would guess"),
        ("5.7.1", "äääa1", "5 characters, and 6 are the fewest"),
    ] {
        let desk = Desk::new(model);
        desk.write("new", new);
        let said = desk.said("pin change --new-pin file:new", 2);
        assert!(said.contains(reason) && said.contains("file:new"), "{model}: {said}");
        let log = desk.log();
        assert!(!log.contains("CHANGE"), "{model}: {log}");
    }
    let desk = Desk::new("5.7.1-fips");
    desk.write("new", "48151623");
    desk.said("pin change --new-pin file:new", 0);
    let said = desk.said("key generate --pin-policy never", 6);
    assert!(said.contains("PIN policy once or always"), "{said}");
    desk.write("weak", "abc12345");
    desk.said("puk change --new-puk file:weak", 0);
    desk.write("weak", "11111111");
    desk.write("puk", "abc12345");
    let said = desk.said("puk change --new-puk file:weak", 2);
    assert!(said.contains("anybody would guess"), "{said}");
}

#[test]
fn new_secrets_that_the_token_would_refuse_do_not_leave_it_on_the_factorys() {
    let desk = Desk::new("5.7.1-fips");
    desk.write("new-pin", "867530");
    desk.write("new-puk", "48151623");
    let said = desk.said(
        "pin set-retries 5 5 --new-pin file:new-pin --new-puk file:new-puk \
         --ledger sqlite:l.db",
        2,
    );
    assert!(said.contains("8 are the fewest"), "{said}");
    assert!(!desk.log().contains("SET RETRIES"));
}

#[test]
fn an_attestation_is_believed_by_pinned_and_configured_roots_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("virtual-yubikey/data/root.pem");
    let desk = Desk::new("5.7.1");
    desk.said("key generate --pin-policy once --touch-policy cached", 0);
    let said = desk.said("key attest", 7);
    assert!(said.contains("leads to no trusted root") && said.contains("--trust"), "{said}");

    let stdout = |arguments: &str| {
        let output = desk.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments}: {said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let (said, warning) = stdout("key attest --unverified");
    assert!(said.contains("trusted       no") && warning.starts_with("warning:"), "{warning}");
    let (said, _) = stdout(&format!("key attest --trust {}", root.display()));
    for line in [
        "serial        16021234",
        "firmware      5.7.1",
        "made in       slot 9c",
        "PIN policy    once",
        "touch policy  cached",
        "trusted       yes",
        "-----BEGIN CERTIFICATE-----",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}: {said}");
    }
    assert_eq!(said.matches("BEGIN CERTIFICATE").count(), 2);

    fs::copy(&root, desk.folder.path().join("root.pem")).unwrap();
    desk.settings("[attestation]\nroots = [\"root.pem\"]");
    let (said, _) = stdout("--json key attest --out chain.pem");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["trusted"], true);
    assert_eq!(said["serial"], "16021234");
    assert_eq!(said["out"], "chain.pem");
    let chain = fs::read_to_string(desk.folder.path().join("chain.pem")).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
}

#[test]
fn before_metadata_an_imported_key_without_a_certificate_is_not_overwritten() {
    for model in ["4.2.6", "4.3.5", "5.2.7"] {
        let desk = Desk::new(model);
        for kind in ["p256", "p384", "rsa2048"] {
            desk.said(&format!("key generate --signer soft:{kind}.pem --algorithm {kind}"), 0);
            desk.said(&format!("key import {kind}.pem"), 0);
            let log = desk.log();
            for again in ["key generate", "key import p256.pem"] {
                let said = desk.said(again, 2);
                assert!(said.contains("already exists"), "{model} {kind}: {said}{log}");
            }
            let log = desk.log();
            assert!(!log.contains("GENERATE ") && !log.contains("IMPORT"), "{log}");
            assert!(!log.contains("VERIFY:"), "{log}");
            desk.said("token reset --serial-confirm 16021234", 0);
        }
    }
}

/// Who and what it is takes 3 commands (SELECT, READ CONFIG, SELECT), who it is alone 2 (SELECT, SERIAL),
/// leaving nothing verified 1.
#[test]
fn each_job_takes_the_commands_it_needs_and_no_more() {
    let desk = Desk::new("5.7.1");
    let conf = "[req]\nprompt = no\ndistinguished_name = dn\n[dn]\nCN = a line\n";
    for (name, text) in [("dak.conf", conf), ("new", "64209753"), ("data", "what is signed")] {
        desk.write(name, text);
    }
    desk.log();
    for (job, commands) in [
        // Cipher of the management key, its proof in two, is the slot empty, make it.
        ("key generate --pin-policy once", 9),
        // Counter, PIN.
        ("pin verify", 5),
        // Public key, counter, PIN, signature.
        ("csr --config dak.conf --out dak.csr", 8),
        ("sign data --out signature", 8),
        ("pin change --new-pin file:new --ledger sqlite:l.db", 4),
        ("pin status", 5),
    ] {
        desk.said(job, 0);
        let log = desk.log();
        let said = log.lines().filter(|line| line.contains(" -> ")).count();
        assert_eq!(said, commands, "{job}:\n{log}");
    }
    // The counter that the guard read is the one in the ledger.
    let output = desk.run("ledger export --ledger sqlite:l.db");
    let exported = String::from_utf8(output.stdout).unwrap().replace('\\', "");
    assert!(exported.contains("\"tries_before\":3"), "{exported}");
    assert!(exported.contains("\"tries_after\":3"), "{exported}");
}
