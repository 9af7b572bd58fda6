//! Round trips and P-256 signatures a second, from a PC/SC client to a virtual key and back, with
//! either reader driver: `cargo bench -p pcscd-lab`.

#![cfg_attr(
    target_os = "linux",
    expect(
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::cast_possible_truncation,
        reason = "a program that measures"
    )
)]

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::{env, time::Duration, time::Instant};

    use pcscd_lab::{Driver, Lab};
    use virtual_yubikey::{Card, Device};

    /// Set in the environment of the process that is the client.
    const INSIDE: &str = "PCSCD_LAB_CLIENT";

    const TIME: Duration = Duration::from_secs(3);

    const SELECT: &[u8] = b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08";
    const VERSION: &[u8] = b"\x00\xFD\x00\x00\x00";
    const VERIFY: &[u8] = b"\x00\x20\x00\x80\x08123456\xFF\xFF";

    pub(super) fn main() {
        if env::var_os(INSIDE).is_some() {
            return client();
        }
        for driver in [Driver::Own, Driver::Vpcd] {
            let mut card = Card::with_serial("5.4.3".parse().unwrap(), 1);
            card.transmit(SELECT);
            generate(&mut card);
            let lab = Lab::start_with(driver, [Device::new(card)]).unwrap();
            println!("{driver:?}:");
            let itself = env::current_exe().unwrap();
            assert!(lab.command(itself).env(INSIDE, "1").status().unwrap().success());
        }
    }

    /// Makes a P-256 key in slot 9A, with the management key of the factory.
    fn generate(card: &mut Card) {
        use des::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
        let key = [[1, 2, 3, 4, 5, 6, 7, 8]; 3].concat();
        let cipher = des::TdesEde3::new_from_slice(&key).unwrap();
        // Single authentication: the card's challenge, encrypted.
        let challenge = card.transmit(b"\x00\x87\x03\x9B\x04\x7C\x02\x81\x00");
        let mut block = <[u8; 8]>::try_from(&challenge[4..12]).unwrap().into();
        cipher.encrypt_block(&mut block);
        let answer = [b"\x00\x87\x03\x9B\x0C\x7C\x0A\x82\x08", &block[..]].concat();
        assert_eq!(card.transmit(&answer), b"\x90\x00");
        assert!(card.transmit(b"\x00\x47\x00\x9A\x05\xAC\x03\x80\x01\x11").ends_with(b"\x90\x00"));
        let _ = cipher;
    }

    fn client() {
        let context = pcsc::Context::establish(pcsc::Scope::User).unwrap();
        let readers = context.list_readers_owned().unwrap();
        let reader = readers.first().unwrap();
        let card = context.connect(reader, pcsc::ShareMode::Shared, pcsc::Protocols::T1).unwrap();
        let send = |command: &[u8]| {
            let mut buffer = [0; 300];
            let answer = card.transmit(command, &mut buffer).unwrap();
            assert!(answer.ends_with(b"\x90\x00"), "{answer:02x?}");
        };
        send(SELECT);
        send(VERIFY);
        let digest = [b"\x00\x87\x11\x9A\x26\x7C\x24\x82\x00\x81\x20", &[0x5C; 32][..]].concat();
        for (what, command) in [("round trips", VERSION), ("P-256 signatures", &digest)] {
            let start = Instant::now();
            let mut count = 0_u32;
            while start.elapsed() < TIME {
                send(command);
                count += 1;
            }
            let rate = f64::from(count) / start.elapsed().as_secs_f64();
            println!("  {:>8} {what} a second", rate as u32);
        }
    }
}
