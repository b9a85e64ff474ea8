//! Keeping the events of rooms: which event belongs to a row of the log, while Matrix is on.
//!
//! Nothing here runs, and no row is written, before Matrix is switched on. What does not belong here:
//! how an event is written (see [`room_events`](super::room_events)).

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::properties;
use super::room_contents as contents;
use super::room_events::{
    NewRoomEvent, Place, REDACTION, about_message, annotation, append, levels, member, set, state,
    strike, strike_about,
};
use super::tx::{Keeper, Logged, Tx, View};
use super::{pins, room_edits, room_leaving, room_marks, room_parts, room_pins, room_polls};
use crate::model::{By, FlowId, MessageId, Position, UserId};

/// The property that says that events of rooms are kept.
const KEPT: &str = "rooms_kept";

/// Returns the function that makes events of rooms, if they are kept.
pub(super) fn keeper(view: &View<'_>) -> Result<Option<Keeper>, StoreError> {
    let is_on = properties::number(view, KEPT)? == Some(1);
    Ok(is_on.then_some(keep as Keeper))
}

/// Returns whether events of rooms are kept.
///
/// # Errors
/// The file cannot be read.
pub fn are_kept(view: &View<'_>) -> Result<bool, StoreError> {
    Ok(properties::number(view, KEPT)? == Some(1))
}

/// Returns the flows whose events are incomplete: those without any, or `all` after a time without Matrix.
///
/// # Errors
/// The file cannot be read.
pub fn unsettled(view: &View<'_>, all: bool) -> Result<Vec<FlowId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id FROM flows WHERE removed_at IS NULL
           AND (:all OR NOT EXISTS (SELECT 1 FROM room_events e WHERE e.flow_id = flows.id)) ORDER BY id",
    )?;
    let rows = statement.query_map(named_params! {":all": all}, |row| row.get(0).map(FlowId))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Switches on or off that events of rooms are kept. Returns whether that has changed.
///
/// # Errors
/// The file cannot be written.
pub fn switch(tx: &Tx<'_>, on: bool) -> Result<bool, StoreError> {
    let was_on = properties::number(tx, KEPT)? == Some(1);
    if was_on != on {
        properties::set_number(tx, KEPT, i64::from(on))?;
        room_leaving::settle(tx)?;
    }
    tx.keep_rooms(on.then_some(keep as Keeper));
    Ok(was_on != on)
}

/// Writes the events for a row of the log.
fn keep(tx: &Tx<'_>, row: &Logged) -> Result<(), StoreError> {
    let Some(kind) = Kind::from_number(row.kind) else {
        return Ok(());
    };
    if let (Kind::Edited | Kind::Deleted, Some(message)) = (kind, row.message) {
        return of_message(tx, kind, message, row);
    }
    if kind == Kind::Profile {
        return of_profile(tx, row);
    }
    let Some(flow) = row.flow else { return Ok(()) };
    let place = Place {
        flow,
        position: row.position,
        sender: row.actor,
    };
    match (kind, row.user) {
        (Kind::Made, _) => initial(tx, place, false),
        (Kind::Title, _) => state(tx, place, "m.room.name", "", contents::name(tx, flow)?),
        (Kind::Picture, _) => {
            let content = contents::picture(tx, flow)?;
            state(tx, place, "m.room.avatar", "", content)
        }
        (Kind::Read, Some(user)) => room_marks::of_mark(tx, flow, user, row.position),
        (Kind::Info, _) => state(tx, place, "m.room.topic", "", contents::topic(tx, flow)?),
        (Kind::Level | Kind::Owner, _) => levels(tx, place),
        (Kind::Pinned | Kind::Unpinned, _) => room_pins::tell(tx, place),
        (Kind::Added | Kind::Joined, Some(user)) => {
            member(tx, place, user, "join")?;
            levels(tx, place)
        }
        (Kind::Invited, Some(user)) => member(tx, place, user, "invite"),
        (Kind::Left | Kind::Declined | Kind::Removed, Some(user)) => {
            member(tx, place, user, "leave")
        }
        (Kind::Banned, Some(user)) => member(tx, place, user, "ban"),
        _ => Ok(()),
    }
}

