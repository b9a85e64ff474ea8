//! Account data of Matrix clients, global or of one room.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::properties;
use super::tx::{Tx, View};
use crate::model::{FlowId, Position, UserId};

/// Stands for global account data.
pub const NO_ROOM: FlowId = FlowId(0);

/// One item: its type, and its content as JSON.
pub type AccountData = (String, String);

/// Stores an item, in place of an earlier one.
///
/// # Errors
/// The file cannot be written.
pub fn set(
    tx: &Tx<'_>,
    user: UserId,
    flow: FlowId,
    (kind, content): (&str, &str),
) -> Result<(), StoreError> {
    let about = About {
        actor: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Room, about)?;
    tx.prepare(
        "INSERT INTO room_account_data (user_id, flow_id, type, content, position)
         VALUES (:user, :flow, :type, :content, :position)
         ON CONFLICT DO UPDATE SET content = excluded.content, position = excluded.position",
    )?
    .execute(named_params! {
        ":user": user.0, ":flow": flow.0, ":type": kind, ":content": content, ":position": position.0,
    })?;
    tx.tell_private(user, flow);
    Ok(())
}

/// Returns the content of an item.
///
/// # Errors
/// The file cannot be read.
pub fn get(
    view: &View<'_>,
    user: UserId,
    flow: FlowId,
    kind: &str,
) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare(
        "SELECT content FROM room_account_data WHERE user_id = :user AND flow_id = :flow AND type = :type",
    )?;
    let params = named_params! {":user": user.0, ":flow": flow.0, ":type": kind};
    Ok(statement.query_row(params, |row| row.get(0)).optional()?)
}

/// Returns the items that were stored after a position.
///
/// # Errors
/// The file cannot be read.
pub fn since(
    view: &View<'_>,
    user: UserId,
    flow: FlowId,
    after: Position,
) -> Result<Vec<AccountData>, StoreError> {
    let mut statement = view.prepare(
        "SELECT type, content FROM room_account_data
         WHERE user_id = :user AND flow_id = :flow AND position > :after ORDER BY position",
    )?;
    let params = named_params! {":user": user.0, ":flow": flow.0, ":after": after.0};
    let rows = statement.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the users whom a user ignores, with their names without the server.
///
/// # Errors
/// The file cannot be read.
pub fn ignored(view: &View<'_>, user: UserId) -> Result<Vec<(UserId, String)>, StoreError> {
    let Some(server) = properties::text(view, properties::MATRIX_SERVER_NAME)? else {
        return Ok(Vec::new());
    };
    let mut statement = view.prepare(
        "SELECT u.id, u.localpart FROM room_account_data d, json_each(d.content, '$.ignored_users') e
         JOIN users u ON u.localpart = substr(e.key, 2, instr(e.key, ':') - 2)
         WHERE d.user_id = :user AND d.flow_id = 0 AND d.type = 'm.ignored_user_list'
           AND e.key = '@' || u.localpart || ':' || :server AND u.id <> :user",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0, ":server": server}, |row| {
        Ok((UserId(row.get(0)?), row.get(1)?))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns how many items a user has stored, and their size in bytes.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, user: UserId) -> Result<(i64, i64), StoreError> {
    let mut statement = view.prepare(
        "SELECT count(*), coalesce(sum(octet_length(content)), 0) FROM room_account_data WHERE user_id = :user",
    )?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(statement.query_row(named_params! {":user": user.0}, row)?)
}

/// Returns the content of a read marker for an event.
///
/// # Errors
/// The file cannot be read.
pub fn event_content(view: &View<'_>, event: &str) -> Result<String, StoreError> {
    let mut statement = view.prepare("SELECT json_object('event_id', :event)")?;
    Ok(statement.query_row(named_params! {":event": event}, |row| row.get(0))?)
}
