//! Rooms: how users stand to flows, as Matrix asks.
//!
//! What does not belong here: the events of rooms (see [`room_log`](super::room_log)).

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::follower::first_number_after;
use super::members::State;
use super::tx::{Tx, View};
use crate::model::{FlowId, FlowKind, Position, PublicId, UserId};

/// How a user stands to a room.
#[derive(Debug, Clone)]
pub struct Room {
    /// Row number.
    pub flow: FlowId,
    /// The id by which clients know it.
    pub uuid: PublicId,
    /// Who writes in it.
    pub kind: FlowKind,
    /// Member or not.
    pub state: State,
    /// Before where that began.
    pub since: Position,
    /// Of who left: up to where the room can be read.
    pub until: Option<Position>,
    /// Whether the user wants to hear nothing of it any more.
    pub is_forgotten: bool,
    /// Numbers of its messages, as they are stored.
    pub(super) numbers: std::ops::Range<i64>,
    /// The last message that the user has read, as it is stored; -1: none.
    read: i64,
    /// Where its last message stands.
    last: i64,
}

impl Room {
    /// Where its last message stands in the log.
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

/// The rooms that a user has, or has had, to do with.
///
/// # Errors
/// The file cannot be read.
pub fn of_user(view: &View<'_>, user: UserId) -> Result<Vec<Room>, StoreError> {
    let mut statement = view.prepare(select_rooms!("WHERE m.user_id = :user ORDER BY f.id"))?;
    let rows = statement.query_map(named_params! {":user": user.0}, room)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// A room that a user has, or has had, to do with.
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
    // Of the room that a chat is, who has left it is out, though the chat has its two members.
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

/// The number, as clients count, of the last message of a room up to a position; `None`: there is none.
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

/// How many are in a room and invited to it, and some of them besides one user.
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

/// Up to where a user has read a room: by the mark that every protocol has, or by the private one.
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

/// Up to where a user has read all threads of a room: by marks that are of no thread. Where the user has
/// marked what is outside of threads by itself, the mark that every protocol has says nothing of them.
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

/// The chats of a user: with whom, and which.
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

/// Whether anything of a room changed after a position.
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

/// Notes that a user wants to hear nothing more of a room.
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

/// Whether two have a chat.
///
/// # Errors
/// The file cannot be read.
pub fn have_chat(view: &View<'_>, one: UserId, other: UserId) -> Result<bool, StoreError> {
    let key = format!("{}:{}", one.0.min(other.0), one.0.max(other.0));
    let mut statement =
        view.prepare("SELECT 1 FROM flows WHERE chat_key = :key AND removed_at IS NULL")?;
    Ok(statement.exists(named_params! {":key": key})?)
}
