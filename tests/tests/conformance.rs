//! Every backend does what the one list says.

use std::process::Command;
use std::thread;

use pcscd_lab::Lab;
use touchmark_tests::conformance::{
    Mount, failures, failures_of, pkcs11::ModuleTokens, pkcs11_cards::ModuleCards, signing,
    soft::KeyFiles, yubikey::VirtualYubiKeys,
};
use touchmark_tests::modules::{Maker, in_a_process_with_tokens};
use virtual_yubikey::{Card, Device, Model};

/// What the virtual key in the reader is called.
const SERIAL: u32 = 16_021_234;

fn holds(mount: &dyn Mount) {
    all_held(&failures(mount));
}

fn signs(mount: &dyn Mount) {
    all_held(&failures_of(&signing(), mount));
}

fn all_held(failures: &[String]) {
    assert!(failures.is_empty(), "these do not hold:\n{}", failures.join("\n"));
}

#[test]
fn a_key_file_does_what_every_token_does() {
    holds(&KeyFiles);
}

#[test]
fn a_yubikey_of_every_model_does_what_every_token_does() {
    let failures: Vec<String> = thread::scope(|scope| {
        let checks = Model::ALL.map(|model| scope.spawn(move || failures(&VirtualYubiKeys(model))));
        let unended = |_| vec!["a check did not end".to_owned()];
        checks.into_iter().flat_map(|check| check.join().unwrap_or_else(unended)).collect()
    });
    assert!(failures.is_empty(), "these do not hold:\n{}", failures.join("\n"));
}

#[test]
fn a_softhsm2_token_does_what_every_token_does() {
    let name = "a_softhsm2_token_does_what_every_token_does";
    in_a_process_with_tokens(name, Maker::SoftHsm, 1, Command::new, |tokens| {
        holds(&ModuleTokens::new(tokens));
    });
}

#[test]
fn a_kryoptic_token_does_what_every_token_does() {
    let name = "a_kryoptic_token_does_what_every_token_does";
    // Each check has a token of its own, and some have several.
    in_a_process_with_tokens(name, Maker::Kryoptic, 128, Command::new, |tokens| {
        holds(&ModuleTokens::new(tokens));
    });
}

#[test]
fn a_token_on_a_tpm_signs_as_every_token_does() {
    let name = "a_token_on_a_tpm_signs_as_every_token_does";
    in_a_process_with_tokens(name, Maker::Tpm, 1, Command::new, |tokens| {
        signs(&ModuleTokens::new(tokens));
    });
}

/// The module of others on a virtual key in a reader of a real pcscd.
fn a_card_signs(name: &str, maker: Maker) {
    let mut lab = None;
    let command = |program| {
        let device = Device::new(Card::with_serial("5.4.3".parse().unwrap(), SERIAL));
        lab.insert(Lab::start([device]).unwrap()).command(program)
    };
    in_a_process_with_tokens(name, maker, 1, command, |tokens| {
        for slot in ["9a", "9c"] {
            signs(&ModuleCards::new(tokens, SERIAL, slot));
        }
    });
}

#[test]
fn a_key_behind_ykcs11_signs_as_every_key_does() {
    a_card_signs("a_key_behind_ykcs11_signs_as_every_key_does", Maker::Ykcs11);
}

#[test]
fn a_key_behind_opensc_signs_as_every_key_does() {
    a_card_signs("a_key_behind_opensc_signs_as_every_key_does", Maker::OpenSc);
}
