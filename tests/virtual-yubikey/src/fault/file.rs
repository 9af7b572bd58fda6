//! Faults as a file has them.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde::Deserialize;

use super::{Effect, Fault, Pattern};
use crate::{UnknownCommand, hex};

/// Why a fault file is of no use.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the faults in {}", path.display())]
pub struct FaultFileError {
    path: PathBuf,
    source: FileProblem,
}

#[derive(Debug, thiserror::Error)]
enum FileProblem {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("fault {number}: {problem}")]
    Fault { number: usize, problem: Problem },
}

/// What is wrong with one fault.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("one of `at`, `command` and `ins` says when, and only one")]
    When,
    #[error("`nth` counts commands; `at` needs none")]
    NthOfAll,
    #[error("APDUs and commands are counted from 1")]
    Zero,
    #[error(transparent)]
    Command(#[from] UnknownCommand),
    #[error("no fault is called `{0}`")]
    Effect(String),
    #[error("`{effect}` needs `{parameter}`")]
    Missing { effect: &'static str, parameter: &'static str },
    #[error("`{0}` means nothing to this fault")]
    Unused(&'static str),
    #[error("`{0}` is no hexadecimal number of that length")]
    Hexadecimal(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    fault: Vec<Line>,
}

/// One fault; which parameters it takes depends on what it does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Option<u64>,
    command: Option<String>,
    ins: Option<String>,
    nth: Option<u64>,
    #[serde(default)]
    repeat: bool,
    #[serde(rename = "do")]
    effect: String,
    status: Option<String>,
    keep: Option<usize>,
    serial: Option<u32>,
    aid: Option<String>,
    milliseconds: Option<u64>,
}

/// The management applet, which every client may select.
const OTHER_APPLET: &[u8] = b"\xA0\x00\x00\x05\x27\x47\x11\x17";

pub(super) fn read(path: &Path) -> Result<Vec<Fault>, FaultFileError> {
    let understood = fs::read_to_string(path).map_err(FileProblem::from).and_then(|text| {
        if path.extension().is_some_and(|extension| extension == "json") {
            faults(serde_json::from_str(&text)?)
        } else {
            faults(toml::from_str(&text)?)
        }
    });
    understood.map_err(|source| FaultFileError { path: path.to_owned(), source })
}

fn faults(file: File) -> Result<Vec<Fault>, FileProblem> {
    let numbered = file.fault.into_iter().zip(1..);
    numbered
        .map(|(line, number)| {
            line.into_fault().map_err(|problem| FileProblem::Fault { number, problem })
        })
        .collect()
}

impl Line {
    fn into_fault(mut self) -> Result<Fault, Problem> {
        let effect = self.take_effect()?;
        let unused = [
            ("status", self.status.is_some()),
            ("keep", self.keep.is_some()),
            ("serial", self.serial.is_some()),
            ("aid", self.aid.is_some()),
            ("milliseconds", self.milliseconds.is_some()),
        ];
        if let Some((name, _)) = unused.into_iter().find(|(_, given)| *given) {
            return Err(Problem::Unused(name));
        }
        let nth = self.nth.unwrap_or(1);
        let fault = match (self.at, self.command, self.ins) {
            (Some(0), None, None) => return Err(Problem::Zero),
            (Some(_), None, None) if self.nth.is_some() => return Err(Problem::NthOfAll),
            (Some(number), None, None) => Fault::at(number, effect),
            (None, Some(name), None) => Fault::on(&name, nth, effect)?,
            (None, None, Some(ins)) => {
                let [ins] = octets(ins)?;
                Fault::new(Pattern::Instruction(ins), nth, effect)
            }
            _ => return Err(Problem::When),
        };
        if nth == 0 {
            return Err(Problem::Zero);
        }
        Ok(if self.repeat { fault.from_then_on() } else { fault })
    }

    /// The effect, and takes the parameters that it uses.
    fn take_effect(&mut self) -> Result<Effect, Problem> {
        let missing = |effect, parameter| Problem::Missing { effect, parameter };
        let mut status = |effect| -> Result<u16, Problem> {
            let word = self.status.take().ok_or(missing(effect, "status"))?;
            Ok(u16::from_be_bytes(octets(word)?))
        };
        Ok(match self.effect.as_str() {
            "drop-before" => Effect::DropBefore,
            "drop-after" => Effect::DropAfter,
            "empty" => Effect::Empty,
            "lost" => Effect::Lost,
            "status" => Effect::Status(status("status")?),
            "status-after" => Effect::StatusAfter(status("status-after")?),
            "truncate" => Effect::Truncate(self.keep.take().ok_or(missing("truncate", "keep"))?),
            "garbage" => Effect::Garbage,
            "endless-length" => Effect::EndlessLength,
            "endless-tag" => Effect::EndlessTag,
            "endless-more" => Effect::EndlessMore,
            "endless-wrong-length" => Effect::EndlessWrongLength,
            "flip-bit" => Effect::FlipBit,
            "other-token" => {
                Effect::OtherToken(self.serial.take().ok_or(missing("other-token", "serial"))?)
            }
            "other-applet" => Effect::OtherApplet(match self.aid.take() {
                None => OTHER_APPLET.to_vec(),
                Some(text) => match hex::decode(&text) {
                    Some(aid) if (5..=16).contains(&aid.len()) => aid,
                    _ => return Err(Problem::Hexadecimal(text)),
                },
            }),
            "reset" => Effect::Reset,
            "slow" => {
                let time = self.milliseconds.take().ok_or(missing("slow", "milliseconds"))?;
                Effect::Slow(Duration::from_millis(time))
            }
            "memory-full" => Effect::MemoryFull,
            other => return Err(Problem::Effect(other.to_owned())),
        })
    }
}

/// So many octets from their hexadecimal text.
fn octets<const N: usize>(text: String) -> Result<[u8; N], Problem> {
    let read = hex::decode(&text).and_then(|octets| octets.try_into().ok());
    read.ok_or(Problem::Hexadecimal(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> Result<Vec<Fault>, String> {
        let file = toml::from_str(text).map_err(|error| error.to_string())?;
        faults(file).map_err(|error| error.to_string())
    }

    #[test]
    fn every_fault_can_be_written_in_toml_and_in_json() {
        let on = |name, nth, effect| Fault::on(name, nth, effect).unwrap();
        for (line, json, fault) in [
            (
                "at = 7\ndo = 'drop-before'",
                r#"{"at": 7, "do": "drop-before"}"#,
                Fault::at(7, Effect::DropBefore),
            ),
            (
                "command = 'verify'\nnth = 2\ndo = 'drop-after'",
                r#"{"command": "VERIFY", "nth": 2, "do": "drop-after"}"#,
                on("VERIFY", 2, Effect::DropAfter),
            ),
            (
                "ins = '20'\nrepeat = true\ndo = 'status'\nstatus = '6F00'",
                r#"{"ins": "20", "repeat": true, "do": "status", "status": "6f00"}"#,
                Fault::on_instruction(0x20, 1, Effect::Status(0x6F00)).from_then_on(),
            ),
            (
                "at = 1\ndo = 'status-after'\nstatus = '6581'",
                r#"{"at": 1, "do": "status-after", "status": "6581"}"#,
                Fault::at(1, Effect::StatusAfter(0x6581)),
            ),
            (
                "at = 1\ndo = 'truncate'\nkeep = 3",
                r#"{"at": 1, "do": "truncate", "keep": 3}"#,
                Fault::at(1, Effect::Truncate(3)),
            ),
            (
                "at = 1\ndo = 'other-token'\nserial = 77",
                r#"{"at": 1, "do": "other-token", "serial": 77}"#,
                Fault::at(1, Effect::OtherToken(77)),
            ),
            (
                "at = 1\ndo = 'other-applet'",
                r#"{"at": 1, "do": "other-applet"}"#,
                Fault::at(1, Effect::OtherApplet(OTHER_APPLET.to_vec())),
            ),
            (
                "at = 1\ndo = 'other-applet'\naid = 'A000000527200101'",
                r#"{"at": 1, "do": "other-applet", "aid": "a000000527200101"}"#,
                Fault::at(1, Effect::OtherApplet(b"\xA0\0\0\x05\x27\x20\x01\x01".to_vec())),
            ),
            (
                "at = 1\ndo = 'slow'\nmilliseconds = 30000",
                r#"{"at": 1, "do": "slow", "milliseconds": 30000}"#,
                Fault::at(1, Effect::Slow(Duration::from_secs(30))),
            ),
        ] {
            assert_eq!(toml(&format!("[[fault]]\n{line}")), Ok(vec![fault.clone()]));
            let file = serde_json::from_str(&format!("{{\"fault\": [{json}]}}")).unwrap();
            assert_eq!(faults(file).unwrap(), [fault]);
        }
        for effect in [
            Effect::Empty,
            Effect::Lost,
            Effect::Garbage,
            Effect::EndlessLength,
            Effect::EndlessTag,
            Effect::EndlessMore,
            Effect::EndlessWrongLength,
            Effect::FlipBit,
            Effect::Reset,
            Effect::MemoryFull,
        ] {
            let line = format!("[[fault]]\nat = 1\ndo = '{}'", effect.name());
            assert_eq!(toml(&line), Ok(vec![Fault::at(1, effect)]));
        }
        assert_eq!(toml(""), Ok(vec![]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_number_of_the_fault() {
        for (line, message) in [
            ("do = 'reset'", "fault 2: one of `at`, `command` and `ins` says when, and only one"),
            ("at = 1\nins = '20'\ndo = 'reset'", "fault 2: one of `at`, `command` and `ins` says"),
            ("at = 0\ndo = 'reset'", "fault 2: APDUs and commands are counted from 1"),
            ("ins = '20'\nnth = 0\ndo = 'reset'", "fault 2: APDUs and commands are counted from 1"),
            ("at = 1\nnth = 2\ndo = 'reset'", "fault 2: `nth` counts commands; `at` needs none"),
            ("command = 'VERIFI'\ndo = 'reset'", "fault 2: no command is called `VERIFI`; they"),
            ("at = 1\ndo = 'explode'", "fault 2: no fault is called `explode`"),
            ("at = 1\ndo = 'status'", "fault 2: `status` needs `status`"),
            ("at = 1\ndo = 'status'\nstatus = '900'", "fault 2: `900` is no hexadecimal number"),
            ("ins = '0x20'\ndo = 'reset'", "fault 2: `0x20` is no hexadecimal number"),
            ("at = 1\ndo = 'other-applet'\naid = 'A000'", "fault 2: `A000` is no hexadecimal"),
            ("at = 1\ndo = 'reset'\nkeep = 3", "fault 2: `keep` means nothing to this fault"),
            ("at = 1\ndo = 'reset'\nwhen = 3", "TOML parse error at line 7"),
        ] {
            let text = format!("[[fault]]\nat = 9\ndo = 'reset'\n[[fault]]\n{line}");
            let refusal = toml(&text).unwrap_err();
            assert!(refusal.starts_with(message), "{refusal}");
        }
    }
}
