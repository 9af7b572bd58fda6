//! What two readings of a counter, one after the other, prove.

use crate::{PinStatus, Tries};

/// A status word 63Cx has four bits for the counter: 15 means 15 or more.
const MOST_IN_A_STATUS_WORD: u8 = 15;

/// The counter after one wrong try more, as far as this reading tells.
pub(super) fn after_one_more(before: &PinStatus) -> Tries {
    match before.tries.count() {
        // It may stand at 15 after that, too.
        Some(MOST_IN_A_STATUS_WORD) if before.total.is_none() => before.tries,
        Some(count) => Tries::left(count.saturating_sub(1)),
        None => before.tries,
    }
}

/// The counter after a wrong try: what the token said, or what follows from the reading before it
/// where that says more.
pub(super) fn after_wrong(before: &PinStatus, said: Tries) -> Tries {
    let reckoned = after_one_more(before);
    match (said.count(), reckoned.count()) {
        (None, _) if said == Tries::Unknown => reckoned,
        // Metadata has more bits than the status word; with the smaller of the two, the next reading
        // would look like a success.
        (Some(said), Some(reckoned)) if said >= MOST_IN_A_STATUS_WORD => {
            Tries::left(said.max(reckoned))
        }
        _ => said,
    }
}

/// Whether the right secret was used (or the counter restored) since it stood at `after`, or
/// nothing was spent in the first place.
pub(super) fn shows_success(after: Tries, now: &PinStatus) -> bool {
    match (after, now.tries) {
        // PKCS#11: the flag is taken away by the right PIN alone. A token that never had it shows
        // nothing by not having it.
        (Tries::Low, Tries::Unknown) | (Tries::Last | Tries::Blocked, Tries::Low) => true,
        (after, now) => match (after.count(), now.count()) {
            (Some(after), Some(now)) => now > after,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(tries: Tries, total: Option<u8>) -> PinStatus {
        PinStatus { tries, total, is_default: None }
    }

    #[test]
    fn a_counter_that_went_up_shows_success_and_no_other_does() {
        for (after, now, success) in [
            (Tries::left(2), Tries::left(3), true),
            (Tries::left(2), Tries::left(2), false),
            (Tries::left(2), Tries::left(1), false),
            (Tries::Blocked, Tries::left(1), true),
            (Tries::left(2), Tries::Unknown, false),
            (Tries::Unknown, Tries::Unknown, false),
            (Tries::Unknown, Tries::left(3), false),
            (Tries::Low, Tries::Unknown, true),
            (Tries::Low, Tries::Low, false),
            (Tries::Low, Tries::Last, false),
            (Tries::Last, Tries::Low, true),
            (Tries::Last, Tries::Unknown, false),
        ] {
            assert_eq!(shows_success(after, &status(now, None)), success, "{after:?}, {now:?}");
        }
    }

    #[test]
    fn a_counter_of_more_than_fifteen_never_looks_like_a_success() {
        // Metadata says 20, the status word after a wrong PIN says 15, metadata then says 19.
        let after = after_wrong(&status(Tries::left(20), Some(20)), Tries::left(15));
        assert_eq!(after, Tries::left(19));
        assert!(!shows_success(after, &status(Tries::left(19), Some(20))));
        // Without metadata it reads 15 all the time.
        let before = status(Tries::left(15), None);
        assert!(!shows_success(after_one_more(&before), &before));
        assert!(!shows_success(after_wrong(&before, Tries::left(15)), &before));
    }

    #[test]
    fn what_a_token_says_counts_and_silence_counts_as_spent() {
        let before = status(Tries::left(3), Some(3));
        assert_eq!(after_one_more(&before), Tries::left(2));
        assert_eq!(after_wrong(&before, Tries::left(1)), Tries::Last);
        assert_eq!(after_wrong(&before, Tries::Unknown), Tries::left(2));
        assert_eq!(after_wrong(&status(Tries::Unknown, None), Tries::Low), Tries::Low);
        assert_eq!(after_one_more(&status(Tries::Last, None)), Tries::Blocked);
    }
}
