//! The only place that prints.
//!
//! Data goes to standard output, everything else to standard error. With `--json` every line of
//! either is one JSON object: data as its command documents it, `{"note": …}`, `{"warning": …}`,
//! `{"event": "touch", "insert", "pin-pad" or "waiting", "token": …}`, and
//! `{"error": {"what": …, "cause": …, "hint": …, "exit": N}}`.

mod events;
mod progress;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Display};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use signer_core::Interaction;

use crate::args::{Color, Global};
use crate::error::{Error, Failure, Result};
use crate::exit::Exit;

pub(crate) use progress::Progress;

use events::Events;

/// Where a command's words go, and in which form.
#[derive(Debug)]
pub(crate) struct Output {
    form: Form,
    stdout: RefCell<BufWriter<Stdout>>,
    events: Arc<Events>,
    stderr_color: bool,
    stdout_color: bool,
}

/// How much is said, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    json: bool,
    quiet: bool,
    verbose: bool,
}

/// How one check of several came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// Worth looking at.
    Warn,
    /// Not as it should be.
    Fail,
}

impl Output {
    /// The output that the global flags ask for.
    pub(crate) fn new(global: &Global) -> Self {
        let form = Form { json: global.json, quiet: global.quiet, verbose: global.verbose };
        Self {
            form,
            events: Arc::new(Events::new(form, global.color.paints(&io::stderr()))),
            stdout: RefCell::new(BufWriter::with_capacity(64 * 1024, io::stdout())),
            stderr_color: global.color.paints(&io::stderr()),
            stdout_color: global.color.paints(&io::stdout()),
        }
    }

    /// Whether data is printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.form.json
    }

    /// Shows one piece of data: its JSON on one line, or its text.
    pub(crate) fn show<T: Serialize + Display>(&self, data: &T) -> Result<()> {
        if self.form.json { self.object(data) } else { self.text(data) }
    }

    /// Prints one JSON object on a line of its own.
    pub(crate) fn object<T: Serialize>(&self, data: &T) -> Result<()> {
        let mut line = serde_json::to_vec(data).map_err(|e| Error::Output { source: e.into() })?;
        line.push(b'\n');
        self.bytes(&line)
    }

    /// Prints text that ends where a line ends. Control characters in it are made visible.
    pub(crate) fn text(&self, text: &impl Display) -> Result<()> {
        let mut text = escape(&text.to_string(), Keep::Lines).into_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.bytes(text.as_bytes())
    }

    /// Prints octets as they are.
    pub(crate) fn bytes(&self, octets: &[u8]) -> Result<()> {
        self.stdout.borrow_mut().write_all(octets).map_err(|source| Error::Output { source })
    }

    /// Gives the stream itself to whoever writes much.
    pub(crate) fn stream<T>(&self, write: impl FnOnce(&mut dyn Write) -> T) -> T {
        write(&mut *self.stdout.borrow_mut())
    }

    /// Says something that is worth knowing and no data.
    pub(crate) fn note(&self, text: &str) {
        if !self.form.quiet {
            self.aside("note", Style::Plain, text);
        }
    }

    /// Says something that only `--verbose` asks for.
    pub(crate) fn detail(&self, text: &str) {
        if self.form.verbose {
            self.aside("note", Style::Plain, text);
        }
    }

    /// Says something that should not be missed, even with `--quiet`.
    pub(crate) fn warn(&self, text: &str) {
        self.aside("warning", Style::Yellow, text);
    }

    /// A bar for long work: on a terminal, and only where words for people are wanted.
    pub(crate) fn progress(&self, length: u64) -> Progress {
        if self.form.json || self.form.quiet || !io::stderr().is_terminal() {
            return Progress::hidden();
        }
        let progress = Progress::shown(length);
        self.events.keep_clear_of(&progress);
        progress
    }

    /// Who is told of touches and waits.
    pub(crate) fn events(&self) -> Arc<dyn Interaction> {
        Arc::clone(&self.events) as Arc<dyn Interaction>
    }

    /// Prints one line of a list of checks.
    pub(crate) fn verdict(&self, verdict: Verdict, text: &str) -> Result<()> {
        let (word, style) = match verdict {
            Verdict::Ok => ("ok  ", Style::Green),
            Verdict::Warn => ("warn", Style::Yellow),
            Verdict::Fail => ("fail", Style::Red),
        };
        let word = style.paint(word, self.stdout_color);
        self.bytes(format!("{word}  {}\n", plain(text)).as_bytes())
    }

    /// Tells of a failure, and gives the exit code for it.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        if failure.unread {
            // The reader left, as `head` does; there is nobody to complain to.
            return Exit::Ok;
        }
        // What came before it was said before it.
        let _ = self.stdout.borrow_mut().flush();
        tell(failure, self.form.json, self.stderr_color);
        failure.exit
    }

    /// Ends the output: whatever could not be delivered turns success into failure.
    pub(crate) fn finish(&self, exit: Exit) -> Exit {
        match self.stdout.borrow_mut().flush() {
            Err(source) if exit == Exit::Ok => {
                let failure = Failure::new("could not finish", &Error::Output { source });
                if failure.unread {
                    return Exit::Ok;
                }
                tell(&failure, self.form.json, self.stderr_color);
                failure.exit
            }
            _ => exit,
        }
    }

    fn aside(&self, kind: &str, style: Style, text: &str) {
        let line = if self.form.json {
            format!("{}\n", json!({ kind: text }))
        } else {
            format!("{} {}\n", style.paint(&format!("{kind}:"), self.stderr_color), plain(text))
        };
        // Standard error is the last resort; there is nowhere to say that it failed.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// A failure as JSON, its members in this order.
#[derive(Serialize)]
struct Wrapped<'a> {
    error: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    what: &'a str,
    cause: &'a str,
    hint: &'a str,
    exit: u8,
}

