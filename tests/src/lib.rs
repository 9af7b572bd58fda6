//! What the tests share: fixtures, many devices at once, forged requests, and what is fuzzed.

pub mod counting;
pub mod fleet;
pub mod forge;
pub mod fuzz;
pub mod judgement;
pub mod line;
