//! Conformance suite, command-line cases and foreign judges.

pub mod fuzz;
