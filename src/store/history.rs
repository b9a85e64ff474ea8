//! Messages of one flow, many at a time: pages of its history, and runs of messages for followers.
//!
//! What the messages of a flow have in common is not read for each of them.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::View;
use super::{about, attachments, users};
use crate::model::about::bits;
use crate::model::{FlowId, Form, Message, MessageId, Position, PublicId, Timestamp, UserId};

/// How much is read of the files of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// What is known about them.
    Facts,
    /// That and their content, within a limit of bytes.
    Content(usize),
}

impl Load {
    /// Returns what a form needs, where a message carries at most `max_bytes` of files.
    #[must_use]
    pub fn of(form: Form, max_bytes: usize) -> Self {
        match form {
            Form::Plain => Self::Content(max_bytes),
            Form::Rich => Self::Facts,
        }
    }

    /// Returns the limit of bytes.
    pub(super) fn max_bytes(self) -> usize {
        match self {
            Self::Facts => 0,
            Self::Content(max_bytes) => max_bytes,
        }
    }
}

/// The result of reading a message within a budget of bytes.
#[derive(Debug)]
pub enum Fitting {
    /// The message with its files.
    Whole(Message),
    /// The files are too large and were not read.
    TooLarge,
    /// The message has changed since, and is reported at that change.
    Superseded,
}

/// What the messages of a flow have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Row number of the flow.
    pub flow: FlowId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// The number of its oldest message, from which clients count.
    pub first_number: i64,
}

/// The query for messages of a flow, with the clause that selects and orders them. [`decode`] reads by index.
macro_rules! select_by_number {
    ($rest:literal) => {
        concat!(
            "SELECT id, uuid, number, author_id, sent_at, text, slots, edited_at, deleted_at",
            $rest
        )
    };
}

/// Returns messages of a flow by number, first to last inclusive, within a budget of bytes: at least one
/// if there is any.
///
/// # Errors
/// The file cannot be read.
pub fn by_number(
    view: &View<'_>,
    flow: FlowId,
    (first, last): (i64, i64),
    load: Load,
    budget_bytes: usize,
) -> Result<Vec<Message>, StoreError> {
    let Some(place) = place(view, flow)? else {
        return Ok(Vec::new());
    };
    let mut statement = view.prepare(select_by_number!(
        " FROM messages WHERE flow_id = :flow AND number BETWEEN :first AND :last ORDER BY number"
    ))?;
    let mut rows =
        statement.query(named_params! {":flow": place.flow.0, ":first": first, ":last": last})?;
    let (mut messages, mut all_slots) = (Vec::new(), Vec::new());
    let mut left = budget_bytes;
    while let Some(row) = rows.next()? {
        let (message, slots) = decode(view, row, place)?;
        let files = if slots & bits::FILES == 0 || load == Load::Facts {
            0
        } else {
            attachments::size_given(view, message.id, load.max_bytes())?
        };
        let size = message.size_bytes() + files;
        if size > left && !messages.is_empty() {
            break;
        }
        left = left.saturating_sub(size);
        all_slots.push(slots);
        messages.push(with_files(view, message, slots, load)?);
    }
    about::fill(view, &mut messages, &all_slots)?;
    // Their details were not known to be so large.
    let mut size = 0;
    let fits = |message: &&Message| {
        size += message.size_bytes();
        size <= budget_bytes
    };
    let fitting = messages.iter().take_while(fits).count();
    messages.truncate(fitting.max(1));
    Ok(messages)
}

fn place(view: &View<'_>, flow: FlowId) -> Result<Option<Place>, StoreError> {
    let mut statement = view.prepare("SELECT uuid, first_number FROM flows WHERE id = :flow")?;
    let found = statement.query_row(named_params! {":flow": flow.0}, |row| {
        Ok(Place {
            flow,
            uuid: PublicId::from_bytes(row.get(0)?),
            first_number: row.get(1)?,
        })
    });
    Ok(found.optional()?)
}

/// A message in the log where it was sent, without its files.
#[derive(Debug)]
pub struct Sent {
    message: Message,
    slots: i64,
    is_superseded: bool,
    /// When it entered the log.
    pub(super) at: Timestamp,
    /// Its number as stored.
    pub(super) number: i64,
}

