//! Flows.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::View;
use super::{files, members, set_up, users};
use crate::model::{
    Flow, FlowId, FlowKind, FlowSummary, Level, MessageId, Power, PublicId, Timestamp, UserId,
};

/// The columns of a flow, which [`flow`] reads by index because a list has hundreds of flows.
macro_rules! flow_columns {
    () => {
        "f.id, f.uuid, f.kind, f.title, f.info, f.owner_id, f.created_at, f.member_count,
         f.flags, f.expire, f.picture_public_id, p.size, p.type, f.next_number - f.first_number"
    };
}

/// Indexes of further columns: the number of messages; in the list of a user's flows, also the read
/// mark, the number of deleted messages after it, the user's settings, the number of pinned messages, and
/// the newest message.
const COUNT: usize = 13;
const READ: usize = 14;
const DELETED: usize = 15;
const SETTINGS: [usize; 3] = [16, 17, 18];
const PINS: usize = 19;
const NEWEST: usize = 20;

/// The query for flows, to which a clause that selects and orders them is appended.
macro_rules! select_flows {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            flow_columns!(),
            " FROM flows f LEFT JOIN files p ON p.id = f.picture_file_id ",
            $rest
        )
    };
}

/// Flag of a flow from which nothing may be forwarded.
pub(super) const PROTECTED: i64 = 1;
/// Flag of a flow in which only the owner and moderators pin.
pub(super) const RESTRICTED_PINS: i64 = 2;
/// Flag of a user's saved messages.
pub(super) const SAVED: i64 = 4;

/// Returns the flow of a user's saved messages, if there is one.
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

/// Finds a flow by row number; of a large flow, only the members with a higher level and the reader.
///
/// # Errors
/// The file cannot be read.
pub fn brief(view: &View<'_>, id: FlowId, reader: UserId) -> Result<Option<Flow>, StoreError> {
    let mut statement = view.prepare(select_flows!("WHERE f.id = :id AND f.removed_at IS NULL"))?;
    let found = statement
        .query_row(named_params! {":id": id.0}, flow)
        .optional()?;
    found
        .map(|flow| with_members(view, flow, Roster::Brief, Some(reader)))
        .transpose()
}

/// Finds a flow by the id that clients know.
///
/// # Errors
/// The file cannot be read.
pub fn by_uuid(view: &View<'_>, uuid: PublicId) -> Result<Option<Flow>, StoreError> {
    id_of(view, uuid)?.map_or(Ok(None), |id| by_id(view, id))
}

/// Returns the row number for a public id.
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

/// Returns the public id of a flow, also of a removed one.
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

/// What is needed to decide whether a user may read or write in a flow.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Row number.
    pub id: FlowId,
    /// The kind, which decides who writes in it.
    pub kind: FlowKind,
    /// The owner.
    pub owner: Option<UserId>,
    /// The number that its next message gets.
    pub next_number: i64,
    /// The number of its oldest message.
    pub first_number: i64,
    /// The user's level in it.
    pub level: Level,
    /// Seconds after which a new message disappears; 0: never.
    pub expire: i64,
    /// Whether nothing may be forwarded from it.
    pub is_protected: bool,
    /// Whether only the owner and moderators pin.
    pub pins_are_restricted: bool,
    /// Whether it is the user's saved messages.
    pub is_saved: bool,
    /// The levels that members need for actions.
    pub power: Power,
}

/// Finds a flow that a user is in; for others it does not exist.
///
/// # Errors
/// The file cannot be read.
pub fn access(view: &View<'_>, uuid: PublicId, user: UserId) -> Result<Option<Access>, StoreError> {
    let mut has_power = false;
    let mut statement = view.prepare(
        "SELECT f.id, f.kind, f.owner_id, f.next_number, f.first_number, m.level, f.expire, f.flags, f.power_levels IS NOT NULL
         FROM flows f JOIN members m ON m.flow_id = f.id
         WHERE f.uuid = ?1 AND f.removed_at IS NULL AND m.user_id = ?2 AND m.state = 'joined'",
    )?;
    // By index: every request about a flow starts with this query.
    let found = statement.query_row((uuid.to_bytes(), user.0), |row| {
        let flags: i64 = row.get(7)?;
        let kind = parse_kind(row.get_ref(1)?.as_str()?);
        has_power = row.get(8)?;
        Ok(Access {
            id: FlowId(row.get(0)?),
            kind,
            owner: row.get::<_, Option<i64>>(2)?.map(UserId),
            next_number: row.get(3)?,
            first_number: row.get(4)?,
            level: Level(row.get(5)?),
            expire: row.get(6)?,
            is_protected: flags & PROTECTED != 0,
            pins_are_restricted: flags & RESTRICTED_PINS != 0,
            is_saved: flags & SAVED != 0,
            power: Power::of(kind),
        })
    });
    let Some(mut access) = found.optional()? else {
        return Ok(None);
    };
    if has_power {
        access.power = power(view, access.id, access.power)?;
    }
    Ok(Some(access))
}

