//! Flows as administrators see them.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::flows::{SAVED, kind};
use super::tx::View;
use crate::model::{FlowId, FlowInfo, Page, PublicId, Timestamp};

/// Returns the flows that have not been removed, except saved messages, oldest first; with `after`, the
/// ones after that flow.
///
/// # Errors
/// The file cannot be read.
pub fn page(view: &View<'_>, after: Option<FlowId>) -> Result<Page<FlowInfo>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.uuid, f.kind, f.title, u.uuid AS owner, f.created_at, f.next_number - f.first_number AS messages,
                (SELECT COUNT(*) FROM members m WHERE m.flow_id = f.id AND m.state = 'joined') AS members
         FROM flows f LEFT JOIN users u ON u.id = f.owner_id
         WHERE f.removed_at IS NULL AND f.flags & :saved = 0 AND f.id > :after ORDER BY f.id LIMIT :limit",
    )?;
    let params = named_params! {
        ":saved": SAVED,
        ":after": after.map_or(0, |id| id.0),
        ":limit": Page::<FlowInfo>::LIMIT,
    };
    let rows = statement.query_map(params, info)?;
    Ok(Page::of(rows.collect::<Result<_, _>>()?))
}

/// Returns the row number for a public id, also of a removed flow, so that a list can continue there.
///
/// # Errors
/// The file cannot be read.
pub fn place(view: &View<'_>, uuid: PublicId) -> Result<Option<FlowId>, StoreError> {
    let mut statement = view.prepare("SELECT id FROM flows WHERE uuid = :uuid")?;
    Ok(statement
        .query_row(named_params! {":uuid": uuid.to_bytes()}, |row| {
            row.get("id").map(FlowId)
        })
        .optional()?)
}

fn info(row: &Row<'_>) -> rusqlite::Result<FlowInfo> {
    Ok(FlowInfo {
        uuid: PublicId::from_bytes(row.get("uuid")?),
        kind: kind(row)?,
        title: row.get("title")?,
        owner: row
            .get::<_, Option<[u8; 16]>>("owner")?
            .map(PublicId::from_bytes),
        members: row.get("members")?,
        messages: row.get("messages")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}
