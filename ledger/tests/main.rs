//! The ledger through its public face, one file per concern.

mod chain;
mod clock;
mod common;
mod export;
mod faults;
mod lifecycle;
mod model;
mod opening;
mod owners;
mod processes;
mod reading;
mod tamper;
mod worker;
