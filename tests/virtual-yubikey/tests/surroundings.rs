//! What is around the card: state file, faults, log, reader and program.
#![cfg(test)]
#![cfg(unix)]

#[path = "surroundings/faults.rs"]
mod faults;
#[path = "surroundings/program.rs"]
mod program;
#[path = "surroundings/reader.rs"]
mod reader;
#[path = "surroundings/readme.rs"]
mod readme;
#[path = "surroundings/server.rs"]
mod server;
#[path = "surroundings/session.rs"]
mod session;
#[path = "surroundings/state_file.rs"]
mod state_file;
