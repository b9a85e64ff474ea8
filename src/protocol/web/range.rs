//! The header `Range`: which part of a file is requested (RFC 9110 section 14).

/// One range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// From the first to the last of these positions, both included; to the end if there is no last one.
    From(u64, Option<u64>),
    /// This many bytes at the end.
    Last(u64),
}

/// The range has no bytes in the file: 416.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are no such bytes")]
pub struct Unsatisfiable;

impl Range {
    /// Reads the value of the header. Units other than bytes, several ranges and invalid values
    /// count as no range.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (unit, range) = text.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = range.trim().split_once('-')?;
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self::Last(number(last)?)),
            (false, true) => Some(Self::From(number(first)?, None)),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// Returns the positions of the range in `length` bytes, the last one not included.
    ///
    /// # Errors
    /// [`Unsatisfiable`].
    pub fn of(self, length: u64) -> Result<std::ops::Range<u64>, Unsatisfiable> {
        let (start, end) = match self {
            Self::From(first, last) => (first, last.map_or(length, |last| last.saturating_add(1))),
            Self::Last(count) => (length.saturating_sub(count), length),
        };
        let end = end.min(length);
        if start < end {
            Ok(start..end)
        } else {
            Err(Unsatisfiable)
        }
    }
}

/// Reads digits and nothing else: `parse` would accept a plus sign.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_all_else_ignored() {
        let cases = [
            ("bytes=0-499", Some(Range::From(0, Some(499)))),
            ("bytes=500-", Some(Range::From(500, None))),
            ("Bytes=-500", Some(Range::Last(500))),
            ("bytes=0-0", Some(Range::From(0, Some(0)))),
            ("bytes=0-1,5-6", None),
            ("bytes=5-4", None),
            ("bytes=-", None),
            ("bytes=", None),
            ("bytes", None),
            ("bytes=+1-2", None),
            ("bytes=a-b", None),
            ("bytes=1--2", None),
            ("lines=0-1", None),
            ("bytes=99999999999999999999-", None),
            ("", None),
        ];
        for (text, range) in cases {
            assert_eq!(Range::read(text), range, "{text}");
        }
    }

    #[test]
    fn range_ends_where_the_bytes_end() {
        let cases = [
            (Range::From(0, Some(499)), 1000, Ok(0..500)),
            (Range::From(500, Some(5000)), 1000, Ok(500..1000)),
            (Range::From(999, None), 1000, Ok(999..1000)),
            (Range::From(1000, None), 1000, Err(Unsatisfiable)),
            (Range::From(0, None), 0, Err(Unsatisfiable)),
            (Range::From(0, Some(u64::MAX)), 1000, Ok(0..1000)),
            (Range::Last(500), 1000, Ok(500..1000)),
            (Range::Last(5000), 1000, Ok(0..1000)),
            (Range::Last(0), 1000, Err(Unsatisfiable)),
            (Range::Last(1), 0, Err(Unsatisfiable)),
        ];
        for (range, length, part) in cases {
            assert_eq!(range.of(length), part, "{range:?} of {length}");
        }
    }
}
