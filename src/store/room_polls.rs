//! Polls as events of a room: what asks, what answers, what ends.
//!
//! A poll by MTP is stored as the event that it is, so that it has answers with ids. Of an anonymous poll
//! nobody's votes by MTP are told: an event names its sender.

use rusqlite::named_params;

use super::error::StoreError;
use super::polls;
use super::room_events::{NewRoomEvent, Place, about_message, append};
use super::tx::{Tx, View};
use super::{room_contents as contents, room_leaving};
use crate::model::{FlowId, MessageId, Position, PublicId, UserId};

/// The type of an event that votes.
const RESPONSE: &str = "org.matrix.msc3381.poll.response";

/// The type of an event that closes a poll.
const END: &str = "org.matrix.msc3381.poll.end";

/// Stores the event of a poll that has no event of its own yet, where events are kept.
pub(super) fn started(tx: &Tx<'_>, message: MessageId) -> Result<(), StoreError> {
    if !tx.keeps_rooms() {
        return Ok(());
    }
    tx.prepare(
        "INSERT OR IGNORE INTO room_events (flow_id, position, part, uuid, sender_id, type, content, at, message_id)
         SELECT m.flow_id, m.id, 0, m.uuid, m.author_id, 'org.matrix.msc3381.poll.start', json_object(
             'org.matrix.msc3381.poll.start', json_object(
                 'question', json_object('org.matrix.msc1767.text', p.question, 'body', p.question, 'msgtype', 'm.text'),
                 'kind', 'org.matrix.msc3381.poll.' || iif(p.flags & 2, 'undisclosed', 'disclosed'),
                 'max_selections', iif(p.flags & 1, json_array_length(p.options), 1),
                 'answers', json((SELECT json_group_array(json_object('id', key || '', 'org.matrix.msc1767.text', value))
                                  FROM (SELECT key, value FROM json_each(p.options) ORDER BY key)))),
             'org.matrix.msc1767.text', p.question || (
                 SELECT group_concat(char(10) || (key + 1) || '. ' || value, '')
                 FROM (SELECT key, value FROM json_each(p.options) ORDER BY key))), m.sent_at, m.id
         FROM polls p JOIN messages m ON m.id = p.message_id WHERE m.id = :id AND m.deleted_at IS NULL",
    )?
    .execute(named_params! {":id": message.0})?;
    Ok(())
}

/// Stores the events of the polls of a flow from a time without Matrix.
pub(super) fn adopt(tx: &Tx<'_>, flow: FlowId) -> Result<(), StoreError> {
    let all = tx
        .prepare("SELECT p.message_id FROM messages m JOIN polls p ON p.message_id = m.id WHERE m.flow_id = :flow")?
        .query_map(named_params! {":flow": flow.0}, |row| row.get(0).map(MessageId))?
        .collect::<Result<Vec<_>, _>>()?;
    all.into_iter().try_for_each(|message| started(tx, message))
}

/// Returns the ids of the answers of a poll, in their order.
fn answers(view: &View<'_>, poll: PublicId) -> Result<Vec<String>, StoreError> {
    let mut statement = view.prepare(
        "SELECT coalesce(j.value ->> 'id', j.value ->> '$.\"m.id\"', '') FROM room_events e, json_each(coalesce(
             e.content -> '$.\"org.matrix.msc3381.poll.start\".answers', e.content -> '$.\"m.poll\".answers',
             e.content -> '$.\"m.poll.start\".answers')) j
         WHERE e.uuid = :poll ORDER BY j.key",
    )?;
    let rows = statement.query_map(named_params! {":poll": poll.to_bytes()}, |row| row.get(0))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the options of a poll that answers choose. One that the poll does not have spoils the vote, and
/// chooses none.
///
/// # Errors
/// The file cannot be read.
pub fn selected(
    view: &View<'_>,
    message: MessageId,
    poll: PublicId,
    chosen: &[String],
) -> Result<Vec<i64>, StoreError> {
    let known = answers(view, poll)?;
    let most = match polls::ballot(view, message)? {
        Some(ballot) if ballot.is_multiple => known.len(),
        _ => 1,
    };
    let mut options = Vec::new();
    for id in chosen.iter().take(most) {
        let place = known.iter().position(|it| it == id);
        match place.and_then(|place| i64::try_from(place).ok()) {
            Some(option) => options.push(option),
            None => return Ok(Vec::new()),
        }
    }
    options.sort_unstable();
    options.dedup();
    Ok(options)
}

