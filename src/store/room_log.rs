//! Rooms as Matrix reads them: the events of a flow in the order of the log, and its state.
//!
//! An event is a row of `room_events`, or a message without one. What does not belong here: writing
//! events (see [`room_events`](super::room_events)), and their form on the wire.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::history::{Load, by_number};
pub use super::room_event::{RoomEvent, Stored, What};
use super::rooms::Room;
use super::tx::View;
use super::{localparts, room_parts};
use crate::model::{
    FlowId, Form, Kind as FileKind, Message, Position, PublicId, SessionId, Timestamp,
};

/// The bytes of messages that one [`look`] reads.
const BUDGET_BYTES: usize = 16 << 20;

/// The direction in which the log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the newest to the oldest.
    Back,
    /// From the oldest to the newest.
    Forward,
}

/// Events of a room, including all events of each position.
#[derive(Debug, Default)]
pub struct Look {
    /// The events, in the requested order.
    pub events: Vec<RoomEvent>,
    /// Where to continue: everything on this side of it has been read; `None`: everything has been read.
    pub next: Option<Position>,
}

/// Reads the events after one position up to another, for at most `limit` positions.
///
/// # Errors
/// The file cannot be read.
pub fn look(
    view: &View<'_>,
    room: &Room,
    (after, until): (Position, Position),
    way: Way,
    limit: usize,
) -> Result<Look, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let first = flows_number(view, room, after)?;
    let end = flows_number(view, room, until)?;
    let (sql_messages, sql_rows) = match way {
        Way::Back => (
            "SELECT id, number FROM messages WHERE flow_id = :flow AND number >= :first AND number < :end
             ORDER BY number DESC LIMIT :limit",
            "SELECT DISTINCT position FROM room_events WHERE flow_id = :flow AND position > :after AND position <= :until
             ORDER BY position DESC LIMIT :limit",
        ),
        Way::Forward => (
            "SELECT id, number FROM messages WHERE flow_id = :flow AND number >= :first AND number < :end
             ORDER BY number LIMIT :limit",
            "SELECT DISTINCT position FROM room_events WHERE flow_id = :flow AND position > :after AND position <= :until
             ORDER BY position LIMIT :limit",
        ),
    };
    let numbers = view
        .prepare(sql_messages)?
        .query_map(
            named_params! {":flow": room.flow.0, ":first": first, ":end": end, ":limit": most},
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?
        .collect::<Result<Vec<_>, _>>()?;
    let mut places: BTreeSet<i64> = numbers.iter().map(|(id, _)| *id).collect();
    let mut statement = view.prepare(sql_rows)?;
    let rows = statement.query_map(
        named_params! {":flow": room.flow.0, ":after": after.0, ":until": until.0, ":limit": most},
        |row| row.get::<_, i64>(0),
    )?;
    for position in rows {
        places.insert(position?);
    }
    let is_cut = places.len() > limit || numbers.len() == limit || places.len() == limit;
    let mut places: Vec<i64> = places.into_iter().collect();
    if way == Way::Back {
        places.reverse();
    }
    places.truncate(limit);
    let Some((low, high)) = places.iter().min().zip(places.iter().max()) else {
        return Ok(Look::default());
    };
    let wanted = numbers
        .iter()
        .filter(|(id, _)| (*low..=*high).contains(id))
        .map(|(_, number)| *number);
    let mut messages = match wanted.clone().min().zip(wanted.max()) {
        Some(range) => by_number(
            view,
            room.flow,
            range,
            Load::of(Form::Rich, 0),
            BUDGET_BYTES,
        )?,
        None => Vec::new(),
    };
    let mut stored = between(view, room.flow, Position(*low), Position(*high))?;
    let mut events = Vec::with_capacity(stored.len() + messages.len());
    for place in &places {
        let here: Vec<_> = stored
            .extract_if(.., |event| event.position.0 == *place)
            .collect();
        let message = messages.iter().position(|it| it.id.0 == *place);
        let message = message.map(|at| messages.swap_remove(at));
        let derived = message.filter(|_| here.is_empty());
        let mut group: Vec<_> = match derived {
            Some(message) => vec![derive(view, message)?],
            None => here
                .into_iter()
                .map(|event| resolved(view, event))
                .collect::<Result<_, _>>()?,
        };
        if way == Way::Back {
            group.reverse();
        }
        events.extend(group);
    }
    for event in &mut events {
        complete(view, event)?;
    }
    let last = places.last().copied().map(Position);
    let next = match way {
        Way::Back => last.map(|it| Position(it.0 - 1)),
        Way::Forward => last,
    };
    Ok(Look {
        events,
        next: next.filter(|_| is_cut),
    })
}

