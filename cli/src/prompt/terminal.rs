//! Reading a secret from the terminal, straight to where it stays.
//!
//! The terminal is the whole program's, so its echo has to be switched on again however the program
//! ends: a shell that is left without one looks broken.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signer_core::Secret;

/// The longest line that a terminal gives at once, with its end (Linux `N_TTY_BUF_SIZE`). It is read
/// as a whole, so that the system keeps no rest of it for whoever reads next.
const LONGEST_LINE: usize = 4096;

/// Asks, and reads a line that is not shown.
///
/// # Errors
/// Whatever keeps the terminal from being used, and an end of input in place of a line.
pub(super) fn read(question: &str) -> io::Result<Secret> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let _quiet = Quiet::new(&terminal)?;
    // Only now: whoever types when he is asked is not shown.
    terminal.write_all(question.as_bytes())?;
    Secret::filled(LONGEST_LINE, |space| line(&mut terminal, space))
}

/// How many octets of `space` a line takes, without its end.
fn line(terminal: &mut File, space: &mut [u8]) -> io::Result<usize> {
    let mut used = 0;
    while let Some(rest) = space.get_mut(used..).filter(|rest| !rest.is_empty()) {
        let count = match terminal.read(rest) {
            Ok(0) if used == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let new = rest.get(..count).unwrap_or_default();
        if let Some(end) = new.iter().position(|octet| *octet == b'\n') {
            return Ok(used + end);
        }
        used += count;
    }
    Ok(used)
}

/// The terminal without echo, until this is dropped or [`give_back`] is called.
struct Quiet;

/// The terminal while a question is open.
struct Open {
    terminal: File,
    /// How it was before.
    before: Termios,
    /// How it is to be until there is an answer.
    quiet: Termios,
}

/// Whether a question is open, and whether there may be one.
struct Questions {
    open: Option<Open>,
    over: bool,
}

static QUESTIONS: Mutex<Questions> = Mutex::new(Questions { open: None, over: false });

impl Quiet {
    fn new(terminal: &File) -> io::Result<Self> {
        let mut questions = questions();
        while questions.over {
            drop(questions);
            // The program is being ended, and this ends with it.
            thread::park();
            questions = self::questions();
        }
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, or the next words would stand behind the question.
        quiet.local_modes.insert(LocalModes::ECHONL);
        let open = Open { terminal: terminal.try_clone()?, before, quiet };
        let open = questions.open.insert(open);
        let it = Self;
        // What was typed before anybody asked is thrown away: it was shown, and as a PIN it would cost a
        // try.
        let silenced = tcsetattr(terminal, OptionalActions::Flush, &open.quiet);
        drop(questions);
        silenced?;
        Ok(it)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        restore(&mut questions(), OptionalActions::Now);
    }
}

/// Gives the terminal back for good: the program is about to be ended by a signal, and asks nothing
/// any more.
pub(crate) fn give_back() {
    let mut questions = questions();
    questions.over = true;
    // What was typed of a secret must not become a command of the shell.
    restore(&mut questions, OptionalActions::Flush);
}

/// Hides again what is typed, if a question is open: a shell that had stopped the program has shown it
/// for itself, and leaves it so.
pub(crate) fn hide_again() {
    if let Some(Open { terminal, quiet, .. }) = &questions().open {
        // In the background the system stops the program here, until it is let to the front.
        let _ = tcsetattr(terminal, OptionalActions::Now, quiet);
    }
}

fn restore(questions: &mut Questions, how: OptionalActions) {
    if let Some(Open { terminal, before, .. }) = questions.open.take() {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(terminal, how, &before);
    }
}

fn questions() -> MutexGuard<'static, Questions> {
    QUESTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}
