//! The program as it is shipped, with virtual keys in the readers of a real pcscd.
//!
//! What Touchmark writes, others read, and the other way round: ykman, yubico-piv-tool, OpenSC, ykcs11
//! and the `yubikey` crate on the same key; OpenSSL judges signatures. And secrets stay where they
//! belong, whoever looks: strace, a core file, other processes.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

#[path = "at_readers/administration.rs"]
mod administration;
#[path = "at_readers/attestation.rs"]
mod attestation;
#[path = "at_readers/certificates.rs"]
mod certificates;
#[path = "at_readers/desk.rs"]
mod desk;
#[path = "at_readers/keys.rs"]
mod keys;
#[path = "at_readers/modules.rs"]
mod modules;
#[path = "at_readers/pins.rs"]
mod pins;
#[path = "at_readers/secrets.rs"]
mod secrets;
#[path = "at_readers/witness.rs"]
mod witness;
#[path = "at_readers/yubikey_crate.rs"]
mod yubikey_crate;

/// One test for each model.
macro_rules! at_each_model {
    ($($session:ident in $module:ident),+) => {
        $(mod $session {
            #[test]
            fn a_4_3_5() {
                crate::$module::$session("4.3.5");
            }

            #[test]
            fn a_5_2_7() {
                crate::$module::$session("5.2.7");
            }

            #[test]
            fn a_5_4_3() {
                crate::$module::$session("5.4.3");
            }

            #[test]
            fn a_5_7_1() {
                crate::$module::$session("5.7.1");
            }
        })+
    };
}

at_each_model! {
    a_key_that_touchmark_made_is_used_by_others in keys,
    a_key_that_others_made_is_used_by_touchmark in keys,
    certificates_are_read_by_all in certificates,
    pins_and_puks_are_the_same_for_all in pins,
    tries_are_the_same_for_all in pins,
    the_management_key_is_the_same_for_all in administration,
    a_key_behind_ykcs11_is_a_signer_like_others in modules,
    a_key_behind_opensc_is_a_signer_like_others in modules,
    a_reset_by_either_is_a_reset_for_all in administration,
    attestations_are_the_same_from_all in attestation,
    the_yubikey_crate_and_touchmark_take_turns in yubikey_crate
}
