//! The ledger through its public face, one file per concern.

#![cfg(test)]

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
