//! Reading the log as one user may: what concerns everyone, the user, and the user's flows, merged
//! by position.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::log::{Change, Kind, Reach, change};
use super::tx::View;
use crate::model::{FlowId, MessageId, Position, Timestamp, UserId};

/// A flow whose messages somebody follows.
#[derive(Debug, Clone, Copy)]
pub struct Followed {
    /// Row number.
    pub flow: FlowId,
    /// The number of its oldest message.
    pub first_number: i64,
    /// The number that its next message gets.
    pub next_number: i64,
    /// Its newest message.
    pub last_message: MessageId,
}

/// Where a follower reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// Rows of `changes` for an audience.
    Changes(Reach),
    /// Messages of a flow, the next of which has this number.
    Messages(FlowId, i64),
}

/// What may be read of the log, in order, by one user.
pub struct Follower<'a, 'c> {
    view: &'a View<'c>,
    /// The next row of each source that concerns the user, nearest first.
    heads: BinaryHeap<Reverse<(Position, Source)>>,
    /// Rows read ahead, nearest last: all lie before the nearest head.
    run: Vec<Change>,
}

/// Rows of one source read at a time.
const RUN: i64 = 128;

impl<'a, 'c> Follower<'a, 'c> {
    /// Begins after a position, with what concerns everyone, a user, and the flows that user is in.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn new(
        view: &'a View<'c>,
        user: UserId,
        flows: &[Followed],
        after: Position,
    ) -> Result<Self, StoreError> {
        let mut follower = Self {
            view,
            heads: BinaryHeap::new(),
            run: Vec::new(),
        };
        follower.push_changes(Reach::Everyone, after)?;
        follower.push_changes(Reach::Private(user), after)?;
        for flow in flows {
            follower.follow(flow, after)?;
        }
        Ok(follower)
    }

    /// Begins after a position with what happened in one flow.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_flow(
        view: &'a View<'c>,
        flow: &Followed,
        after: Position,
    ) -> Result<Self, StoreError> {
        let mut follower = Self {
            view,
            heads: BinaryHeap::new(),
            run: Vec::new(),
        };
        follower.follow(flow, after)?;
        Ok(follower)
    }

    fn follow(&mut self, flow: &Followed, after: Position) -> Result<(), StoreError> {
        self.push_changes(Reach::Members(flow.flow), after)?;
        if flow.last_message.0 > after.0 {
            let number = first_number_after(
                self.view,
                flow.flow,
                flow.first_number..flow.next_number,
                after,
            )?;
            self.push_message(flow.flow, number)?;
        }
        Ok(())
    }

    /// The next change that the user may see, without taking it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn peek(&mut self) -> Result<Option<&Change>, StoreError> {
        if self.run.is_empty()
            && let Some(Reverse((position, source))) = self.heads.pop()
        {
            match source {
                Source::Changes(reach) => self.read_changes(position, reach)?,
                Source::Messages(flow, number) => self.read_messages(flow, number)?,
            }
        }
        Ok(self.run.last())
    }

    /// Takes the change that [`peek`](Self::peek) showed.
    pub fn advance(&mut self) {
        self.run.pop();
    }

    /// The position of the nearest row of another source.
    fn horizon(&self) -> i64 {
        self.heads
            .peek()
            .map_or(i64::MAX, |Reverse((position, _))| position.0)
    }

    /// Reads what one audience has before any other source's next row.
    fn read_changes(&mut self, from: Position, reach: Reach) -> Result<(), StoreError> {
        let mut statement = self.view.prepare(
            "SELECT position, at, audience, kind, flow_id, message_id, user_id FROM changes
             WHERE audience = :audience AND position >= :from AND position < :until
             ORDER BY position LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! {":audience": reach.to_column(), ":from": from.0, ":until": self.horizon(), ":limit": RUN},
            change,
        )?;
        for row in rows {
            self.run.push(row?);
        }
        let last = self.run.last().map_or(from, |change| change.position);
        self.run.reverse();
        self.push_changes(reach, last)
    }

    /// Reads what one flow has of messages before any other source's next row.
    fn read_messages(&mut self, flow: FlowId, from: i64) -> Result<(), StoreError> {
        let mut statement = self.view.prepare(
            "SELECT id, coalesce(logged_at, sent_at), number FROM messages
             WHERE flow_id = :flow AND number >= :from ORDER BY number LIMIT :limit",
        )?;
        let mut rows =
            statement.query(named_params! {":flow": flow.0, ":from": from, ":limit": RUN})?;
        let until = self.horizon();
        let mut next = from;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if id >= until {
                break;
            }
            next = row.get::<_, i64>(2)? + 1;
            self.run.push(Change {
                position: Position(id),
                at: Timestamp(row.get(1)?),
                reach: Reach::Members(flow),
                kind: Some(Kind::Sent),
                message: None,
                flow: None,
                user: None,
            });
        }
        self.run.reverse();
        self.push_message(flow, next)
    }

    fn push_changes(&mut self, reach: Reach, after: Position) -> Result<(), StoreError> {
        let mut statement = self.view.prepare(
            "SELECT position FROM changes WHERE audience = :audience AND position > :after ORDER BY position LIMIT 1",
        )?;
        let head = statement
            .query_row(
                named_params! {":audience": reach.to_column(), ":after": after.0},
                |row| row.get(0),
            )
            .optional()?;
        if let Some(position) = head {
            self.heads
                .push(Reverse((Position(position), Source::Changes(reach))));
        }
        Ok(())
    }

    fn push_message(&mut self, flow: FlowId, from: i64) -> Result<(), StoreError> {
        let mut statement = self.view.prepare(
            "SELECT id, number FROM messages WHERE flow_id = :flow AND number >= :from ORDER BY number LIMIT 1",
        )?;
        let head: Option<(i64, i64)> = statement
            .query_row(named_params! {":flow": flow.0, ":from": from}, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((id, number)) = head {
            self.heads
                .push(Reverse((Position(id), Source::Messages(flow, number))));
        }
        Ok(())
    }
}

/// The number of the first message of a flow that was sent after a position, or the end of the
/// range. Numbers and positions grow together, so this is a binary search.
///
/// # Errors
/// The file cannot be read.
pub fn first_number_after(
    view: &View<'_>,
    flow: FlowId,
    numbers: Range<i64>,
    after: Position,
) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT id FROM messages WHERE flow_id = :flow AND number >= :number ORDER BY number LIMIT 1",
    )?;
    let (mut low, mut high) = (numbers.start, numbers.end);
    while low < high {
        let middle = low + (high - low) / 2;
        let id: Option<i64> = statement
            .query_row(named_params! {":flow": flow.0, ":number": middle}, |row| {
                row.get(0)
            })
            .optional()?;
        if id.is_none_or(|id| id > after.0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}
