//! What was said between client and card.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Write;
use std::time::Duration;

use crate::command_name::{command_name, is_secret};
use crate::hex;

/// Entries that are kept; the oldest go first.
const KEPT: usize = 10_000;

/// Every APDU as an entry, and how often each command came.
///
/// What is secret (PINs, PUKs, private and management keys) stands there as its length only, unless
/// [`Log::show_secrets`] was called.
#[derive(Default)]
pub struct Log {
    counts: BTreeMap<&'static str, u64>,
    total: u64,
    entries: VecDeque<Entry>,
    sink: Option<Box<dyn Write + Send>>,
    secrets: Secrets,
    /// The INS of a chain whose links are secret, and whether the last answer was.
    secret_chain: Option<u8>,
    secret_answer: bool,
}

#[derive(Default, PartialEq, Eq)]
enum Secrets {
    #[default]
    Hidden,
    Shown,
}

/// One command and what became of it. `Display` makes it one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub number: u64,
    /// As [`command_name`] has it.
    pub name: &'static str,
    /// In hexadecimal, secrets as their length: `00200080 [8 octets]`.
    pub command: String,
    /// In hexadecimal, the status word included; none when the link was dropped.
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

    /// Writes each entry as a line, too. A line that cannot be written is lost.
    #[must_use]
    pub fn to(mut self, sink: impl Write + Send + 'static) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// Shows secrets from now on: for whoever debugs a client.
    #[must_use]
    pub fn show_secrets(mut self) -> Self {
        self.secrets = Secrets::Shown;
        self
    }

    /// How often a command came; its name as [`command_name`] has it.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// How often each command came.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
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
        counts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), **name));
        let lines = counts.iter().map(|(name, count)| format!("{count:>7} {name}\n"));
        lines.chain([format!("{:>7} in all\n", self.total)]).collect()
    }

    pub(crate) fn record(
        &mut self,
        apdu: &[u8],
        answer: Option<&[u8]>,
        took: Duration,
        faults: Vec<&'static str>,
    ) {
        let name = command_name(apdu);
        *self.counts.entry(name).or_default() += 1;
        self.total += 1;
        let hide = self.is_secret(apdu) && self.secrets == Secrets::Hidden;
        let entry = Entry {
            number: self.total,
            name,
            command: shown(apdu, 4, Keep::Front, hide),
            answer: answer.map(|answer| shown(answer, 2, Keep::Back, hide)),
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

    /// Like the function, and knows what later links and the rest of an answer belong to.
    fn is_secret(&mut self, apdu: &[u8]) -> bool {
        let &[cla, ins, ..] = apdu else { return false };
        if command_name(apdu) == "GET RESPONSE" {
            return self.secret_answer;
        }
        let secret = is_secret(apdu) || self.secret_chain == Some(ins);
        self.secret_chain = (secret && cla & 0x10 != 0).then_some(ins);
        self.secret_answer = secret;
        secret
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("total", &self.total).finish_non_exhaustive()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, name, command, answer, took, faults, .. } = self;
        let answer = match answer.as_deref() {
            None => "link dropped",
            Some("") => "nothing",
            Some(answer) => answer,
        };
        write!(f, "{number:>5} {name:<27} {command} -> {answer} ({} us)", took.as_micros())?;
        if !faults.is_empty() {
            write!(f, " fault: {}", faults.join(", "))?;
        }
        Ok(())
    }
}

/// Which end of the octets is never secret.
enum Keep {
    Front,
    Back,
}

/// Octets in hexadecimal; when the rest is hidden, `kept` of them at one end.
fn shown(octets: &[u8], kept: usize, keep: Keep, hide: bool) -> String {
    let hidden = octets.len().saturating_sub(kept);
    if !hide || hidden == 0 {
        return hex::encode(octets);
    }
    match keep {
        Keep::Front => {
            let (header, rest) = octets.split_at(kept);
            format!("{} [{} octets]", hex::encode(header), without_lengths(rest))
        }
        Keep::Back => {
            let (data, status) = octets.split_at(hidden);
            format!("[{} octets] {}", data.len(), hex::encode(status))
        }
    }
}

