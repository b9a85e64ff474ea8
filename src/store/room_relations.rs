//! Events that are about others: which of them there are.

use rusqlite::named_params;

use super::error::StoreError;
use super::tx::View;
use crate::model::{FlowId, Position, PublicId, UserId};

/// Which events about another are wanted.
#[derive(Debug, Clone)]
pub struct Relations {
    /// The event that they are about.
    pub target: PublicId,
    /// How; `None`: in whatever way.
    pub relation: Option<String>,
    /// Of which type.
    pub kind: Option<String>,
    /// From the newest on; else from the oldest.
    pub back: bool,
    /// Beyond this position.
    pub from: Option<Position>,
}

/// Events about another that are not taken back, whole positions of at least so many.
///
/// # Errors
/// The file cannot be read.
pub fn about(
    view: &View<'_>,
    flow: FlowId,
    wanted: &Relations,
    limit: usize,
) -> Result<Vec<(Position, PublicId)>, StoreError> {
    let sql = if wanted.back {
        "SELECT position, uuid FROM room_events WHERE target = :target AND relation <> 'redaction'
           AND redacted_by IS NULL AND flow_id = :flow AND position < :from
           AND (:relation IS NULL OR relation = :relation) AND (:type IS NULL OR type = :type)
         ORDER BY position DESC, part DESC LIMIT :limit"
    } else {
        "SELECT position, uuid FROM room_events WHERE target = :target AND relation <> 'redaction'
           AND redacted_by IS NULL AND flow_id = :flow AND position > :from
           AND (:relation IS NULL OR relation = :relation) AND (:type IS NULL OR type = :type)
         ORDER BY position, part LIMIT :limit"
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

/// A thread of a room.
#[derive(Debug, Clone, Copy)]
pub struct Thread {
    /// The event with which it begins.
    pub root: PublicId,
    /// Its newest event, and where that stands.
    pub latest: (PublicId, Position),
    /// How many there are.
    pub count: i64,
    /// Whether the reader has written in it.
    pub is_own: bool,
}

/// The threads of a room as of a position, those with the newest events first.
///
/// # Errors
/// The file cannot be read.
pub fn threads(
    view: &View<'_>,
    flow: FlowId,
    reader: UserId,
    (from, until, limit): (Option<Position>, Option<Position>, usize),
) -> Result<Vec<Thread>, StoreError> {
    let mut statement = view.prepare(
        "SELECT target, uuid, max(position) AS latest, count(*), count(*) FILTER (WHERE sender_id = :reader) > 0 FROM room_events
         WHERE flow_id = :flow AND relation = 'm.thread' AND redacted_by IS NULL AND position <= :until
         GROUP BY target HAVING latest < :from ORDER BY latest DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":flow": flow.0, ":reader": reader.0, ":until": until.map_or(i64::MAX, |until| until.0), ":from": from.map_or(i64::MAX, |from| from.0),
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| {
        Ok(Thread {
            root: PublicId::from_bytes(row.get(0)?),
            latest: (PublicId::from_bytes(row.get(1)?), Position(row.get(2)?)),
            count: row.get(3)?,
            is_own: row.get(4)?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