/// Tells of a failure before there is an [`Output`].
pub(crate) fn tell(failure: &Failure, json: bool, color: bool) {
    let text = if json {
        let Failure { what, cause, hint, exit, .. } = failure;
        let told = Told { what, cause, hint, exit: *exit as u8 };
        let told = Wrapped { error: told };
        format!("{}\n", serde_json::to_string(&told).unwrap_or_default())
    } else {
        format!(
            "{} {}\n{} {}\n{} {}\n",
            Style::Red.paint("error:", color),
            plain(&failure.what),
            Style::Bold.paint("cause:", color),
            plain(&failure.cause),
            Style::Green.paint("hint:", color),
            plain(&failure.hint),
        )
    };
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints what clap has to say (help, version) before there is an [`Output`].
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Text from outside on one line: control characters, line ends among them, are made visible.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    escape(text, Keep::Nothing)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Lines,
    Nothing,
}

/// Characters that move the cursor, change colours or turn the direction of writing could make one
/// thing look like another.
fn escape(text: &str, keep: Keep) -> Cow<'_, str> {
    let harmful = |c: char| {
        (c.is_control() && !(keep == Keep::Lines && matches!(c, '\n' | '\t')))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.chars().any(harmful) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| match c {
        c if harmful(c) => c.escape_default().to_string(),
        c => c.to_string(),
    };
    Cow::Owned(text.chars().map(escaped).collect())
}

#[derive(Clone, Copy, Debug)]
enum Style {
    Plain,
    Bold,
    Red,
    Green,
    Yellow,
}

impl Style {
    fn paint(self, text: &str, color: bool) -> Cow<'_, str> {
        let code = match self {
            _ if !color => return Cow::Borrowed(text),
            Self::Plain => return Cow::Borrowed(text),
            Self::Bold => "1",
            Self::Red => "1;31",
            Self::Green => "1;32",
            Self::Yellow => "1;33",
        };
        Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m"))
    }
}

impl Color {
    /// Whether to paint on this stream.
    pub(crate) fn paints(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                stream.is_terminal() && !set("NO_COLOR") && !dumb
            }
        }
    }
}

/// Columns of text, each as wide as its widest cell; the last is left as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row; text from outside is made harmless.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.iter().map(|cell| plain(cell).into_owned()).collect());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_a_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\\n\\u{202e}c");
        assert_eq!(plain("Zürich №7"), "Zürich №7");
        assert_eq!(escape("a\n\tb\r", Keep::Lines), "a\n\tb\\r");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["KEY", "KIND"]);
        table.row(["slot 9c", "p256"]);
        assert_eq!(table.to_string(), "KEY      KIND\nslot 9c  p256\n");
    }
}
