//! What a token wants of a person, said while it waits.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use signer_core::{Event, Interaction};

use super::{Form, Progress, Style, plain};
use crate::error::chain;

/// Tells of touches and waits on standard error. What a person has to do is said with `--quiet` too,
/// as a prompt is: without it the program would seem to hang.
#[derive(Debug)]
pub(super) struct Events {
    form: Form,
    color: bool,
    bar: Mutex<Option<Progress>>,
    /// The warnings of this run.
    said: Mutex<BTreeSet<String>>,
}

impl Events {
    pub(super) fn new(form: Form, color: bool) -> Self {
        Self { form, color, bar: Mutex::new(None), said: Mutex::default() }
    }

    /// Takes this bar away for as long as a line is written.
    pub(super) fn keep_clear_of(&self, bar: &Progress) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
    }

    fn line(&self, event: Event<'_>) -> Option<String> {
        let (word, token, text) = match event {
            Event::Advice { token, text } => return self.advice(&format!("{token}: {text}")),
            Event::OutOfReach { token, error } => {
                return self.advice(&format!("{token} is not listed: {}", chain(error)));
            }
            Event::PinPad { token, kind } => {
                ("pin-pad", token, format!("the {kind} has to be entered at {token}"))
            }
            Event::Touch { token } => ("touch", token, format!("{token} waits to be touched")),
            Event::InsertToken { token } => ("insert", token, format!("{token} is needed")),
            Event::Waiting { .. } if self.form.quiet => return None,
            Event::Waiting { token } => ("waiting", token, format!("another program has {token}")),
            // One that came later and has no words here yet.
            _ => return None,
        };
        Some(match self.form.json {
            true => format!("{}\n", json!({ "event": word, "token": token })),
            false => {
                let word = format!("{word}:");
                format!("{} {}\n", Style::Bold.paint(&word, self.color), plain(&text))
            }
        })
    }
}

impl Events {
    /// A warning, once in a run: a batch opens the same token more than once.
    fn advice(&self, text: &str) -> Option<String> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(text.to_owned()).then(|| match self.form.json {
            true => format!("{}\n", json!({ "warning": text })),
            false => {
                format!("{} {}\n", Style::Yellow.paint("warning:", self.color), plain(text))
            }
        })
    }
}

impl Interaction for Events {
    fn event(&self, event: Event<'_>) {
        let Some(line) = self.line(event) else { return };
        // Standard error is the last resort; there is nowhere to say that it failed.
        let say = || drop(io::stderr().lock().write_all(line.as_bytes()));
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.aside(say),
            None => say(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: bool, quiet: bool) -> Vec<Option<String>> {
        let events = Events::new(Form { json, quiet, verbose: false }, false);
        let token = "YubiKey 1\u{1b}[2J";
        [Event::Touch { token }, Event::InsertToken { token }, Event::Waiting { token }]
            .map(|event| events.line(event))
            .into()
    }

    #[test]
    fn each_event_has_its_line_and_none_can_steer_a_terminal() {
        let lines: Vec<String> = told(false, false).into_iter().flatten().collect();
        assert_eq!(
            lines,
            [
                "touch: YubiKey 1\\u{1b}[2J waits to be touched\n",
                "insert: YubiKey 1\\u{1b}[2J is needed\n",
                "waiting: another program has YubiKey 1\\u{1b}[2J\n",
            ]
        );
    }

    #[test]
    fn what_is_to_be_entered_at_the_token_is_told() {
        let told = |json: bool, event: Event<'_>| {
            let form = Form { json, quiet: true, verbose: false };
            Events::new(form, false).line(event)
        };
        let pad = Event::PinPad { token: "HSM 1", kind: signer_core::SecretKind::Pin };
        assert_eq!(told(false, pad).unwrap(), "pin-pad: the PIN has to be entered at HSM 1\n");
    }

    #[test]
    fn with_json_each_is_one_object() {
        for (line, event) in told(true, false).into_iter().zip(["touch", "insert", "waiting"]) {
            let object: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            assert_eq!(object, json!({ "event": event, "token": "YubiKey 1\u{1b}[2J" }));
        }
    }

    #[test]
    fn advice_is_a_warning_said_once_even_with_quiet() {
        for json in [false, true] {
            let events = Events::new(Form { json, quiet: true, verbose: false }, false);
            let advice = Event::Advice { token: "YubiKey 1", text: "be careful" };
            let first = match json {
                false => "warning: YubiKey 1: be careful\n",
                true => "{\"warning\":\"YubiKey 1: be careful\"}\n",
            };
            assert_eq!(events.line(advice).as_deref(), Some(first));
            assert_eq!(events.line(advice), None);
            let other = Event::Advice { token: "YubiKey 2", text: "be careful" };
            assert!(events.line(other).is_some());
        }
    }

    #[test]
    fn quiet_leaves_out_only_what_asks_for_nothing() {
        let said: Vec<bool> = told(false, true).iter().map(Option::is_some).collect();
        assert_eq!(said, [true, true, false]);
    }
}
