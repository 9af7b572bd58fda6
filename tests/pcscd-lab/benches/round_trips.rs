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
    use yubikey::{
        MgmKey, PinPolicy, TouchPolicy, YubiKey,
        piv::{self, AlgorithmId, SlotId},
    };

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
            let card = Card::with_serial("5.4.3".parse().unwrap(), 1);
            let lab = Lab::start_with(driver, [Device::new(card)]).unwrap();
            println!("{driver:?}:");
            let itself = env::current_exe().unwrap();
            assert!(lab.command(itself).env(INSIDE, "1").status().unwrap().success());
        }
    }

    /// Makes a P-256 key in slot 9A.
    fn generate() {
        let mut key = YubiKey::open().unwrap();
        let management = MgmKey::get_default(&key).unwrap();
        key.authenticate(&management).unwrap();
        let (slot, kind) = (SlotId::Authentication, AlgorithmId::EccP256);
        piv::generate(&mut key, slot, kind, PinPolicy::Default, TouchPolicy::Default).unwrap();
    }

    fn client() {
        generate();
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
