//! A private pcscd and our reader driver, with cards that know nothing but to answer.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use pcscd_lab::{Driver, Meeting, Pcscd};

/// Of a YubiKey 5 on USB, but for the historical byte `number`, which stands for the key.
fn atr(number: u8) -> Vec<u8> {
    let mut atr =
        vec![0x3B, 0xFD, 0x13, 0, 0, 0x81, 0x31, 0xFE, 0x15, 0x80, 0x73, 0xC0, 0x21, 0xC0];
    atr.extend([0x57, 0x59, 0x75, 0x62, 0x69, 0x4B, number]);
    atr.push(atr[1..].iter().fold(0, |sum, byte| sum ^ byte));
    atr
}

/// Answers each command by itself and 9000, on as many connections as come.
fn serve(listener: &UnixListener, number: u8) {
    while let Ok((reader, _)) = listener.accept() {
        drop(answer(reader, number));
    }
}

fn answer(mut reader: UnixStream, number: u8) -> std::io::Result<()> {
    loop {
        let mut length = [0; 2];
        reader.read_exact(&mut length)?;
        let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
        reader.read_exact(&mut body)?;
        let answer = match body[..] {
            [4] => atr(number),
            [_] => continue,
            _ => [&body[..], &[0x90, 0]].concat(),
        };
        let length = u16::try_from(answer.len()).unwrap();
        reader.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
    }
}

fn socket(meeting: &Meeting) -> &Path {
    match meeting {
        Meeting::CardListens(socket) => socket,
        Meeting::ReaderListens(port) => panic!("port {port}"),
    }
}

#[test]
fn sixteen_readers_have_their_own_cards() {
    let mut pcscd = Pcscd::prepare(Driver::Own, 16).unwrap();
    for (number, meeting) in (0..).zip(pcscd.meetings()) {
        let listener = UnixListener::bind(socket(meeting)).unwrap();
        thread::spawn(move || serve(&listener, number));
    }
    pcscd.start().unwrap();
    pcscd.wait_for_cards(&[true; 16]).unwrap();
    for (number, reader) in (0..).zip(pcscd.readers().unwrap()) {
        assert_eq!(reader.atr, atr(number));
        assert_eq!(reader.name, format!("Yubico YubiKey OTP+FIDO+CCID {number:02X} 00"));
    }
}

#[test]
fn a_client_reaches_the_card_and_outlives_a_restart_of_pcscd() {
    let mut pcscd = Pcscd::prepare(Driver::Own, 1).unwrap();
    pcscd.start().unwrap();
    let listener = UnixListener::bind(socket(&pcscd.meetings()[0])).unwrap();
    thread::spawn(move || serve(&listener, 7));

    let run = |pcscd: &Pcscd| {
        let output =
            pcscd.command("opensc-tool").args(["-s", "00:FD:00:00:02:AA:BB"]).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    pcscd.wait_for_cards(&[true]).unwrap();
    for _ in 0..2 {
        let said = run(&pcscd);
        assert!(said.contains("00 FD 00 00 02 AA BB"), "{said}");
        assert!(said.contains("SW1=0x90, SW2=0x00"), "{said}");
        pcscd.start().unwrap();
        pcscd.wait_for_cards(&[true]).unwrap();
    }
    pcscd.kill();
    let said = run(&pcscd);
    assert!(!said.contains("SW1"), "{said}");
}

#[test]
fn no_usb_reader_is_ever_seen() {
    let mut pcscd = Pcscd::prepare(Driver::Own, 1).unwrap();
    pcscd.start().unwrap();
    // It says so a moment after it is there for clients.
    let said = |text: &str| std::fs::read_to_string(pcscd.log()).unwrap().contains(text);
    let end = Instant::now() + Duration::from_secs(20);
    while !said("Disabling USB support") {
        assert!(Instant::now() < end, "pcscd looks for USB readers");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_is_left_when_a_lab_is_dropped() {
    let mut pcscd = Pcscd::prepare(Driver::Own, 2).unwrap();
    pcscd.start().unwrap();
    let folder = pcscd.folder().to_owned();
    assert!(running(&folder));
    drop(pcscd);
    assert!(!folder.exists());
    assert!(!running(&folder));
}

/// Whether a process names the folder in its arguments.
fn running(folder: &Path) -> bool {
    let list = Command::new("ps").args(["-A", "-ww", "-o", "args="]).output().unwrap();
    String::from_utf8_lossy(&list.stdout).contains(folder.to_str().unwrap())
}
