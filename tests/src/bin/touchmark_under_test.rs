//! The `touchmark` program as the command-line cases run it: the same `run()`, and a place to
//! register backends that only tests have.
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), &cli::registry())
}
