//! The power levels of a room: the numbers of `m.room.power_levels` and the levels of members, which are
//! kept consistent.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::events::{self, Deed};
use super::log::Kind;
use super::tx::{Tx, View};
use super::{localparts, membership, room_contents as contents};
use crate::model::{By, FlowEvent, FlowId, Level, UserId};

/// The change of a number.
#[derive(Debug)]
pub struct LevelChange {
    /// Its path in the JSON.
    pub place: String,
    /// The present number.
    pub before: i64,
    /// The new number.
    pub after: i64,
}

/// Returns the level that a user needs to send an event of a type.
///
/// # Errors
/// The file cannot be read.
pub fn needed(
    view: &View<'_>,
    flow: FlowId,
    kind: &str,
    is_state: bool,
) -> Result<i64, StoreError> {
    let content = contents::power_levels(view, flow)?;
    Ok(view
        .prepare(
            "SELECT coalesce((SELECT value FROM json_each(:content, '$.events') WHERE key = :type),
                             :content ->> iif(:state, 'state_default', 'events_default'), iif(:state, 50, 0))",
        )?
        .query_row(
            named_params! {":content": content, ":type": kind, ":state": is_state},
            |row| row.get(0),
        )?)
}

/// Returns which numbers would change.
///
/// # Errors
/// The file cannot be read.
pub fn changes(
    view: &View<'_>,
    flow: FlowId,
    wanted: &[(String, i64)],
) -> Result<Vec<LevelChange>, StoreError> {
    let content = contents::power_levels(view, flow)?;
    let mut statement = view.prepare(
        "SELECT path || '.' || key, value FROM json_tree(:content) WHERE type = 'integer'",
    )?;
    let rows = statement.query_map(named_params! {":content": content}, |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    let present: BTreeMap<String, i64> = rows.collect::<Result<_, _>>()?;
    let wanted: BTreeMap<&str, i64> = wanted.iter().map(|(p, n)| (p.as_str(), *n)).collect();
    let otherwise = |place: &str, other: &dyn Fn(&str) -> Option<i64>| {
        if place.starts_with("$.users.") {
            other("$.users_default").unwrap_or(0)
        } else if place.starts_with("$.events.") {
            other("$.state_default").unwrap_or(50)
        } else if matches!(place, "$.users_default" | "$.events_default" | "$.invite") {
            0
        } else {
            50
        }
    };
    let mut found = Vec::new();
    let places = present
        .keys()
        .map(String::as_str)
        .chain(wanted.keys().copied());
    let places: std::collections::BTreeSet<&str> = places.collect();
    for place in places {
        let is = |place: &str| present.get(place).copied();
        let becomes = |place: &str| wanted.get(place).copied();
        let before = is(place).unwrap_or_else(|| otherwise(place, &is));
        let after = becomes(place).unwrap_or_else(|| otherwise(place, &becomes));
        if before != after {
            found.push(LevelChange {
                place: place.to_owned(),
                before,
                after,
            });
        }
    }
    Ok(found)
}

/// Sets the power levels. The kind of the flow depends on who may write, and its owner on who has the
/// highest level. Returns the events, for [`flow_edits::tell`](super::flow_edits::tell), or `None` for none.
///
/// # Errors
/// The file cannot be written.
pub fn set(
    tx: &Tx<'_>,
    flow: FlowId,
    content: &str,
    users: &[(String, i64)],
    by: By,
) -> Result<Option<Vec<FlowEvent>>, StoreError> {
    let (owner, kind) = owner_and_kind(tx, flow)?;
    tx.prepare(
        "UPDATE flows SET power_levels = :content, kind = CASE WHEN kind = 'chat' THEN kind
             WHEN coalesce(:content -> 'events' ->> 'm.room.message', :content ->> 'events_default', 0) >= 50
             THEN 'channel' ELSE 'group' END
         WHERE id = :id",
    )?
    .execute(named_params! {":content": content, ":id": flow.0})?;
    let mut present = tx.prepare(
        "SELECT m.user_id, '@' || u.localpart, m.level FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.state = 'joined' AND m.level <> 0",
    )?;
    let gone = present
        .query_map(named_params! {":flow": flow.0}, |row| {
            Ok((UserId(row.get(0)?), row.get::<_, String>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut events = Vec::new();
    for (user, key) in gone {
        if !users.iter().any(|(named, _)| *named == key) {
            events.extend(membership::set_level(tx, flow, user, Level::MEMBER, by)?);
        }
    }
    for (key, level) in users {
        let name = key.trim_start_matches('@');
        if let Some(named) = localparts::find(tx, name)? {
            events.extend(membership::set_level(
                tx,
                flow,
                named.user,
                Level(*level),
                by,
            )?);
        }
    }
    let highest: Option<i64> = tx
        .prepare(
            "SELECT user_id FROM members WHERE flow_id = :flow AND state = 'joined'
             ORDER BY level DESC, user_id = :owner DESC, ordinal LIMIT 1",
        )?
        .query_row(named_params! {":flow": flow.0, ":owner": owner}, |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(heir) = highest.filter(|_| highest != owner) {
        tx.prepare("UPDATE flows SET owner_id = :owner WHERE id = :id")?
            .execute(named_params! {":owner": heir, ":id": flow.0})?;
        let deed = Deed::Of(Kind::Owner, UserId(heir));
        events.push(events::append(tx, flow, deed, by)?);
    }
    let is_other = owner_and_kind(tx, flow)?.1 != kind;
    Ok((is_other || !events.is_empty()).then_some(events))
}

fn owner_and_kind(view: &View<'_>, flow: FlowId) -> Result<(Option<i64>, String), StoreError> {
    let mut statement = view.prepare("SELECT owner_id, kind FROM flows WHERE id = :id")?;
    Ok(statement.query_row(named_params! {":id": flow.0}, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?)
}

/// Sets who may join a room.
///
/// # Errors
/// The file cannot be written.
pub fn set_join_rule(tx: &Tx<'_>, flow: FlowId, content: &str) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE flows SET join_rule = CASE :content ->> 'join_rule' WHEN 'public' THEN 'public' END WHERE id = :id",
    )?
    .execute(named_params! {":content": content, ":id": flow.0})?;
    Ok(())
}

/// Sets the level of a member or invited user before anything is reported.
///
/// # Errors
/// The file cannot be written.
pub fn give(tx: &Tx<'_>, flow: FlowId, user: UserId, level: i64) -> Result<(), StoreError> {
    tx.prepare("UPDATE members SET level = :level WHERE flow_id = :flow AND user_id = :user")?
        .execute(named_params! {":level": level, ":flow": flow.0, ":user": user.0})?;
    Ok(())
}

/// Returns whether any user may join.
///
/// # Errors
/// The file cannot be read.
pub fn is_public(view: &View<'_>, flow: FlowId) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM flows WHERE id = :id AND join_rule = 'public'")?;
    Ok(statement.exists(named_params! {":id": flow.0})?)
}