impl Sent {
    /// Returns the position at which it was sent.
    pub(super) fn position(&self) -> Position {
        Position(self.message.id.0)
    }

    /// Returns the message with its files, if they fit.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn fit(
        self,
        view: &View<'_>,
        load: Load,
        room_bytes: usize,
    ) -> Result<Fitting, StoreError> {
        if self.is_superseded {
            return Ok(Fitting::Superseded);
        }
        fit(view, self.message, self.slots, load, room_bytes)
    }
}

/// Reads a message with its files, which are read only if they fit into `room_bytes`.
pub(super) fn fit(
    view: &View<'_>,
    message: Message,
    slots: i64,
    load: Load,
    room_bytes: usize,
) -> Result<Fitting, StoreError> {
    let reads_files = slots & bits::FILES != 0 && load != Load::Facts;
    if reads_files && attachments::size_given(view, message.id, load.max_bytes())? > room_bytes {
        return Ok(Fitting::TooLarge);
    }
    whole(view, message, slots, load).map(Fitting::Whole)
}

/// Reads a message with its files and other details.
///
/// # Errors
/// The file cannot be read.
pub fn whole(
    view: &View<'_>,
    message: Message,
    slots: i64,
    load: Load,
) -> Result<Message, StoreError> {
    let mut message = with_files(view, message, slots, load)?;
    if slots & !bits::FILES != 0 {
        about::fill(view, std::slice::from_mut(&mut message), &[slots])?;
    }
    Ok(message)
}

/// Passes on the messages of a flow from a number on, at most `limit`, each as it was sent.
pub(super) fn sent_from(
    view: &View<'_>,
    place: Place,
    number: i64,
    limit: i64,
    mut each: impl FnMut(Sent),
) -> Result<(), StoreError> {
    let mut statement = view.prepare(select_by_number!(
        ", logged_at, change_position FROM messages
         WHERE flow_id = :flow AND number >= :from ORDER BY number LIMIT :limit"
    ))?;
    let mut rows =
        statement.query(named_params! {":flow": place.flow.0, ":from": number, ":limit": limit})?;
    while let Some(row) = rows.next()? {
        let (message, slots) = decode(view, row, place)?;
        let logged_at = row.get::<_, Option<i64>>(9)?.map(Timestamp);
        let changed = row.get::<_, Option<i64>>(10)?;
        each(Sent {
            at: logged_at.unwrap_or(message.sent_at),
            number: message.number + place.first_number,
            is_superseded: changed.is_some_and(|position| position > message.id.0),
            message,
            slots,
        });
    }
    Ok(())
}

/// Reads a message without its files, and its slots.
fn decode(view: &View<'_>, row: &Row<'_>, place: Place) -> Result<(Message, i64), StoreError> {
    let author = UserId(row.get(3)?);
    let number: i64 = row.get(2)?;
    let message = Message {
        id: MessageId(row.get(0)?),
        uuid: PublicId::from_bytes(row.get(1)?),
        flow: place.uuid,
        number: number - place.first_number,
        // Every message has an author, even if the account is deleted.
        author: users::uuid(view, author)?.unwrap_or(PublicId::NOTHING),
        sent_at: Timestamp(row.get(4)?),
        text: row.get(5)?,
        files: Vec::new(),
        shown: Vec::new(),
        edited_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        is_deleted: row.get::<_, Option<i64>>(8)?.is_some(),
        about: None,
    };
    Ok((message, row.get(6)?))
}

/// Reads the files of a message.
pub(super) fn with_files(
    view: &View<'_>,
    mut message: Message,
    slots: i64,
    load: Load,
) -> Result<Message, StoreError> {
    if slots & bits::FILES != 0 && load != Load::Facts {
        message.files = attachments::of_message(view, message.id, load.max_bytes())?;
    }
    if slots & bits::FILES != 0 {
        message.shown = attachments::shown_by(view, message.id, load.max_bytes())?;
    }
    Ok(message)
}
