//! What Touchmark writes, others read, and the other way round: ykman, yubico-piv-tool, OpenSC, ykcs11
//! and the `yubikey` crate on the same virtual key, through a real pcscd. OpenSSL judges signatures.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

#[path = "others_agree/administration.rs"]
mod administration;
#[path = "others_agree/attestation.rs"]
mod attestation;
#[path = "others_agree/certificates.rs"]
mod certificates;
#[path = "others_agree/desk.rs"]
mod desk;
#[path = "others_agree/keys.rs"]
mod keys;
#[path = "others_agree/pins.rs"]
mod pins;
#[path = "others_agree/yubikey_crate.rs"]
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
    a_reset_by_either_is_a_reset_for_all in administration,
    attestations_are_the_same_from_all in attestation,
    the_yubikey_crate_and_touchmark_take_turns in yubikey_crate
}
