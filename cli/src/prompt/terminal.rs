//! Reading a secret from the terminal, straight to where it stays.
//!
//! The terminal is the whole program's, so its echo has to be switched on again however the program
//! ends: a shell that is left without one looks broken.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};

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

/// The terminal without echo, until this is dropped or [`restore`] is called.
struct Quiet;

/// How the terminal was before.
static BEFORE: Mutex<Option<(File, Termios)>> = Mutex::new(None);

impl Quiet {
    fn new(terminal: &File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, or the next words would stand behind the question.
        quiet.local_modes.insert(LocalModes::ECHONL);
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((terminal.try_clone()?, before));
        let it = Self;
        // What was typed before anybody asked is thrown away: it was shown, and as a PIN it would cost a
        // try.
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(it)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        restore();
    }
}

/// Shows again what is typed, if a question had that switched off: for who ends the program.
pub(crate) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((terminal, before)) = before {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(terminal, OptionalActions::Now, &before);
    }
}
