//! Filters and aliases of rooms that Matrix clients have stored.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{FlowId, PublicId, UserId};

/// The maximum number of filters that are kept for one user; the oldest are removed.
const MOST_FILTERS: i64 = 100;

/// Stores a filter. Returns its id; an identical filter keeps its id.
///
/// # Errors
/// The file cannot be written.
pub fn add_filter(tx: &Tx<'_>, user: UserId, definition: &str) -> Result<i64, StoreError> {
    let params = named_params! {":user": user.0, ":definition": definition};
    tx.prepare(
        "INSERT INTO room_filters (user_id, definition) VALUES (:user, :definition) ON CONFLICT DO NOTHING",
    )?
    .execute(params)?;
    tx.prepare(
        "DELETE FROM room_filters WHERE user_id = :user AND id <=
         (SELECT id FROM room_filters WHERE user_id = :user ORDER BY id DESC LIMIT 1 OFFSET :most)",
    )?
    .execute(named_params! {":user": user.0, ":most": MOST_FILTERS})?;
    Ok(tx
        .prepare("SELECT id FROM room_filters WHERE user_id = :user AND definition = :definition")?
        .query_row(params, |row| row.get(0))?)
}

/// Returns a filter of a user.
///
/// # Errors
/// The file cannot be read.
pub fn filter(view: &View<'_>, user: UserId, id: i64) -> Result<Option<String>, StoreError> {
    let mut statement =
        view.prepare("SELECT definition FROM room_filters WHERE user_id = :user AND id = :id")?;
    let found = statement.query_row(named_params! {":user": user.0, ":id": id}, |row| row.get(0));
    Ok(found.optional()?)
}

/// Returns the room with an alias.
///
/// # Errors
/// The file cannot be read.
pub fn room_of(view: &View<'_>, alias: &str) -> Result<Option<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.uuid FROM room_aliases a JOIN flows f ON f.id = a.flow_id
         WHERE a.alias = :alias AND f.removed_at IS NULL",
    )?;
    let found = statement.query_row(named_params! {":alias": alias}, |row| {
        row.get(0).map(PublicId::from_bytes)
    });
    Ok(found.optional()?)
}

/// Gives a room an alias. Returns whether the alias was free.
///
/// # Errors
/// The file cannot be written.
pub fn name(tx: &Tx<'_>, alias: &str, flow: FlowId, user: UserId) -> Result<bool, StoreError> {
    let added = tx
        .prepare(
            "INSERT INTO room_aliases (alias, flow_id, user_id) VALUES (:alias, :flow, :user) ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {":alias": alias, ":flow": flow.0, ":user": user.0})?;
    Ok(added > 0)
}

/// Returns the aliases of a room.
///
/// # Errors
/// The file cannot be read.
pub fn of_room(view: &View<'_>, flow: FlowId) -> Result<Vec<String>, StoreError> {
    let mut statement =
        view.prepare("SELECT alias FROM room_aliases WHERE flow_id = :flow ORDER BY alias")?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| row.get(0))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the room with an alias, and who created the alias.
///
/// # Errors
/// The file cannot be read.
pub fn named(
    view: &View<'_>,
    alias: &str,
) -> Result<Option<(FlowId, PublicId, Option<UserId>)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.id, f.uuid, a.user_id FROM room_aliases a JOIN flows f ON f.id = a.flow_id
         WHERE a.alias = :alias AND f.removed_at IS NULL",
    )?;
    let found = statement.query_row(named_params! {":alias": alias}, |row| {
        let maker: Option<i64> = row.get(2)?;
        Ok((
            FlowId(row.get(0)?),
            PublicId::from_bytes(row.get(1)?),
            maker.map(UserId),
        ))
    });
    Ok(found.optional()?)
}

/// Removes an alias.
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, alias: &str) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM room_aliases WHERE alias = :alias")?
        .execute(named_params! {":alias": alias})?;
    Ok(())
}

/// Adds a room to the directory, or removes it.
///
/// # Errors
/// The file cannot be written.
pub fn publish(tx: &Tx<'_>, flow: FlowId, on: bool) -> Result<(), StoreError> {
    tx.prepare("UPDATE flows SET is_published = :on WHERE id = :id")?
        .execute(named_params! {":on": on, ":id": flow.0})?;
    Ok(())
}

/// Returns whether a room is in the directory.
///
/// # Errors
/// The file cannot be read.
pub fn is_published(view: &View<'_>, room: PublicId) -> Result<Option<bool>, StoreError> {
    let mut statement =
        view.prepare("SELECT is_published FROM flows WHERE uuid = :uuid AND removed_at IS NULL")?;
    let found = statement.query_row(named_params! {":uuid": room.to_bytes()}, |row| row.get(0));
    Ok(found.optional()?)
}

/// A room in the directory.
#[derive(Debug, Clone)]
pub struct PublicRoom {
    /// Its id.
    pub uuid: PublicId,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// Its picture.
    pub picture: Option<PublicId>,
    /// The number of its members.
    pub members: i64,
    /// Whether any user may join.
    pub is_open: bool,
    /// One of its aliases.
    pub alias: Option<String>,
}

/// Returns the rooms in the directory, largest first.
///
/// # Errors
/// The file cannot be read.
pub fn published(view: &View<'_>) -> Result<Vec<PublicRoom>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.uuid, f.title, f.info, f.picture_public_id, f.member_count, coalesce(f.join_rule, '') = 'public',
                (SELECT min(alias) FROM room_aliases a WHERE a.flow_id = f.id)
         FROM flows f WHERE f.is_published = 1 AND f.removed_at IS NULL ORDER BY f.member_count DESC, f.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(PublicRoom {
            uuid: PublicId::from_bytes(row.get(0)?),
            title: row.get(1)?,
            info: row.get(2)?,
            picture: row.get::<_, Option<[u8; 16]>>(3)?.map(PublicId::from_bytes),
            members: row.get(4)?,
            is_open: row.get(5)?,
            alias: row.get(6)?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
