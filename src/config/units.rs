//! Sizes, durations and numbers as they stand in `morelia.ini`.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// One second, the unit of a duration written as a plain number.
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// One day.
pub(super) const DAY: Duration = Duration::from_hours(24);
/// The longest duration taken: a hundred years, so that no sum of times can overflow.
pub(super) const CENTURY: Duration = Duration::from_hours(36_525 * 24);
/// Largest size of what lies on a disk: 1 PB.
pub(super) const MOST: u64 = 1024 * 1024 * GB as u64;

/// One kilobyte. It is 1024 bytes, as in the limits of the protocol, whether written KB or `KiB`.
pub(super) const KB: usize = 1024;
/// One megabyte, 1024 kilobytes.
pub(super) const MB: usize = 1024 * KB;
/// One gigabyte, 1024 megabytes.
pub(super) const GB: usize = 1024 * MB;

/// Reads a whole number within `range`.
pub(super) fn number<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            format!(
                "`{text}` is not a whole number from {} to {}",
                range.start(),
                range.end()
            )
        })
}

/// Reads a size such as `64KB`, `16 MB`, `1GiB` or `4096` (bytes) within `range`.
pub(super) fn size(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let range = *range.start() as u64..=*range.end() as u64;
    let bytes = disk_size(text, range)?;
    usize::try_from(bytes).map_err(|_| format!("`{text}` is more than this machine can hold"))
}

/// The same of what lies on a disk and not in memory.
pub(super) fn disk_size(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let (digits, unit) = split(text);
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "byte" | "bytes" => 1,
        "k" | "kb" | "kib" => KB as u64,
        "m" | "mb" | "mib" => MB as u64,
        "g" | "gb" | "gib" => GB as u64,
        _ => {
            return Err(format!(
                "`{text}` is not a size such as 64KB, 16MB or 4096 (bytes)"
            ));
        }
    };
    let bytes = digits
        .parse()
        .ok()
        .and_then(|count: u64| count.checked_mul(scale));
    bytes.filter(|bytes| range.contains(bytes)).ok_or_else(|| {
        let (low, high) = (show_disk_size(*range.start()), show_disk_size(*range.end()));
        format!("`{text}` is not a size from {low} to {high}, such as 64KB or 16MB")
    })
}

/// Writes a size in the largest unit that divides it.
pub(super) fn show_size(bytes: usize) -> String {
    show_disk_size(bytes as u64)
}

/// The same of what lies on a disk.
pub(super) fn show_disk_size(bytes: u64) -> String {
    for (scale, unit) in [(GB, "GB"), (MB, "MB"), (KB, "KB")] {
        let scale = scale as u64;
        if bytes >= scale && bytes.is_multiple_of(scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    bytes.to_string()
}

/// Reads a duration such as `30d`, `24h`, `5m`, `5s`, `250ms` or `5` (seconds) within `range`.
pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    duration_in(text, SECOND, range)
}

/// Reads a duration whose plain numbers count in `plain` (for a key where seconds make no sense).
pub(super) fn duration_in(
    text: &str,
    plain: Duration,
    range: RangeInclusive<Duration>,
) -> Result<Duration, String> {
    let (digits, unit) = split(text);
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" => plain,
        "ms" => Duration::from_millis(1),
        "s" | "sec" | "second" | "seconds" => SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hour" | "hours" => 3600 * SECOND,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        _ => {
            return Err(format!(
                "`{text}` is not a duration such as 30d, 24h, 5s or 250ms"
            ));
        }
    };
    let length = digits
        .parse()
        .ok()
        .and_then(|count| scale.checked_mul(count));
    length
        .filter(|length| range.contains(length))
        .ok_or_else(|| {
            let (low, high) = (show_duration(*range.start()), show_duration(*range.end()));
            format!("`{text}` is not a duration from {low} to {high}, such as 30d, 24h or 5s")
        })
}

/// Reads a duration where people think in days: a plain number, which would be seconds to the program
/// and days to whoever wrote it, is refused. `0` is `0` in any unit.
pub(super) fn age(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let (digits, unit) = split(text);
    if unit.is_empty() && digits.bytes().any(|digit| digit != b'0') {
        return Err(format!(
            "`{text}` has no unit: write {digits}d for days, or {digits}s for seconds"
        ));
    }
    duration(text, range)
}