/// Returns the number of the first message after a position, or the number that the next one will get.
fn flows_number(view: &View<'_>, room: &Room, after: Position) -> Result<i64, StoreError> {
    super::follower::first_number_after(view, room.flow, room.numbers.clone(), after)
}

/// Up to so many positions, the state in them is looked for among their events, otherwise among the state.
const SHORT: i64 = 1_000;

/// The query for stored events, which [`event`] reads by index.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT e.position, e.uuid, coalesce(u.localpart, ''), e.at, e.type, e.state_key, e.content, e.redacted_by,
                    e.relation, e.session_id, e.txn, e.target, e.key
             FROM room_events e LEFT JOIN users u ON u.id = e.sender_id ",
            $rest
        )
    };
}

fn between(
    view: &View<'_>,
    flow: FlowId,
    first: Position,
    last: Position,
) -> Result<Vec<RoomEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE e.flow_id = :flow AND e.position BETWEEN :first AND :last ORDER BY e.position, e.part"
    ))?;
    let params = named_params! {":flow": flow.0, ":first": first.0, ":last": last.0};
    let rows = statement.query_map(params, event)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

fn event(row: &Row<'_>) -> rusqlite::Result<RoomEvent> {
    let session = row.get::<_, Option<i64>>(9)?.map(SessionId);
    Ok(RoomEvent {
        position: Position(row.get(0)?),
        uuid: PublicId::from_bytes(row.get(1)?),
        sender: row.get(2)?,
        at: Timestamp(row.get(3)?),
        what: What::Stored(Stored {
            kind: row.get(4)?,
            state_key: row.get(5)?,
            content: row.get(6)?,
            redacted_by: row.get::<_, Option<[u8; 16]>>(7)?.map(PublicId::from_bytes),
            relation: row.get(8)?,
            target: row
                .get::<_, Option<[u8; 16]>>(11)?
                .map(PublicId::from_bytes),
            key: row.get(12)?,
            txn: session.zip(row.get(10)?),
        }),
        before: None,
        files: Vec::new(),
        replied: None,
        with_text: None,
        later: Vec::new(),
        only: None,
        gone: Vec::new(),
        redaction: None,
        edit: None,
        mentioned: Vec::new(),
        membership: None,
        bundle: None,
    })
}

/// Makes the event of a message.
fn derive(view: &View<'_>, message: Message) -> Result<RoomEvent, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.localpart FROM messages m JOIN users u ON u.id = m.author_id WHERE m.id = :id",
    )?;
    let sender = statement.query_row(named_params! {":id": message.id.0}, |row| row.get(0))?;
    let calls = message
        .about
        .as_ref()
        .is_some_and(|about| !about.mentions.is_empty());
    let mentioned = if calls {
        localparts::mentioned(view, message.id)?
    } else {
        Vec::new()
    };
    let files = if message.shown.is_empty() {
        Vec::new()
    } else {
        view.prepare("SELECT ordinal FROM attachments WHERE message_id = :id ORDER BY ordinal")?
            .query_map(named_params! {":id": message.id.0}, |row| row.get(0))?
            .collect::<Result<_, _>>()?
    };
    let is_changed = message.is_deleted || message.edited_at.is_some();
    let later = if is_changed {
        room_parts::later(view, message.id)?
    } else {
        Vec::new()
    };
    let with_text = match message.shown.as_slice() {
        _ if is_changed => room_parts::with_text(view, message.id)?,
        [only] if only.kind != FileKind::Sticker => files.first().copied(),
        _ => None,
    };
    let quoted = message.about.as_ref().and_then(|it| it.reply.as_ref());
    let replied = match quoted {
        Some(_) => room_parts::first_of_quoted(view, message.id)?,
        None => None,
    };
    Ok(RoomEvent {
        position: Position(message.id.0),
        uuid: message.uuid,
        sender,
        at: message.sent_at,
        what: What::Message(Box::new(message)),
        before: None,
        files,
        replied,
        with_text,
        later,
        only: None,
        gone: Vec::new(),
        redaction: None,
        edit: None,
        mentioned,
        membership: None,
        bundle: None,
    })
}

