//! PKCS#11 modules, each in a process of its own: a module reads where its tokens are from the
//! environment, once.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::process::Command;

use pcscd_lab::Lab;
use touchmark_tests::conformance::{
    Mount, failures_of, pkcs11::ModuleTokens, pkcs11_cards::ModuleCards, signing,
};
use touchmark_tests::modules::{Maker, in_a_process_with_tokens};
use virtual_yubikey::{Card, Device};

use crate::{all_held, holds};

/// What the virtual key in the reader is called.
const SERIAL: u32 = 16_021_234;

fn signs(mount: &dyn Mount) {
    all_held(&failures_of(&signing(), mount));
}

#[test]
fn a_softhsm2_token_does_what_every_token_does() {
    let name = "modules::a_softhsm2_token_does_what_every_token_does";
    in_a_process_with_tokens(name, Maker::SoftHsm, 1, Command::new, |tokens| {
        holds(&ModuleTokens::new(tokens));
    });
}

#[test]
fn a_kryoptic_token_does_what_every_token_does() {
    let name = "modules::a_kryoptic_token_does_what_every_token_does";
    // Each check has a token of its own, and some have several.
    in_a_process_with_tokens(name, Maker::Kryoptic, 128, Command::new, |tokens| {
        holds(&ModuleTokens::new(tokens));
    });
}

#[test]
fn a_token_on_a_tpm_signs_as_every_token_does() {
    let name = "modules::a_token_on_a_tpm_signs_as_every_token_does";
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
    a_card_signs("modules::a_key_behind_ykcs11_signs_as_every_key_does", Maker::Ykcs11);
}

#[test]
fn a_key_behind_opensc_signs_as_every_key_does() {
    a_card_signs("modules::a_key_behind_opensc_signs_as_every_key_does", Maker::OpenSc);
}
