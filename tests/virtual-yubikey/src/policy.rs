//! What a key asks for before it is used, and where it came from.

use serde::{Deserialize, Serialize};

/// When a key wants the PIN. Values as on the wire (tag AA).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PinPolicy {
    /// Never.
    Never = 1,
    /// Once after the applet was selected or the card reset.
    Once = 2,
    /// In the command just before each use.
    Always = 3,
}

/// When a key wants a touch. Values as on the wire (tag AB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TouchPolicy {
    /// Never.
    Never = 1,
    /// At each use.
    Always = 2,
    /// At a use, unless one was given in the last 15 seconds.
    Cached = 3,
}

/// Where a key came from. Values as in metadata (tag 03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// Made on the card.
    Generated = 1,
    /// Brought to the card.
    Imported = 2,
}
