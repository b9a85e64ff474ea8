//! Flows.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::news::{self, Deed};
use super::tx::{Tx, View};
use super::{files, members};
use crate::model::{
    Audience, By, Flow, FlowEvent, FlowId, FlowKind, FlowNews, FlowSummary, FlowSwitches, Level,
    News, Picture, Position, PublicId, Timestamp, UserId,
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
    /// Set for the owner's saved messages.
    pub is_saved: bool,
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
    /// Its picture and how it works.
    pub switches: FlowSwitches,
}

/// The columns of a flow, for [`flow`], which reads them by name.
macro_rules! flow_columns {
    () => {
        "f.id, f.uuid, f.kind, f.title, f.info, f.owner_id, o.uuid AS owner_uuid, f.created_at,
         f.next_number - f.first_number AS count, f.flags, f.expire, f.picture_public_id, p.size AS picture_size"
    };
}

/// The query for flows with the rest that selects and orders them.
macro_rules! select_flows {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            flow_columns!(),
            " FROM flows f LEFT JOIN users o ON o.id = f.owner_id LEFT JOIN files p ON p.id = f.picture_file_id ",
            $rest
        )
    };
}

/// Nothing is forwarded from the flow.
const PROTECTED: i64 = 1;
/// Only the owner and moderators pin.
const RESTRICTED_PINS: i64 = 2;
/// Somebody's saved messages.
const SAVED: i64 = 4;

/// Makes a flow with its members and tells them.
///
/// # Errors
/// [`StoreError::Conflict`] for a second chat of the same two.
pub fn insert(tx: &Tx<'_>, new: &NewFlow, by: By) -> Result<Flow, StoreError> {
    let uuid = PublicId::generate();
    let key = if new.is_saved {
        Some(saved_key(new.owner))
    } else {
        chat_key(new.kind, &new.members)
    };
    tx.prepare(
        "INSERT INTO flows (uuid, kind, title, info, owner_id, created_by, chat_key, flags, created_at)
         VALUES (:uuid, :kind, :title, :info, :owner, :by, :chat_key, :flags, :now)",
    )?
    .execute(named_params! {
        ":uuid": uuid.to_bytes(),
        ":kind": new.kind.as_str(),
        ":title": new.title,
        ":info": new.info,
        ":owner": new.owner.0,
        ":by": by.user.map(|id| id.0),
        ":chat_key": key,
        ":flags": if new.is_saved { SAVED } else { 0 },
        ":now": tx.now().0,
    })?;
    let id = FlowId(tx.last_id());
    enroll(tx, id, new.owner, &new.members, by)?;
    let made = news::append(tx, id, Deed::Plain(Kind::Made), by)?;
    tell(tx, id, vec![made], by)
}

/// Puts the first members into a flow, with their levels.
pub(super) fn enroll(
    tx: &Tx<'_>,
    id: FlowId,
    owner: UserId,
    users: &[UserId],
    by: By,
) -> Result<(), StoreError> {
    members::insert(tx, id, users, Level::MEMBER, by)?;
    tx.prepare(
        "UPDATE members SET level = 100
         WHERE flow_id = :flow AND user_id = :owner",
    )?
    .execute(named_params! {":flow": id.0, ":owner": owner.0})?;
    Ok(())
}

/// The text that only one chat of the same two people can have.
pub(super) fn chat_key(kind: FlowKind, members: &[UserId]) -> Option<String> {
    let ids = members.iter().map(|id| id.0);
    let (low, high) = (ids.clone().min()?, ids.max()?);
    (kind == FlowKind::Chat).then(|| format!("{low}:{high}"))
}

/// The text that only one flow of saved messages of a user can have.
fn saved_key(user: UserId) -> String {
    format!("{0}:{0}", user.0)
}

