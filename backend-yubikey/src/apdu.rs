//! Command APDUs (ISO 7816-4 section 5.1) and how they are put on the wire.

use std::fmt;

use zeroize::Zeroizing;

/// One command, before it is cut to what the card takes at once.
pub struct Command {
    ins: u8,
    p1: u8,
    p2: u8,
    data: Zeroizing<Vec<u8>>,
    answer: Answer,
    privacy: Privacy,
}

/// How long an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Short,
    Long,
}

/// Whether the data of a command may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privacy {
    Public,
    Secret,
}

impl Command {
    /// A command without data.
    #[must_use]
    pub fn new(ins: u8, p1: u8, p2: u8) -> Self {
        Self {
            ins,
            p1,
            p2,
            data: Zeroizing::default(),
            answer: Answer::Short,
            privacy: Privacy::Public,
        }
    }

    /// With data that everybody may see.
    #[must_use]
    pub fn with(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = Zeroizing::new(data.into());
        self
    }

    /// With data that is a PIN, a PUK, a key, or what a management key was proved by. It is wiped
    /// after use and never shown, and the command is never sent twice.
    #[must_use]
    pub fn with_secret(mut self, data: Zeroizing<Vec<u8>>) -> Self {
        self.data = data;
        self.privacy = Privacy::Secret;
        self
    }

    /// The answer may be longer than the 256 octets that fit behind a short command.
    #[must_use]
    pub fn with_long_answer(mut self) -> Self {
        self.answer = Answer::Long;
        self
    }

    /// Whether it carries a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.privacy == Privacy::Secret
    }

    /// INS, P1 and P2, which never are a secret.
    #[must_use]
    pub fn header(&self) -> [u8; 3] {
        [self.ins, self.p1, self.p2]
    }

    /// What goes over the wire: one APDU where possible, else a chain of short ones (ISO 7816-4
    /// section 5.3.3).
    #[must_use]
    pub fn encode(&self, framing: Framing) -> Vec<Zeroizing<Vec<u8>>> {
        match framing {
            Framing::Extended { most }
                if self.needs_extended() && self.data.len() + EXTENDED_OVERHEAD <= most =>
            {
                vec![self.extended()]
            }
            _ => self.chained(),
        }
    }

    fn needs_extended(&self) -> bool {
        self.data.len() > SHORT || self.answer == Answer::Long
    }

    /// Without data the length field of the answer, with data none: as Yubico's own clients do.
    fn extended(&self) -> Zeroizing<Vec<u8>> {
        let mut octets = Vec::with_capacity(self.data.len() + EXTENDED_OVERHEAD);
        octets.extend([CLA, self.ins, self.p1, self.p2, 0]);
        // At most `most`, which fits two octets.
        octets.extend(u16::try_from(self.data.len()).unwrap_or(u16::MAX).to_be_bytes());
        octets.extend_from_slice(&self.data);
        Zeroizing::new(octets)
    }

    fn chained(&self) -> Vec<Zeroizing<Vec<u8>>> {
        if self.data.is_empty() {
            return vec![Zeroizing::new(vec![CLA, self.ins, self.p1, self.p2, 0])];
        }
        let parts = self.data.len().div_ceil(SHORT);
        let part = |(index, data): (usize, &[u8])| {
            let cla = if index + 1 < parts { CLA | CHAINED } else { CLA };
            let mut octets = Vec::with_capacity(data.len() + 5);
            octets.extend([cla, self.ins, self.p1, self.p2]);
            octets.push(u8::try_from(data.len()).unwrap_or(u8::MAX));
            octets.extend_from_slice(data);
            Zeroizing::new(octets)
        };
        self.data.chunks(SHORT).enumerate().map(part).collect()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ins, p1, p2] = self.header();
        write!(f, "{ins:02x} {p1:02x} {p2:02x}")?;
        match (self.privacy, self.data.len()) {
            (_, 0) => Ok(()),
            (Privacy::Secret, length) => write!(f, " ({length} octets, secret)"),
            (Privacy::Public, _) => {
                f.write_str(" ")?;
                self.data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

/// What the card and the way to it take in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// 255 octets of data; more is chained.
    Short,
    /// Whole commands.
    Extended {
        /// The longest command that the card takes, in octets.
        most: usize,
    },
}

const CLA: u8 = 0x00;
const CHAINED: u8 = 0x10;
const SHORT: usize = 255;
const EXTENDED_OVERHEAD: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENDED: Framing = Framing::Extended { most: 3062 };

    fn encoded(command: &Command, framing: Framing) -> Vec<Vec<u8>> {
        command.encode(framing).iter().map(|octets| octets.to_vec()).collect()
    }

    #[test]
    fn short_commands_stay_short() {
        let pin = Zeroizing::new(b"123456\xff\xff".to_vec());
        let verify = Command::new(0x20, 0x00, 0x80).with_secret(pin);
        let wire = vec![b"\x00\x20\x00\x80\x08123456\xff\xff".to_vec()];
        assert_eq!(encoded(&verify, EXTENDED), wire);
        assert_eq!(encoded(&verify, Framing::Short), wire);
        let version = Command::new(0xfd, 0x00, 0x00);
        assert_eq!(encoded(&version, EXTENDED), [[0x00, 0xfd, 0x00, 0x00, 0x00]]);
    }

    #[test]
    fn long_answers_are_asked_for_as_yubicos_clients_do() {
        let object = Command::new(0xcb, 0x3f, 0xff).with([0x5c, 0x03, 0x5f, 0xff, 0x00]);
        let object = object.with_long_answer();
        assert_eq!(encoded(&object, EXTENDED), [b"\0\xcb\x3f\xff\0\0\x05\x5c\x03\x5f\xff\0"]);
        assert_eq!(encoded(&object, Framing::Short), [b"\0\xcb\x3f\xff\x05\x5c\x03\x5f\xff\0"]);
        let attest = Command::new(0xf9, 0x9c, 0x00).with_long_answer();
        assert_eq!(encoded(&attest, EXTENDED), [b"\0\xf9\x9c\0\0\0\0"]);
    }

    #[test]
    fn what_does_not_fit_is_chained() {
        let long = Command::new(0xdb, 0x3f, 0xff).with(vec![0x11; 600]);
        let parts = encoded(&long, Framing::Short);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [260, 260, 95]);
        assert_eq!(parts.iter().map(|part| part[0]).collect::<Vec<_>>(), [0x10, 0x10, 0x00]);
        assert_eq!(encoded(&long, EXTENDED).len(), 1);
        assert_eq!(encoded(&long, Framing::Extended { most: 500 }).len(), 3);
        let exactly = Command::new(0xdb, 0x3f, 0xff).with(vec![0x11; 510]);
        assert_eq!(encoded(&exactly, Framing::Short).len(), 2);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let pin = Zeroizing::new(b"123456\xff\xff".to_vec());
        let shown = format!("{:?}", Command::new(0x20, 0x00, 0x80).with_secret(pin));
        assert_eq!(shown, "20 00 80 (8 octets, secret)");
        assert_eq!(format!("{:?}", Command::new(0xcb, 1, 2).with([0x5c])), "cb 01 02 5c");
    }
}
