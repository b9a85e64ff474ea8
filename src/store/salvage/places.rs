//! The places of messages: numbered without a gap in their flow, in the order of their positions.
//!
//! A lost message leaves a gap, and its place is filled by a deleted one. A number that was changed by
//! damage is detected by comparing it with its neighbours, and corrected.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::model::{DELETED_TEXT, PublicId};
use crate::store::error::StoreError;
use crate::store::removal::OF_A_MESSAGE;

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Messages that were renumbered.
    pub(super) renumbered: usize,
    /// Messages that were removed because there is no place for them.
    pub(super) removed: usize,
    /// Lost messages whose places were filled.
    pub(super) replaced: usize,
}

/// The position and the number of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    id: i64,
    number: i64,
}

impl Place {
    /// Returns whether another may follow: there must be a position for each message between them.
    fn leads_to(self, next: Self) -> bool {
        next.number > self.number && next.id - self.id >= next.number - self.number
    }
}

/// Numbers without a message, and the range of positions for them.
#[derive(Debug)]
struct Hole {
    flow: i64,
    numbers: (i64, i64),
    after: i64,
    before: i64,
}

/// Gives every number of every flow a message.
///
/// # Errors
/// The file cannot be written.
pub(super) fn settle(conn: &Connection, now: i64) -> Result<Settled, StoreError> {
    let mut done = Settled::default();
    let mut holes = Vec::new();
    for flow in flows(conn)? {
        let all = places(conn, flow.id)?;
        let (mut kept, strays) = straight(&all);
        for stray in &strays {
            // A negative number is out of the way of the others.
            renumber(conn, stray.id, -stray.id)?;
        }
        for stray in strays {
            let at = kept.partition_point(|place| place.id < stray.id);
            let before = at.checked_sub(1).map(|at| kept[at]);
            let number = before.map_or(flow.first, |place| place.number + 1);
            let place = Place {
                id: stray.id,
                number,
            };
            let fits = before.is_none_or(|before| before.leads_to(place))
                && kept.get(at).is_none_or(|next| place.leads_to(*next));
            if fits {
                renumber(conn, stray.id, number)?;
                kept.insert(at, place);
                done.renumbered += 1;
            } else {
                remove(conn, stray.id)?;
                done.removed += 1;
            }
        }
        holes.extend(flow.holes(&kept));
    }
    // The hole with the lowest end is filled first: so all holes find positions, if that is possible.
    holes.sort_by_key(|hole| hole.before);
    for hole in holes {
        done.replaced += fill(conn, &hole, now)?;
    }
    Ok(done)
}

struct Flow {
    id: i64,
    first: i64,
    next: i64,
    last_id: i64,
}

impl Flow {
    fn holes(&self, kept: &[Place]) -> Vec<Hole> {
        let hole = |numbers: (i64, i64), after, before| Hole {
            flow: self.id,
            numbers,
            after,
            before,
        };
        let mut holes = Vec::new();
        let mut start = Place {
            id: 0,
            number: self.first - 1,
        };
        for place in kept {
            if start.leads_to(*place) && place.number > start.number + 1 {
                holes.push(hole((start.number + 1, place.number), start.id, place.id));
            }
            start = *place;
        }
        // The end according to the flow is used only as far as it agrees with its newest message.
        let end = Place {
            id: self.last_id + 1,
            number: self.next,
        };
        if start.leads_to(end) && end.number > start.number + 1 {
            holes.push(hole((start.number + 1, end.number), start.id, end.id));
        }
        holes
    }
}

