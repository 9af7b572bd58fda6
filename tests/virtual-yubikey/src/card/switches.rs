//! What is not known for sure of the hardware, or differs from key to key.

use crate::model::Facts;

/// Behaviour that a test may choose; a new card has that of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switches {
    /// What the try that blocks the PIN or PUK answers.
    pub last_try: BlockedAnswer,
    /// What an empty VERIFY answers when the PIN is blocked.
    pub blocked_status: BlockedAnswer,
    /// What a SELECT of PIV does to the PIN and management-key state when PIV is selected already.
    pub select_again: SelectAgain,
    /// Whether PINs and PUKs that anybody would guess are refused.
    pub complexity: bool,
    /// Octets that all data objects together may have.
    pub memory: usize,
}

/// How a card says that no tries are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockedAnswer {
    /// 63C0: wrong, and no tries left.
    NoTriesLeft,
    /// 6983: blocked.
    Blocked,
}

/// What a SELECT of the selected applet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectAgain {
    /// Nothing, as on a YubiKey 5.
    KeepsState,
    /// The PIN and the management key have to be shown again.
    DropsState,
}

impl Switches {
    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            last_try: facts.last_try,
            blocked_status: BlockedAnswer::NoTriesLeft,
            select_again: SelectAgain::KeepsState,
            complexity: facts.complexity,
            memory: facts.memory,
        }
    }
}
