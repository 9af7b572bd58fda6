//! Which faults are due.

use super::{Effect, Fault, Repeat};

/// Faults, and how far each has got.
#[derive(Debug, Default)]
pub(crate) struct Script {
    faults: Vec<(Fault, u64)>,
    endless: Option<Endless>,
}

/// An answer without end, that goes on with the next command.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Endless {
    More,
    WrongLength { header: Vec<u8>, turn: u8 },
}

impl Script {
    /// Counts from 1 again.
    pub(crate) fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { faults: faults.into_iter().map(|fault| (fault, 0)).collect(), endless: None }
    }

    /// What befalls this command; counts it.
    pub(crate) fn due(&mut self, apdu: &[u8], name: &str) -> Vec<Effect> {
        let mut due = Vec::new();
        for (fault, seen) in &mut self.faults {
            if fault.trigger.pattern.matches(apdu, name) {
                *seen += 1;
                let nth = fault.trigger.nth;
                if *seen == nth || (*seen > nth && fault.repeat == Repeat::FromThenOn) {
                    due.push(fault.effect.clone());
                }
            }
        }
        due
    }

    /// Begins an answer without end.
    pub(crate) fn begin(&mut self, effect: &Effect, apdu: &[u8]) {
        self.endless = match effect {
            Effect::EndlessMore => Some(Endless::More),
            Effect::EndlessWrongLength => {
                let header = apdu.iter().take(4).copied().collect();
                Some(Endless::WrongLength { header, turn: 0 })
            }
            _ => return,
        };
    }

    /// The next part of an answer without end; none when there is none, or this command ends it.
    pub(crate) fn go_on(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        let answer = match &mut self.endless {
            Some(Endless::More) if apdu.get(1) == Some(&0xC0) => Some(more()),
            Some(Endless::WrongLength { header, turn }) if apdu.starts_with(header) => {
                *turn ^= 1;
                Some(vec![0x6C, if *turn == 0 { 0x20 } else { 0x10 }])
            }
            _ => None,
        };
        if answer.is_none() {
            self.endless = None;
        }
        answer
    }

    /// The first part of an answer without end that was just begun.
    pub(crate) fn first(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        match self.endless {
            Some(Endless::More) => Some(more()),
            Some(Endless::WrongLength { .. }) => self.go_on(apdu),
            None => None,
        }
    }

    /// Forgets an answer without end: the card lost its power.
    pub(crate) fn break_off(&mut self) {
        self.endless = None;
    }
}

fn more() -> Vec<u8> {
    let mut answer = vec![0xA5; 256];
    answer.extend([0x61, 0x00]);
    answer
}
