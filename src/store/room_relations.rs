//! Events that relate to other events.

use rusqlite::named_params;

use super::error::StoreError;
use super::room_event::{Bundle, ThreadBundle};
use super::room_log;
use super::tx::View;
use crate::model::{FlowId, Position, PublicId, UserId};

/// Which related events are requested.
#[derive(Debug, Clone)]
pub struct Relations {
    /// The event that they relate to.
    pub target: PublicId,
    /// The relation; `None`: any.
    pub relation: Option<String>,
    /// The type; `None`: any.
    pub kind: Option<String>,
    /// Whether events that relate to it indirectly are included.
    pub is_deep: bool,
    /// From the newest to the oldest; otherwise from the oldest.
    pub back: bool,
    /// Only events beyond this position.
    pub from: Option<Position>,
}

/// Returns events that relate to another and are not redacted, at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn about(
    view: &View<'_>,
    flow: FlowId,
    wanted: &Relations,
    limit: usize,
) -> Result<Vec<(Position, PublicId)>, StoreError> {
    // Unless an index is named, SQLite looks through the whole room.
    let sql = match (wanted.relation.is_some(), wanted.back) {
        (false, true) => {
            "SELECT position, uuid FROM room_events INDEXED BY room_relations
             WHERE target = :target AND :relation IS NULL AND relation NOT IN ('redaction', 'part') AND redacted_by IS NULL
               AND flow_id = :flow AND position < :from AND (:type IS NULL OR type = :type)
             ORDER BY position DESC, part DESC LIMIT :limit"
        }
        (false, false) => {
            "SELECT position, uuid FROM room_events INDEXED BY room_relations
             WHERE target = :target AND :relation IS NULL AND relation NOT IN ('redaction', 'part') AND redacted_by IS NULL
               AND flow_id = :flow AND position > :from AND (:type IS NULL OR type = :type)
             ORDER BY position, part LIMIT :limit"
        }
        (true, true) => {
            "SELECT position, uuid FROM room_events INDEXED BY room_events_by_target
             WHERE target = :target AND relation = :relation AND relation NOT IN ('redaction', 'part') AND redacted_by IS NULL
               AND flow_id = :flow AND position < :from AND (:type IS NULL OR type = :type)
             ORDER BY position DESC, part DESC LIMIT :limit"
        }
        (true, false) => {
            "SELECT position, uuid FROM room_events INDEXED BY room_events_by_target
             WHERE target = :target AND relation = :relation AND relation NOT IN ('redaction', 'part') AND redacted_by IS NULL
               AND flow_id = :flow AND position > :from AND (:type IS NULL OR type = :type)
             ORDER BY position, part LIMIT :limit"
        }
    };
    let otherwise = if wanted.back { i64::MAX } else { -1 };
    let mut statement = view.prepare(sql)?;
    let params = named_params! {
        ":target": wanted.target.to_bytes(), ":flow": flow.0,
        ":from": wanted.from.map_or(otherwise, |from| from.0),
        ":relation": wanted.relation, ":type": wanted.kind,
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| {
        Ok((Position(row.get(0)?), PublicId::from_bytes(row.get(1)?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// How many relations may lie between an event and one that it relates to indirectly.
pub const DEPTH: i64 = 3;

/// The maximum number of events that are searched for indirect relations.
const MOST_RELATED: i64 = 5000;

/// Returns events that relate to another directly or indirectly.
///
/// # Errors
/// The file cannot be read.
pub fn about_deeply(
    view: &View<'_>,
    flow: FlowId,
    wanted: &Relations,
    limit: usize,
) -> Result<Vec<(Position, PublicId)>, StoreError> {
    let mut statement = view.prepare(
        "WITH RECURSIVE found (uuid, depth) AS (
             SELECT uuid, 1 FROM room_events INDEXED BY room_relations
             WHERE target = :target AND relation NOT IN ('redaction', 'part') AND redacted_by IS NULL AND flow_id = :flow
             UNION
             SELECT e.uuid, found.depth + 1 FROM found CROSS JOIN room_events e INDEXED BY room_relations ON e.target = found.uuid
             WHERE found.depth < :depth AND e.relation NOT IN ('redaction', 'part') AND e.redacted_by IS NULL AND e.flow_id = :flow
             LIMIT :most)
         SELECT e.position, e.uuid FROM (SELECT DISTINCT uuid FROM found) f CROSS JOIN room_events e ON e.uuid = f.uuid
         WHERE iif(:back, e.position < :from, e.position > :from)
           AND (:relation IS NULL OR e.relation = :relation) AND (:type IS NULL OR e.type = :type)
         ORDER BY iif(:back, -e.position, e.position), iif(:back, -e.part, e.part) LIMIT :limit",
    )?;
    let otherwise = if wanted.back { i64::MAX } else { -1 };
    let params = named_params! {
        ":target": wanted.target.to_bytes(), ":flow": flow.0, ":depth": DEPTH, ":most": MOST_RELATED,
        ":back": wanted.back, ":from": wanted.from.map_or(otherwise, |from| from.0),
        ":relation": wanted.relation, ":type": wanted.kind,
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| {
        Ok((Position(row.get(0)?), PublicId::from_bytes(row.get(1)?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// The reader of a room: up to which position, and without which users.
pub struct Reader {
    flow: FlowId,
    user: UserId,
    until: i64,
    /// The ignored users, as a JSON list.
    ignored: String,
}

impl Reader {
    /// Creates a reader of a room up to a position, or without one to its end.
    #[must_use]
    pub fn new(
        flow: FlowId,
        user: UserId,
        until: Option<Position>,
        ignored: impl IntoIterator<Item = UserId>,
    ) -> Self {
        let ids: Vec<_> = ignored.into_iter().map(|id| id.0.to_string()).collect();
        Self {
            flow,
            user,
            until: until.map_or(i64::MAX, |until| until.0),
            ignored: format!("[{}]", ids.join(",")),
        }
    }
}

/// Returns the threads of a room, those with the newest events first: the first event of each, and the
/// position of its newest event.
///
/// # Errors
/// The file cannot be read.
pub fn threads(
    view: &View<'_>,
    reader: &Reader,
    (from, limit): (Option<Position>, usize),
) -> Result<Vec<(PublicId, Position)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT target, max(position) AS latest FROM room_events INDEXED BY room_threads
         WHERE flow_id = :flow AND relation = 'm.thread' AND redacted_by IS NULL AND position <= :until
           AND sender_id NOT IN (SELECT value FROM json_each(:ignored))
         GROUP BY target HAVING latest < :from ORDER BY latest DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":flow": reader.flow.0, ":until": reader.until, ":ignored": reader.ignored,
        ":from": from.map_or(i64::MAX, |from| from.0),
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| {
        Ok((PublicId::from_bytes(row.get(0)?), Position(row.get(1)?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// An event of a thread: its id, its position, the thread, and whether a user has sent it.
pub type InThread = (PublicId, Position, PublicId, bool);

/// Returns the newest events in threads of a room between two positions, at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn in_threads(
    view: &View<'_>,
    (flow, user): (FlowId, UserId),
    (after, until): (Position, Position),
    limit: usize,
) -> Result<Vec<InThread>, StoreError> {
    let mut statement = view.prepare(
        "SELECT uuid, position, target, sender_id = :user FROM room_events INDEXED BY room_thread_events
         WHERE flow_id = :flow AND relation = 'm.thread' AND redacted_by IS NULL
           AND position > :after AND position <= :until ORDER BY position DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":user": user.0, ":flow": flow.0, ":after": after.0, ":until": until.0,
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| {
        let (uuid, position, target) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let is_own: Option<bool> = row.get(3)?;
        Ok((
            PublicId::from_bytes(uuid),
            Position(position),
            PublicId::from_bytes(target),
            is_own == Some(true),
        ))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// The maximum number of events of a thread that are counted.
const MOST_COUNTED: i64 = 5000;

/// The maximum number of references to an event that are shown with it.
const MOST_REFERENCES: i64 = 100;

/// Returns the summary of events that relate to an event; `None`: there are none.
///
/// # Errors
/// The file cannot be read.
pub fn bundle(
    view: &View<'_>,
    reader: &Reader,
    target: PublicId,
) -> Result<Option<Bundle>, StoreError> {
    let mut statement = view.prepare(
        "SELECT uuid FROM room_events INDEXED BY room_events_by_target
         WHERE target = :target AND relation = 'm.reference' AND redacted_by IS NULL AND flow_id = :flow
           AND position <= :until AND sender_id NOT IN (SELECT value FROM json_each(:ignored))
         ORDER BY position LIMIT :most",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":target": target.to_bytes(), ":flow": reader.flow.0, ":until": reader.until,
            ":ignored": reader.ignored, ":most": MOST_REFERENCES,
        },
        |row| row.get(0).map(PublicId::from_bytes),
    )?;
    let references = rows.collect::<Result<Vec<_>, _>>()?;
    let thread = thread(view, reader, target)?;
    Ok((thread.is_some() || !references.is_empty()).then_some(Bundle { thread, references }))
}

fn thread(
    view: &View<'_>,
    reader: &Reader,
    root: PublicId,
) -> Result<Option<ThreadBundle>, StoreError> {
    let (count, latest, is_own): (i64, Option<i64>, Option<bool>) = view
        .prepare(
            "SELECT count(*), max(position), max(sender_id = :reader) FROM (
                 SELECT position, sender_id FROM room_events INDEXED BY room_threads
                 WHERE flow_id = :flow AND target = :root AND relation = 'm.thread' AND redacted_by IS NULL
                   AND position <= :until AND sender_id NOT IN (SELECT value FROM json_each(:ignored))
                 ORDER BY position DESC LIMIT :most)",
        )?
        .query_row(
            named_params! {
                ":reader": reader.user.0, ":flow": reader.flow.0, ":root": root.to_bytes(),
                ":until": reader.until, ":ignored": reader.ignored, ":most": MOST_COUNTED,
            },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
    let Some(latest) = latest else {
        return Ok(None);
    };
    let (latest, has_begun): ([u8; 16], Option<bool>) = view
        .prepare(
            "SELECT uuid, :reader = coalesce((SELECT sender_id FROM room_events WHERE uuid = :root),
                                             (SELECT author_id FROM messages WHERE uuid = :root))
             FROM room_events WHERE flow_id = :flow AND position = :latest AND target = :root
             ORDER BY part DESC LIMIT 1",
        )?
        .query_row(
            named_params! {
                ":reader": reader.user.0, ":root": root.to_bytes(), ":flow": reader.flow.0, ":latest": latest,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    let Some((_, mut latest)) = room_log::by_uuid(view, PublicId::from_bytes(latest))? else {
        return Ok(None);
    };
    latest.edit = latest.edit.filter(|edit| edit.position.0 <= reader.until);
    Ok(Some(ThreadBundle {
        latest,
        count,
        is_own: is_own == Some(true) || has_begun == Some(true),
    }))
}
