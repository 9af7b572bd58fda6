//! Firmware that never tells a public key again.

use super::desk::Desk;

const CONF: &str = "[req]\nprompt = no\ndistinguished_name = dn\n[dn]\nCN = a line\n";

/// Neither metadata nor attestation.
const SILENT: [&str; 2] = ["1.0.4", "4.2.6"];

#[test]
fn key_and_request_are_made_in_one_step_and_the_certificate_is_stored_later() {
    for model in SILENT {
        let desk = Desk::new(model);
        desk.write("dak.conf", CONF);
        let said = desk.said("csr --generate --config dak.conf --out dak.csr", 0);
        assert!(said.contains(&format!("firmware {model} tells no later run")), "{said}");
        desk.openssl("req -in dak.csr -verify -noout");

        let said = desk.said("csr --config dak.conf --out again.csr", 3);
        assert!(
            said.contains("the public half of the key in slot 9c of YubiKey 16021234"),
            "{said}"
        );
        assert!(said.contains("`touchmark cert import`"), "{said}");
        assert!(said.contains("`touchmark csr --generate`"), "{said}");
        assert!(!desk.path("again.csr").exists());

        desk.openssl("ecparam -name prime256v1 -genkey -noout -out ca.key");
        desk.openssl("req -x509 -key ca.key -subj /CN=ca -out ca.crt");
        desk.openssl("x509 -req -in dak.csr -CA ca.crt -CAkey ca.key -out dak.pem");
        desk.said("cert import dak.pem", 0);
        desk.said("csr --config dak.conf --out again.csr", 0);
        desk.openssl("req -in again.csr -verify -noout");
    }
}

#[test]
fn the_public_half_of_a_new_key_is_written_where_it_is_asked_for() {
    for model in ["1.0.4", "4.2.6", "5.7.1"] {
        let desk = Desk::new(model);
        desk.said("key generate --public-key-out public.pem", 0);
        desk.openssl("pkey -pubin -in public.pem -noout");
        if SILENT.contains(&model) {
            desk.said("key public", 3);
        } else {
            let output = desk.run("key public");
            assert_eq!(output.stdout, std::fs::read(desk.path("public.pem")).unwrap());
        }
        // The key file of another signer is nothing that a public key may replace.
        let said = desk.said("key generate --public-key-out touchmark.toml", 2);
        assert!(said.contains("would be overwritten"), "{said}");
    }
}

#[test]
fn an_empty_slot_is_not_taken_for_a_key_that_is_not_told() {
    let desk = Desk::new("4.2.6");
    desk.write("data", "data");
    let said = desk.said("sign data --out signature", 3);
    assert!(said.contains("a key in slot 9c of YubiKey 16021234 not found"), "{said}");
    assert!(!desk.log().contains("VERIFY:"));
}