/// The flow of a user's saved messages, if there is one.
///
/// # Errors
/// The file cannot be read.
pub fn saved_of(view: &View<'_>, user: UserId) -> Result<Option<Flow>, StoreError> {
    let mut statement =
        view.prepare("SELECT id FROM flows WHERE chat_key = :key AND removed_at IS NULL")?;
    let found = statement
        .query_row(named_params! {":key": saved_key(user)}, |row| {
            row.get(0).map(FlowId)
        })
        .optional()?;
    found.map_or(Ok(None), |id| by_id(view, id))
}

/// Changes the words, the owner and the switches of a flow, and tells its members together with what
/// happened to members before (see [`members`]).
///
/// # Errors
/// The file cannot be written.
pub fn edit(
    tx: &Tx<'_>,
    id: FlowId,
    edit: &FlowEdit,
    mut events: Vec<FlowEvent>,
    by: By,
) -> Result<Flow, StoreError> {
    let (title, info, owner): (Option<String>, Option<String>, Option<i64>) = tx
        .prepare("SELECT title, info, owner_id FROM flows WHERE id = :id")?
        .query_row(named_params! {":id": id.0}, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
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
    if let Some(new) = edit
        .title
        .as_deref()
        .filter(|new| title.as_deref() != Some(new))
    {
        events.push(news::append(tx, id, Deed::Title(new), by)?);
    }
    if edit
        .info
        .as_ref()
        .is_some_and(|new| info.as_ref() != Some(new))
    {
        events.push(news::append(tx, id, Deed::Plain(Kind::Info), by)?);
    }
    if let Some(new) = edit.owner.filter(|new| owner != Some(new.0)) {
        tx.prepare(
            "UPDATE members SET level = CASE user_id WHEN :owner THEN 100 ELSE 0 END
             WHERE flow_id = :flow AND (user_id = :owner OR level >= 100)",
        )?
        .execute(named_params! {":owner": new.0, ":flow": id.0})?;
        events.push(news::append(tx, id, Deed::Of(Kind::Owner, new), by)?);
    }
    set_switches(tx, id, &edit.switches, &mut events, by)?;
    tell(tx, id, events, by)
}

fn set_switches(
    tx: &Tx<'_>,
    id: FlowId,
    switches: &FlowSwitches,
    events: &mut Vec<FlowEvent>,
    by: By,
) -> Result<(), StoreError> {
    if let Some(picture) = &switches.picture {
        let file = picture
            .as_ref()
            .map(|content| files::store(tx, content))
            .transpose()?;
        tx.prepare(
            "UPDATE flows SET picture_file_id = :file, picture_encoding = :encoding, picture_public_id = :public
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":file": file.map(|file| file.0),
            ":encoding": picture.as_ref().map_or(0, |content| files::encoding_number(content.encoding)),
            ":public": file.map(|_| files::public_id()),
            ":id": id.0,
        })?;
        events.push(news::append(tx, id, Deed::Plain(Kind::Picture), by)?);
    }
    let (flags, expire): (i64, i64) = tx
        .prepare("SELECT flags, expire FROM flows WHERE id = :id")?
        .query_row(named_params! {":id": id.0}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let switched = |flags: i64, bit: i64, on: Option<bool>| match on {
        Some(true) => flags | bit,
        Some(false) => flags & !bit,
        None => flags,
    };
    let new_flags = switched(
        switched(flags, PROTECTED, switches.protect),
        RESTRICTED_PINS,
        switches.restrict_pins,
    );
    let new_expire = switches.expire.unwrap_or(expire);
    tx.prepare("UPDATE flows SET flags = :flags, expire = :expire WHERE id = :id")?
        .execute(named_params! {":flags": new_flags, ":expire": new_expire, ":id": id.0})?;
    if new_expire != expire {
        events.push(news::append(
            tx,
            id,
            Deed::Number(Kind::Expire, new_expire),
            by,
        )?);
    }
    if (new_flags ^ flags) & PROTECTED != 0 {
        let on = i64::from(new_flags & PROTECTED != 0);
        events.push(news::append(tx, id, Deed::Number(Kind::Protect, on), by)?);
    }
    Ok(())
}

/// Takes a flow from everybody; its messages go by [`removal`](super::removal).
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, flow: &Flow, by: By) -> Result<(), StoreError> {
    let users = members::ids(tx, flow.id)?;
    members::leave(tx, flow.id, flow.uuid, &users, members::Exit::Removed, by)?;
    let invited = members::invited(tx, flow.id)?;
    members::uninvite(tx, flow.id, flow.uuid, &invited, by)?;
    tx.prepare("UPDATE flows SET removed_at = :now, chat_key = NULL WHERE id = :id")?
        .execute(named_params! {":now": tx.now().0, ":id": flow.id.0})?;
    Ok(())
}

