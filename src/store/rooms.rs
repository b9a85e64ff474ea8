//! Rooms: the standing of users in flows, for Matrix.
//!
//! What does not belong here: the events of rooms (see [`room_log`](super::room_log)).

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::follower::first_number_after;
use super::members::State;
use super::tx::{Tx, View};
use crate::model::{FlowId, FlowKind, Position, PublicId, UserId};

/// The standing of a user in a room.
#[derive(Debug, Clone)]
pub struct Room {
    /// Row number.
    pub flow: FlowId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// The kind, which decides who writes in it.
    pub kind: FlowKind,
    /// The state of the user.
    pub state: State,
    /// The position before the one where that state began.
    pub since: Position,
    /// For a user who left: up to where the room can be read.
    pub until: Option<Position>,
    /// Whether the user has forgotten the room.
    pub is_forgotten: bool,
    /// The numbers of its messages, as stored.
    pub(super) numbers: std::ops::Range<i64>,
    /// The stored number of the last message that the user has read; -1: none.
    read: i64,
    /// The position of its last message.
    last: i64,
}

impl Room {
    /// Returns the position of its last message in the log.
    #[must_use]
    pub fn last_message(&self) -> i64 {
        self.last
    }
}

macro_rules! select_rooms {
    ($rest:literal) => {
        concat!(
            "SELECT f.id, f.uuid, f.kind, m.state, m.since_position, m.until_position, m.forgotten_at IS NOT NULL,
                    f.first_number, f.next_number, coalesce(m.read_number, -1), f.last_message_id,
                    m.state = 'joined' AND m.room_left, m.room_since
             FROM members m JOIN flows f ON f.id = m.flow_id ",
            $rest
        )
    };
}

/// Returns the rooms that a user is in, was in or is invited to.
///
/// # Errors
/// The file cannot be read.
pub fn of_user(view: &View<'_>, user: UserId) -> Result<Vec<Room>, StoreError> {
    let mut statement = view.prepare(select_rooms!("WHERE m.user_id = :user ORDER BY f.id"))?;
    let rows = statement.query_map(named_params! {":user": user.0}, room)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns a room that a user is in, was in or is invited to.
///
/// # Errors
/// The file cannot be read.
pub fn find(view: &View<'_>, uuid: PublicId, user: UserId) -> Result<Option<Room>, StoreError> {
    let mut statement =
        view.prepare(select_rooms!("WHERE f.uuid = :uuid AND m.user_id = :user"))?;
    let params = named_params! {":uuid": uuid.to_bytes(), ":user": user.0};
    Ok(statement.query_row(params, room).optional()?)
}

fn room(row: &Row<'_>) -> rusqlite::Result<Room> {
    let kind: String = row.get(2)?;
    // A user who has left the room of a chat is not in the room, though the chat keeps its two members.
    let (has_left, turned): (bool, Option<i64>) = (row.get(11)?, row.get(12)?);
    let since: i64 = row.get(4)?;
    let until = if has_left { turned } else { row.get(5)? };
    let state = State::parse(&row.get::<_, String>(3)?);
    Ok(Room {
        flow: FlowId(row.get(0)?),
        uuid: PublicId::from_bytes(row.get(1)?),
        kind: FlowKind::parse(&kind).unwrap_or(FlowKind::Group),
        state: if has_left { State::Left } else { state },
        since: Position(turned.map_or(since, |turned| turned.max(since))),
        until: until.map(Position),
        is_forgotten: row.get(6)?,
        numbers: row.get(7)?..row.get(8)?,
        read: row.get(9)?,
        last: row.get(10)?,
    })
}

/// Returns the number, as clients count, of the last message of a room up to a position.
///
/// # Errors
/// The file cannot be read.
pub fn number_at(
    view: &View<'_>,
    room: &Room,
    position: Position,
) -> Result<Option<i64>, StoreError> {
    let next = first_number_after(view, room.flow, room.numbers.clone(), position)?;
    Ok((next > room.numbers.start).then_some(next - room.numbers.start - 1))
}

/// Returns how many users are in a room and invited to it, and up to five of them besides one user.
///
/// # Errors
/// The file cannot be read.
pub fn summary(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
) -> Result<(i64, i64, Vec<String>), StoreError> {
    let (joined, invited) = view
        .prepare(
            "SELECT count(*) FILTER (WHERE state = 'joined' AND room_left = 0), count(*) FILTER (WHERE state = 'invited')
             FROM members WHERE flow_id = :flow",
        )?
        .query_row(named_params! {":flow": flow.0}, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement = view.prepare(
        "SELECT u.localpart FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.user_id <> :user AND m.state IN ('joined', 'invited')
         ORDER BY m.ordinal, m.user_id LIMIT 5",
    )?;
    let params = named_params! {":flow": flow.0, ":user": user.0};
    let rows = statement.query_map(params, |row| row.get(0))?;
    Ok((joined, invited, rows.collect::<Result<_, _>>()?))
}

/// Returns the position up to which a user has read a room, by the mark of MTP or by a Matrix receipt.
///
/// # Errors
/// The file cannot be read.
pub fn read_position(view: &View<'_>, room: &Room, user: UserId) -> Result<Position, StoreError> {
    let mut statement = view.prepare(
        "SELECT max(coalesce((SELECT id FROM messages WHERE flow_id = :flow AND number <= :read
                              ORDER BY number DESC LIMIT 1), 0),
                    coalesce((SELECT max(event_position) FROM room_receipts WHERE flow_id = :flow AND user_id = :user
                              AND kind IN ('m.read', 'm.read.private') AND thread IN ('', 'main')), 0))",
    )?;
    let params = named_params! {":flow": room.flow.0, ":read": room.read, ":user": user.0};
    Ok(Position(statement.query_row(params, |row| row.get(0))?))
}

