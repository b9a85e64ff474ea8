//! Reading the log with a user's permissions: the changes for everyone, for the user, and for the user's
//! flows, merged by position.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::history::{self, Place, Sent};
use super::log::{Change, Kind, Reach, change};
use super::tx::View;
use crate::model::{FlowId, MessageId, Position, UserId};

/// A flow that a user follows from a position on.
#[derive(Debug, Clone, Copy)]
pub struct Followed {
    /// The flow.
    pub place: Place,
    /// The number that its next message gets.
    pub next_number: i64,
    /// Its newest message.
    pub last_message: MessageId,
    /// The first row of `changes` for its members after that position, if there is one.
    pub next_change: Option<Position>,
}

/// A row of the log.
struct Row {
    change: Change,
    /// The message, for a row that says that one was sent.
    sent: Option<Sent>,
}

/// The source of rows.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// Rows of `changes` for an audience, from a position on.
    Changes(Reach, Position),
    /// Messages of a flow, from a number on.
    Messages(Place, i64),
}

/// Rows of one source that have been read ahead, and where reading continues.
struct Stream {
    rows: VecDeque<Row>,
    source: Source,
    /// How many rows are read next.
    size: i64,
    is_over: bool,
}

/// Rows read from one source at a time: first one, because that may be enough, then more.
const FIRST: i64 = 1;
const MOST: i64 = 64;

/// The part of the log that one user may read, in order.
pub struct Follower<'a, 'c> {
    view: &'a View<'c>,
    streams: Vec<Stream>,
    /// The position of each stream's next row, lowest first.
    heads: BinaryHeap<Reverse<(Position, usize)>>,
}

impl<'a, 'c> Follower<'a, 'c> {
    /// Starts after a position, with the changes for everyone, for a user, and for the user's flows as they
    /// are followed from that position on.
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
            streams: Vec::new(),
            heads: BinaryHeap::new(),
        };
        let next = Position(after.0.saturating_add(1));
        for reach in [Reach::Everyone, Reach::Private(user)] {
            follower.open(Source::Changes(reach, next))?;
        }
        for flow in flows {
            follower.follow(flow, after)?;
        }
        Ok(follower)
    }

    /// Starts after a position, with the changes in one flow as it is followed from that position
    /// on.
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
            streams: Vec::new(),
            heads: BinaryHeap::new(),
        };
        follower.follow(flow, after)?;
        Ok(follower)
    }

    fn follow(&mut self, flow: &Followed, after: Position) -> Result<(), StoreError> {
        let place = flow.place;
        if let Some(position) = flow.next_change {
            self.open(Source::Changes(Reach::Members(place.flow), position))?;
        }
        if flow.last_message.0 > after.0 {
            let numbers = place.first_number..flow.next_number;
            let number = first_number_after(self.view, place.flow, numbers, after)?;
            self.open(Source::Messages(place, number))?;
        }
        Ok(())
    }

    fn open(&mut self, source: Source) -> Result<(), StoreError> {
        let mut stream = Stream {
            rows: VecDeque::new(),
            source,
            size: FIRST,
            is_over: false,
        };
        stream.read(self.view, 1)?;
        if let Some(position) = stream.position() {
            self.heads.push(Reverse((position, self.streams.len())));
            self.streams.push(stream);
        }
        Ok(())
    }

    /// Returns the next change that the user may see, without taking it.
    #[must_use]
    pub fn peek(&self) -> Option<&Change> {
        let Reverse((_, index)) = self.heads.peek()?;
        let row = self.streams.get(*index)?.rows.front()?;
        Some(&row.change)
    }

    /// Takes the message that the next change says was sent; it can be taken once.
    pub fn take_sent(&mut self) -> Option<Sent> {
        let Reverse((_, index)) = self.heads.peek()?;
        self.streams.get_mut(*index)?.rows.front_mut()?.sent.take()
    }

    /// Takes the change that [`peek`](Self::peek) returned. At most `wanted` changes after it are read
    /// ahead.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn advance(&mut self, wanted: usize) -> Result<(), StoreError> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(());
        };
        let Reverse((_, index)) = *head;
        let Some(stream) = self.streams.get_mut(index) else {
            return Ok(());
        };
        stream.rows.pop_front();
        if stream.rows.is_empty() {
            stream.read(self.view, wanted)?;
        }
        match stream.position() {
            Some(position) => head.0.0 = position,
            None => drop(PeekMut::pop(head)),
        }
        Ok(())
    }
}

impl Stream {
    /// Returns the position of the next row.
    fn position(&self) -> Option<Position> {
        self.rows.front().map(|row| row.change.position)
    }

    /// Reads more rows, if there are any.
    fn read(&mut self, view: &View<'_>, wanted: usize) -> Result<(), StoreError> {
        if self.is_over {
            return Ok(());
        }
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        let limit = self.size.min(wanted).max(1);
        match &mut self.source {
            Source::Changes(reach, from) => {
                let mut statement = view.prepare(
                    "SELECT position, at, audience, kind, flow_id, message_id, user_id FROM changes
                     WHERE audience = :audience AND position >= :from ORDER BY position LIMIT :limit",
                )?;
                let params = named_params! {":audience": reach.to_column(), ":from": from.0, ":limit": limit};
                for change in statement.query_map(params, change)? {
                    let change = change?;
                    *from = Position(change.position.0 + 1);
                    self.rows.push_back(Row { change, sent: None });
                }
            }
            Source::Messages(place, from) => {
                let (rows, place) = (&mut self.rows, *place);
                rows.reserve(usize::try_from(limit).unwrap_or(0));
                history::sent_from(view, place, *from, limit, |sent| {
                    *from = sent.number + 1;
                    rows.push_back(Row {
                        change: Change {
                            position: sent.position(),
                            at: sent.at,
                            reach: Reach::Members(place.flow),
                            kind: Some(Kind::Sent),
                            message: None,
                            flow: None,
                            user: None,
                        },
                        sent: Some(sent),
                    });
                })?;
            }
        }
        self.is_over = i64::try_from(self.rows.len()).unwrap_or(i64::MAX) < limit;
        self.size = (self.size * 4).min(MOST);
        Ok(())
    }
}

/// Returns the number of the first message of a flow that was sent after a position, or the end of the
/// range. Numbers and positions grow together, so this is a search; it starts at the end, because
/// followers have usually missed little.
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
    let mut is_after = |number: i64| -> Result<bool, StoreError> {
        let id: Option<i64> = statement
            .query_row(named_params! {":flow": flow.0, ":number": number}, |row| {
                row.get(0)
            })
            .optional()?;
        Ok(id.is_none_or(|id| id > after.0))
    };
    // Numbers below `low` are not after the position, those at or above `high` are.
    let (mut low, mut high) = (numbers.start, numbers.end);
    let mut step = 1;
    while low < high {
        let probe = (high - step).max(low);
        if !is_after(probe)? {
            low = probe + 1;
            break;
        }
        high = probe;
        step *= 4;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if is_after(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}
