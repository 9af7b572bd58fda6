//! What was said between client and card.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Write;
use std::time::Duration;

use crate::{CommandName, Described, Transcript};

/// Entries that are kept; the oldest go first.
const KEPT: usize = 10_000;

/// Every APDU as an entry, and how often each command came.
///
/// What is secret is left out, as [`Transcript`] does it, unless [`Log::with_secrets`] was asked for.
#[derive(Default)]
pub struct Log {
    transcript: Transcript,
    counts: BTreeMap<String, u64>,
    total: u64,
    entries: VecDeque<Entry>,
    sink: Option<Box<dyn Write + Send>>,
}

/// One command and what became of it. `Display` makes it one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub number: u64,
    /// The command, in words and without secrets.
    pub command: Described,
    /// The answer in hexadecimal without secrets, the status word included; none when the link was
    /// dropped.
    pub answer: Option<String>,
    /// The answer's last two octets; none where it had fewer.
    pub status: Option<u16>,
    /// Between the command and its answer, without what a fault added.
    pub took: Duration,
    /// The faults that befell it, by name.
    pub faults: Vec<&'static str>,
}

impl Log {
    /// An empty log, kept in memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, and shows secrets: for whoever debugs a client.
    #[must_use]
    pub fn with_secrets() -> Self {
        Self { transcript: Transcript::with_secrets(), ..Self::default() }
    }

    /// Writes each entry as a line, too. A line that cannot be written is lost.
    #[must_use]
    pub fn to(mut self, sink: impl Write + Send + 'static) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// How often commands came, by the first words of their names; never, when there is no such
    /// name.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        let Ok(name) = name.parse::<CommandName>() else { return 0 };
        let counts = self.counts.iter().filter(|(other, _)| name.matches(other));
        counts.map(|(_, count)| count).sum()
    }

    /// How often each command came.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// How many APDUs came.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The last 10,000, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets entries and counts; the next number is 1.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.entries.clear();
        self.total = 0;
    }

    /// The counts, most frequent first, one a line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        let lines = counts.iter().map(|(name, count)| format!("{count:>7} {name}\n"));
        lines.chain([format!("{:>7} in all\n", self.total)]).collect()
    }

    /// What a command is; each that comes has to be described, in turn.
    pub(crate) fn describe(&mut self, apdu: &[u8]) -> Described {
        self.transcript.command(apdu)
    }

    pub(crate) fn record(
        &mut self,
        command: Described,
        answer: Option<&[u8]>,
        took: Duration,
        faults: Vec<&'static str>,
    ) {
        *self.counts.entry(command.name.clone()).or_default() += 1;
        self.total += 1;
        let entry = Entry {
            number: self.total,
            command,
            answer: answer.map(|answer| self.transcript.answer(answer)),
            status: answer.and_then(|answer| answer.last_chunk().copied().map(u16::from_be_bytes)),
            took,
            faults,
        };
        if let Some(sink) = &mut self.sink {
            let _ = writeln!(sink, "{entry}").and_then(|()| sink.flush());
        }
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("total", &self.total).finish_non_exhaustive()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, command, answer, took, faults, .. } = self;
        let answer = match answer.as_deref() {
            None => "link dropped",
            Some("") => "nothing",
            Some(answer) => answer,
        };
        write!(f, "{number:>5} {command} -> {answer} [{} us]", took.as_micros())?;
        if !faults.is_empty() {
            write!(f, " fault: {}", faults.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFY: &[u8] = b"\x00\x20\x00\x80\x08123456\xFF\xFF";
    const STATUS: &[u8] = b"\x00\x20\x00\x80";
    const VERSION: &[u8] = b"\x00\xFD\x00\x00";

    fn filled(mut log: Log, commands: &[(&[u8], Option<&[u8]>)]) -> Log {
        for (command, answer) in commands {
            let described = log.describe(command);
            log.record(described, *answer, Duration::from_micros(41), Vec::new());
        }
        log
    }

    fn lines(log: &Log) -> Vec<String> {
        log.entries().map(Entry::to_string).collect()
    }

    #[test]
    fn a_line_has_number_name_command_answer_and_time() {
        let commands: [(_, Option<&[u8]>); 4] = [
            (VERSION, Some(b"\x05\x07\x01\x90\x00")),
            (VERSION, Some(b"")),
            (VERSION, None),
            (VERIFY, Some(b"\x63\xC2")),
        ];
        assert_eq!(
            lines(&filled(Log::new(), &commands)),
            [
                "    1 VERSION: 00fd0000 -> 0507019000 [41 us]",
                "    2 VERSION: 00fd0000 -> nothing [41 us]",
                "    3 VERSION: 00fd0000 -> link dropped [41 us]",
                "    4 VERIFY: 00200080 (9 octets left out) -> 63c2 [41 us]",
            ]
        );
    }

    #[test]
    fn secrets_are_shown_to_whoever_asks_for_them() {
        let log = filled(Log::with_secrets(), &[(VERIFY, Some(b"\x63\xC2"))]);
        assert!(lines(&log)[0].contains("313233343536ffff"));
        assert_eq!(log.entries().next().unwrap().status, Some(0x63C2));
    }

    #[test]
    fn commands_are_counted_and_summed_up() {
        let commands = [(STATUS, None), (VERSION, None), (STATUS, None), (VERIFY, None)];
        let mut log = filled(Log::new(), &commands);
        let counts =
            ["VERIFY status", "VERIFY", "VERSION", "SERIAL", "?"].map(|name| log.count(name));
        assert_eq!((counts, log.total()), ([2, 1, 1, 0, 0], 4));
        let summary = "      2 VERIFY status\n      1 VERIFY\n      1 VERSION\n      4 in all\n";
        assert_eq!(log.summary(), summary);
        log.clear();
        assert_eq!((log.total(), log.entries().count()), (0, 0));
    }

    #[test]
    fn only_the_last_entries_are_kept() {
        let log = filled(Log::new(), &vec![(VERSION, None); KEPT + 5]);
        assert_eq!(log.entries().count(), KEPT);
        assert_eq!(log.entries().next().unwrap().number, 6);
    }
}
