//! Real clients at virtual keys, through a real pcscd, judged by OpenSSL.
//!
//! Each test is one client at one model. What came of it is a column of the table in the virtual
//! YubiKey's README; `TOUCHMARK_BLESS=1` writes it there, any other run compares.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops where it fails"
)]

#[path = "clients/age.rs"]
mod age;
#[path = "clients/desk.rs"]
mod desk;
#[path = "clients/judge.rs"]
mod judge;
#[path = "clients/opensc.rs"]
mod opensc;
#[path = "clients/piv_tool.rs"]
mod piv_tool;
#[path = "clients/pkcs11.rs"]
mod pkcs11;
#[path = "clients/table.rs"]
mod table;
#[path = "clients/ykcs11.rs"]
mod ykcs11;
#[path = "clients/ykman.rs"]
mod ykman;
#[path = "clients/yubikey_crate.rs"]
mod yubikey_crate;

/// One test for each client at each model that it is tried at.
macro_rules! sessions {
    ($($client:ident: $($test:ident $model:literal),+;)+) => {
        $(mod $client {
            $(#[test]
            fn $test() {
                crate::$client::session($model);
            })+
        })+
    };
}

mod accepted_by {
    // Those that are older than the FIPS keys of 5.7 have no way of getting one to work: it takes AES.
    sessions! {
        age: a_5_2_7 "5.2.7", a_5_4_3 "5.4.3", a_5_6_0 "5.6.0", a_5_7_1 "5.7.1";
        opensc: a_1_0_4 "1.0.4", a_4_2_6 "4.2.6", a_4_3_5 "4.3.5", a_4_4_2_fips "4.4.2-fips",
            a_5_2_7 "5.2.7", a_5_3_0 "5.3.0", a_5_4_3 "5.4.3", a_5_6_0 "5.6.0", a_5_7_1 "5.7.1",
            a_5_7_1_fips "5.7.1-fips", a_5_7_4 "5.7.4", a_5_7_4_fips "5.7.4-fips";
        piv_tool: a_1_0_4 "1.0.4", a_4_2_6 "4.2.6", a_4_3_5 "4.3.5", a_4_4_2_fips "4.4.2-fips",
            a_5_2_7 "5.2.7", a_5_3_0 "5.3.0", a_5_4_3 "5.4.3", a_5_6_0 "5.6.0", a_5_7_1 "5.7.1",
            a_5_7_4 "5.7.4";
        ykcs11: a_1_0_4 "1.0.4", a_4_2_6 "4.2.6", a_4_3_5 "4.3.5", a_4_4_2_fips "4.4.2-fips",
            a_5_2_7 "5.2.7", a_5_3_0 "5.3.0", a_5_4_3 "5.4.3", a_5_6_0 "5.6.0", a_5_7_1 "5.7.1",
            a_5_7_4 "5.7.4";
        ykman: a_1_0_4 "1.0.4", a_4_2_6 "4.2.6", a_4_3_5 "4.3.5", a_4_4_2_fips "4.4.2-fips",
            a_5_2_7 "5.2.7", a_5_3_0 "5.3.0", a_5_4_3 "5.4.3", a_5_6_0 "5.6.0", a_5_7_1 "5.7.1",
            a_5_7_1_fips "5.7.1-fips", a_5_7_4 "5.7.4", a_5_7_4_fips "5.7.4-fips";
        yubikey_crate: a_4_2_6 "4.2.6", a_4_3_5 "4.3.5", a_4_4_2_fips "4.4.2-fips",
            a_5_2_7 "5.2.7", a_5_3_0 "5.3.0", a_5_4_3 "5.4.3", a_5_6_0 "5.6.0", a_5_7_1 "5.7.1",
            a_5_7_1_fips "5.7.1-fips", a_5_7_4 "5.7.4", a_5_7_4_fips "5.7.4-fips";
    }
}
