//! What goes between client and card, in words and without secrets.

mod name;

use std::fmt;

use crate::hex;

use name::{Link, first_link};

/// Reads along, and says what each APDU is.
///
/// PINs, PUKs, management keys, private keys, agreed secrets and the object that a protected
/// management key is kept in are left out, also where they are spread over several APDUs.
///
/// ```
/// use virtual_yubikey::Transcript;
///
/// let mut transcript = Transcript::new();
/// let verify = transcript.command(b"\x00\x20\x00\x80\x08123456\xFF\xFF");
/// assert_eq!(verify.name, "VERIFY");
/// assert_eq!(verify.to_string(), "VERIFY: 00200080 (9 octets left out)");
/// assert_eq!(transcript.answer(b"\x63\xC2"), "63c2");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    secrets: Secrets,
    /// The links so far of a command that is not complete.
    chain: Option<Link>,
    /// The answer to the command before is to be left out, and what GET RESPONSE gets of it.
    secret_answer: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Secrets {
    #[default]
    LeftOut,
    Shown,
}

/// A command APDU, for people. `Display` is one line: name, and octets without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Which command: `VERIFY`, `GENERAL AUTHENTICATE sign 9c`, `GET DATA certificate 9a`. All links
    /// of one chain have one name.
    pub name: String,
    /// More of it will follow: a link of a chain that is not the last.
    pub link: bool,
    octets: String,
}

impl Transcript {
    /// Leaves secrets out.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows them, for whoever looks for a mistake in just these.
    pub fn with_secrets() -> Self {
        Self { secrets: Secrets::Shown, ..Self::default() }
    }

    /// Reads a command APDU, whatever it is.
    pub fn command(&mut self, apdu: &[u8]) -> Described {
        let chain = self.chain.take();
        let Some((&[cla, ins, p1, p2], body)) = apdu.split_first_chunk() else {
            let octets = hex::encode(apdu);
            return Described { name: "malformed".to_owned(), link: false, octets };
        };
        let header = [ins, p1, p2];
        let this = match chain.filter(|chain| chain.header == header) {
            Some(begun) => begun,
            None => first_link(apdu, header),
        };
        if ins != name::GET_RESPONSE {
            self.secret_answer = this.secret_answer;
        }
        let shown = self.secrets == Secrets::Shown || !this.secret || body.is_empty();
        let octets = if shown {
            hex::encode(apdu)
        } else {
            left_out(&hex::encode(&[cla, ins, p1, p2]), body.len())
        };
        let link = cla & 0x10 != 0;
        let name = this.name.clone();
        self.chain = link.then_some(this);
        Described { name, link, octets }
    }

    /// Reads the answer to the last command: its octets without secrets.
    pub fn answer(&mut self, answer: &[u8]) -> String {
        let (data, status) = answer.split_at(answer.len().saturating_sub(2));
        let status = hex::encode(status);
        if self.secret_answer && self.secrets == Secrets::LeftOut && !data.is_empty() {
            left_out(&status, data.len())
        } else {
            hex::encode(data) + &status
        }
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = if self.link { ", more follows" } else { "" };
        write!(f, "{}{link}: {}", self.name, self.octets)
    }
}

fn left_out(shown: &str, octets: usize) -> String {
    format!("{shown} ({octets} octets left out)")
}
