//! Every backend does what the one list says.

use std::thread;

use touchmark_tests::conformance::{
    Mount, failures, pkcs11::ModuleTokens, soft::KeyFiles, yubikey::VirtualYubiKeys,
};
use touchmark_tests::modules::{Maker, in_a_process_with_tokens};
use virtual_yubikey::Model;

fn holds(mount: &dyn Mount) {
    let failures = failures(mount);
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
    in_a_process_with_tokens(name, Maker::SoftHsm, 1, |tokens| holds(&ModuleTokens::new(tokens)));
}

#[test]
fn a_kryoptic_token_does_what_every_token_does() {
    let name = "a_kryoptic_token_does_what_every_token_does";
    // Each check has a token of its own, and some have several.
    in_a_process_with_tokens(name, Maker::Kryoptic, 128, |tokens| {
        holds(&ModuleTokens::new(tokens));
    });
}
