//! The time of an entry.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::StaticFormatDescription,
    macros::{datetime, format_description},
};

use crate::Error;

const FORM: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A moment in UTC, in whole milliseconds from 1970 to the end of the year 9999.
///
/// It has one spelling, the RFC 3339 form `2026-11-22T07:19:56.000Z`, and no other is read.
///
/// ```
/// let time: ledger::Timestamp = "2026-11-22T07:19:56.123Z".parse().unwrap();
/// assert_eq!(time.to_string(), "2026-11-22T07:19:56.123Z");
/// assert_eq!(time.as_millis(), 1_795_331_996_123);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub(crate) const EPOCH: Self = Self(0);

    const LAST: i64 = datetime!(9999-12-31 23:59:59 UTC).unix_timestamp() * 1000 + 999;

    /// Takes milliseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`Error::ClockRange`] before 1970 and after 9999.
    pub fn from_millis(millis: i64) -> Result<Self, Error> {
        if (0..=Self::LAST).contains(&millis) { Ok(Self(millis)) } else { Err(Error::ClockRange) }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How far this moment lies behind `other`; zero when it does not.
    pub(crate) fn behind(self, other: Self) -> Duration {
        Duration::from_millis(u64::try_from(other.0 - self.0).unwrap_or(0))
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    fn try_from(time: SystemTime) -> Result<Self, Error> {
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| Error::ClockRange)?;
        Self::from_millis(i64::try_from(since.as_millis()).map_err(|_| Error::ClockRange)?)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        // Never negative, by construction.
        UNIX_EPOCH + Duration::from_millis(time.0.unsigned_abs())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .map_err(|_| fmt::Error)?;
        f.pad(&time.format(FORM).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadTime { text: text.to_owned() };
        let time = PrimitiveDateTime::parse(text, FORM).map_err(|_| bad())?.assume_utc();
        let millis = time.unix_timestamp_nanos() / 1_000_000;
        Self::from_millis(i64::try_from(millis).map_err(|_| bad())?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_range_go_there_and_back() {
        for text in ["1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert!(matches!(Timestamp::from_millis(-1), Err(Error::ClockRange)));
        assert!(matches!(Timestamp::from_millis(Timestamp::LAST + 1), Err(Error::ClockRange)));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T07:19:56Z",
            "2026-11-22T07:19:56.123",
            "2026-11-22T07:19:56.123+00:00",
            "2026-11-22 07:19:56.123Z",
            "2026-02-30T07:19:56.123Z",
        ] {
            assert!(matches!(text.parse::<Timestamp>(), Err(Error::BadTime { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_system_time_keeps_its_milliseconds() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_331_996_123);
        assert_eq!(SystemTime::from(Timestamp::try_from(time).unwrap()), time);
        assert!(Timestamp::try_from(UNIX_EPOCH - Duration::from_secs(1)).is_err());
    }
}
