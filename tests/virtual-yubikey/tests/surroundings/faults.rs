//! Every fault does what it says.

use std::time::Duration;

use p256::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use virtual_yubikey::{Effect, Fault};

use crate::session::{
    OK, PIN_STATUS, SELECT, SERIAL, VERIFY, VERSION, WRONG, device, generate_p256, get, manage,
    put, sign_p256,
};

#[test]
fn a_link_dropped_before_a_verify_costs_no_try() {
    let mut device = device();
    device.inject([Fault::at(2, Effect::DropBefore)]);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x63\xC3");
    assert_eq!(device.transmit(WRONG), None);
    // A token that was pulled has nothing selected when it is back.
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x6D\x00");
    device.transmit(SELECT);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x63\xC3");
}

#[test]
fn a_link_dropped_after_a_verify_costs_a_try() {
    let mut device = device();
    device.inject([Fault::on("verify", 2, Effect::DropAfter).unwrap()]);
    assert_eq!(device.transmit(WRONG).unwrap(), b"\x63\xC2");
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x63\xC2");
    assert_eq!(device.transmit(WRONG), None);
    device.transmit(SELECT);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x63\xC1");
}

#[test]
fn an_empty_answer_comes_with_and_without_execution() {
    for (effect, tries) in [(Effect::Empty, b"\x63\xC2"), (Effect::Lost, b"\x63\xC3")] {
        let mut device = device();
        device.inject([Fault::at(1, effect)]);
        assert_eq!(device.transmit(WRONG).unwrap(), b"");
        assert_eq!(device.transmit(PIN_STATUS).unwrap(), tries);
    }
}

#[test]
fn any_status_word_comes_with_and_without_execution() {
    for (effect, tries) in
        [(Effect::StatusAfter(0x6F00), b"\x63\xC2"), (Effect::Status(0x6F00), b"\x63\xC3")]
    {
        let mut device = device();
        device.inject([Fault::on_instruction(0x20, 1, effect)]);
        assert_eq!(device.transmit(WRONG).unwrap(), b"\x6F\x00");
        assert_eq!(device.transmit(PIN_STATUS).unwrap(), tries);
    }
}

#[test]
fn a_fault_comes_once_or_from_then_on() {
    let statuses = |fault| {
        let mut device = device();
        device.inject([fault]);
        (0..4).map(|_| device.transmit(VERSION).unwrap().len()).collect::<Vec<_>>()
    };
    let fault = Fault::on("VERSION", 2, Effect::Status(0x6F00)).unwrap();
    assert_eq!(statuses(fault.clone()), [5, 2, 5, 5]);
    assert_eq!(statuses(fault.from_then_on()), [5, 2, 2, 2]);
}

#[test]
fn injected_faults_replace_those_before_and_count_from_one() {
    let mut device = device();
    device.inject([Fault::at(1, Effect::Status(0x6F00))]);
    assert_eq!(device.transmit(VERSION).unwrap(), b"\x6F\x00");
    device.inject([Fault::at(2, Effect::Status(0x6F01))]);
    assert_eq!(device.transmit(VERSION).unwrap().len(), 5);
    assert_eq!(device.transmit(VERSION).unwrap(), b"\x6F\x01");
    device.inject([]);
    assert_eq!(device.transmit(VERSION).unwrap().len(), 5);
}

#[test]
fn answers_are_cut_garbled_or_endless_and_end_in_their_status_word() {
    for (effect, data) in [
        (Effect::Truncate(1), &b"\x05"[..]),
        (Effect::Garbage, b"\xE7\xFF\x3C"),
        (Effect::EndlessLength, b"\x05\x84\x7F\xFF\xFF\xFF\x07\x01"),
        (Effect::EndlessTag, &[0xFF; 64]),
    ] {
        let mut device = device();
        device.inject([Fault::at(1, effect)]);
        assert_eq!(device.transmit(VERSION).unwrap(), [data, OK].concat());
        assert_eq!(device.transmit(VERSION).unwrap(), b"\x05\x07\x01\x90\x00");
    }
}

#[test]
fn there_is_more_for_as_long_as_somebody_asks() {
    let mut device = device();
    device.inject([Fault::on("GET DATA", 1, Effect::EndlessMore).unwrap()]);
    let mut answer = device.transmit(&get(0xC102)).unwrap();
    for _ in 0..1000 {
        assert_eq!((answer.len(), &answer[256..]), (258, &b"\x61\x00"[..]));
        answer = device.transmit(b"\x00\xC0\x00\x00\x00").unwrap();
    }
    assert_eq!(device.transmit(VERSION).unwrap().len(), 5);
    assert_eq!(device.transmit(b"\x00\xC0\x00\x00\x00").unwrap(), b"\x69\x85");
}

#[test]
fn the_length_is_wrong_for_as_long_as_the_command_is_sent_again() {
    let mut device = device();
    device.inject([Fault::on("VERSION", 1, Effect::EndlessWrongLength).unwrap()]);
    for _ in 0..500 {
        assert_eq!(device.transmit(b"\x00\xFD\x00\x00\x00").unwrap(), b"\x6C\x10");
        assert_eq!(device.transmit(b"\x00\xFD\x00\x00\x10").unwrap(), b"\x6C\x20");
    }
    assert!(device.transmit(SERIAL).unwrap().ends_with(OK));
    assert_eq!(device.transmit(VERSION).unwrap().len(), 5);
}