fn flows(conn: &Connection) -> Result<Vec<Flow>, StoreError> {
    let mut statement =
        conn.prepare("SELECT id, first_number, next_number, last_message_id FROM flows")?;
    let rows = statement.query_map([], |row| {
        let first: i64 = row.get("first_number")?;
        Ok(Flow {
            id: row.get("id")?,
            first: first.max(0),
            next: row.get("next_number")?,
            last_id: row.get::<_, i64>("last_message_id")?.min(i64::MAX - 1),
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

fn places(conn: &Connection, flow: i64) -> Result<Vec<Place>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT id, number FROM messages WHERE flow_id = :flow ORDER BY id")?;
    let rows = statement.query_map(named_params! {":flow": flow}, |row| {
        Ok(Place {
            id: row.get("id")?,
            number: row.get("number")?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the messages that are in order, and those that do not fit between their neighbours.
fn straight(all: &[Place]) -> (Vec<Place>, Vec<Place>) {
    let (mut kept, mut strays): (Vec<Place>, Vec<Place>) = (Vec::new(), Vec::new());
    for (at, place) in all.iter().enumerate() {
        let Some(last) = kept.last().copied() else {
            kept.push(*place);
            continue;
        };
        if last.leads_to(*place) {
            kept.push(*place);
            continue;
        }
        // One of the two is wrong; the next one decides which.
        let next = all.get(at + 1);
        let before = kept.len().checked_sub(2).map(|at| kept[at]);
        let last_is_wrong = next.is_some_and(|next| !last.leads_to(*next) && place.leads_to(*next))
            && before.is_none_or(|before| before.leads_to(*place));
        if last_is_wrong {
            strays.extend(kept.pop());
            kept.push(*place);
        } else {
            strays.push(*place);
        }
    }
    (kept, strays)
}

fn renumber(conn: &Connection, id: i64, number: i64) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE messages SET number = :number WHERE id = :id")?
        .execute(named_params! {":id": id, ":number": number})?;
    Ok(())
}

fn remove(conn: &Connection, id: i64) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM messages WHERE id = :id")?
        .execute(named_params! {":id": id})?;
    Ok(())
}

/// Puts deleted messages in place of lost ones. If there is no position for one, the messages after it
/// move up.
fn fill(conn: &Connection, hole: &Hole, now: i64) -> Result<usize, StoreError> {
    let Some((author, sent_at)) = neighbour(conn, hole)? else {
        return Ok(0);
    };
    let mut free = conn.prepare_cached(
        "WITH RECURSIVE place (id) AS (
             SELECT :after + 1 UNION ALL SELECT id + 1 FROM place WHERE id + 1 < :before
         )
         SELECT id FROM place WHERE id < :before
             AND id NOT IN (SELECT id FROM messages) AND id NOT IN (SELECT position FROM changes)
         LIMIT 1",
    )?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text, deleted_at)
         VALUES (:id, :uuid, :flow, :number, :author, :sent_at, :text, :now)",
    )?;
    let mut after = hole.after;
    let mut count = 0;
    for number in hole.numbers.0..hole.numbers.1 {
        let id: Option<i64> = free
            .query_row(
                named_params! {":after": after, ":before": hole.before},
                |row| row.get("id"),
            )
            .optional()?;
        let Some(id) = id else {
            close_up(conn, hole.flow, number, hole.numbers.1)?;
            break;
        };
        insert.execute(named_params! {
            ":id": id,
            ":uuid": PublicId::generate().to_bytes(),
            ":flow": hole.flow,
            ":number": number,
            ":author": author,
            ":sent_at": sent_at,
            ":text": DELETED_TEXT,
            ":now": now,
        })?;
        // What belonged to the lost message with this id belongs to nothing.
        for sql in OF_A_MESSAGE {
            conn.prepare_cached(sql)?
                .execute(named_params! {":id": id})?;
        }
        after = id;
        count += 1;
    }
    Ok(count)
}

/// Returns the author and time for the deleted messages: those of the message before or after; in an
/// empty flow, those of its oldest member.
fn neighbour(conn: &Connection, hole: &Hole) -> Result<Option<(i64, i64)>, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT author, at FROM (
                 SELECT author_id AS author, sent_at AS at, abs(number - :number) AS distance
                 FROM messages WHERE flow_id = :flow AND number IN (:number - 1, :end)
                 UNION ALL
                 SELECT * FROM (SELECT user_id, joined_at, 1000000 FROM members
                                WHERE flow_id = :flow ORDER BY ordinal LIMIT 1))
             ORDER BY distance LIMIT 1",
        )?
        .query_row(
            named_params! {":flow": hole.flow, ":number": hole.numbers.0, ":end": hole.numbers.1},
            |row| Ok((row.get("author")?, row.get("at")?)),
        )
        .optional()?;
    Ok(found)
}

/// Renumbers the messages from `end` on so that they begin at `start`.
fn close_up(conn: &Connection, flow: i64, start: i64, end: i64) -> Result<(), StoreError> {
    let mut moved = conn.prepare_cached(
        "SELECT id, number FROM messages WHERE flow_id = :flow AND number >= :end ORDER BY number",
    )?;
    let moved: Vec<(i64, i64)> = moved
        .query_map(named_params! {":flow": flow, ":end": end}, |row| {
            Ok((row.get("id")?, row.get("number")?))
        })?
        .collect::<Result<_, _>>()?;
    for (id, number) in moved {
        renumber(conn, id, number - (end - start))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pairs: &[(i64, i64)]) -> Vec<Place> {
        pairs
            .iter()
            .map(|(id, number)| Place {
                id: *id,
                number: *number,
            })
            .collect()
    }

    #[test]
    fn a_changed_number_is_noticed_by_its_neighbours() {
        let sound = [(3, 0), (5, 1), (6, 2), (9, 3), (11, 5)];
        assert_eq!(straight(&places(&sound)), (places(&sound), Vec::new()));
        for changed in 0..sound.len() {
            for number in [1 << 40, -7] {
                let mut pairs = sound;
                pairs[changed].1 = number;
                let (kept, strays) = straight(&places(&pairs));
                if changed == 0 && number < 0 {
                    // This cannot be detected, not even by the flow's own first number.
                    continue;
                }
                assert_eq!(strays, places(&[pairs[changed]]), "{pairs:?}");
                assert_eq!(kept.len(), 4);
            }
        }
    }
}
