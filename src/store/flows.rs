//! Flows.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, named_params};

use super::changes::{self, About, Kind, Reach};
use super::error::StoreError;
use super::members;
use super::tx::{Tx, View};
use crate::model::{
    Flow, FlowId, FlowKind, FlowSummary, News, Origin, PublicId, Timestamp, UserId,
};

/// What a new flow begins with.
#[derive(Debug, Clone)]
pub struct NewFlow {
    /// Who writes in it.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// Who owns it; one of the members.
    pub owner: UserId,
    /// Members, in order, without repetition.
    pub members: Vec<UserId>,
}

/// Changes to a flow; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct FlowEdit {
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// Who owns it.
    pub owner: Option<UserId>,
}

/// The query for flows with the rest that selects and orders them.
macro_rules! select_flows {
    ($rest:literal) => {
        concat!(
            "SELECT f.id, f.uuid, f.kind, f.title, f.info, f.owner_id, o.uuid AS owner_uuid, f.created_at,
                    f.next_number - f.first_number AS count
             FROM flows f LEFT JOIN users o ON o.id = f.owner_id ",
            $rest
        )
    };
}

/// Makes a flow with its members and tells them.
///
/// # Errors
/// [`StoreError::Conflict`] for a second chat of the same two.
pub fn insert(tx: &Tx<'_>, new: &NewFlow, origin: Option<Origin>) -> Result<Flow, StoreError> {
    let uuid = PublicId::generate();
    tx.prepare(
        "INSERT INTO flows (uuid, kind, title, info, owner_id, chat_key, created_at)
         VALUES (:uuid, :kind, :title, :info, :owner, :chat_key, :now)",
    )?
    .execute(named_params! {
        ":uuid": uuid.to_bytes(),
        ":kind": new.kind.as_str(),
        ":title": new.title,
        ":info": new.info,
        ":owner": new.owner.0,
        ":chat_key": chat_key(new.kind, &new.members),
        ":now": tx.now().0,
    })?;
    let id = FlowId(tx.last_id());
    for &user in &new.members {
        members::insert(tx, id, user)?;
    }
    announce(tx, id, Kind::FlowCreated, origin)
}

/// The text that only one chat of the same two people can have.
pub(super) fn chat_key(kind: FlowKind, members: &[UserId]) -> Option<String> {
    let ids = members.iter().map(|id| id.0);
    let (low, high) = (ids.clone().min()?, ids.max()?);
    (kind == FlowKind::Chat).then(|| format!("{low}:{high}"))
}

/// Changes a flow and tells its members. Who joins and leaves goes through [`members`] before.
///
/// # Errors
/// The file cannot be written.
pub fn edit(
    tx: &Tx<'_>,
    id: FlowId,
    edit: &FlowEdit,
    origin: Option<Origin>,
) -> Result<Flow, StoreError> {
    tx.prepare(
        "UPDATE flows SET title = coalesce(:title, title), info = coalesce(:info, info),
                          owner_id = coalesce(:owner, owner_id) WHERE id = :id",
    )?
    .execute(named_params! {
        ":title": edit.title,
        ":info": edit.info,
        ":owner": edit.owner.map(|owner| owner.0),
        ":id": id.0,
    })?;
    announce(tx, id, Kind::FlowChanged, origin)
}

/// Takes a flow from everybody; its messages go by [`removal`](super::removal).
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, flow: &Flow) -> Result<(), StoreError> {
    let users = members::ids(tx, flow.id)?;
    members::leave(tx, flow.id, flow.uuid, &users, None)?;
    tx.prepare("UPDATE flows SET removed_at = :now, chat_key = NULL WHERE id = :id")?
        .execute(named_params! {":now": tx.now().0, ":id": flow.id.0})?;
    Ok(())
}

/// Logs that a flow is new or has changed, and has its present state told to its members.
fn announce(
    tx: &Tx<'_>,
    id: FlowId,
    kind: Kind,
    origin: Option<Origin>,
) -> Result<Flow, StoreError> {
    let about = About {
        flow: Some(id),
        ..About::default()
    };
    let position = changes::append(tx, Reach::Members(id), kind, about)?;
    let flow = by_id(tx, id)?.ok_or(StoreError::Engine(rusqlite::Error::QueryReturnedNoRows))?;
    tx.tell(
        position,
        origin,
        tx.audience_of(id)?,
        News::Flow(Arc::new(flow.clone())),
    );
    Ok(flow)
}

/// Finds a flow by row number.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(view: &View<'_>, id: FlowId) -> Result<Option<Flow>, StoreError> {
    let mut statement = view.prepare(select_flows!("WHERE f.id = :id AND f.removed_at IS NULL"))?;
    let found = statement
        .query_row(named_params! {":id": id.0}, flow)
        .optional()?;
    found.map(|flow| with_members(view, flow)).transpose()
}

/// Finds a flow by the id that clients know.
///
/// # Errors
/// The file cannot be read.
pub fn by_uuid(view: &View<'_>, uuid: PublicId) -> Result<Option<Flow>, StoreError> {
    id_of(view, uuid)?.map_or(Ok(None), |id| by_id(view, id))
}

/// The row number behind a public id.
///
/// # Errors
/// The file cannot be read.
pub fn id_of(view: &View<'_>, uuid: PublicId) -> Result<Option<FlowId>, StoreError> {
    let mut statement =
        view.prepare("SELECT id FROM flows WHERE uuid = :uuid AND removed_at IS NULL")?;
    Ok(statement
        .query_row(named_params! {":uuid": uuid.to_bytes()}, |row| {
            row.get(0).map(FlowId)
        })
        .optional()?)
}