#[test]
fn a_reset_ends_what_never_ends() {
    for effect in [Effect::EndlessMore, Effect::EndlessWrongLength] {
        let mut device = device();
        device.inject([Fault::at(1, effect)]);
        device.transmit(VERSION);
        device.power_cycle();
        assert_eq!(device.transmit(VERSION).unwrap(), b"\x6D\x00");
    }
}

#[test]
fn a_signature_with_one_bit_flipped_is_well_formed_and_does_not_verify() {
    let mut device = device();
    manage(&mut device);
    let key = VerifyingKey::from_sec1_bytes(&generate_p256(&mut device)).unwrap();
    assert_eq!(device.transmit(VERIFY).unwrap(), OK);
    device.inject([Fault::on("GENERAL AUTHENTICATE", 2, Effect::FlipBit).unwrap()]);
    for verifies in [true, false, true] {
        let answer = device.transmit(&sign_p256()).unwrap();
        let signature = Signature::from_der(&answer[4..answer.len() - 2]).unwrap();
        assert_eq!(key.verify_prehash(&[7; 32], &signature).is_ok(), verifies);
    }
}

#[test]
fn another_token_comes_back_in_the_place_of_the_one_pulled() {
    let mut device = device();
    device.transmit(WRONG);
    device.inject([Fault::on("VERIFY", 1, Effect::OtherToken(77)).unwrap()]);
    assert_eq!(device.transmit(VERIFY), None);
    device.transmit(SELECT);
    assert_eq!(device.transmit(SERIAL).unwrap(), b"\x00\x00\x00\x4D\x90\x00");
    // It is another one: no try was spent on it.
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x63\xC3");
    assert_eq!(device.card().model().to_string(), "5.7.1");
}

#[test]
fn another_program_selects_another_application_in_between() {
    let mut device = device();
    let management = b"\xA0\x00\x00\x05\x27\x47\x11\x17".to_vec();
    device.transmit(VERIFY);
    device.inject([Fault::at(2, Effect::OtherApplet(management))]);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), OK);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x6D\x00");
    device.transmit(SELECT);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x63\xC3");
    // It was not our client, so it is not in the log.
    assert_eq!(device.log().count("SELECT"), 1);
}

#[test]
fn another_program_resets_the_card_in_between() {
    let mut device = device();
    device.transmit(VERIFY);
    device.inject([Fault::at(1, Effect::Reset)]);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x6D\x00");
    device.transmit(SELECT);
    assert_eq!(device.transmit(PIN_STATUS).unwrap(), b"\x63\xC3");
}

#[test]
fn a_slow_answer_is_late_by_what_was_said() {
    let mut device = device();
    let time = Duration::from_millis(40);
    device.inject([Fault::at(1, Effect::Slow(time)), Fault::at(1, Effect::Slow(time))]);
    let reply = device.execute(VERSION);
    assert_eq!(reply.answer.unwrap(), b"\x05\x07\x01\x90\x00");
    assert_eq!(reply.delay, 2 * time);
    assert_eq!(device.execute(VERSION).delay, Duration::ZERO);
}

#[test]
fn a_full_memory_takes_no_object_and_keeps_those_it_has() {
    let mut device = device();
    manage(&mut device);
    assert_eq!(device.transmit(&put(0x0001, b"before")[0]).unwrap(), OK);
    device.inject([Fault::on("PUT DATA", 2, Effect::MemoryFull).unwrap()]);
    assert_eq!(device.transmit(&put(0x0002, b"fits")[0]).unwrap(), OK);
    for _ in 0..2 {
        assert_eq!(device.transmit(&put(0x0003, b"after")[0]).unwrap(), b"\x6A\x84");
    }
    assert_eq!(device.transmit(&get(0x0003)).unwrap(), b"\x6A\x82");
    assert!(device.transmit(&get(0x0001)).unwrap().ends_with(b"before\x90\x00"));
}

#[test]
fn power_lost_within_a_chained_put_leaves_the_old_object() {
    let mut device = device();
    manage(&mut device);
    assert_eq!(device.transmit(&put(0x0001, b"old")[0]).unwrap(), OK);
    let new = put(0x0001, &[9; 700]);
    assert_eq!(new.len(), 3);
    device.inject([Fault::on("PUT DATA", 2, Effect::DropBefore).unwrap()]);
    assert_eq!(device.transmit(&new[0]).unwrap(), OK);
    assert_eq!(device.transmit(&new[1]), None);
    device.transmit(SELECT);
    manage(&mut device);
    // The chain is forgotten: what would have been its end is no command of its own.
    assert_ne!(device.transmit(&new[2]).unwrap(), OK);
    assert!(device.transmit(&get(0x0001)).unwrap().ends_with(b"old\x90\x00"));
}

#[test]
fn the_log_names_the_faults() {
    let mut device = device();
    device.inject([
        Fault::at(1, Effect::DropAfter),
        Fault::at(1, Effect::Slow(Duration::ZERO)),
        Fault::at(2, Effect::Status(0x6F00)),
    ]);
    for _ in 0..3 {
        device.execute(VERSION);
    }
    let log: Vec<_> = device
        .log()
        .entries()
        .map(|entry| (entry.faults.join(" "), entry.status, entry.answer.is_some()))
        .collect();
    let expected = [
        ("drop-after slow", None, false),
        ("status", Some(0x6F00), true),
        ("", Some(0x6D00), true),
    ];
    assert_eq!(log, expected.map(|(faults, status, came)| (faults.to_owned(), status, came)));
}
