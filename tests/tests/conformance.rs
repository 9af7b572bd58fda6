//! Every backend does what the one list says.

#[cfg(target_os = "linux")]
#[path = "conformance/modules.rs"]
mod modules;

use std::thread;

use touchmark_tests::conformance::{Mount, failures, soft::KeyFiles, yubikey::VirtualYubiKeys};
use virtual_yubikey::Model;

fn holds(mount: &dyn Mount) {
    all_held(&failures(mount));
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
