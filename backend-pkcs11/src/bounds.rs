//! How long a module may take.

use std::time::Duration;

/// How long a module may take before it counts as hung. What hangs cannot be stopped: the call is
/// given up, and nothing more is asked of that module in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Any call that no other bound is for.
    pub call: Duration,
    /// Making a key pair: RSA on a card takes minutes.
    pub generation: Duration,
    /// A secret that a person enters at the token itself.
    pub pin_pad: Duration,
    /// Waiting for one of the sessions that this process already has.
    pub session: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            generation: Duration::from_secs(300),
            pin_pad: Duration::from_secs(120),
            session: Duration::from_secs(60),
        }
    }
}