/// How many octets of data a command's body has.
fn without_lengths(body: &[u8]) -> usize {
    match body {
        [0, high, low, _, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        [length, ..] => usize::from(*length),
        [] => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(commands: &[(&[u8], Option<&[u8]>)]) -> Vec<String> {
        let mut log = Log::new();
        for (command, answer) in commands {
            log.record(command, *answer, Duration::from_micros(41), Vec::new());
        }
        log.entries().map(Entry::to_string).collect()
    }

    #[test]
    fn a_line_has_number_name_command_answer_and_time() {
        let lines = log(&[
            (b"\x00\xFD\x00\x00\x00", Some(b"\x05\x07\x01\x90\x00")),
            (b"\x00\xF8\x00\x00", Some(b"")),
            (b"\x00\xF8\x00\x00", None),
        ]);
        assert_eq!(
            lines,
            [
                "    1 VERSION                     00fd000000 -> 0507019000 (41 us)",
                "    2 SERIAL                      00f80000 -> nothing (41 us)",
                "    3 SERIAL                      00f80000 -> link dropped (41 us)",
            ]
        );
    }

    #[test]
    fn secrets_are_replaced_by_their_length_in_every_link_and_answer() {
        let pin = b"\x00\x20\x00\x80\x08123456\xFF\xFF";
        let lines = log(&[
            (pin, Some(b"\x90\x00")),
            (b"\x00\x87\x03\x9B\x04\x7C\x02\x80\x00", Some(b"\x7C\x04\x80\x02\xAA\xBB\x90\x00")),
            (b"\x10\xFE\x07\x9A\x02\xAA\xBB", Some(b"\x90\x00")),
            (b"\x00\xFE\x07\x9A\x02\xAA\xBB", Some(b"\x90\x00")),
            (b"\x10\xDB\x3F\xFF\x05\x5C\x03\x5F\xC1\x09", Some(b"\x90\x00")),
            (b"\x00\xDB\x3F\xFF\x02\xAA\xBB", Some(b"\x90\x00")),
            (b"\x00\xCB\x3F\xFF\x05\x5C\x03\x5F\xC1\x09", Some(b"\xAA\xBB\x61\x02")),
            (b"\x00\xC0\x00\x00\x00", Some(b"\xAA\xBB\x90\x00")),
            (b"\x00\x24\x00\x80\x00\x00\x10123456\xFF\xFF654321\xFF\xFF", Some(b"\x90\x00")),
        ]);
        for line in &lines {
            assert!(!line.contains("aabb") && !line.contains("3132"), "{line}");
        }
        assert!(lines[0].contains("00200080 [8 octets] -> 9000"));
        assert!(lines[1].contains("0087039b [4 octets] -> [6 octets] 9000"));
        assert!(lines[8].contains("00240080 [16 octets]"));
    }

    #[test]
    fn what_comes_after_a_secret_is_shown_again() {
        let lines = log(&[
            (b"\x10\xFE\x07\x9A\x02\xAA\xBB", Some(b"\x90\x00")),
            (b"\x00\xDB\x3F\xFF\x02\xCC\xDD", Some(b"\x90\x00")),
            (b"\x00\xC0\x00\x00\x00", Some(b"\xEE\xFF\x90\x00")),
        ]);
        assert!(lines[1].contains("ccdd") && lines[2].contains("eeff"));
    }

    #[test]
    fn secrets_are_shown_to_whoever_asks_for_them() {
        let mut log = Log::new().show_secrets();
        log.record(b"\x00\x20\x00\x80\x01\x31", Some(b"\x63\xC2"), Duration::ZERO, Vec::new());
        assert_eq!(log.entries().next().unwrap().command, "002000800131");
        assert_eq!(log.entries().next().unwrap().status, Some(0x63C2));
    }

    #[test]
    fn commands_are_counted_and_summed_up() {
        let mut log = Log::new();
        for command in [&b"\x00\x20\x00\x80"[..], b"\x00\xFD\x00\x00", b"\x00\x20\x00\x80"] {
            log.record(command, None, Duration::ZERO, Vec::new());
        }
        assert_eq!((log.count("PIN STATUS"), log.count("VERIFY"), log.total()), (2, 0, 3));
        assert_eq!(log.summary(), "      2 PIN STATUS\n      1 VERSION\n      3 in all\n");
        log.clear();
        assert_eq!((log.total(), log.entries().count()), (0, 0));
    }

    #[test]
    fn only_the_last_entries_are_kept() {
        let mut log = Log::new();
        for _ in 0..KEPT + 5 {
            log.record(b"\x00\xFD\x00\x00", None, Duration::ZERO, Vec::new());
        }
        assert_eq!(log.entries().count(), KEPT);
        assert_eq!(log.entries().next().unwrap().number, 6);
    }
}
