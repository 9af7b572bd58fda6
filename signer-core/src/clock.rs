//! Time as a parameter, so that tests are repeatable to the byte.

use std::fmt::Debug;
use std::time::SystemTime;

/// Where the present time comes from.
pub trait Clock: Debug + Send + Sync {
    /// The present time (UTC).
    fn now(&self) -> SystemTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that stands still at the given time.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub SystemTime);

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}