/// Writes the event for the edit or the deletion of a message.
fn of_message(tx: &Tx<'_>, kind: Kind, message: MessageId, row: &Logged) -> Result<(), StoreError> {
    let Some((flow, uuid, author)) = about_message(tx, message)? else {
        return Ok(());
    };
    let place = Place {
        flow,
        position: row.position,
        // If the operator deletes a message, or it expires, the sender is its author.
        sender: row.actor.or(Some(author)),
    };
    if let Some(made) = room_parts::written(tx, place, message)? {
        if kind == Kind::Deleted {
            strike_about(tx, message, made)?;
        }
        return Ok(());
    }
    if row.actor.is_some() {
        room_leaving::before_event(tx, place)?;
    }
    let (kind, relation, content) = if kind == Kind::Edited {
        (
            "m.room.message",
            "m.replace",
            room_edits::content(tx, message)?,
        )
    } else {
        let name = room_edits::event_of(tx, message)?;
        (
            "m.room.redaction",
            REDACTION,
            contents::redaction(tx, &name)?,
        )
    };
    let new = NewRoomEvent {
        kind,
        content,
        message: Some(message),
        relation: Some((uuid, relation, None)),
        ..NewRoomEvent::default()
    };
    let made = append(tx, place, new)?;
    if relation == REDACTION {
        strike(tx, place.flow, uuid, made)?;
        strike_about(tx, message, made)?;
    }
    Ok(())
}

/// Writes redactions for a part of a message, or for all its parts, before the removal is logged.
pub(super) fn take_back(
    tx: &Tx<'_>,
    message: MessageId,
    only: Option<&str>,
    by: By,
) -> Result<(), StoreError> {
    let found = about_message(tx, message)?.filter(|_| tx.keeps_rooms());
    let Some((flow, uuid, author)) = found else {
        return Ok(());
    };
    if !room_parts::are_told(tx, message)? {
        return Ok(());
    }
    let place = Place {
        flow,
        position: Position(tx.position().0 + 1),
        sender: by.user.or(Some(author)),
    };
    if by.user.is_some() {
        room_leaving::before_event(tx, place)?;
    }
    let parts = match only {
        Some(part) => vec![part.to_owned()],
        None => room_parts::of(tx, message)?,
    };
    let with_text = room_parts::with_text(tx, message)?;
    for part in &parts {
        room_edits::take_back(tx, place, (message, uuid), (part, with_text))?;
    }
    tx.scrub();
    Ok(())
}

/// Stores the content of a message by MTP before it is edited.
pub(super) fn keep_original(tx: &Tx<'_>, message: MessageId) -> Result<(), StoreError> {
    if !tx.keeps_rooms() {
        return Ok(());
    }
    let known = tx
        .prepare(
            "SELECT 1 FROM room_events WHERE uuid = (SELECT uuid FROM messages WHERE id = :id)",
        )?
        .exists(named_params! {":id": message.0})?;
    // The events of a message with files are derived from its present state.
    let has_files = tx
        .prepare("SELECT 1 FROM attachments WHERE message_id = :id")?
        .exists(named_params! {":id": message.0})?;
    if known || has_files {
        return Ok(());
    }
    let quoted = room_parts::first_of_quoted(tx, message)?;
    let content = contents::original(tx, message, quoted)?;
    tx.prepare(
        "INSERT INTO room_events (flow_id, position, part, uuid, sender_id, type, content, at, message_id)
         SELECT flow_id, id, 0, uuid, author_id, 'm.room.message', :content, sent_at, id FROM messages WHERE id = :id",
    )?
    .execute(named_params! {":content": content, ":id": message.0})?;
    Ok(())
}

/// Writes the event for a reaction that was added, or is about to be removed, before that is logged.
pub(super) fn reacted(
    tx: &Tx<'_>,
    message: MessageId,
    user: UserId,
    emoji: &str,
    on: bool,
) -> Result<(), StoreError> {
    let Some((flow, uuid, _)) = about_message(tx, message)?.filter(|_| tx.keeps_rooms()) else {
        return Ok(());
    };
    let place = Place {
        flow,
        position: Position(tx.position().0 + 1),
        sender: Some(user),
    };
    tx.tell_room(flow)?;
    room_leaving::before_event(tx, place)?;
    if on {
        let name = room_edits::event_of(tx, message)?;
        let new = NewRoomEvent {
            kind: "m.reaction",
            content: contents::reaction(tx, &name, emoji)?,
            message: Some(message),
            relation: Some((uuid, "m.annotation", Some(emoji))),
            ..NewRoomEvent::default()
        };
        append(tx, place, new)?;
        return Ok(());
    }
    let Some(target) = annotation(tx, uuid, user, emoji)? else {
        return Ok(());
    };
    let new = NewRoomEvent {
        kind: "m.room.redaction",
        content: contents::redaction(tx, &format!("${}", target.hex()))?,
        message: Some(message),
        relation: Some((target, REDACTION, None)),
        ..NewRoomEvent::default()
    };
    let made = append(tx, place, new)?;
    strike(tx, place.flow, target, made)
}