/// Writes a duration in the largest unit that divides it; a single minute stays `60s`.
pub(super) fn show_duration(length: Duration) -> String {
    let millis = length.as_millis();
    for (scale, least, unit) in [
        (86_400_000, 1, "d"),
        (3_600_000, 1, "h"),
        (60_000, 2, "m"),
        (1000, 1, "s"),
    ] {
        if millis >= scale * least && millis.is_multiple_of(scale) {
            return format!("{}{unit}", millis / scale);
        }
    }
    if millis == 0 {
        "0".to_owned()
    } else {
        format!("{millis}ms")
    }
}

/// Splits `16 MB` into its digits and its unit.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (digits, unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANY_SIZE: RangeInclusive<usize> = 0..=usize::MAX;
    const ANY_DURATION: RangeInclusive<Duration> = Duration::ZERO..=CENTURY;

    #[test]
    fn sizes_are_in_steps_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1B", 1),
            ("64KB", 65_536),
            ("64kb", 65_536),
            ("64 KiB", 65_536),
            ("16MB", 16_777_216),
            ("1G", 1_073_741_824),
        ] {
            assert_eq!(size(text, ANY_SIZE), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, millis) in [
            ("0", 0),
            ("5", 5000),
            ("250ms", 250),
            ("5s", 5000),
            ("2m", 120_000),
            ("24h", 86_400_000),
            ("30d", 2_592_000_000),
            ("3 days", 259_200_000),
            ("1w", 604_800_000),
        ] {
            assert_eq!(
                duration(text, ANY_DURATION),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn an_age_has_a_unit() {
        assert_eq!(age("30d", ANY_DURATION), Ok(30 * DAY));
        assert_eq!(age("0", ANY_DURATION), Ok(Duration::ZERO));
        assert_eq!(
            age("30", ANY_DURATION),
            Err("`30` has no unit: write 30d for days, or 30s for seconds".to_owned())
        );
        assert!(age("", ANY_DURATION).is_err());
        assert!(age("00", ANY_DURATION).is_ok());
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in [
            "",
            "KB",
            "-1",
            "+1",
            "1.5MB",
            "1 KB MB",
            "64X",
            "99999999999999999999",
            "١KB",
        ] {
            assert!(size(text, ANY_SIZE).is_err(), "{text}");
            assert!(duration(text, ANY_DURATION).is_err(), "{text}");
        }
        assert!(size("99999999999999G", ANY_SIZE).is_err());
        assert!(duration("4294967295w", ANY_DURATION).is_err());
        assert!(number("65536", 0..=65_535_u32).is_err());
        assert!(size("1KB", 2 * KB..=MB).is_err());
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        let shown: Vec<String> = [0, 1500, 65_536, 10 * MB, 3 * GB]
            .into_iter()
            .map(show_size)
            .collect();
        assert_eq!(shown, ["0", "1500", "64KB", "10MB", "3GB"]);
        let shown: Vec<String> = [0, 250, 5000, 60_000, 120_000, 3_600_000, 86_400_000]
            .into_iter()
            .map(|millis| show_duration(Duration::from_millis(millis)))
            .collect();
        assert_eq!(shown, ["0", "250ms", "5s", "60s", "2m", "1h", "1d"]);
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in "\\PC*") {
            let _ = size(&text, ANY_SIZE);
            let _ = duration(&text, ANY_DURATION);
        }

        #[test]
        fn shown_sizes_read_back(bytes in any::<usize>()) {
            prop_assert_eq!(size(&show_size(bytes), ANY_SIZE), Ok(bytes));
        }

        #[test]
        fn shown_durations_read_back(seconds in 0..3_000_000_000_u64, millis in any::<u32>()) {
            for length in [Duration::from_secs(seconds), Duration::from_millis(millis.into())] {
                prop_assert_eq!(duration(&show_duration(length), ANY_DURATION), Ok(length));
            }
        }
    }
}