/// Tells the members of a flow its present state with what happened there. What happened without
/// an event is logged here.
///
/// # Errors
/// The file cannot be written.
pub fn tell(tx: &Tx<'_>, id: FlowId, events: Vec<FlowEvent>, by: By) -> Result<Flow, StoreError> {
    let position = match events.last() {
        Some(event) => event.position.max(tx.position()),
        None => {
            let about = About {
                actor: by.user,
                flow: Some(id),
                ..About::default()
            };
            log::append(tx, Reach::Members(id), Kind::FlowChanged, about)?
        }
    };
    let flow = by_id(tx, id)?.ok_or(StoreError::Engine(rusqlite::Error::QueryReturnedNoRows))?;
    let shows = events.is_empty() || events.iter().any(|event| event.what.shows_in_flow());
    let news = FlowNews {
        flow: flow.clone(),
        events,
        shows,
    };
    tell_at(tx, position, by, tx.audience_of(id)?, news);
    Ok(flow)
}

fn tell_at(tx: &Tx<'_>, position: Position, by: By, audience: Audience, news: FlowNews) {
    tx.tell(position, by.origin, audience, News::Flow(Arc::new(news)));
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
    found
        .map(|flow| with_members(view, flow, Roster::Whole, None))
        .transpose()
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
    /// What the user may do in it.
    pub level: Level,
    /// Seconds after which a new message disappears; 0: never.
    pub expire: i64,
    /// Nothing is forwarded from it.
    pub is_protected: bool,
    /// Only the owner and moderators pin.
    pub pins_are_restricted: bool,
    /// The user's saved messages.
    pub is_saved: bool,
}

/// Finds a flow that a user is in; to others it does not exist.
///
/// # Errors
/// The file cannot be read.
pub fn access(view: &View<'_>, uuid: PublicId, user: UserId) -> Result<Option<Access>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.id, f.kind, f.owner_id, f.next_number, f.first_number, m.level, f.expire, f.flags
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
                level: Level(row.get("level")?),
                expire: row.get("expire")?,
                is_protected: row.get::<_, i64>("flags")? & PROTECTED != 0,
                pins_are_restricted: row.get::<_, i64>("flags")? & RESTRICTED_PINS != 0,
                is_saved: row.get::<_, i64>("flags")? & SAVED != 0,
            })
        },
    );
    Ok(found.optional()?)
}

/// Which members a flow is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roster {
    /// All of them.
    Whole,
    /// All of a small flow; of a large one those above the level of a member, and the reader.
    Brief,
}

/// Members up to which a flow is small.
pub const SMALL: i64 = 50;

/// The flows that a user is in, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn of_user(
    view: &View<'_>,
    user: UserId,
    roster: Roster,
) -> Result<Vec<FlowSummary>, StoreError> {
    let mut statement = view.prepare(concat!(
        "SELECT ",
        flow_columns!(),
        ", m.read_number - f.first_number AS read, f.next_number, f.first_number, m.read_number
         FROM members m JOIN flows f ON f.id = m.flow_id LEFT JOIN users o ON o.id = f.owner_id
         LEFT JOIN files p ON p.id = f.picture_file_id
         WHERE m.user_id = :user AND m.state = 'joined' AND f.removed_at IS NULL ORDER BY m.flow_id"
    ))?;
    let mut rows = statement.query(named_params! {":user": user.0})?;
    let mut flows = Vec::new();
    while let Some(row) = rows.next()? {
        let first: i64 = row.get("first_number")?;
        let next: i64 = row.get("next_number")?;
        let mark = row.get::<_, Option<i64>>("read_number")?.unwrap_or(-1);
        let flow = flow(row)?;
        // What was read may have been removed by retention since.
        let read = row.get::<_, Option<i64>>("read")?;
        let unread = unread(view, flow.id, mark.max(first - 1), next - 1)?;
        flows.push(FlowSummary {
            count: row.get("count")?,
            read: read.filter(|number| *number >= 0),
            unread,
            flow: with_members(view, flow, roster, Some(user))?,
        });
    }
    Ok(flows)
}

