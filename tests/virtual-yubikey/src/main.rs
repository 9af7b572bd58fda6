//! The `virtual-yubikey` program.

#[cfg(unix)]
mod program;

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    program::main()
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::FAILURE
}
