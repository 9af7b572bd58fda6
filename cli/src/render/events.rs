//! What a token wants of a person, said while it waits.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use signer_core::{Event, Interaction};

use super::{Form, Progress, Style, plain};

/// Tells of touches and waits on standard error. What a person has to do is said with `--quiet` too,
/// as a prompt is: without it the program would seem to hang.
#[derive(Debug)]
pub(super) struct Events {
    form: Form,
    color: bool,
    bar: Mutex<Option<Progress>>,
}

impl Events {
    pub(super) fn new(form: Form, color: bool) -> Self {
        Self { form, color, bar: Mutex::new(None) }
    }

    /// Takes this bar away for as long as a line is written.
    pub(super) fn keep_clear_of(&self, bar: &Progress) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
    }

    fn line(&self, event: Event<'_>) -> Option<String> {
        let (word, token, text) = match event {
            Event::Warning { text } => return Some(self.warning(text)),
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
    fn warning(&self, text: &str) -> String {
        match self.form.json {
            true => format!("{}\n", json!({ "warning": text })),
            false => format!("{} {}\n", Style::Bold.paint("warning:", self.color), plain(text)),
        }
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
    fn what_is_to_be_entered_and_what_may_fail_later_is_told() {
        let told = |json: bool, event: Event<'_>| {
            let form = Form { json, quiet: true, verbose: false };
            Events::new(form, false).line(event)
        };
        let pad = Event::PinPad { token: "HSM 1", kind: signer_core::SecretKind::Pin };
        assert_eq!(told(false, pad).unwrap(), "pin-pad: the PIN has to be entered at HSM 1\n");
        let warning = Event::Warning { text: "slots move" };
        assert_eq!(told(false, warning).unwrap(), "warning: slots move\n");
        assert_eq!(told(true, warning).unwrap(), "{\"warning\":\"slots move\"}\n");
    }

    #[test]
    fn with_json_each_is_one_object() {
        for (line, event) in told(true, false).into_iter().zip(["touch", "insert", "waiting"]) {
            let object: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            assert_eq!(object, json!({ "event": event, "token": "YubiKey 1\u{1b}[2J" }));
        }
    }

    #[test]
    fn quiet_leaves_out_only_what_asks_for_nothing() {
        let said: Vec<bool> = told(false, true).iter().map(Option::is_some).collect();
        assert_eq!(said, [true, true, false]);
    }
}
