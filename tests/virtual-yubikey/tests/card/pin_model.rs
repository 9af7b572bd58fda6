//! What a YubiKey's PIN and PUK do, as a state machine written before the card was; and the card
//! does the same over random sequences of commands at every model. `TOUCHMARK_SOAK=100` makes
//! 100,000 sequences at each.

use std::num::NonZero;

use virtual_yubikey::{Card, Model};

use crate::client::{Client, OK, PIN, PUK, WRONG};
use crate::random::{Random, soak};

/// Sequences at each model in a normal run, and commands in each.
const SEQUENCES: u64 = 1_000;
const LENGTH: u64 = 40;

/// A PIN or PUK: its value, the tries left, and how many there are.
#[derive(Clone, Copy)]
struct Secret {
    value: [u8; 8],
    left: u8,
    total: u8,
}

/// The whole of what matters here. `true` of `verified`: the PIN was shown since power came.
struct Machine {
    model: Model,
    pin: Secret,
    puk: Secret,
    verified: bool,
    changed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Verify([u8; 8]),
    Status,
    Logout,
    ChangePin([u8; 8], [u8; 8]),
    ChangePuk([u8; 8], [u8; 8]),
    Unblock([u8; 8], [u8; 8]),
    SetTries(NonZero<u8>, NonZero<u8>),
    Reset,
    PowerCycle,
    OtherApplet,
    SelectAgain,
}

impl Secret {
    fn new(value: [u8; 8], total: u8) -> Self {
        Self { value, left: total, total }
    }

    /// Compares, and pays for it: no try is free, and a right one gives all back.
    fn check(&mut self, value: [u8; 8], model: Model) -> u16 {
        if self.left == 0 {
            return 0x6983;
        }
        self.left = if value == self.value { self.total } else { self.left - 1 };
        if value == self.value { 0x9000 } else { tries(self.left, model) }
    }
}

fn tries(left: u8, model: Model) -> u16 {
    let neo = model.facts().firmware[0] < 4;
    (if neo { 0x6300 } else { 0x63C0 }) + u16::from(left.min(15))
}

impl Machine {
    fn new(model: Model) -> Self {
        let (pin, puk) = (Secret::new(*PIN, 3), Secret::new(*PUK, 3));
        Self { model, pin, puk, verified: false, changed: false }
    }

    /// The status word of one act; the management key was shown just before `SetTries`.
    fn act(&mut self, act: Act) -> u16 {
        let (model, firmware) = (self.model, self.model.facts().firmware);
        match act {
            Act::Verify(pin) => {
                let status = self.pin.check(pin, model);
                self.verified = status == 0x9000;
                status
            }
            Act::Status if self.verified && firmware >= [4, 3, 2] => 0x9000,
            Act::Status => tries(self.pin.left, model),
            Act::Logout if firmware < [5, 4, 3] => 0x6A86,
            Act::Logout | Act::PowerCycle | Act::OtherApplet => {
                self.verified = false;
                0x9000
            }
            Act::SelectAgain => 0x9000,
            Act::ChangePin(old, new) => {
                let status = self.pin.check(old, model);
                self.verified &= status == 0x9000;
                self.replace(status, new, false)
            }
            Act::ChangePuk(old, new) => {
                let status = self.puk.check(old, model);
                self.replace(status, new, true)
            }
            Act::Unblock(puk, new) => {
                let status = self.puk.check(puk, model);
                self.replace(status, new, false)
            }
            Act::SetTries(..) if !self.verified => 0x6982,
            Act::SetTries(..) if model.facts().fips && self.changed => 0x6985,
            Act::SetTries(pin, puk) => {
                (self.pin, self.puk) = (Secret::new(*PIN, pin.get()), Secret::new(*PUK, puk.get()));
                self.verified = false;
                0x9000
            }
            Act::Reset if self.pin.left > 0 || self.puk.left > 0 => 0x6985,
            Act::Reset => {
                *self = Self::new(model);
                0x9000
            }
        }
    }

    /// Gives the PIN or PUK a new value when the status so far is good and the value is, too.
    fn replace(&mut self, status: u16, new: [u8; 8], puk: bool) -> u16 {
        if status == 0x9000 && !allowed(new, self.model, puk) {
            return 0x6985;
        }
        let secret = if puk { &mut self.puk } else { &mut self.pin };
        if status == 0x9000 {
            *secret = Secret::new(new, secret.total);
            self.changed = true;
        }
        status
    }
}

