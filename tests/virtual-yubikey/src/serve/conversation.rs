//! What reader and card say to each other.

use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::frames::Frames;
use crate::Device;

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The reader closed the link.
    ReaderGone,
    /// The token was pulled, or a fault did that.
    Pulled,
}

/// Serves one reader until one of the two has enough. `wait` is called for answers that are late.
pub(super) fn converse<L: Read + Write>(
    link: L,
    device: &Mutex<Device>,
    wait: impl Fn(Duration),
) -> io::Result<End> {
    let device =
        || -> MutexGuard<'_, Device> { device.lock().unwrap_or_else(PoisonError::into_inner) };
    let mut frames = Frames::new(link);
    while let Some(body) = frames.next()? {
        match body[..] {
            // Off, on, reset: each leaves a card that has just got its power.
            [0..=2] => device().power_cycle(),
            [4] => {
                let answer_to_reset = device().card().atr();
                frames.send(answer_to_reset)?;
            }
            [_] => {}
            _ => {
                let reply = device().execute(&body);
                if !reply.delay.is_zero() {
                    wait(reply.delay);
                }
                match reply.answer {
                    Some(answer) => frames.send(&answer)?,
                    None => return Ok(End::Pulled),
                }
            }
        }
    }
    Ok(End::ReaderGone)
}