/// The newest vote of a user in a poll that stands after one was redacted.
#[derive(Debug)]
pub struct Recount {
    /// The message of the poll.
    pub message: MessageId,
    /// The voter.
    pub user: UserId,
    /// What the voter chooses now.
    pub options: Vec<i64>,
}

/// Returns what counts after an event was redacted; `None`: it was no vote, or came too late.
///
/// # Errors
/// The file cannot be read.
pub fn recount(view: &View<'_>, redacted: PublicId) -> Result<Option<Recount>, StoreError> {
    let mut statement = view.prepare(
        "SELECT e.message_id, e.sender_id, e.target FROM room_events e JOIN polls p ON p.message_id = e.message_id
         WHERE e.uuid = :uuid AND e.type IN ('org.matrix.msc3381.poll.response', 'm.poll.response')
           AND e.sender_id IS NOT NULL AND e.target IS NOT NULL AND e.at <= coalesce(p.closed_at, e.at)",
    )?;
    let mut rows = statement.query(named_params! {":uuid": redacted.to_bytes()})?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (message, user) = (MessageId(row.get(0)?), UserId(row.get(1)?));
    let poll = PublicId::from_bytes(row.get(2)?);
    let chosen = view
        .prepare(
            "WITH newest AS (SELECT e.content FROM room_events e JOIN polls p ON p.message_id = e.message_id
                             WHERE e.target = :poll AND e.relation = 'm.reference' AND e.sender_id = :user
                               AND e.redacted_by IS NULL AND e.at <= coalesce(p.closed_at, e.at)
                               AND e.type IN ('org.matrix.msc3381.poll.response', 'm.poll.response')
                             ORDER BY e.position DESC, e.part DESC LIMIT 1)
             SELECT value FROM newest, json_each(coalesce(content -> '$.\"org.matrix.msc3381.poll.response\".answers',
                 content -> '$.\"m.selections\"', content -> '$.\"m.poll.response\".answers'))
             WHERE type = 'text' ORDER BY key",
        )?
        .query_map(named_params! {":poll": poll.to_bytes(), ":user": user.0}, |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let options = selected(view, message, poll, &chosen)?;
    Ok(Some(Recount {
        message,
        user,
        options,
    }))
}

/// Writes the event for a vote by MTP, before that is logged.
///
/// # Errors
/// The file cannot be written.
pub fn voted(
    tx: &Tx<'_>,
    message: MessageId,
    user: UserId,
    options: &[i64],
) -> Result<(), StoreError> {
    let is_open = tx
        .prepare("SELECT 1 FROM polls WHERE message_id = :id AND flags & 2 = 0")?
        .exists(named_params! {":id": message.0})?;
    if !is_open {
        return Ok(());
    }
    add(tx, message, user, RESPONSE, |uuid| {
        let known = answers(tx, uuid)?;
        let chosen = options.iter();
        let chosen = chosen.filter_map(|it| known.get(usize::try_from(*it).ok()?));
        contents::vote(tx, &format!("${}", uuid.hex()), chosen)
    })
}

/// Writes the event for the end of a poll by MTP, before that is logged.
///
/// # Errors
/// The file cannot be written.
pub fn ended(tx: &Tx<'_>, message: MessageId, user: UserId) -> Result<(), StoreError> {
    add(tx, message, user, END, |uuid| {
        contents::end_of_poll(tx, &format!("${}", uuid.hex()))
    })
}

fn add(
    tx: &Tx<'_>,
    message: MessageId,
    user: UserId,
    kind: &str,
    content: impl Fn(PublicId) -> Result<String, StoreError>,
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
    let new = NewRoomEvent {
        kind,
        content: content(uuid)?,
        message: Some(message),
        relation: Some((uuid, "m.reference", None)),
        ..NewRoomEvent::default()
    };
    append(tx, place, new).map(drop)
}
