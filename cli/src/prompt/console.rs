//! Reading a secret from the console of a system without terminals.

use std::io::{self, Write};

use console::Term;
use signer_core::Secret;

/// Asks, and reads a line that is not shown.
///
/// # Errors
/// Whatever keeps the console from being used.
pub(super) fn read(question: &str) -> io::Result<Secret> {
    let mut console = Term::stderr();
    console.write_all(question.as_bytes())?;
    Ok(Secret::new(console.read_secure_line()?.into_bytes()))
}
