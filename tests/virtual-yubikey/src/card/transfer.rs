//! Commands and answers that are too long for one APDU.

use super::command::Command;
use super::status::Status;

/// What a short answer can hold.
const SHORT_ANSWER: usize = 256;

/// The halves of both: links of a command that came so far, and what is left of an answer.
#[derive(Debug, Default)]
pub(super) struct Transfer {
    chain: Option<Command>,
    rest: Vec<u8>,
}

/// What has come in.
pub(super) enum Incoming {
    /// A link; more will follow.
    Link,
    /// A command, whole.
    Whole(Command),
    /// More than the card can hold; nothing is kept.
    TooLong,
}

impl Transfer {
    /// Adds a command or a link of one (bit 10 of CLA) to what came before.
    ///
    /// A chain that another command interrupts is forgotten, and so is what is left of an answer.
    pub(super) fn take(&mut self, command: Command, buffer: usize) -> Incoming {
        self.rest.clear();
        let last = command.cla & 0x10 == 0;
        let whole = match self.chain.take() {
            Some(mut begun) => {
                begun.data.extend(command.data);
                Command { data: begun.data, ..command }
            }
            None => command,
        };
        if whole.data.len() > buffer {
            Incoming::TooLong
        } else if last {
            Incoming::Whole(whole)
        } else {
            self.chain = Some(whole);
            Incoming::Link
        }
    }

    /// Forgets a chain that this command does not go on with; says whether there was one.
    pub(super) fn interrupted_by(&mut self, command: &Command) -> bool {
        self.chain.take_if(|begun| begun.header() != command.header()).is_some()
    }

    /// The first part of an answer, or all of it.
    pub(super) fn answer(&mut self, mut data: Vec<u8>, extended: bool) -> Vec<u8> {
        if !extended && data.len() > SHORT_ANSWER {
            self.rest = data.split_off(SHORT_ANSWER);
        }
        let status = if self.rest.is_empty() { Status::OK } else { Status::more(self.rest.len()) };
        data.extend(status.octets());
        data
    }

    /// GET RESPONSE: the next part of an answer; none when there is nothing left of one.
    pub(super) fn next(&mut self, extended: bool) -> Option<Vec<u8>> {
        self.chain = None;
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| self.answer(rest, extended))
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