/// What may become a PIN or PUK.
fn allowed(value: [u8; 8], model: Model, puk: bool) -> bool {
    if model.facts().firmware < [5, 7, 0] {
        return true;
    }
    let value = &value[..8 - value.iter().rev().take_while(|octet| **octet == 0xFF).count()];
    let length = match std::str::from_utf8(value) {
        Ok(text) if !puk || text.is_ascii() => text.chars().count(),
        _ => return false,
    };
    let simple = value.iter().all(|octet| *octet == value[0])
        || [&b"password"[..], b"12345678"].contains(&value);
    if model.facts().fips { length == 8 && !simple } else { (6..=8).contains(&length) }
}

#[test]
fn card_and_machine_agree_on_every_status_word() {
    let sequences = SEQUENCES * soak();
    std::thread::scope(|scope| {
        for model in Model::ALL {
            scope.spawn(move || {
                let new = Card::new(model).snapshot();
                for seed in 0..sequences {
                    one_sequence(model, Card::from_snapshot(new.clone()), &mut Random(seed));
                }
            });
        }
    });
}

fn one_sequence(model: Model, card: Card, random: &mut Random) {
    let (mut machine, mut client, mut acts) = (Machine::new(model), Client::of(card), Vec::new());
    for _ in 0..LENGTH {
        let act = random_act(&machine, random);
        acts.push(act);
        let (expected, answered) = (machine.act(act), act.on(&mut client));
        assert_eq!(answered, expected, "{model}: {answered:04x}, not {expected:04x}: {acts:02x?}");
        // What costs no try, and so is looked at each time.
        let status = machine.act(Act::Status);
        assert_eq!(Act::Status.on(&mut client), status, "{model}: then status: {acts:02x?}");
        if model.facts().metadata {
            let tries = |secret: Secret| [secret.total, secret.left];
            for (reference, secret) in [(0x80, machine.pin), (0x81, machine.puk)] {
                let metadata = client.must(0xF7, 0x00, reference, b"");
                assert_eq!(metadata[8..], tries(secret), "{model}: {reference:02x}: {acts:02x?}");
            }
        }
    }
}

fn random_act(machine: &Machine, random: &mut Random) -> Act {
    let (pin, puk) = (machine.pin.value, machine.puk.value);
    // Right more often than not, so that blocked is not where every sequence ends up.
    let mut guess = |right| random.pick(&[right, right, right, *WRONG, [0xFF; 8]]);
    let (pin, puk) = (guess(pin), guess(puk));
    let new = random.pick(&[
        *PIN,
        *PUK,
        *b"24681357",
        *b"97531\xff\xff\xff",
        *b"111111\xff\xff",
        *b"password",
        "äöüß".as_bytes().try_into().unwrap(),
        *b"\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7",
        [0xFF; 8],
        [0x00; 8],
    ]);
    let tries = [1, 2, 3, 8, 15, 16, 255].map(|tries| NonZero::new(tries).unwrap());
    match random.below(24) {
        0..6 => Act::Verify(pin),
        6 => Act::Logout,
        7..11 => Act::ChangePin(pin, new),
        11..14 => Act::ChangePuk(puk, new),
        14..18 => Act::Unblock(puk, new),
        18 => Act::SetTries(random.pick(&tries), random.pick(&tries)),
        19 | 20 => Act::Reset,
        21 => Act::PowerCycle,
        22 => Act::OtherApplet,
        _ => Act::SelectAgain,
    }
}

impl Act {
    fn on(self, client: &mut Client) -> u16 {
        match self {
            Self::Verify(pin) => client.verify(&pin),
            Self::Status => client.status(0x20, 0x00, 0x80, b""),
            Self::Logout => client.status(0x20, 0xFF, 0x80, b""),
            Self::ChangePin(old, new) => client.status(0x24, 0x00, 0x80, &[old, new].concat()),
            Self::ChangePuk(old, new) => client.status(0x24, 0x00, 0x81, &[old, new].concat()),
            Self::Unblock(puk, new) => client.status(0x2C, 0x00, 0x80, &[puk, new].concat()),
            Self::SetTries(pin, puk) => {
                client.manage();
                client.status(0xFA, pin.get(), puk.get(), b"")
            }
            Self::Reset => client.status(0xFB, 0x00, 0x00, b""),
            Self::PowerCycle => {
                client.card.power_cycle();
                client.select();
                OK
            }
            Self::OtherApplet => {
                let (_, status) = client.send(0xA4, 0x04, 0x00, b"\xA0\x00\x00\x05\x27\x20\x01");
                client.select();
                status
            }
            Self::SelectAgain => {
                client.select();
                OK
            }
        }
    }
}
