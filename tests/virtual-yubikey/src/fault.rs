//! Faults: the ways in which hardware fails, on purpose and when told to.

mod effect;
mod file;
mod script;

use crate::{CommandName, UnknownCommand};

pub use effect::Effect;
pub use file::FaultFileError;
pub(crate) use script::Script;

/// One thing that goes wrong, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    trigger: Trigger,
    effect: Effect,
    repeat: Repeat,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trigger {
    pattern: Pattern,
    /// Counted from 1.
    nth: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    Name(CommandName),
    Instruction(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    Once,
    FromThenOn,
}

impl Fault {
    /// At the `number`th APDU, counted from 1 since the faults were injected.
    #[must_use]
    pub fn at(number: u64, effect: Effect) -> Self {
        Self::new(Pattern::Any, number, effect)
    }

    /// At the `nth` command (from 1) of a name, by its first words: see [`CommandName`]. Each link
    /// of a chain counts.
    ///
    /// # Errors
    /// No command has that name.
    pub fn on(name: &str, nth: u64, effect: Effect) -> Result<Self, UnknownCommand> {
        Ok(Self::new(Pattern::Name(name.parse()?), nth, effect))
    }

    /// At the `nth` command (from 1) with this INS.
    #[must_use]
    pub fn on_instruction(ins: u8, nth: u64, effect: Effect) -> Self {
        Self::new(Pattern::Instruction(ins), nth, effect)
    }

    /// The same at every such command after that, too.
    #[must_use]
    pub fn from_then_on(self) -> Self {
        Self { repeat: Repeat::FromThenOn, ..self }
    }

    fn new(pattern: Pattern, nth: u64, effect: Effect) -> Self {
        Self { trigger: Trigger { pattern, nth }, effect, repeat: Repeat::Once }
    }

    /// Reads faults from a file, TOML or (when its name ends in `.json`) JSON.
    ///
    /// # Errors
    /// The file cannot be read or understood; the message says where.
    pub fn read_file(path: &std::path::Path) -> Result<Vec<Self>, FaultFileError> {
        file::read(path)
    }
}

impl Pattern {
    fn matches(&self, apdu: &[u8], name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Name(pattern) => pattern.matches(name),
            Self::Instruction(ins) => apdu.get(1) == Some(ins),
        }
    }
}
