//! A card and what is around it: the link, the log, and what goes wrong.

use std::time::{Duration, Instant};

use crate::fault::{Effect, Fault, Script};
use crate::{Card, Log};

/// A card with a log, that fails when told to.
///
/// ```
/// use virtual_yubikey::{Card, Device, Effect, Fault, Model};
///
/// let mut device = Device::new(Card::new("5.7.1".parse::<Model>()?));
/// device.inject([Fault::on("VERSION", 2, Effect::Status(0x6F00))?]);
/// device.transmit(b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08");
/// assert_eq!(device.transmit(b"\x00\xFD\x00\x00").unwrap(), b"\x05\x07\x01\x90\x00");
/// assert_eq!(device.transmit(b"\x00\xFD\x00\x00").unwrap(), b"\x6F\x00");
/// assert_eq!(device.log().count("VERSION"), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Device {
    card: Card,
    log: Log,
    script: Script,
}

/// What comes back from a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The answer; none when the token was pulled before there was one.
    pub answer: Option<Vec<u8>>,
    /// How much later than the card gave it.
    pub delay: Duration,
}

impl Device {
    /// A card without faults, whose log stays in memory.
    #[must_use]
    pub fn new(card: Card) -> Self {
        Self { card, log: Log::new(), script: Script::default() }
    }

    /// The same with this log.
    #[must_use]
    pub fn with_log(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// From now on these faults and no others; APDUs are counted from 1 again.
    pub fn inject(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.script = Script::new(faults);
    }

    /// Sends a command APDU and waits for the answer; none when the token was pulled. The next
    /// command finds it put back.
    pub fn transmit(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        let Reply { answer, delay } = self.execute(apdu);
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        answer
    }

    /// The same for who can wait without holding the device.
    pub fn execute(&mut self, apdu: &[u8]) -> Reply {
        let start = Instant::now();
        let described = self.log.describe(apdu);
        let effects = self.script.due(apdu, &described.name);
        let going_on = self.script.go_on(apdu);
        for effect in &effects {
            self.befall(effect, apdu);
        }
        let answer = match going_on {
            _ if effects.iter().any(Effect::prevents) => {
                self.script.first(apdu).unwrap_or_default()
            }
            Some(part) => part,
            None => self.card.transmit(apdu),
        };
        let took = start.elapsed();
        let answer = effects.iter().fold(answer, |answer, effect| effect.spoil(answer));
        let dropped = effects.iter().any(Effect::drops);
        if dropped {
            self.power_cycle();
        }
        let answer = (!dropped).then_some(answer);
        let names = effects.iter().map(Effect::name).collect();
        self.log.record(described, answer.as_deref(), took, names);
        Reply { answer, delay: effects.iter().map(Effect::delay).sum() }
    }

    /// Takes the card's power away and gives it back, as a reset does.
    pub fn power_cycle(&mut self) {
        self.card.power_cycle();
        self.script.break_off();
    }

    /// The card.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The card, to change.
    pub fn card_mut(&mut self) -> &mut Card {
        &mut self.card
    }

    /// What was said so far.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The log, to clear.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// What a fault does to the card before it sees the command.
    fn befall(&mut self, effect: &Effect, apdu: &[u8]) {
        match effect {
            Effect::Reset => self.power_cycle(),
            Effect::OtherApplet(aid) => {
                let length = u8::try_from(aid.len()).unwrap_or(u8::MAX);
                self.card.transmit(&[&[0x00, 0xA4, 0x04, 0x00, length], &aid[..]].concat());
            }
            Effect::MemoryFull => self.card.switches().memory = 0,
            Effect::OtherToken(serial) => {
                let mut other = Card::with_serial(self.card.model(), *serial);
                *other.switches() = self.card.switches().clone();
                other.set_clock(self.card.clock().clone());
                self.card = other;
            }
            Effect::EndlessMore | Effect::EndlessWrongLength => self.script.begin(effect, apdu),
            _ => {}
        }
    }
}
