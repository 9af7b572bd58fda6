//! Signatures a second, APDU in and APDU out, of a card in this process:
//! `cargo bench -p virtual-yubikey`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench prints, and stops where it fails"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use virtual_yubikey::{Algorithm, Card};

const TIME: Duration = Duration::from_secs(3);
const SLOT: u8 = 0x9A;
const MANAGEMENT_KEY: [u8; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

fn main() {
    let card = &mut Card::new("5.7.1".parse().unwrap());
    send(card, &[0x00, 0xA4, 0x04, 0x00], b"\xA0\x00\x00\x03\x08");
    let challenge = send(card, &[0x00, 0x87, 0x0A, 0x9B], b"\x7C\x02\x81\x00");
    let mut block = Array::try_from(challenge.get(4..).unwrap()).unwrap();
    aes::Aes192::new_from_slice(&MANAGEMENT_KEY).unwrap().encrypt_block(&mut block);
    send(card, &[0x00, 0x87, 0x0A, 0x9B], &[b"\x7C\x12\x82\x10", block.as_slice()].concat());
    for (algorithm, size) in [
        (Algorithm::P256, 32),
        (Algorithm::P384, 48),
        (Algorithm::Ed25519, 32),
        (Algorithm::Rsa2048, 256),
    ] {
        let control = [0xAC, 0x06, 0x80, 0x01, algorithm.id(), 0xAA, 0x01, 0x01];
        send(card, &[0x00, 0x47, 0x00, SLOT], &control);
        let data = template(&vec![1; size]);
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < TIME {
            black_box(send(card, &[0x00, 0x87, algorithm.id(), SLOT], &data));
            count += 1;
        }
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        println!("{algorithm:?}: {rate:.0} signatures a second");
    }
}

/// One extended command that must succeed.
fn send(card: &mut Card, header: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    let mut answer = card.transmit(&[&header[..], &[0], &length, data].concat());
    let status = answer.split_off(answer.len() - 2);
    if status != b"\x90\x00" {
        panic!("{header:02x?}: {status:02x?}");
    }
    answer
}

/// A dynamic authentication template that asks for a signature.
fn template(data: &[u8]) -> Vec<u8> {
    let element = |tag: u8, value: &[u8]| {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[tag, 0x82][..], &length, value].concat()
    };
    element(0x7C, &[b"\x82\x00".to_vec(), element(0x81, data)].concat())
}
