//! Filters and names of rooms that Matrix clients have stored.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{FlowId, PublicId, UserId};

/// Filters that are kept of one user; the oldest go.
const MOST_FILTERS: i64 = 100;

/// Stores a filter. Returns its id, that of the same one if it is there already.
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

/// A filter of a user.
///
/// # Errors
/// The file cannot be read.
pub fn filter(view: &View<'_>, user: UserId, id: i64) -> Result<Option<String>, StoreError> {
    let mut statement =
        view.prepare("SELECT definition FROM room_filters WHERE user_id = :user AND id = :id")?;
    let found = statement.query_row(named_params! {":user": user.0, ":id": id}, |row| row.get(0));
    Ok(found.optional()?)
}

/// The room that a name means.
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

/// Gives a room a name. Returns whether that was free.
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
