//! The log: names, and no secrets.

use virtual_yubikey::Transcript;

#[test]
fn every_command_has_a_name() {
    for (apdu, name) in [
        (&b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08"[..], "SELECT PIV"),
        (b"\x00\xA4\x04\x00\x08\xA0\x00\x00\x05\x27\x47\x11\x17", "SELECT management"),
        (b"\x00\xA4\x04\x00\x07\xA0\x00\x00\x05\x27\x20\x01", "SELECT OTP"),
        (b"\x00\xA4\x04\x00\x02\x3F\x00", "SELECT 3f00"),
        (b"\x00\x20\x00\x80", "VERIFY status"),
        (b"\x00\x20\x00\x80\x00", "VERIFY status"),
        (b"\x00\x20\xFF\x80", "VERIFY logout"),
        (b"\x00\x20\x00\x80\x08123456\xFF\xFF", "VERIFY"),
        (b"\x00\x24\x00\x80\x0111", "CHANGE REFERENCE DATA PIN"),
        (b"\x00\x24\x00\x81\x01\x31", "CHANGE REFERENCE DATA PUK"),
        (b"\x00\x2C\x00\x80\x01\x31", "RESET RETRY COUNTER"),
        (b"\x00\x47\x00\x9A\x05\xAC\x03\x80\x01\x11", "GENERATE 9a"),
        (b"\x00\x87\x03\x9B\x04\x7C\x02\x80\x00", "GENERAL AUTHENTICATE management key"),
        (b"\x00\x87\x11\x9C\x06\x7C\x04\x82\x00\x81\x00", "GENERAL AUTHENTICATE sign 9c"),
        (b"\x00\x87\x11\x9D\x06\x7C\x04\x82\x00\x85\x00", "GENERAL AUTHENTICATE agree 9d"),
        (b"\x00\x87\x11\x9D\x00", "GENERAL AUTHENTICATE unknown 9d"),
        (b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x0A", "GET DATA certificate 9c"),
        (b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\x00\x01", "GET DATA 5f0001"),
        (b"\x00\xCB\x3F\xFF\x03\x5C\x01\x7E", "GET DATA discovery"),
        (b"\x00\xDB\x3F\xFF\x07\x5C\x03\x5F\xC1\x02\x53\x00", "PUT DATA CHUID"),
        (b"\x00\xC0\x00\x00", "GET RESPONSE"),
        (b"\x00\xF6\x82\x9A", "MOVE 9a to 82"),
        (b"\x00\xF6\xFF\x9A", "DELETE 9a"),
        (b"\x00\xF7\x00\x80", "METADATA PIN"),
        (b"\x00\xF7\x00\x9B", "METADATA management key"),
        (b"\x00\xF7\x00\x9C", "METADATA 9c"),
        (b"\x00\xF8\x00\x00", "SERIAL"),
        (b"\x00\xF9\x9A\x00", "ATTEST 9a"),
        (b"\x00\xFA\x05\x05", "SET RETRIES"),
        (b"\x00\xFB\x00\x00", "RESET"),
        (b"\x00\xFD\x00\x00", "VERSION"),
        (b"\x00\xFE\x11\x9A\x01\x06", "IMPORT 9a"),
        (b"\x00\xFF\xFF\xFF\x01\x03", "SET MANAGEMENT KEY"),
        (b"\x00\x1D\x00\x00", "READ CONFIG"),
        (b"\x00\x01\x10\x00\x00", "OTP SERIAL"),
        (b"\x00\xCA\xDF\x30\x05", "unknown ca"),
        (b"\x00\xCA", "malformed"),
    ] {
        assert_eq!(Transcript::new().command(apdu).name, name, "{apdu:02x?}");
    }
}

/// Stands for a secret in what is sent; also as hexadecimal digits.
const SECRET: &[u8] = b"hunter2-";
const SECRET_HEX: &str = "68756e746572322d";

#[test]
fn secrets_are_left_out_unless_they_are_asked_for() {
    let put = [b"\x5C\x03\x5F\xC1\x09\x53\x08", SECRET].concat();
    let commands = [
        ([0x00, 0x20, 0x00, 0x80], SECRET),
        ([0x80, 0x20, 0x01, 0x77], SECRET),
        ([0x00, 0x24, 0x00, 0x80], SECRET),
        ([0x00, 0x24, 0x00, 0x81], SECRET),
        ([0x00, 0x2C, 0x00, 0x80], SECRET),
        ([0x00, 0xFF, 0xFF, 0xFF], SECRET),
        ([0x10, 0xFE, 0x11, 0x9A], SECRET),
        ([0x00, 0x87, 0x0A, 0x9B], SECRET),
        ([0x00, 0xDB, 0x3F, 0xFF], &put),
        ([0x00, 0xDB, 0x3F, 0xFF], SECRET),
    ];
    for (header, data) in commands {
        let length = u8::try_from(data.len()).unwrap();
        let short = [&header[..], &[length], data].concat();
        let extended = [&header[..], &[0, 0, length], data].concat();
        let broken = [&header[..], &[length + 1], data].concat();
        for apdu in [short, extended, broken] {
            let line = Transcript::new().command(&apdu).to_string();
            assert!(!line.contains(SECRET_HEX), "{line}");
            assert!(line.contains("octets left out"), "{line}");
            let line = Transcript::with_secrets().command(&apdu).to_string();
            assert!(line.contains(SECRET_HEX), "{line}");
        }
    }
}

#[test]
fn what_is_public_is_shown() {
    let mut transcript = Transcript::new();
    let line = transcript.command(b"\x00\x87\x11\x9C\x06\x7C\x04\x82\x00\x81\x00").to_string();
    assert_eq!(line, "GENERAL AUTHENTICATE sign 9c: 0087119c067c0482008100");
    assert_eq!(transcript.answer(b"\x7C\x00\x90\x00"), "7c009000");
    assert_eq!(transcript.command(b"\x00\x20\x00\x80").to_string(), "VERIFY status: 00200080");
    assert_eq!(transcript.answer(b""), "");
}

#[test]
fn links_keep_the_name_and_the_secrecy_of_the_first() {
    let mut transcript = Transcript::new();
    let first = [b"\x10\xDB\x3F\xFF\x0D\x5C\x03\x5F\xC1\x09", SECRET].concat();
    assert!(transcript.command(&first).to_string().starts_with("PUT DATA printed, more follows: "));
    transcript.answer(b"\x90\x00");
    let last = [b"\x00\xDB\x3F\xFF\x08", SECRET].concat();
    assert_eq!(
        transcript.command(&last).to_string(),
        "PUT DATA printed: 00db3fff (9 octets left out)"
    );

    let first = b"\x10\x87\x07\x9C\x0A\x7C\x82\x01\x06\x82\x00\x81\x82\x01\x00";
    let line = "GENERAL AUTHENTICATE sign 9c, more follows: 1087079c0a7c820106820081820100";
    assert_eq!(transcript.command(first).to_string(), line);
    let last = transcript.command(b"\x00\x87\x07\x9C\x01\xFF");
    assert_eq!((last.name.as_str(), last.link), ("GENERAL AUTHENTICATE sign 9c", false));
}

#[test]
fn secret_answers_are_left_out_to_their_end() {
    for command in [
        &b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x09"[..],
        b"\x00\x87\x11\x9D\x06\x7C\x04\x82\x00\x85\x00",
        b"\x00\x87\x03\x9B\x04\x7C\x02\x80\x00",
    ] {
        let mut transcript = Transcript::new();
        let answer = [SECRET, b"\x61\x08"].concat();
        transcript.command(command);
        assert_eq!(transcript.answer(&answer), "6108 (8 octets left out)");
        transcript.command(b"\x00\xC0\x00\x00\x08");
        assert_eq!(transcript.answer(&answer), "6108 (8 octets left out)");
        transcript.command(b"\x00\xFD\x00\x00");
        assert_eq!(transcript.answer(b"\x05\x04\x03\x90\x00"), "0504039000");
        let mut open = Transcript::with_secrets();
        open.command(command);
        assert_eq!(open.answer(&answer), format!("{SECRET_HEX}6108"));
    }
}