/// An event as it is told: a part that was added to a message is what the message says now.
fn resolved(view: &View<'_>, event: RoomEvent) -> Result<RoomEvent, StoreError> {
    let What::Stored(Stored {
        relation: Some(relation),
        target: Some(target),
        key: Some(part),
        ..
    }) = &event.what
    else {
        return Ok(event);
    };
    if relation != room_parts::PART {
        return Ok(event);
    }
    Ok(match message_with(view, *target)? {
        Some((_, message)) => RoomEvent {
            position: event.position,
            at: event.at,
            later: Vec::new(),
            only: Some(part.clone()),
            ..derive(view, message)?
        },
        None => event,
    })
}

/// The parts that were added to a message, each where that was.
///
/// # Errors
/// The file cannot be read.
pub fn later(view: &View<'_>, message: PublicId) -> Result<Vec<RoomEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE e.target = :target AND e.relation = 'part' ORDER BY e.position, e.part"
    ))?;
    let rows = statement.query_map(named_params! {":target": message.to_bytes()}, event)?;
    let mut found = Vec::new();
    for event in rows {
        let mut event = resolved(view, event?)?;
        complete(view, &mut event)?;
        found.push(event);
    }
    Ok(found)
}

/// Adds to an event its redaction, edit or previous state.
fn complete(view: &View<'_>, event: &mut RoomEvent) -> Result<(), StoreError> {
    let (is_gone, is_state) = match &event.what {
        What::Message(message) => (message.is_deleted, false),
        What::Stored(stored) => (stored.redacted_by.is_some(), stored.state_key.is_some()),
    };
    if let What::Message(message) = &event.what
        && (message.is_deleted || message.edited_at.is_some())
    {
        event.gone = gone_parts(view, event.uuid)?;
    }
    if is_gone {
        let found = match related(view, event.uuid, "redaction")? {
            Some(found) => Some(found),
            None => match event.gone.first() {
                Some(gone) => Some(gone.clone()),
                // It was redacted together with the message that it relates to.
                None => struck_by(view, event.uuid)?,
            },
        };
        event.redaction = found.map(Box::new);
    } else if is_state {
        event.before = before(view, event)?;
    } else {
        let found = related(view, event.uuid, "m.replace")?;
        event.edit = found.map(Box::new);
    }
    Ok(())
}

/// Returns the redactions of parts of a message.
///
/// # Errors
/// The file cannot be read.
pub fn gone_parts(view: &View<'_>, message: PublicId) -> Result<Vec<RoomEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE e.target = :target AND e.relation = 'redaction' AND e.key IS NOT NULL
         ORDER BY e.position, e.part"
    ))?;
    let rows = statement.query_map(named_params! {":target": message.to_bytes()}, event)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the newest event with a relation to another, for an edit only one by the same sender.
fn related(
    view: &View<'_>,
    target: PublicId,
    relation: &str,
) -> Result<Option<RoomEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE e.target = :target AND e.relation = :relation AND e.redacted_by IS NULL
           AND e.key IS NULL AND (:relation = 'redaction' OR e.sender_id = coalesce(
                    (SELECT sender_id FROM room_events WHERE uuid = :target),
                    (SELECT author_id FROM messages WHERE uuid = :target)))
         ORDER BY e.position DESC LIMIT 1"
    ))?;
    let params = named_params! {":target": target.to_bytes(), ":relation": relation};
    Ok(statement.query_row(params, event).optional()?)
}

/// Returns the redaction of an event.
fn struck_by(view: &View<'_>, uuid: PublicId) -> Result<Option<RoomEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE e.uuid = (SELECT redacted_by FROM room_events WHERE uuid = :uuid)"
    ))?;
    let params = named_params! {":uuid": uuid.to_bytes()};
    Ok(statement.query_row(params, event).optional()?)
}