/// Returns the position up to which a user has read all threads of a room, by marks without a thread. If
/// the user has marked the main timeline separately, the mark of MTP does not count.
///
/// # Errors
/// The file cannot be read.
pub fn read_threads_position(
    view: &View<'_>,
    room: &Room,
    user: UserId,
) -> Result<Position, StoreError> {
    let mut statement = view.prepare(
        "WITH marks AS (SELECT thread, event_position FROM room_receipts WHERE flow_id = :flow AND user_id = :user
                        AND kind IN ('m.read', 'm.read.private') AND thread IN ('', 'main'))
         SELECT max(coalesce((SELECT max(event_position) FROM marks WHERE thread = ''), 0),
                    iif(EXISTS (SELECT 1 FROM marks WHERE thread = 'main'), 0,
                        coalesce((SELECT id FROM messages WHERE flow_id = :flow AND number <= :read
                                  ORDER BY number DESC LIMIT 1), 0)))",
    )?;
    let params = named_params! {":flow": room.flow.0, ":read": room.read, ":user": user.0};
    let read: i64 = statement.query_row(params, |row| row.get(0))?;
    Ok(Position(read.max(room.since.0)))
}

/// Returns the chats of a user: the other user's name, and the flow.
///
/// # Errors
/// The file cannot be read.
pub fn chats(view: &View<'_>, user: UserId) -> Result<Vec<(String, PublicId)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.localpart, f.uuid FROM members me JOIN flows f ON f.id = me.flow_id
         JOIN members o ON o.flow_id = f.id AND o.user_id <> me.user_id JOIN users u ON u.id = o.user_id
         WHERE me.user_id = :user AND me.state = 'joined' AND me.room_left = 0 AND f.kind = 'chat' AND f.removed_at IS NULL ORDER BY f.id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        Ok((row.get(0)?, PublicId::from_bytes(row.get(1)?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns whether anything in a room changed after a position.
///
/// # Errors
/// The file cannot be read.
pub fn has_news(view: &View<'_>, room: &Room, after: Position) -> Result<bool, StoreError> {
    let last: i64 = view
        .prepare(
            "SELECT max(last_message_id, coalesce((SELECT max(position) FROM room_events WHERE flow_id = :flow), 0))
             FROM flows WHERE id = :flow",
        )?
        .query_row(named_params! {":flow": room.flow.0}, |row| row.get(0))?;
    Ok(last > after.0)
}

/// Records that a user has forgotten a room.
///
/// # Errors
/// The file cannot be written.
pub fn forget(tx: &Tx<'_>, flow: FlowId, user: UserId) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE members SET forgotten_at = :now
         WHERE flow_id = :flow AND user_id = :user AND (state IN ('left', 'banned') OR room_left = 1)",
    )?
    .execute(named_params! {":now": tx.now().0, ":flow": flow.0, ":user": user.0})?;
    Ok(())
}

/// Returns whether two users have a chat.
///
/// # Errors
/// The file cannot be read.
pub fn have_chat(view: &View<'_>, one: UserId, other: UserId) -> Result<bool, StoreError> {
    let key = format!("{}:{}", one.0.min(other.0), one.0.max(other.0));
    let mut statement =
        view.prepare("SELECT 1 FROM flows WHERE chat_key = :key AND removed_at IS NULL")?;
    Ok(statement.exists(named_params! {":key": key})?)
}
