//! What leads other programs to another key than the one that was meant, or to none in silence.

use std::fs;

use touchmark_tests::modules::Maker;

use crate::station::{PIN, SO_PIN, Station, line_and_tokens};

/// Demands that nothing is signed, for this reason.
fn refuses(station: &Station<'_>, locator: &str, code: i32, reasons: &[&str]) {
    let before = station.tokens.calls("C_Sign");
    let sign = format!("--signer {locator} sign key.pem --out signature");
    let said = station.expect(code, &sign);
    for reason in reasons {
        assert!(said.contains(reason), "{reason}: {said}");
    }
    assert!(!station.line.path("signature").exists());
    assert_eq!(station.tokens.calls("C_Sign"), before, "it signed with something");
}

#[test]
fn what_is_not_named_exactly_signs_nothing() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let at = |key: &str| tokens.locator(&format!("token=factory;{key}")) + "&pin-source=file:pin";
    // pkcs11-tool signs with another key then, and ends with 0.
    refuses(&station, &at("object=dax"), 3, &["dax", "not found", "`touchmark key list`"]);
    let elsewhere = tokens.locator("token=factoy") + "&pin-source=file:pin";
    refuses(&station, &elsewhere, 3, &["token with label \"factoy\" of", "not found"]);
    refuses(&station, &at("object=dak;id=%02"), 3, &["not found"]);

    let generate = "--login --keypairgen --key-type EC:prime256v1 --label twin --id 01 --pin";
    let made = tokens.pkcs11_tool("factory").args(generate.split(' ')).arg(PIN).output().unwrap();
    assert!(made.status.success());
    refuses(&station, &at("id=%01"), 3, &["dak", "twin", "SHA-256"]);
    // The label tells them apart.
    station.expect(0, &format!("--signer {} sign key.pem --out signature", at("object=twin")));
    fs::remove_file(line.path("signature")).unwrap();
}

#[test]
fn two_tokens_with_one_label_are_told_apart_by_their_serial_numbers() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let mut util = std::process::Command::new("softhsm2-util");
    tokens.show(&mut util);
    util.args(["--init-token", "--free", "--label", "factory", "--so-pin", SO_PIN, "--pin", PIN]);
    assert!(util.output().unwrap().status.success());
    let at = tokens.locator("token=factory;object=dak") + "&pin-source=file:pin";
    refuses(&station, &at, 3, &["serial"]);
}

#[test]
fn a_certificate_of_another_key_is_never_the_issuers() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let _csr = line.csr("device");
    // It names the key's own id, and is for another key.
    line.openssl("ecparam -name prime256v1 -genkey -noout -out other.key");
    line.openssl("req -x509 -key other.key -subj /CN=other -outform DER -out other.der");
    let write = "--login --write-object other.der --type cert --label dak --id 01 --pin";
    let mut tool = tokens.pkcs11_tool("factory");
    tool.args(write.split(' ')).arg(PIN).current_dir(line.folder());
    assert!(tool.output().unwrap().status.success());
    let settings = line.read("touchmark.toml").replace("certificate = \"dak.pem\"\n", "");
    line.write("touchmark.toml", settings);
    let said = station.expect(7, "issue --csr device.csr --out device.pem --partial-chain");
    assert!(said.contains("is another one"), "{said}");
    assert!(!line.path("device.pem").exists());
    assert_eq!(tokens.calls("C_Sign"), 0);
    station.expect(7, "cert export --out read.crt");
}

#[test]
fn a_file_that_is_no_module_is_told_for_what_it_is() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    fs::create_dir(line.path("folder.so")).unwrap();
    line.write("text.so", "this is text, and long enough to be taken for something else\n");
    let mut foreign = fs::read(tokens.module()).unwrap();
    // e_machine of the ELF header.
    foreign[18] ^= 0xff;
    line.write("foreign.so", foreign);
    for (name, code, reason) in [
        ("folder.so", 8, "it is a folder"),
        ("text.so", 8, "it is no shared library"),
        ("foreign.so", 8, "it is for "),
        ("none.so", 3, "not found"),
    ] {
        let at = format!("pkcs11:token=factory;object=dak?module-path={name}&pin-source=file:pin");
        refuses(&station, &at, code, &[reason]);
    }
}

#[test]
fn a_token_without_a_reset_is_not_threatened_with_one() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let said = station.expect(6, "token reset --serial-confirm 1");
    assert!(said.contains("going back to a factory state"), "{said}");
    assert!(!said.contains("will be gone"), "{said}");
}
