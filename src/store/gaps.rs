//! Positions that this file skips because a file that it replaced may have assigned them.
//!
//! Followers keep a position. After a restore, changes after the copy's end are not in this file, so
//! positions continue above all that the replaced file has assigned, and those in between are recorded:
//! a follower that comes with one of them has data from another file.

use rusqlite::{Connection, named_params};

use super::error::StoreError;
use super::log;
use super::properties;
use super::tx::View;
use crate::model::Position;

/// The property that lists the gaps: `after-until`, separated by blanks, oldest first.
const GAPS: &str = "position_gaps";

/// The maximum number of separate gaps. If there are more, the oldest are merged, which is safe:
/// a follower from in between reads everything again too.
const MAX_GAPS: usize = 32;

/// The number of positions that are skipped if the end of the replaced file is unknown.
const UNKNOWN: i64 = 1 << 32;

/// The positions after one, up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    after: i64,
    until: i64,
}

/// Returns whether a follower at a position got it from another file.
///
/// # Errors
/// The file cannot be read.
pub fn is_void(view: &View<'_>, position: Position) -> Result<bool, StoreError> {
    let (end, _) = log::last(view)?;
    let text = properties::text(view, GAPS)?.unwrap_or_default();
    let mut gaps = read(&text);
    Ok(position > end || gaps.any(|gap| gap.after < position.0 && position.0 <= gap.until))
}

/// Continues positions above those that a replaced file has assigned; `None`: they are unknown.
///
/// # Errors
/// The file cannot be written.
pub(super) fn skip(conn: &Connection, given: Option<Position>) -> Result<(), StoreError> {
    let view = View::new(conn);
    let (end, _) = log::last(&view)?;
    // A replaced file that ends before the copy is not a later state of it.
    let until = given
        .filter(|given| *given >= end)
        .map_or(end.0.saturating_add(UNKNOWN), |given| given.0);
    if until == end.0 {
        return Ok(());
    }
    let text = properties::text(&view, GAPS)?.unwrap_or_default();
    let text = with(
        &text,
        Gap {
            after: end.0,
            until,
        },
    );
    // One more, because followers that start again do so after the last position, which must be valid.
    let last = until.saturating_add(1);
    let mut statement = view.prepare(
        "INSERT INTO properties (name, value) VALUES (:gaps, :text), (:floor, :last)
         ON CONFLICT DO UPDATE SET value = excluded.value",
    )?;
    statement.execute(named_params! {
        ":gaps": GAPS, ":text": text, ":floor": log::FLOOR, ":last": last,
    })?;
    Ok(())
}

/// Reads the gaps in a text, and skips what is not valid.
fn read(text: &str) -> impl Iterator<Item = Gap> {
    text.split(' ').filter_map(|gap| {
        let (after, until) = gap.split_once('-')?;
        Some(Gap {
            after: after.parse().ok()?,
            until: until.parse().ok()?,
        })
    })
}

/// Returns the text with one more gap.
fn with(text: &str, gap: Gap) -> String {
    let mut gaps: Vec<Gap> = read(text).chain([gap]).collect();
    while gaps.len() > MAX_GAPS {
        let oldest = gaps.remove(0);
        if let Some(next) = gaps.first_mut() {
            next.after = next.after.min(oldest.after);
            next.until = next.until.max(oldest.until);
        }
    }
    let gaps = gaps.iter();
    gaps.map(|gap| format!("{}-{}", gap.after, gap.until))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_kept_and_the_oldest_become_one() {
        assert_eq!(with("", Gap { after: 5, until: 9 }), "5-9");
        let mut text = String::new();
        for n in 0..40 {
            let gap = Gap {
                after: n * 10,
                until: n * 10 + 5,
            };
            text = with(&text, gap);
        }
        let gaps: Vec<Gap> = read(&text).collect();
        assert_eq!(gaps.len(), MAX_GAPS);
        let merged = Gap {
            after: 0,
            until: 85,
        };
        assert_eq!(gaps[0], merged);
        assert_eq!(gaps[1].after, 90);
        assert_eq!(read("").count(), 0);
        assert_eq!(read("x 5 7-a 1-2").count(), 1);
    }
}
