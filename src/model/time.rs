//! Points in time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that is ahead of the elapsed time by more than this is not trusted. A machine that was off for
/// less sets its clock after the restart.
const MAX_JUMP: Duration = Duration::from_hours(400 * 24);

/// 1 November 2026: this program is not older, so a clock that shows an earlier time is not set.
const WRITTEN: Timestamp = Timestamp(1_793_491_200_000);

/// When the clock was last trusted.
static BELIEVED: Mutex<Option<(Timestamp, Instant)>> = Mutex::new(None);

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Milliseconds since 1970 (UTC) by the wall clock, which may jump: use it as data, never for ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The beginning of 1970.
    pub const EPOCH: Self = Self(0);

    /// Returns the present time, as far as the clock can be trusted: while the program runs, the clock
    /// may go back, even to 1970, but not more than 400 days ahead of the elapsed time.
    #[must_use]
    pub fn now() -> Self {
        let (clock, at) = (Self::by_the_clock(), Instant::now());
        let mut believed = BELIEVED.lock().unwrap_or_else(PoisonError::into_inner);
        let now = bounded(clock, at, *believed);
        if now == clock && clock >= WRITTEN {
            *believed = Some((clock, at));
        }
        now
    }

    /// Returns whether this can be the present time, given the age of this program.
    #[must_use]
    pub fn can_be_now(self) -> bool {
        self >= WRITTEN
    }

    /// Returns the latest time that a past event can have, if `self` is the present time: the present
    /// time, or, if the clock cannot be right, the latest plausible time.
    #[must_use]
    pub fn end_of_past(self) -> Self {
        if self.can_be_now() {
            self
        } else {
            WRITTEN.after(MAX_JUMP)
        }
    }

    /// Returns the time of the clock, right or wrong; a time before 1970 counts as 1970.
    #[must_use]
    pub fn by_the_clock() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Returns the beginning of a Unix second, limited to the range of milliseconds.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Returns the Unix second that contains this time.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the time that is later by a duration.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Returns the time that is earlier by a duration.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Formats the time as `2026-11-22 17:45:03`, UTC; a time before 1970 counts as 1970.
    #[must_use]
    pub fn date_time(self) -> String {
        let seconds = u64::try_from(self.seconds()).unwrap_or(0);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Howard Hinnant's `civil_from_days` for days since 1970; its years begin in March.
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }

    /// Formats the time for HTTP headers: `Fri, 27 Nov 2026 04:40:40 GMT`.
    ///
    /// Source: RFC 9110, 5.6.7.
    #[must_use]
    pub fn http_date(self) -> String {
        const FORMAT: &[BorrowedFormatItem<'_>] = format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        let time = OffsetDateTime::from_unix_timestamp(self.seconds());
        time.ok()
            .and_then(|time| time.format(FORMAT).ok())
            .unwrap_or_default()
    }
}

/// Returns the time of the clock, or, if it cannot be trusted, the last trusted time plus the elapsed time.
fn bounded(clock: Timestamp, at: Instant, believed: Option<(Timestamp, Instant)>) -> Timestamp {
    let Some((time, since)) = believed else {
        return clock;
    };
    let expected = time.after(at.saturating_duration_since(since));
    if clock > expected.after(MAX_JUMP) {
        expected
    } else {
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_far_ahead_is_not_believed_and_a_corrected_one_is() {
        let (start, right) = (Instant::now(), WRITTEN.after(MAX_JUMP));
        let hour = Duration::from_hours(1);
        let later = start + hour;
        for (clock, believed, now) in [
            // The first reading is always trusted.
            (right.after(MAX_JUMP * 14), None, right.after(MAX_JUMP * 14)),
            (
                right.after(MAX_JUMP),
                Some((right, start)),
                right.after(MAX_JUMP),
            ),
            (
                right.after(MAX_JUMP * 14),
                Some((right, start)),
                right.after(hour),
            ),
            (right.before(hour), Some((right, start)), right.before(hour)),
            (Timestamp(5), Some((right, start)), Timestamp(5)),
        ] {
            assert_eq!(bounded(clock, later, believed), now, "{clock:?}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (-5, "1970-01-01 00:00:00"),
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_164_800, "2024-02-29 00:00:00"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (4_102_444_800, "2100-01-01 00:00:00"),
        ] {
            assert_eq!(Timestamp::from_seconds(seconds).date_time(), text);
        }
    }

    #[test]
    fn headers_tell_times_by_weekday() {
        let time = Timestamp::from_seconds(1_795_754_440);
        assert_eq!(time.http_date(), "Fri, 27 Nov 2026 04:40:40 GMT");
    }
}