/// Returns the levels for actions that were set by Matrix.
fn power(view: &View<'_>, flow: FlowId, otherwise: Power) -> Result<Power, StoreError> {
    let mut statement = view.prepare(
        "SELECT p -> 'events' ->> 'm.room.message', p ->> 'events_default', p -> 'events' ->> 'm.room.name',
                p ->> 'state_default', p ->> 'invite', p ->> 'kick', p ->> 'ban', p ->> 'redact'
         FROM (SELECT power_levels AS p FROM flows WHERE id = :flow)",
    )?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| {
        let level = |places: &[usize], otherwise: Level| -> rusqlite::Result<Level> {
            for place in places {
                if let Some(level) = row.get::<_, Option<i64>>(*place)? {
                    return Ok(Level(level));
                }
            }
            Ok(otherwise)
        };
        Ok(Power {
            write: level(&[0, 1], Level::MEMBER)?,
            describe: level(&[2, 3], Level::MODERATOR)?,
            invite: level(&[4], Level::MEMBER)?,
            kick: level(&[5], otherwise.kick)?,
            ban: level(&[6], otherwise.ban)?,
            redact: level(&[7], otherwise.redact)?,
        })
    })?)
}

/// Which members are read with a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roster {
    /// All of them.
    Whole,
    /// All members of a small flow; of a large one, those above the level of a member, and the reader.
    Brief,
}

/// The number of members up to which a flow is small.
pub const SMALL: i64 = 50;

/// Returns the flows that a user is in, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn of_user(
    view: &View<'_>,
    user: UserId,
    roster: Roster,
) -> Result<Vec<FlowSummary>, StoreError> {
    page_of_user(view, user, roster, FlowId(0), usize::MAX).map(|(flows, _)| flows)
}

/// Returns the flow after which a page of a user's flows continues. A user who has left it meanwhile
/// still continues there; for others it does not exist.
///
/// # Errors
/// The file cannot be read.
pub fn cursor(view: &View<'_>, uuid: PublicId, user: UserId) -> Result<Option<FlowId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.id FROM flows f JOIN members m ON m.flow_id = f.id
         WHERE f.uuid = :uuid AND m.user_id = :user",
    )?;
    let params = named_params! {":uuid": uuid.to_bytes(), ":user": user.0};
    let found = statement.query_row(params, |row| row.get(0).map(FlowId));
    Ok(found.optional()?)
}

/// Returns the flows that a user is in, oldest first, after a flow and within a budget of bytes: at least
/// one if there is any. Also returns whether some are left out.
///
/// # Errors
/// The file cannot be read.
pub fn page_of_user(
    view: &View<'_>,
    user: UserId,
    roster: Roster,
    after: FlowId,
    budget_bytes: usize,
) -> Result<(Vec<FlowSummary>, bool), StoreError> {
    let now = Timestamp::now();
    let mut levels = members::levels_around(view, user)?;
    let mut statement = view.prepare(concat!(
        "SELECT ",
        flow_columns!(),
        ", m.read_number - f.first_number,
         iif(f.next_number > coalesce(m.read_number + 1, f.first_number),
             (SELECT COUNT(*) FROM messages d WHERE d.flow_id = f.id AND d.deleted_at IS NOT NULL
              AND d.number > coalesce(m.read_number, -1) AND d.number >= f.first_number), 0),
         m.muted_until, m.settings, m.aside_number = f.next_number,
         (SELECT COUNT(*) FROM pins x WHERE x.flow_id = f.id), f.last_message_id
         FROM members m JOIN flows f ON f.id = m.flow_id LEFT JOIN files p ON p.id = f.picture_file_id
         WHERE m.user_id = :user AND m.state = 'joined' AND m.flow_id > :after AND f.removed_at IS NULL
         ORDER BY m.flow_id"
    ))?;
    let mut rows = statement.query(named_params! {":user": user.0, ":after": after.0})?;
    let mut flows = Vec::new();
    let mut left = budget_bytes;
    while let Some(row) = rows.next()? {
        let mut flow = flow(row)?;
        flow.levels = levels.remove(&flow.id).unwrap_or_default();
        let count: i64 = row.get(COUNT)?;
        // The last read message may have been removed by retention since.
        let read = row
            .get::<_, Option<i64>>(READ)?
            .filter(|number| *number >= 0);
        let deleted: i64 = row.get(DELETED)?;
        let flow = with_roster(view, flow, roster, Some(user))?;
        let size = flow.size_bytes();
        if size > left && !flows.is_empty() {
            return Ok((flows, true));
        }
        left = left.saturating_sub(size);
        let unread = (count - 1 - read.unwrap_or(-1) - deleted).max(0);
        flows.push(FlowSummary {
            mentions: 0,
            settings: set_up::read(row, SETTINGS, now)?,
            pins: row.get(PINS)?,
            seen: Vec::new(),
            newest: MessageId(row.get(NEWEST)?),
            last: None,
            count,
            read,
            unread,
            flow,
        });
    }
    Ok((flows, false))
}