fn before(view: &View<'_>, of: &RoomEvent) -> Result<Option<(PublicId, String)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT p.uuid, p.content FROM room_events e JOIN room_events p
           ON p.flow_id = e.flow_id AND p.type = e.type AND p.state_key = e.state_key
          AND (p.position, p.part) < (e.position, e.part)
         WHERE e.uuid = :uuid ORDER BY p.position DESC, p.part DESC LIMIT 1",
    )?;
    let params = named_params! {":uuid": of.uuid.to_bytes()};
    let found = statement.query_row(params, |row| {
        Ok((PublicId::from_bytes(row.get(0)?), row.get(1)?))
    });
    Ok(found.optional()?)
}

/// Returns the state of a room at a position that was set after another position.
///
/// # Errors
/// The file cannot be read.
pub fn state(
    view: &View<'_>,
    flow: FlowId,
    (after, at): (Position, Position),
) -> Result<Vec<RoomEvent>, StoreError> {
    let sql = if at.0.saturating_sub(after.0) > SHORT {
        "SELECT uuid, max(position * 4096 + part) FROM room_events INDEXED BY room_state
         WHERE flow_id = :flow AND state_key IS NOT NULL AND position > :after AND position <= :at
         GROUP BY type, state_key ORDER BY 2"
    } else {
        "SELECT uuid, max(position * 4096 + part) FROM room_events
         WHERE flow_id = :flow AND +state_key IS NOT NULL AND position > :after AND position <= :at
         GROUP BY type, state_key ORDER BY 2"
    };
    let mut statement = view.prepare(sql)?;
    let params = named_params! {":flow": flow.0, ":after": after.0, ":at": at.0};
    let rows = statement.query_map(params, |row| row.get::<_, [u8; 16]>(0))?;
    let mut found = Vec::new();
    for uuid in rows {
        if let Some(mut event) = stored(view, PublicId::from_bytes(uuid?))?.map(|(_, it)| it) {
            complete(view, &mut event)?;
            found.push(event);
        }
    }
    Ok(found)
}

/// Returns one state event of a room at a position.
///
/// # Errors
/// The file cannot be read.
pub fn one_state(
    view: &View<'_>,
    flow: FlowId,
    (kind, key): (&str, &str),
    at: Position,
) -> Result<Option<RoomEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE e.flow_id = :flow AND e.type = :type AND e.state_key = :key AND e.position <= :at
         ORDER BY e.position DESC, e.part DESC LIMIT 1"
    ))?;
    let params = named_params! {":flow": flow.0, ":type": kind, ":key": key, ":at": at.0};
    Ok(statement.query_row(params, event).optional()?)
}

fn stored(view: &View<'_>, uuid: PublicId) -> Result<Option<(FlowId, RoomEvent)>, StoreError> {
    let flow: Option<i64> = view
        .prepare("SELECT flow_id FROM room_events WHERE uuid = :uuid")?
        .query_row(named_params! {":uuid": uuid.to_bytes()}, |row| row.get(0))
        .optional()?;
    let Some(flow) = flow else { return Ok(None) };
    let mut statement = view.prepare(select_events!("WHERE e.uuid = :uuid"))?;
    let found = statement.query_row(named_params! {":uuid": uuid.to_bytes()}, event);
    Ok(found.optional()?.map(|event| (FlowId(flow), event)))
}

/// Returns an event by its id, with its redaction, edit or previous state.
///
/// # Errors
/// The file cannot be read.
pub fn by_uuid(view: &View<'_>, uuid: PublicId) -> Result<Option<(FlowId, RoomEvent)>, StoreError> {
    if let Some((flow, mut event)) = stored(view, uuid)? {
        complete(view, &mut event)?;
        return Ok(Some((flow, event)));
    }
    let Some((flow, message)) = message_with(view, uuid)? else {
        return Ok(None);
    };
    let mut event = derive(view, message)?;
    complete(view, &mut event)?;
    Ok(Some((flow, event)))
}

fn message_with(view: &View<'_>, uuid: PublicId) -> Result<Option<(FlowId, Message)>, StoreError> {
    let found: Option<(i64, i64)> = view
        .prepare("SELECT flow_id, number FROM messages WHERE uuid = :uuid")?
        .query_row(named_params! {":uuid": uuid.to_bytes()}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((flow, number)) = found else {
        return Ok(None);
    };
    let (flow, load) = (FlowId(flow), Load::of(Form::Rich, 0));
    let message = by_number(view, flow, (number, number), load, BUDGET_BYTES)?.pop();
    Ok(message.map(|message| (flow, message)))
}
