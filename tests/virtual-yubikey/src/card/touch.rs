//! The finger on the card, and the clock it goes by.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::TouchPolicy;

/// How long a touch lasts for keys with the policy "cached".
const CACHED: Duration = Duration::from_secs(15);

/// What happens when the card blinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Somebody touches it, this long after it began to blink.
    After(Duration),
    /// Nobody does.
    Never,
}

/// Who sits in front of the card: what happens at each time that it wants a touch.
#[derive(Clone, Debug)]
pub struct Finger {
    script: VecDeque<Touch>,
    then: Touch,
}

impl Finger {
    /// The same each time.
    pub fn always(touch: Touch) -> Self {
        Self::script([], touch)
    }

    /// These one after another, and `then` whenever they are used up.
    pub fn script(touches: impl IntoIterator<Item = Touch>, then: Touch) -> Self {
        Self { script: touches.into_iter().collect(), then }
    }

    fn next(&mut self) -> Touch {
        self.script.pop_front().unwrap_or(self.then)
    }
}

/// A finger that touches at once.
impl Default for Finger {
    fn default() -> Self {
        Self::always(Touch::After(Duration::ZERO))
    }
}

/// What time it is for the card. Clones share one time.
#[derive(Clone, Debug)]
pub struct Clock(Time);

#[derive(Clone, Debug)]
enum Time {
    Driven(Arc<AtomicU64>),
    Real(Instant),
}

impl Clock {
    /// A clock that stands still but for [`Clock::pass`]; waiting costs no time.
    pub fn driven() -> Self {
        Self(Time::Driven(Arc::default()))
    }

    /// The clock on the wall; waiting takes as long as it says.
    pub fn real() -> Self {
        Self(Time::Real(Instant::now()))
    }

    /// Since the clock was made.
    pub fn now(&self) -> Duration {
        match &self.0 {
            Time::Driven(nanoseconds) => Duration::from_nanos(nanoseconds.load(Ordering::SeqCst)),
            Time::Real(start) => start.elapsed(),
        }
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        match &self.0 {
            Time::Driven(nanoseconds) => {
                let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                nanoseconds.fetch_add(time, Ordering::SeqCst);
            }
            Time::Real(_) => thread::sleep(time),
        }
    }
}

/// The contact on the card.
#[derive(Debug)]
pub(super) struct Contact {
    pub(super) finger: Finger,
    pub(super) clock: Clock,
    /// How often the card blinked.
    pub(super) asked: u64,
    touched: Option<Duration>,
}

impl Contact {
    pub(super) fn new() -> Self {
        Self { finger: Finger::default(), clock: Clock::driven(), asked: 0, touched: None }
    }

    /// Asks for a touch where the policy wants one; whether the key may be used.
    pub(super) fn allows(&mut self, policy: TouchPolicy, time_out: Duration) -> bool {
        let now = self.clock.now();
        let fresh = self.touched.is_some_and(|then| now.saturating_sub(then) < CACHED);
        match policy {
            TouchPolicy::Never => true,
            TouchPolicy::Cached if fresh => true,
            TouchPolicy::Always | TouchPolicy::Cached => self.ask(time_out),
        }
    }

    /// Forgets the last touch.
    pub(super) fn forget(&mut self) {
        self.touched = None;
    }

    fn ask(&mut self, time_out: Duration) -> bool {
        self.asked += 1;
        match self.finger.next() {
            Touch::After(wait) if wait < time_out => {
                self.clock.pass(wait);
                self.touched = Some(self.clock.now());
                true
            }
            Touch::After(_) | Touch::Never => {
                self.clock.pass(time_out);
                false
            }
        }
    }
}
