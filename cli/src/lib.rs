//! The `touchmark` program as a library: arguments in, library calls, text out.
//!
//! It has no logic of its own. What can be done is in the other crates; here it is decided who is
//! asked, what is printed where, and which exit code stands for what.
//!
//! # Example
//!
//! ```
//! // Prints the version and says so in the exit code; nothing panics, nothing exits the process.
//! let code = cli::run(["touchmark", "--version"].map(Into::into), &cli::registry());
//! assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
//! ```

mod args;
mod atomic;
mod backends;
mod command;
mod context;
mod custodian;
mod error;
mod exit;
mod hardening;
mod hint;
mod identity;
mod input;
mod interruption;
mod isolation;
mod journal;
mod prompt;
mod render;
mod settings;
mod signers;

use std::ffi::OsString;
use std::process::ExitCode;

use signer_core::Registry;

pub use backends::registry;
pub use exit::Exit;

use context::Context;
use render::Output;

/// Runs the program once: `arguments` as the system gave them (the program's name first), with the
/// backends of `registry`.
///
/// Nothing is returned but the exit code; see [`Exit`] for what each means. Data goes to standard
/// output, everything else to standard error.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>, registry: &Registry) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = match args::parse(&arguments) {
        Ok(parsed) => parsed,
        Err(stop) => return stop.report().into(),
    };
    let output = Output::new(&parsed.global);
    let context = Context::new(parsed.global, registry, output);
    let isolated = isolation::Isolated::entered();
    if isolated.is_none()
        && let Err(error) = isolation::enter(&context, &arguments)
    {
        context.output.warn(&format!("no module can have a process of its own: {error}"));
    }
    if let Err(error) = hardening::keep_memory_private() {
        context.output.warn(&format!("this process could not be kept out of core dumps: {error}"));
    }
    let exit = interruption::watched(registry, || {
        command::run(&parsed.command, &context)
            .unwrap_or_else(|failure| context.output.failure(&failure))
    });
    if signer_core::memory_was_not_locked() {
        context.output.note(
            "the system locked no memory for secrets (`ulimit -l`), so they may have been swapped out",
        );
    }
    context.output.finish(exit).into()
}
