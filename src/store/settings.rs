//! How members have set up flows for themselves.
//!
//! What is put aside comes back with the next message. Nothing is written then: the number which that
//! message was to get is kept beside the bit.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::flows;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use crate::model::{Audience, By, FlowId, FlowSettings, News, Timestamp, UserId};

const MENTIONS_ONLY: i64 = 1;
const ARCHIVED: i64 = 2;
const UNREAD: i64 = 4;
const HIDDEN: i64 = 8;
/// Where the bits of the rank begin.
const RANK: u32 = 8;
const RANKS: i64 = 0xf;

/// How a member has set up a flow, at a time.
///
/// # Errors
/// The file cannot be read.
pub fn of(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
    now: Timestamp,
) -> Result<FlowSettings, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.muted_until, m.settings, m.aside_number = f.next_number
         FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.flow_id = :flow AND m.user_id = :user",
    )?;
    let params = named_params! {":flow": flow.0, ":user": user.0};
    let found = statement.query_row(params, |row| read(row, [0, 1, 2], now));
    Ok(found.optional()?.unwrap_or_default())
}

/// Reads them from the places of `muted_until`, of `settings`, and of whether the flow's next number is
/// `aside_number`.
pub(super) fn read(
    row: &Row<'_>,
    [muted_until, bits, is_quiet]: [usize; 3],
    now: Timestamp,
) -> rusqlite::Result<FlowSettings> {
    let (muted_until, bits): (i64, i64) = (row.get(muted_until)?, row.get(bits)?);
    // No message has come since it was put aside.
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

/// Sets up a flow for a member, and tells that member's own devices.
///
/// # Errors
/// The file cannot be written.
pub fn set(
    tx: &Tx<'_>,
    flow: FlowId,
    user: UserId,
    new: FlowSettings,
    by: By,
) -> Result<(), StoreError> {
    let bit = |on: bool, bit: i64| if on { bit } else { 0 };
    let bits = bit(new.mentions_only, MENTIONS_ONLY)
        | bit(new.archived, ARCHIVED)
        | bit(new.unread, UNREAD)
        | bit(new.hidden, HIDDEN)
        | (new.pinned & RANKS) << RANK;
    let about = About {
        actor: Some(user),
        flow: Some(flow),
        user: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Settings, about)?;
    // The log keeps one row of it, the newest.
    tx.prepare(
        "DELETE FROM changes WHERE position =
             (SELECT settings_position FROM members WHERE flow_id = :flow AND user_id = :user)",
    )?
    .execute(named_params! {":flow": flow.0, ":user": user.0})?;
    tx.prepare(
        "UPDATE members SET muted_until = :muted, settings = :bits, settings_position = :position,
                aside_number = (SELECT next_number FROM flows WHERE id = :flow)
         WHERE flow_id = :flow AND user_id = :user",
    )?
    .execute(named_params! {
        ":muted": new.muted_until, ":bits": bits, ":position": position.0,
        ":flow": flow.0, ":user": user.0,
    })?;
    if let Some(uuid) = flows::uuid(tx, flow)? {
        let audience = Audience::Users([user].into());
        tx.tell(position, by.origin, audience, News::Settings(uuid, new));
    }
    Ok(())
}
