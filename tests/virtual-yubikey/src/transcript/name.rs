//! Names of commands, and which hold secrets.

use crate::card::{Command, DataObject, Element, read_element};
use crate::hex;

pub(super) const GET_RESPONSE: u8 = 0xC0;

const MANAGEMENT_KEY: u8 = 0x9B;
/// Printed information: where a management key is kept that the PIN protects.
const PRINTED: u32 = 0x5F_C109;

/// What is known of a command from its first link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// INS, P1, P2.
    pub(super) header: [u8; 3],
    pub(super) name: String,
    /// What it brings is secret.
    pub(super) secret: bool,
    /// What it gets is secret.
    pub(super) secret_answer: bool,
}

/// Looks at a command, or the first link of one. What cannot be read is named by its instruction.
pub(super) fn first_link(apdu: &[u8], header: [u8; 3]) -> Link {
    let [ins, p1, p2] = header;
    let command = Command::parse(apdu);
    let data = command.as_ref().map_or(&[][..], |command| &command.data);
    let open = |name: String| Link { header, name, secret: false, secret_answer: false };
    let secret = |name: String| Link { secret: true, ..open(name) };
    let slot = |name: &str| open(format!("{name} {p2:02x}"));
    let link = match ins {
        0xA4 => open(format!("SELECT {}", applet(data))),
        0x20 if p1 == 0xFF => secret("VERIFY logout".to_owned()),
        0x20 if command.is_some() && data.is_empty() => open("VERIFY status".to_owned()),
        0x20 => secret("VERIFY".to_owned()),
        0x24 => secret(format!("CHANGE REFERENCE DATA {}", reference(p2))),
        0x2C => secret("RESET RETRY COUNTER".to_owned()),
        0x47 => slot("GENERATE"),
        0x87 if p2 == MANAGEMENT_KEY => {
            Link { secret_answer: true, ..secret("GENERAL AUTHENTICATE management key".to_owned()) }
        }
        0x87 => private_key(&open, p2, data),
        0xCB | 0xDB => object(&open, ins, data),
        GET_RESPONSE => open("GET RESPONSE".to_owned()),
        0xF6 if p1 == 0xFF => slot("DELETE"),
        0xF6 => open(format!("MOVE {p2:02x} to {p1:02x}")),
        0xF7 => open(format!("METADATA {}", reference(p2))),
        0xF8 => open("SERIAL".to_owned()),
        0xF9 => open(format!("ATTEST {p1:02x}")),
        0xFA => open("SET RETRIES".to_owned()),
        0xFB => open("RESET".to_owned()),
        0xFD => open("VERSION".to_owned()),
        0xFE => secret(format!("IMPORT {p2:02x}")),
        0xFF => secret("SET MANAGEMENT KEY".to_owned()),
        0x1D => open("READ CONFIG".to_owned()),
        0x01 => open("OTP SERIAL".to_owned()),
        _ => open(format!("unknown {ins:02x}")),
    };
    // What has an odd shape may hold a PIN in an odd place.
    let secret = link.secret || command.is_none() && ins != GET_RESPONSE;
    Link { secret, ..link }
}

fn private_key(open: &dyn Fn(String) -> Link, slot: u8, data: &[u8]) -> Link {
    let name = |what| format!("GENERAL AUTHENTICATE {what} {slot:02x}");
    match operation(data) {
        Some(0x81) => open(name("sign")),
        Some(0x85) => Link { secret_answer: true, ..open(name("agree")) },
        _ => Link { secret_answer: true, ..open(name("unknown")) },
    }
}

fn object(open: &dyn Fn(String) -> Link, ins: u8, data: &[u8]) -> Link {
    let verb = if ins == 0xCB { "GET DATA" } else { "PUT DATA" };
    let Some((Element { tag: 0x5C, value }, _)) = read_element(data) else {
        // The tag may be in a link to come.
        return Link { secret: true, secret_answer: true, ..open(format!("{verb} unknown")) };
    };
    let object = DataObject::from_tag(value);
    let protected = object.is_none_or(|object| object.number() == PRINTED);
    let name = object.map_or_else(|| hex::encode(value), |object| object.to_string());
    let (secret, secret_answer) = (protected && ins == 0xDB, protected && ins == 0xCB);
    Link { secret, secret_answer, ..open(format!("{verb} {name}")) }
}

/// The tag in a dynamic authentication template that says what is wanted, also where only the
/// beginning of the template is there.
fn operation(data: &[u8]) -> Option<u8> {
    let rest = data.strip_prefix(b"\x7C")?;
    let rest = match rest {
        [0x82, _, _, rest @ ..] | [0x81, _, rest @ ..] | [_, rest @ ..] => rest,
        [] => return None,
    };
    rest.strip_prefix(b"\x82\x00").unwrap_or(rest).first().copied()
}

fn applet(name: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 7] = [
        (b"\xA0\x00\x00\x03\x08", "PIV"),
        (b"\xA0\x00\x00\x05\x27\x47\x11\x17", "management"),
        (b"\xA0\x00\x00\x05\x27\x20\x01", "OTP"),
        (b"\xA0\x00\x00\x05\x27\x21\x01", "OATH"),
        (b"\xD2\x76\x00\x01\x24\x01", "OpenPGP"),
        (b"\xA0\x00\x00\x06\x47\x2F\x00\x01", "FIDO"),
        (b"\xA0\x00\x00\x01\x51\x00\x00\x00", "security domain"),
    ];
    let known = KNOWN.iter().find(|(prefix, _)| name.starts_with(prefix));
    known.map_or_else(|| hex::encode(name), |(_, applet)| (*applet).to_owned())
}

fn reference(reference: u8) -> String {
    match reference {
        0x80 => "PIN".to_owned(),
        0x81 => "PUK".to_owned(),
        MANAGEMENT_KEY => "management key".to_owned(),
        _ => format!("{reference:02x}"),
    }
}
