//! The columns of `members` with a member's settings of a flow.

use rusqlite::Row;

use crate::model::{FlowSettings, Timestamp};

const MENTIONS_ONLY: i64 = 1;
const ARCHIVED: i64 = 2;
const UNREAD: i64 = 4;
const HIDDEN: i64 = 8;
/// The first bit of the rank.
const RANK: u32 = 8;
const RANKS: i64 = 0xf;

/// Returns the bits of `settings`.
pub(super) fn bits(new: FlowSettings) -> i64 {
    let bit = |on: bool, bit: i64| if on { bit } else { 0 };
    bit(new.mentions_only, MENTIONS_ONLY)
        | bit(new.archived, ARCHIVED)
        | bit(new.unread, UNREAD)
        | bit(new.hidden, HIDDEN)
        | (new.pinned & RANKS) << RANK
}

/// Reads the settings of a flow at a time, from the indexes of `muted_until`, of `settings`, and of whether
/// the flow's next number is `aside_number`.
pub(super) fn read(
    row: &Row<'_>,
    [muted_until, bits, is_quiet]: [usize; 3],
    now: Timestamp,
) -> rusqlite::Result<FlowSettings> {
    let (muted_until, bits): (i64, i64) = (row.get(muted_until)?, row.get(bits)?);
    // No message has come since the flow was archived or hidden.
    let is_quiet = row.get::<_, Option<bool>>(is_quiet)?.unwrap_or(false);
    let is_muted = muted_until < 0 || muted_until > now.seconds();
    Ok(FlowSettings {
        muted_until: if is_muted { muted_until } else { 0 },
        mentions_only: bits & MENTIONS_ONLY != 0,
        archived: bits & ARCHIVED != 0 && (is_quiet || is_muted),
        pinned: bits >> RANK & RANKS,
        unread: bits & UNREAD != 0,
        hidden: bits & HIDDEN != 0 && is_quiet,
    })
}