/// Returns all flows, oldest first, each with the number of its messages.
///
/// # Errors
/// The file cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<(Flow, i64)>, StoreError> {
    let mut statement = view.prepare(select_flows!("WHERE f.removed_at IS NULL ORDER BY f.id"))?;
    let rows = statement.query_map([], |row| Ok((flow(row)?, row.get::<_, i64>(COUNT)?)))?;
    let mut flows = Vec::new();
    for row in rows {
        let (flow, count) = row?;
        flows.push((with_members(view, flow, Roster::Whole, None)?, count));
    }
    Ok(flows)
}

/// Returns the row numbers of all flows that are not removed, sorted.
///
/// # Errors
/// The file cannot be read.
pub fn ids(view: &View<'_>) -> Result<Vec<FlowId>, StoreError> {
    let mut statement =
        view.prepare("SELECT id FROM flows WHERE removed_at IS NULL ORDER BY id")?;
    let rows = statement.query_map([], |row| row.get("id").map(FlowId))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns how many messages a flow has.
///
/// # Errors
/// The file cannot be read.
pub fn message_count(view: &View<'_>, id: FlowId) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT next_number - first_number FROM flows WHERE id = :id")?;
    Ok(statement.query_row(named_params! {":id": id.0}, |row| row.get(0))?)
}

/// Returns the flows that a user owns, except chats.
///
/// # Errors
/// The file cannot be read.
pub fn owned_by(view: &View<'_>, user: UserId) -> Result<Vec<Flow>, StoreError> {
    let mut flows = of_user(view, user, Roster::Brief)?;
    flows.retain(|summary| summary.flow.owner == Some(user) && summary.flow.kind != FlowKind::Chat);
    Ok(flows.into_iter().map(|summary| summary.flow).collect())
}

/// Returns whether a member of a flow other than a user still has an account.
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
    with_roster(view, flow, roster, reader)
}

/// Adds the owner and the members to a flow whose levels have been read.
fn with_roster(
    view: &View<'_>,
    mut flow: Flow,
    roster: Roster,
    reader: Option<UserId>,
) -> Result<Flow, StoreError> {
    if let Some(owner) = flow.owner {
        flow.owner_uuid = users::uuid(view, owner)?;
    }
    if roster == Roster::Whole || flow.member_count <= SMALL {
        flow.members = members::uuids(view, flow.id)?;
    } else {
        flow.members = flow.levels.iter().map(|(user, _)| *user).collect();
        if let Some(reader) = reader {
            let own = users::uuid(view, reader)?;
            flow.members
                .extend(own.filter(|own| !flow.members.contains(own)));
        }
    }
    Ok(flow)
}

pub(super) fn kind(row: &Row<'_>) -> rusqlite::Result<FlowKind> {
    Ok(parse_kind(row.get_ref("kind")?.as_str()?))
}

/// A kind of a later version is treated as a group.
fn parse_kind(word: &str) -> FlowKind {
    FlowKind::parse(word).unwrap_or(FlowKind::Group)
}

/// Reads a flow without its owner's public id and its members.
fn flow(row: &Row<'_>) -> rusqlite::Result<Flow> {
    let flags: i64 = row.get(8)?;
    Ok(Flow {
        id: FlowId(row.get(0)?),
        uuid: PublicId::from_bytes(row.get(1)?),
        kind: parse_kind(row.get_ref(2)?.as_str()?),
        title: row.get(3)?,
        info: row.get(4)?,
        owner: row.get::<_, Option<i64>>(5)?.map(UserId),
        owner_uuid: None,
        members: Vec::new(),
        member_count: row.get(7)?,
        levels: Vec::new(),
        picture: files::picture(row, [10, 11, 12])?,
        expire: row.get(9)?,
        is_protected: flags & PROTECTED != 0,
        pins_are_restricted: flags & RESTRICTED_PINS != 0,
        is_saved: flags & SAVED != 0,
        created_at: Timestamp(row.get(6)?),
    })
}

/// Returns the key that only one flow of a user's saved messages can have.
pub(super) fn saved_key(user: UserId) -> String {
    format!("{0}:{0}", user.0)
}
