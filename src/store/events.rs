//! Events of flows: what is shown between the messages, stored with the user who caused it.

use rusqlite::{Row, named_params};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use super::users;
use crate::model::{
    By, FlowEvent, FlowId, Happening, Level, MessageId, Position, PublicId, Timestamp, UserId,
};

/// What an event of a flow consists of, as it is logged.
#[derive(Debug, Clone, Copy)]
pub enum Deed<'a> {
    /// About the flow itself: created, described, given a picture.
    Plain(Kind),
    /// About a user: added, joined, left, removed, invited, declined, banned, made owner.
    Of(Kind, UserId),
    /// The new title.
    Title(&'a str),
    /// The new level of a user.
    Level(UserId, Level),
    /// About a message: pinned, unpinned.
    Message(Kind, MessageId, PublicId),
    /// A number: the timer or a switch.
    Number(Kind, i64),
}

/// Logs an event of a flow and returns it; the caller reports it.
///
/// # Errors
/// The file cannot be written.
pub fn append(tx: &Tx<'_>, flow: FlowId, deed: Deed<'_>, by: By) -> Result<FlowEvent, StoreError> {
    Scene::of(tx, flow, by)?.append(tx, deed)
}

/// The flow and the actor of events: what many events at once have in common.
pub(super) struct Scene {
    flow: FlowId,
    uuid: PublicId,
    /// The number of the last message, as it is stored and as clients see it.
    number: i64,
    after: i64,
    actor: Option<UserId>,
    by: Option<PublicId>,
}

impl Scene {
    /// Reads the scene of a flow; it is valid until the next message.
    pub(super) fn of(tx: &Tx<'_>, flow: FlowId, by: By) -> Result<Self, StoreError> {
        let (uuid, number, after) = tx
            .prepare(
                "SELECT uuid, next_number - 1, max(next_number - 1 - first_number, -1) FROM flows WHERE id = :flow",
            )?
            .query_row(named_params! {":flow": flow.0}, |row| {
                Ok((PublicId::from_bytes(row.get(0)?), row.get(1)?, row.get(2)?))
            })?;
        let known = by.user.map_or(Ok(None), |user| users::uuid(tx, user))?;
        Ok(Self {
            flow,
            uuid,
            number,
            after,
            actor: by.user,
            by: known,
        })
    }

    /// Logs an event and returns it; the caller reports it.
    pub(super) fn append(&self, tx: &Tx<'_>, deed: Deed<'_>) -> Result<FlowEvent, StoreError> {
        let id = PublicId::generate();
        let mut about = About {
            actor: self.actor,
            flow: Some(self.flow),
            place: Some((self.number, id)),
            ..About::default()
        };
        let body;
        let mut message = None;
        let kind = match deed {
            Deed::Plain(kind) => kind,
            Deed::Of(kind, user) => {
                about.user = Some(user);
                kind
            }
            Deed::Title(title) => {
                about.body = Some(title);
                Kind::Title
            }
            Deed::Level(user, level) => {
                about.user = Some(user);
                body = level.0.to_string();
                about.body = Some(&body);
                Kind::Level
            }
            Deed::Message(kind, id, uuid) => {
                about.message = Some(id);
                message = Some(uuid);
                kind
            }
            Deed::Number(kind, number) => {
                body = number.to_string();
                about.body = Some(&body);
                kind
            }
        };
        let position = log::append(tx, Reach::Members(self.flow), kind, about)?;
        let user = about.user.map_or(Ok(None), |user| users::uuid(tx, user))?;
        let what = happening(kind, about.body, user, message)
            .ok_or(StoreError::Engine(rusqlite::Error::QueryReturnedNoRows))?;
        Ok(FlowEvent {
            uuid: id,
            position,
            flow: self.uuid,
            after: self.after,
            at: tx.log_time(),
            by: self.by,
            what,
        })
    }
}

/// The query for events of flows, to which a clause that selects and orders them is appended.
/// [`event`] reads its columns by index.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT c.position, c.uuid, f.uuid, max(c.number - f.first_number, -1), coalesce(c.happened_at, c.at), a.uuid, c.kind, c.body, u.uuid, m.uuid, c.number
             FROM changes c JOIN flows f ON f.id = c.flow_id LEFT JOIN users a ON a.id = c.actor_id
             LEFT JOIN users u ON u.id = c.user_id LEFT JOIN messages m ON m.id = c.message_id ",
            $rest
        )
    };
}

/// Returns the event of a flow at a position, if there is one.
///
/// # Errors
/// The file cannot be read.
pub fn at(view: &View<'_>, position: Position) -> Result<Option<FlowEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE c.position = :position AND c.number IS NOT NULL"
    ))?;
    let mut rows = statement.query(named_params! {":position": position.0})?;
    Ok(match rows.next()? {
        Some(row) => event(row)?.map(|(event, _)| event),
        None => None,
    })
}

/// The maximum number of events of a flow after one message; older events there are only counted.
pub const MAX_AFTER_ONE: usize = 100;

/// Events of a flow that follow a range of messages, in order; after each message, at most the newest
/// [`MAX_AFTER_ONE`].
#[derive(Debug, Default)]
pub struct Page {
    /// The events.
    pub events: Vec<FlowEvent>,
    /// For the first event after a message: how many are left out before it.
    pub more: Vec<(PublicId, i64)>,
}

