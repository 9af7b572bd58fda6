//! What the tests share: fixtures, many devices at once, and what is fuzzed.

pub mod fleet;
pub mod fuzz;
