//! What the tests share: fixtures, many devices at once, forged requests, and what is fuzzed.

pub mod conformance;
pub mod counting;
pub mod drawer;
pub mod faults;
pub mod fleet;
pub mod forge;
pub mod fuzz;
pub mod judgement;
pub mod line;
pub mod modules;
pub mod mutate;
pub mod program;
pub mod swtpm;

/// How many times as much as usual the long tests do: `TOUCHMARK_SOAK`, else 1.
#[must_use]
pub fn soak() -> usize {
    std::env::var("TOUCHMARK_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

/// The same for tests whose cost grows faster than that, or that say all they can at some size.
#[must_use]
pub fn soak_up_to(most: usize) -> usize {
    soak().min(most)
}
