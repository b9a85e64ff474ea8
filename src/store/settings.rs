//! The members' own settings of flows.
//!
//! An archived or hidden flow comes back with the next message. Nothing is written then: the number of that
//! message is stored beside the bit in advance.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use super::{flows, set_up};
use crate::model::{Audience, By, FlowId, FlowSettings, News, Timestamp, UserId};

/// Returns a member's settings of a flow, at a time.
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
    let found = statement.query_row(params, |row| set_up::read(row, [0, 1, 2], now));
    Ok(found.optional()?.unwrap_or_default())
}

/// Sets a member's settings of a flow, and tells that member's own devices.
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
    let bits = set_up::bits(new);
    let about = About {
        actor: Some(user),
        flow: Some(flow),
        user: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Settings, about)?;
    // The log keeps only the newest row of this.
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