/// Returns the events of a flow after messages from one stored number to another, both inclusive; `-1` is
/// before the first message.
///
/// # Errors
/// The file cannot be read.
pub fn between_messages(
    view: &View<'_>,
    flow: FlowId,
    first: i64,
    last: i64,
) -> Result<Page, StoreError> {
    let mut page = Page::default();
    let mut counts = view.prepare(
        "SELECT number, COUNT(*) FROM changes
         WHERE flow_id = :flow AND number BETWEEN :first AND :last GROUP BY number ORDER BY number",
    )?;
    let counted = counts
        .query_map(
            named_params! {":flow": flow.0, ":first": first, ":last": last},
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?
        .collect::<Result<Vec<_>, _>>()?;
    let limit = i64::try_from(MAX_AFTER_ONE).unwrap_or(i64::MAX);
    let mut statement = view.prepare(select_events!(
        "WHERE c.flow_id = :flow AND c.number = :number ORDER BY c.position LIMIT -1 OFFSET :skip"
    ))?;
    for (number, count) in counted {
        let skip = (count - limit).max(0);
        let params = named_params! {":flow": flow.0, ":number": number, ":skip": skip};
        let mut rows = statement.query(params)?;
        let mut is_first = true;
        while let Some(row) = rows.next()? {
            if let Some((event, _)) = event(row)? {
                if is_first && skip > 0 {
                    page.more.push((event.uuid, skip));
                }
                is_first = false;
                page.events.push(event);
            }
        }
    }
    Ok(page)
}

/// Returns the newest events of a flow, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn newest(view: &View<'_>, flow: FlowId, limit: i64) -> Result<Vec<FlowEvent>, StoreError> {
    let mut statement = view.prepare(select_events!(
        "WHERE c.flow_id = :flow AND c.number IS NOT NULL
         ORDER BY c.number DESC, c.position DESC LIMIT :limit"
    ))?;
    let mut rows = statement.query(named_params! {":flow": flow.0, ":limit": limit})?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(event(row)?.map(|(event, _)| event));
    }
    found.reverse();
    Ok(found)
}

/// Returns the events of a flow after the one at a position, in order; at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn following(
    view: &View<'_>,
    flow: FlowId,
    after: Position,
    limit: i64,
) -> Result<Vec<FlowEvent>, StoreError> {
    // Numbers and positions grow together, so the order of the index is that of the log.
    let mut statement = view.prepare(select_events!(
        "WHERE c.flow_id = :flow AND (c.number, c.position) >
             (coalesce((SELECT number FROM changes WHERE position = :after), -2), :after)
         ORDER BY c.number, c.position LIMIT :limit"
    ))?;
    let mut rows =
        statement.query(named_params! {":flow": flow.0, ":after": after.0, ":limit": limit})?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(event(row)?.map(|(event, _)| event));
    }
    Ok(found)
}

/// Reads an event, with the stored number of the message that it follows.
fn event(row: &Row<'_>) -> rusqlite::Result<Option<(FlowEvent, i64)>> {
    let uuid = |column| {
        row.get::<_, Option<[u8; 16]>>(column)
            .map(|found| found.map(PublicId::from_bytes))
    };
    let Some(kind) = Kind::from_number(row.get(6)?) else {
        return Ok(None);
    };
    let body: Option<String> = row.get(7)?;
    // A message that retention has removed is no longer pinned.
    let what = happening(kind, body.as_deref(), uuid(8)?, uuid(9)?);
    let Some((what, id)) = what.zip(uuid(1)?) else {
        return Ok(None);
    };
    let event = FlowEvent {
        uuid: id,
        position: Position(row.get(0)?),
        flow: uuid(2)?.unwrap_or(PublicId(0)),
        after: row.get(3)?,
        at: Timestamp(row.get(4)?),
        by: uuid(5)?,
        what,
    };
    Ok(Some((event, row.get(10)?)))
}

/// Returns what happened, from the stored columns.
fn happening(
    kind: Kind,
    body: Option<&str>,
    user: Option<PublicId>,
    message: Option<PublicId>,
) -> Option<Happening> {
    let number = || body.and_then(|text| text.parse().ok()).unwrap_or(0);
    match kind {
        Kind::Made => Some(Happening::Made),
        Kind::Title => Some(Happening::Title(body.unwrap_or_default().to_owned())),
        Kind::Info => Some(Happening::Info),
        Kind::Picture => Some(Happening::Picture),
        Kind::Added => user.map(Happening::Added),
        Kind::Joined => user.map(Happening::Joined),
        Kind::Left => user.map(Happening::Left),
        Kind::Removed => user.map(Happening::Removed),
        Kind::Invited => user.map(Happening::Invited),
        Kind::Declined => user.map(Happening::Declined),
        Kind::Banned => user.map(Happening::Banned),
        Kind::Level => user.map(|user| Happening::Level(user, number())),
        Kind::Owner => user.map(Happening::Owner),
        Kind::Expire => Some(Happening::Expire(number())),
        Kind::Protect => Some(Happening::Protect(number() != 0)),
        Kind::Pinned => message.map(Happening::Pinned),
        Kind::Unpinned => message.map(Happening::Unpinned),
        _ => None,
    }
}
