//! `doctor` on a token: it risks no try unasked, and knows a signing key that does more than sign.

use touchmark_tests::modules::{Maker, Tokens};

use crate::station::{PIN, Station, line_and_tokens};

#[test]
fn no_pin_is_presented_unless_told_and_what_was_not_checked_is_said() {
    let (line, tokens) = line_and_tokens(Maker::Kryoptic);
    let station = Station::with_key(&line, &tokens);
    line.write("pin", "75318642");
    for _ in 0..3 {
        let said = station.expect(0, "doctor");
        assert!(said.contains("ok    signer dak: pkcs11:"), "{said}");
        let warning = "warn  key of dak: whether it can be read out, wrap, unwrap or decrypt is behind \
                       the PIN, which was not presented: not checked\n      \
                       hint: `touchmark doctor --with-pin`";
        assert!(said.contains(warning), "{said}");
    }
    assert_eq!(tokens.calls("C_Login"), 0);
    // Told to, it passes the guard: one try, however often.
    let said = station.expect(4, "doctor --with-pin");
    assert!(said.contains("fail  key of dak: wrong PIN"), "{said}");
    let said = station.expect(4, "doctor --with-pin");
    assert!(said.contains("so it was not sent again"), "{said}");
    assert_eq!(tokens.calls("C_Login"), 1);
    line.write("pin", PIN);
    station.expect(0, "pin clear-fault");
    let said = station.expect(0, "doctor --with-pin");
    assert!(said.contains("ok    key of dak: it signs and does nothing else"), "{said}");
}

#[test]
fn a_certificate_that_the_token_keeps_is_looked_at_as_one_in_a_file() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let settings = line.read("touchmark.toml").replace("certificate = \"dak.pem\"\n", "");
    line.write("touchmark.toml", settings);
    let said = station.expect(0, "doctor");
    assert!(!said.contains("certificate of dak"), "{said}");
    station.expect(0, "cert import dak.pem");
    let said = station.expect(0, "doctor");
    assert!(said.contains("ok    certificate of dak: "), "{said}");
    line.openssl(
        "req -x509 -newkey ed25519 -nodes -keyout other.key -subj /CN=other -out other.pem",
    );
    station.expect(0, "cert delete");
    station.expect(0, "cert import other.pem --force");
    let said = station.expect(7, "doctor --with-pin");
    assert!(said.contains("fail  certificate of dak: "), "{said}");
}

#[test]
fn nobody_is_sent_to_the_pin_pad_unless_told() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let settings = line.read("touchmark.toml").replace("pin = \"file:pin\"\n", "");
    line.write("touchmark.toml", settings);
    tokens.rules(&format!("pad user {PIN}\n"));
    let said = station.expect(0, "doctor");
    assert!(said.contains("which was not presented: not checked"), "{said}");
    assert!(!said.contains("pin-pad"), "{said}");
    assert_eq!(tokens.calls("C_Login"), 0);
    let said = station.expect(0, "doctor --with-pin");
    assert!(said.contains("pin-pad: the PIN has to be entered at token \"factory\""), "{said}");
    assert!(said.contains("ok    key of dak: it signs"), "{said}");
}

#[test]
fn a_signing_key_that_can_do_more_than_sign_fails() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let made = [
        ("exposed", "EC:prime256v1", "--extractable", "can leave the token"),
        ("decrypts", "rsa:2048", "--usage-decrypt", "can decrypt"),
        ("wraps", "rsa:2048", "--usage-wrap", "can unwrap other keys"),
    ];
    for (label, kind, option, weakness) in made {
        keypairgen(&tokens, label, kind, option);
        let locator = tokens.locator(&format!("token=factory;object={label}"));
        station.settings(&locator, "");
        let settings = line.read("touchmark.toml").replace("certificate = \"dak.pem\"\n", "");
        line.write("touchmark.toml", settings);
        station.expect(0, "doctor");
        let said = station.expect(7, "doctor --with-pin");
        assert!(said.contains("fail  key of dak: a signing key must only sign"), "{said}");
        assert!(said.contains(weakness), "{label}: {said}");
    }
}

/// A key as somebody else would make it.
fn keypairgen(tokens: &Tokens, label: &str, kind: &str, option: &str) {
    let mut tool = std::process::Command::new("pkcs11-tool");
    tokens.show(&mut tool);
    tool.arg("--module").arg(tokens.module());
    tool.args(["--token-label", "factory", "--login", "--pin", PIN, "--keypairgen"]);
    tool.args(["--key-type", kind, "--label", label, "--usage-sign", option]);
    let output = tool.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
