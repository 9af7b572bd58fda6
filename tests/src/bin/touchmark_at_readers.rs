//! The `touchmark` program with the backends that it is shipped with. Only tests that have a pcscd of
//! their own run it: it would find the keys of whoever sits here.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), &cli::registry())
}