/// The public id of a flow, also of a removed one.
///
/// # Errors
/// The file cannot be read.
pub fn uuid(view: &View<'_>, id: FlowId) -> Result<Option<PublicId>, StoreError> {
    let mut statement = view.prepare("SELECT uuid FROM flows WHERE id = :id")?;
    Ok(statement
        .query_row(named_params! {":id": id.0}, |row| {
            row.get(0).map(PublicId::from_bytes)
        })
        .optional()?)
}

/// What has to be known of a flow to let somebody read or write in it.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Row number.
    pub id: FlowId,
    /// Who writes in it.
    pub kind: FlowKind,
    /// Who owns it.
    pub owner: Option<UserId>,
    /// The number that its next message gets.
    pub next_number: i64,
    /// The number of its oldest message.
    pub first_number: i64,
}

/// Finds a flow that a user is in; to others it does not exist.
///
/// # Errors
/// The file cannot be read.
pub fn access(view: &View<'_>, uuid: PublicId, user: UserId) -> Result<Option<Access>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.id, f.kind, f.owner_id, f.next_number, f.first_number
         FROM flows f JOIN members m ON m.flow_id = f.id
         WHERE f.uuid = :uuid AND f.removed_at IS NULL AND m.user_id = :user AND m.state = 'joined'",
    )?;
    let found = statement.query_row(
        named_params! {":uuid": uuid.to_bytes(), ":user": user.0},
        |row| {
            Ok(Access {
                id: FlowId(row.get("id")?),
                kind: kind(row)?,
                owner: row.get::<_, Option<i64>>("owner_id")?.map(UserId),
                next_number: row.get("next_number")?,
                first_number: row.get("first_number")?,
            })
        },
    );
    Ok(found.optional()?)
}

/// The flows that a user is in, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn of_user(view: &View<'_>, user: UserId) -> Result<Vec<FlowSummary>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.id, f.uuid, f.kind, f.title, f.info, f.owner_id, o.uuid AS owner_uuid, f.created_at,
                f.next_number - f.first_number AS count, m.read_number - f.first_number AS read
         FROM members m JOIN flows f ON f.id = m.flow_id LEFT JOIN users o ON o.id = f.owner_id
         WHERE m.user_id = :user AND m.state = 'joined' AND f.removed_at IS NULL ORDER BY m.flow_id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        Ok((
            flow(row)?,
            row.get::<_, i64>("count")?,
            row.get::<_, Option<i64>>("read")?,
        ))
    })?;
    let mut flows = Vec::new();
    for row in rows {
        let (flow, count, read) = row?;
        // What was read may have been removed by retention since.
        let read = read.filter(|number| *number >= 0);
        flows.push(FlowSummary {
            flow: with_members(view, flow)?,
            count,
            read,
        });
    }
    Ok(flows)
}

/// All flows, oldest first, each with the number of its messages.
///
/// # Errors
/// The file cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<(Flow, i64)>, StoreError> {
    let mut statement = view.prepare(select_flows!("WHERE f.removed_at IS NULL ORDER BY f.id"))?;
    let rows = statement.query_map([], |row| Ok((flow(row)?, row.get::<_, i64>("count")?)))?;
    let mut flows = Vec::new();
    for row in rows {
        let (flow, count) = row?;
        flows.push((with_members(view, flow)?, count));
    }
    Ok(flows)
}

/// How many messages a flow has.
///
/// # Errors
/// The file cannot be read.
pub fn message_count(view: &View<'_>, id: FlowId) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT next_number - first_number FROM flows WHERE id = :id")?;
    Ok(statement.query_row(named_params! {":id": id.0}, |row| row.get(0))?)
}

/// The flows that a user owns, chats left out.
///
/// # Errors
/// The file cannot be read.
pub fn owned_by(view: &View<'_>, user: UserId) -> Result<Vec<Flow>, StoreError> {
    let mut flows = of_user(view, user)?;
    flows.retain(|summary| summary.flow.owner == Some(user) && summary.flow.kind != FlowKind::Chat);
    Ok(flows.into_iter().map(|summary| summary.flow).collect())
}

/// Tells whether somebody in a flow, other than a user, still has an account.
///
/// # Errors
/// The file cannot be read.
pub fn has_living_others(view: &View<'_>, flow: FlowId, user: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.user_id <> :user AND m.state = 'joined' AND u.deleted_at IS NULL LIMIT 1",
    )?;
    Ok(statement.exists(named_params! {":flow": flow.0, ":user": user.0})?)
}

fn with_members(view: &View<'_>, mut flow: Flow) -> Result<Flow, StoreError> {
    flow.members = members::uuids(view, flow.id)?;
    Ok(flow)
}

fn kind(row: &Row<'_>) -> rusqlite::Result<FlowKind> {
    let word: String = row.get("kind")?;
    // The table's CHECK lets no other word in.
    Ok(FlowKind::parse(&word).unwrap_or(FlowKind::Group))
}

/// A flow without its members.
fn flow(row: &Row<'_>) -> rusqlite::Result<Flow> {
    Ok(Flow {
        id: FlowId(row.get("id")?),
        uuid: PublicId::from_bytes(row.get("uuid")?),
        kind: kind(row)?,
        title: row.get("title")?,
        info: row.get("info")?,
        owner: row.get::<_, Option<i64>>("owner_id")?.map(UserId),
        owner_uuid: row
            .get::<_, Option<[u8; 16]>>("owner_uuid")?
            .map(PublicId::from_bytes),
        members: Vec::new(),
        created_at: Timestamp(row.get("created_at")?),
    })
}