/// How many messages between two numbers, the first excluded, have not been deleted.
fn unread(view: &View<'_>, flow: FlowId, after: i64, last: i64) -> Result<i64, StoreError> {
    if last <= after {
        return Ok(0);
    }
    let deleted: i64 = view
        .prepare(
            "SELECT COUNT(*) FROM messages
             WHERE flow_id = :flow AND number > :after AND number <= :last AND deleted_at IS NOT NULL",
        )?
        .query_row(
            named_params! {":flow": flow.0, ":after": after, ":last": last},
            |row| row.get(0),
        )?;
    Ok(last - after - deleted)
}

/// How many messages of a flow a member has not read.
///
/// # Errors
/// The file cannot be read.
pub fn unread_of(view: &View<'_>, id: FlowId, user: UserId) -> Result<i64, StoreError> {
    let numbers: Option<(i64, i64, Option<i64>)> = view
        .prepare(
            "SELECT f.first_number, f.next_number, m.read_number FROM flows f
             JOIN members m ON m.flow_id = f.id AND m.user_id = :user WHERE f.id = :flow",
        )?
        .query_row(named_params! {":user": user.0, ":flow": id.0}, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((first, next, mark)) = numbers else {
        return Ok(0);
    };
    unread(view, id, mark.unwrap_or(-1).max(first - 1), next - 1)
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
        flows.push((with_members(view, flow, Roster::Whole, None)?, count));
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
    let mut flows = of_user(view, user, Roster::Brief)?;
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

fn with_members(
    view: &View<'_>,
    mut flow: Flow,
    roster: Roster,
    reader: Option<UserId>,
) -> Result<Flow, StoreError> {
    flow.levels = members::levels(view, flow.id)?;
    flow.member_count = members::count(view, flow.id)?;
    if roster == Roster::Whole || flow.member_count <= SMALL {
        flow.members = members::uuids(view, flow.id)?;
    } else {
        flow.members = flow.levels.iter().map(|(user, _)| *user).collect();
        if let Some(reader) = reader {
            let own = super::users::uuid(view, reader)?;
            flow.members
                .extend(own.filter(|own| !flow.members.contains(own)));
        }
    }
    Ok(flow)
}

fn kind(row: &Row<'_>) -> rusqlite::Result<FlowKind> {
    let word: String = row.get("kind")?;
    // A kind of a later version reads and writes as a group does.
    Ok(FlowKind::parse(&word).unwrap_or(FlowKind::Group))
}

/// A flow without its members.
fn flow(row: &Row<'_>) -> rusqlite::Result<Flow> {
    let flags: i64 = row.get("flags")?;
    let picture = row.get::<_, Option<[u8; 16]>>("picture_public_id")?;
    let picture_size = row.get::<_, Option<i64>>("picture_size")?;
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
        member_count: 0,
        levels: Vec::new(),
        picture: picture.zip(picture_size).map(|(id, size)| Picture {
            id: PublicId::from_bytes(id),
            size,
        }),
        expire: row.get("expire")?,
        is_protected: flags & PROTECTED != 0,
        pins_are_restricted: flags & RESTRICTED_PINS != 0,
        is_saved: flags & SAVED != 0,
        created_at: Timestamp(row.get("created_at")?),
    })
}