/// Writes the first events of a room.
fn initial(tx: &Tx<'_>, place: Place, is_derived: bool) -> Result<(), StoreError> {
    let flow = place.flow;
    let (owner, has_title, has_info, has_picture): (Option<i64>, bool, bool, bool) = tx
        .prepare(
            "SELECT coalesce(owner_id, created_by), title IS NOT NULL AND kind <> 'chat', coalesce(info, '') <> '',
                    picture_public_id IS NOT NULL
             FROM flows WHERE id = :id",
        )?
        .query_row(named_params! {":id": flow.0}, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let owner = owner.map(UserId);
    let place = Place {
        sender: owner,
        ..place
    };
    let put = |sender, kind: &str, key: &str, content| {
        set(
            tx,
            Place { sender, ..place },
            kind,
            key,
            content,
            is_derived,
        )
    };
    let join = |user| -> Result<(), StoreError> {
        let (key, content) = contents::member(tx, flow, user, "join")?;
        put(Some(user), "m.room.member", &key, content)
    };
    put(owner, "m.room.create", "", contents::CREATE.to_owned())?;
    let users = contents::members(tx, flow)?;
    for user in users.iter().filter(|user| Some(**user) == owner) {
        join(*user)?;
    }
    put(
        owner,
        "m.room.power_levels",
        "",
        contents::power_levels(tx, flow)?,
    )?;
    put(
        owner,
        "m.room.join_rules",
        "",
        contents::join_rules(tx, flow)?,
    )?;
    let visibility = contents::HISTORY_VISIBILITY.to_owned();
    put(owner, "m.room.history_visibility", "", visibility)?;
    put(
        owner,
        "m.room.guest_access",
        "",
        contents::GUEST_ACCESS.to_owned(),
    )?;
    if has_title {
        put(owner, "m.room.name", "", contents::name(tx, flow)?)?;
    }
    if has_info {
        put(owner, "m.room.topic", "", contents::topic(tx, flow)?)?;
    }
    if has_picture {
        put(owner, "m.room.avatar", "", contents::picture(tx, flow)?)?;
    }
    for user in users.iter().filter(|user| Some(**user) != owner) {
        join(*user)?;
    }
    if pins::count(tx, flow)? > 0 {
        put(owner, room_pins::PINNED, "", room_pins::content(tx, flow)?)?;
    }
    Ok(())
}

/// Writes the membership events of a user in all rooms after the profile has changed.
fn of_profile(tx: &Tx<'_>, row: &Logged) -> Result<(), StoreError> {
    let Some(user) = row.user else { return Ok(()) };
    let flows = tx
        .prepare("SELECT flow_id FROM members WHERE user_id = :user AND state = 'joined' AND room_left = 0")?
        .query_map(named_params! {":user": user.0}, |row| {
            row.get(0).map(FlowId)
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for flow in flows {
        let place = Place {
            flow,
            position: row.position,
            sender: Some(user),
        };
        member(tx, place, user, "join")?;
    }
    Ok(())
}

/// Writes the present state of a flow where its events differ: the flow is older than its events, or has
/// changed while no events were kept.
///
/// # Errors
/// The file cannot be written.
pub fn settle(tx: &Tx<'_>, flow: FlowId) -> Result<(), StoreError> {
    let created = tx
        .prepare("SELECT 1 FROM room_events WHERE flow_id = :flow AND type = 'm.room.create' AND state_key = ''")?
        .exists(named_params! {":flow": flow.0})?;
    if !created {
        let made: Option<i64> = tx
            .prepare("SELECT position FROM changes WHERE flow_id = :flow AND kind = 10 ORDER BY position LIMIT 1")?
            .query_row(named_params! {":flow": flow.0}, |row| row.get(0))
            .optional()?;
        let place = Place {
            flow,
            position: Position(made.unwrap_or(0)),
            sender: None,
        };
        room_polls::adopt(tx, flow)?;
        return initial(tx, place, true);
    }
    room_polls::adopt(tx, flow)?;
    let stale = contents::stale_members(tx, flow)?;
    let about = About {
        flow: Some(flow),
        ..About::default()
    };
    let place = Place {
        flow,
        position: log::append(tx, Reach::Members(flow), Kind::Room, about)?,
        sender: None,
    };
    for (user, membership) in stale {
        member(
            tx,
            Place {
                sender: Some(user),
                ..place
            },
            user,
            &membership,
        )?;
    }
    for (kind, content) in [
        ("m.room.name", contents::name(tx, flow)?),
        ("m.room.topic", contents::topic(tx, flow)?),
        ("m.room.avatar", contents::picture(tx, flow)?),
        ("m.room.power_levels", contents::power_levels(tx, flow)?),
    ] {
        let is_there =
            kind == "m.room.power_levels" || content != "{}" && !content.contains(":\"\"}");
        if is_there {
            state(tx, place, kind, "", content)?;
        }
    }
    room_pins::tell(tx, place)
}
