//! Fuzzing of the virtual YubiKey: whatever is sent to it, it answers in bounded space, and RESET
//! brings the factory back.

#![expect(clippy::panic, clippy::expect_used, reason = "a broken promise")]

use std::sync::LazyLock;
use std::time::Duration;

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use serde_json::Value;
use virtual_yubikey::{
    Algorithm, Card, Finger, ManagementAlgorithm, Model, SelectAgain, Snapshot, Touch, Transcript,
};

use super::printable;

/// Steps of one input; more say nothing new and take their time.
const STEPS: usize = 250;
/// The largest answer: an object that fills the command buffer, in its template, and a status word.
const LONGEST_ANSWER: usize = 3072 + 16;
/// The largest state, as text: 51,200 octets of objects, 25 keys.
const LARGEST_STATE: usize = 1 << 21;

const OK: &[u8] = b"\x90\x00";
const SELECT: &[u8] = b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08";
const MANAGEMENT_KEY: [u8; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

static NEW: LazyLock<Vec<Snapshot>> =
    LazyLock::new(|| Model::ALL.map(|model| Card::new(model).snapshot()).to_vec());

/// The first octet chooses the model, then come steps: one octet below F0 and as many of an APDU, or
/// F0, two octets of length and an APDU, or one of F1 to FF and what `special` makes of it.
pub fn card(data: &[u8]) {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let snapshot = NEW.get(usize::from(first) % NEW.len()).expect("below its length");
    let mut card = Card::from_snapshot(snapshot.clone());
    let mut transcript = Transcript::new();
    for _ in 0..STEPS {
        let Some((&step, after)) = rest.split_first() else { break };
        rest = after;
        if step > 0xF0 {
            special(&mut card, step);
            continue;
        }
        let mut length = usize::from(step);
        if let (0xF0, Some((octets, after))) = (step, rest.split_first_chunk()) {
            (length, rest) = (u16::from_be_bytes(*octets).into(), after);
        }
        let (apdu, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        if !takes_long(apdu) {
            send(&mut card, &mut transcript, apdu);
        }
    }
    let state = serde_json::to_vec(&card.snapshot()).expect("it is written as JSON");
    assert!(state.len() < LARGEST_STATE, "{} octets of state", state.len());
    reset(&mut card);
    let (now, new) = (without_f9(&card.snapshot()), without_f9(snapshot));
    assert_eq!(now, new, "RESET did not bring the factory back");
}

fn send(card: &mut Card, transcript: &mut Transcript, apdu: &[u8]) -> Vec<u8> {
    printable(&transcript.command(apdu).to_string());
    let answer = card.transmit(apdu);
    printable(&transcript.answer(&answer));
    assert!((2..=LONGEST_ANSWER).contains(&answer.len()), "{} octets", answer.len());
    let extended = matches!(apdu, [_, _, _, _, 0, _, _, ..]);
    assert!(extended || answer.len() <= 258, "{} octets to a short command", answer.len());
    answer
}

/// What random octets would never come to.
fn special(card: &mut Card, step: u8) {
    match step {
        0xF1 => card.power_cycle(),
        0xF2 => drop(card.transmit(SELECT)),
        0xF3 => drop(card.transmit(b"\x00\x20\x00\x80\x08123456\xFF\xFF")),
        0xF4 => show_management_key(card),
        0xF5 => {
            let text = serde_json::to_string(&card.snapshot()).expect("it is written as JSON");
            card.restore(serde_json::from_str(&text).expect("and read back"));
        }
        0xF6 => card.set_finger(Finger::always(Touch::Never)),
        0xF7 => card.set_finger(Finger::default()),
        0xF8 => card.clock().pass(Duration::from_secs(10)),
        0xF9 => card.switches().select_again = SelectAgain::DropsState,
        0xFA => card.switches().complexity ^= true,
        0xFB => card.switches().memory = 300,
        _ => {}
    }
}

/// Whether it would make an RSA key, or could be a link of what does.
fn takes_long(apdu: &[u8]) -> bool {
    let rsa = [Algorithm::Rsa1024, Algorithm::Rsa2048, Algorithm::Rsa3072, Algorithm::Rsa4096];
    match apdu {
        [0x10, 0x47, ..] => true,
        [_, 0x47, ..] => rsa.iter().any(|algorithm| apdu.contains(&algorithm.id())),
        _ => false,
    }
}

fn show_management_key(card: &mut Card) {
    let kind = card.model().facts().default_management;
    let challenge = card.transmit(&[0x00, 0x87, kind.id(), 0x9B, 4, 0x7C, 2, 0x81, 0]);
    let Some(challenge) = challenge.get(4..).and_then(|rest| rest.strip_suffix(OK)) else { return };
    let response = match kind {
        ManagementAlgorithm::Tdes => encipher::<des::TdesEde3>(challenge),
        _ => encipher::<aes::Aes192>(challenge),
    };
    let Ok(length) = u8::try_from(response.len()) else { return };
    let head = [0x00, 0x87, kind.id(), 0x9B, length + 4, 0x7C, length + 2, 0x82, length];
    card.transmit(&[&head[..], &response].concat());
}

fn encipher<C: KeyInit + BlockCipherEncrypt>(block: &[u8]) -> Vec<u8> {
    let Ok(mut block) = Array::<u8, C::BlockSize>::try_from(block) else { return Vec::new() };
    C::new_from_slice(&MANAGEMENT_KEY).expect("24 octets").encrypt_block(&mut block);
    block.to_vec()
}

/// Blocks PIN and PUK, however many tries they have, and resets.
fn reset(card: &mut Card) {
    card.power_cycle();
    assert!(card.transmit(SELECT).ends_with(OK), "PIV cannot be selected");
    // The PUK first: a right guess of it would give the PIN its tries back.
    block(card, |guess| [&b"\x00\x2C\x00\x80\x10"[..], &guess, &guess].concat());
    block(card, |guess| [&b"\x00\x20\x00\x80\x08"[..], &guess].concat());
    assert_eq!(card.transmit(b"\x00\xFB\x00\x00"), OK, "RESET is refused");
}

/// Sends wrong values until it is blocked.
fn block(card: &mut Card, command: impl Fn([u8; 8]) -> Vec<u8>) {
    let mut guess = [0xFE; 8];
    for _ in 0..=257 {
        match card.transmit(&command(guess)).as_slice() {
            b"\x69\x83" => return,
            [0x63, _] => {}
            // It was the right one; no other is.
            _ => guess = [0xFD; 8],
        }
    }
    panic!("never blocked");
}

/// A state as JSON, without slot F9, which RESET leaves alone.
fn without_f9(snapshot: &Snapshot) -> Value {
    let mut state = serde_json::to_value(snapshot).expect("it is written as JSON");
    for (map, key) in [("keys", "249"), ("objects", "6291201")] {
        let map = state.pointer_mut(&format!("/piv/{map}")).and_then(Value::as_object_mut);
        map.expect("a map").remove(key);
    }
    state
}
