//! Messages.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::follower;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use super::{files, marks, removal, search};
use crate::model::{
    Attachment, By, DELETED_TEXT, FlowId, Form, Level, Message, MessageId, News, Origin, Position,
    PublicId, Timestamp, UserId,
};

/// What a new message says, and where.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The flow.
    pub flow: FlowId,
    /// The id by which clients know the flow.
    pub flow_uuid: PublicId,
    /// Who writes.
    pub author: UserId,
    /// The id by which clients know the author.
    pub author_uuid: PublicId,
    /// What it says.
    pub text: Option<String>,
    /// Its files, at most one a slot.
    pub files: Vec<Attachment>,
}

/// Changes to a message; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct MessageEdit {
    /// New text.
    pub text: Option<String>,
    /// Files that replace those in their slots; empty content removes.
    pub files: Vec<Attachment>,
}

/// The query for messages with the rest that selects and orders them. [`message`] reads its columns
/// by their places.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.uuid, f.uuid AS flow_uuid, m.number - f.first_number AS number, u.uuid AS author_uuid, m.sent_at, m.text, m.slots, m.edited_at, m.deleted_at
             FROM messages m JOIN flows f ON f.id = m.flow_id JOIN users u ON u.id = m.author_id ",
            $rest
        )
    };
}

pub(super) use select_messages;

/// Appends a message to a flow and tells its members.
///
/// # Errors
/// The file cannot be written.
pub fn insert(
    tx: &Tx<'_>,
    new: NewMessage,
    origin: Option<Origin>,
) -> Result<Arc<Message>, StoreError> {
    let position = tx.next_position();
    let id = MessageId(position.0);
    let logged_at = tx.log_time();
    let (number, first_number): (i64, i64) = tx
        .prepare(
            "UPDATE flows SET next_number = next_number + 1, last_message_id = :id WHERE id = :flow
             RETURNING next_number - 1, first_number",
        )?
        .query_row(named_params! {":id": id.0, ":flow": new.flow.0}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let uuid = PublicId::generate();
    let slots = new
        .files
        .iter()
        .fold(0, |slots, file| slots | file.slot.bit());
    tx.prepare(
        "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text, slots, logged_at)
         VALUES (:id, :uuid, :flow, :number, :author, :now, :text, :slots, :logged_at)",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":uuid": uuid.to_bytes(),
        ":flow": new.flow.0,
        ":number": number,
        ":author": new.author.0,
        ":now": tx.now().0,
        ":text": new.text,
        ":slots": slots,
        ":logged_at": (logged_at != tx.now()).then_some(logged_at.0),
    })?;
    marks::read_own(tx, new.flow, new.author, number)?;
    let mut shown = Vec::with_capacity(new.files.len());
    for file in &new.files {
        shown.push(files::attach(tx, id, file)?);
    }
    tx.index_later();
    let message = Arc::new(Message {
        id,
        uuid,
        flow: new.flow_uuid,
        number: number - first_number,
        author: new.author_uuid,
        sent_at: tx.now(),
        text: new.text,
        files: new.files,
        shown,
        edited_at: None,
        is_deleted: false,
    });
    tx.tell(
        position,
        origin,
        tx.audience_of(new.flow)?,
        News::Message(Arc::clone(&message)),
    );
    Ok(message)
}

/// What has to be known of a message to let somebody change it.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Row number.
    pub id: MessageId,
    /// The flow that it belongs to.
    pub flow: FlowId,
    /// The id by which clients know that flow.
    pub flow_uuid: PublicId,
    /// What the one who asks may do in that flow; `None`: not a member.
    pub level: Option<Level>,
    /// Who wrote it.
    pub author: UserId,
    /// Set once it has been deleted.
    pub is_deleted: bool,
    /// What it says.
    pub text: Option<String>,
    /// Which slots it has files in, a bit each.
    pub slots: i64,
    /// How often it was edited.
    pub edits: i64,
}

/// Finds a message by the id that clients know, as one user finds it.
///
/// # Errors
/// The file cannot be read.
pub fn handle(view: &View<'_>, uuid: PublicId, user: UserId) -> Result<Option<Handle>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.id, m.flow_id, f.uuid AS flow_uuid, m.author_id, m.deleted_at, m.text, m.slots,
                coalesce(m.edits, 0) AS edits, r.level
         FROM messages m JOIN flows f ON f.id = m.flow_id
         LEFT JOIN members r ON r.flow_id = m.flow_id AND r.user_id = :user AND r.state = 'joined'
         WHERE m.uuid = :uuid AND f.removed_at IS NULL",
    )?;
    let params = named_params! {":uuid": uuid.to_bytes(), ":user": user.0};
    let found = statement.query_row(params, |row| {
        Ok(Handle {
            id: MessageId(row.get("id")?),
            flow: FlowId(row.get("flow_id")?),
            flow_uuid: PublicId::from_bytes(row.get("flow_uuid")?),
            level: row.get::<_, Option<i64>>("level")?.map(Level),
            author: UserId(row.get("author_id")?),
            is_deleted: row.get::<_, Option<i64>>("deleted_at")?.is_some(),
            text: row.get("text")?,
            slots: row.get("slots")?,
            edits: row.get("edits")?,
        })
    });
    Ok(found.optional()?)
}

/// Edits a message and tells the members of its flow.
///
/// # Errors
/// The file cannot be written.
pub fn edit(tx: &Tx<'_>, message: &Handle, edit: &MessageEdit, by: By) -> Result<(), StoreError> {
    search::outdate(tx, message.id)?;
    let mut slots = message.slots;
    for file in &edit.files {
        files::detach(tx, message.id, file.slot)?;
        slots &= !file.slot.bit();
        if !file.content.bytes.is_empty() {
            files::attach(tx, message.id, file)?;
            slots |= file.slot.bit();
        }
    }
    let text = edit.text.as_ref().or(message.text.as_ref());
    tx.prepare(
        "UPDATE messages SET text = :text, slots = :slots, edited_at = :now, edits = coalesce(edits, 0) + 1
         WHERE id = :id",
    )?
    .execute(
        named_params! {":text": text, ":slots": slots, ":now": tx.now().0, ":id": message.id.0},
    )?;
    announce(tx, message, Kind::Edited, by)
}

/// Overwrites a message with the note that it was deleted, and tells the members of its flow.
///
/// # Errors
/// The file cannot be written.
pub fn delete(tx: &Tx<'_>, message: &Handle, by: By) -> Result<(), StoreError> {
    search::outdate(tx, message.id)?;
    removal::clear(tx, message.id)?;
    tx.prepare(
        "UPDATE messages SET text = :text, slots = 0, edited_at = :now, deleted_at = :now, reply_to_id = NULL,
                             forward_user_id = NULL, forward = NULL, format = NULL, extra = NULL, expires_at = NULL
         WHERE id = :id",
    )?
    .execute(named_params! {":text": DELETED_TEXT, ":now": tx.now().0, ":id": message.id.0})?;
    announce(tx, message, Kind::Deleted, by)
}

/// Logs that a message has changed, and has its present state told to the members of its flow.
fn announce(tx: &Tx<'_>, message: &Handle, kind: Kind, by: By) -> Result<(), StoreError> {
    // The old text is in the write-ahead log until that is emptied.
    tx.scrub();
    let about = About {
        actor: by.user,
        message: Some(message.id),
        ..About::default()
    };
    let position = log::append(tx, Reach::Members(message.flow), kind, about)?;
    tx.prepare("UPDATE messages SET change_position = :position WHERE id = :id")?
        .execute(named_params! {":position": position.0, ":id": message.id.0})?;
    if let Some(state) = by_id(tx, message.id)? {
        tx.tell(
            position,
            by.origin,
            tx.audience_of(message.flow)?,
            News::Message(Arc::new(state)),
        );
    }
    Ok(())
}

/// Finds a message by row number.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(view: &View<'_>, id: MessageId) -> Result<Option<Message>, StoreError> {
    by_id_as(view, id, Load::Content)
}

/// The same, with as much of its files as is wanted.
///
/// # Errors
/// The file cannot be read.
pub fn by_id_as(view: &View<'_>, id: MessageId, load: Load) -> Result<Option<Message>, StoreError> {
    without_files(view, id)?
        .map(|(message, slots)| with_files(view, message, slots, load))
        .transpose()
}

/// What of a message's files is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// What is known of them.
    Facts,
    /// That, and their content.
    Content,
}

impl Load {
    /// What the frames of a form need.
    #[must_use]
    pub fn of(form: Form) -> Self {
        match form {
            Form::Plain => Self::Content,
            Form::Rich => Self::Facts,
        }
    }
}

/// A message that was looked for within a budget of bytes.
#[derive(Debug)]
pub enum Fitting {
    /// With its files.
    Whole(Message),
    /// Its files, which were not read, are too large.
    TooLarge,
    /// It has changed since, and is told where it did.
    Superseded,
}

/// Finds a message by row number, as of a row of the log; its files are read only when they fit into
/// `room_bytes`.
///
/// # Errors
/// The file cannot be read.
pub fn by_id_within(
    view: &View<'_>,
    id: MessageId,
    row: Position,
    load: Load,
    room_bytes: usize,
) -> Result<Option<Fitting>, StoreError> {
    let mut statement =
        view.prepare("SELECT change_position > :row FROM messages WHERE id = :id")?;
    let superseded: Option<Option<bool>> = statement
        .query_row(named_params! {":row": row.0, ":id": id.0}, |row| row.get(0))
        .optional()?;
    if superseded.flatten() == Some(true) {
        return Ok(Some(Fitting::Superseded));
    }
    let Some((message, slots)) = without_files(view, id)? else {
        return Ok(None);
    };
    let reads_files = slots != 0 && load == Load::Content;
    if reads_files && files::size_of_message(view, id)? > room_bytes {
        return Ok(Some(Fitting::TooLarge));
    }
    Ok(Some(Fitting::Whole(with_files(
        view, message, slots, load,
    )?)))
}

/// Bytes that the files of a message take, without reading them.
///
/// # Errors
/// The file cannot be read.
pub fn size_of_files(view: &View<'_>, id: MessageId) -> Result<usize, StoreError> {
    files::size_of_message(view, id)
}

/// Messages of a flow by number, first to last inclusive, cut where they exceed a budget of bytes:
/// at least one comes back if there is any.
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
    let mut statement = view.prepare(select_messages!(
        "WHERE m.flow_id = :flow AND m.number BETWEEN :first AND :last ORDER BY m.number"
    ))?;
    let mut rows =
        statement.query(named_params! {":flow": flow.0, ":first": first, ":last": last})?;
    let mut messages = Vec::new();
    let mut left = budget_bytes;
    while let Some(row) = rows.next()? {
        let (message, slots) = message(row)?;
        let files = if slots == 0 || load == Load::Facts {
            0
        } else {
            files::size_of_message(view, message.id)?
        };
        let size = message.size_bytes() + files;
        if size > left && !messages.is_empty() {
            break;
        }
        left = left.saturating_sub(size);
        messages.push(with_files(view, message, slots, load)?);
    }
    Ok(messages)
}

/// The last messages of a flow below a number, as clients count, without their files: each with the
/// slots that it has files in. Oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn last(
    view: &View<'_>,
    flow: FlowId,
    below: i64,
    limit: i64,
) -> Result<Vec<(Message, i64)>, StoreError> {
    let mut statement = view.prepare(select_messages!(
        "WHERE m.flow_id = :flow AND m.number - f.first_number < :below
         ORDER BY m.number DESC LIMIT :limit"
    ))?;
    let params = named_params! {":flow": flow.0, ":below": below, ":limit": limit};
    let rows = statement.query_map(params, message)?;
    let mut found = rows.collect::<Result<Vec<_>, _>>()?;
    found.reverse();
    Ok(found)
}

/// A message without its files, and the slots that it has files in.
///
/// # Errors
/// The file cannot be read.
pub fn without_files(view: &View<'_>, id: MessageId) -> Result<Option<(Message, i64)>, StoreError> {
    let mut statement = view.prepare(select_messages!("WHERE m.id = :id"))?;
    Ok(statement
        .query_row(named_params! {":id": id.0}, message)
        .optional()?)
}

/// The number of the first message of a flow that was sent after a position, or the number that the
/// next one will get.
///
/// # Errors
/// The file cannot be read.
pub fn first_after(
    view: &View<'_>,
    flow: &super::flows::Access,
    after: Position,
) -> Result<i64, StoreError> {
    let numbers = flow.first_number..flow.next_number;
    follower::first_number_after(view, flow.id, numbers, after)
}

/// The number of the first message of a flow, from a number on, that was sent at or after a time; or
/// the number that the next one will get. Reads what it passes over, which is nothing where messages
/// were sent when they were logged.
///
/// # Errors
/// The file cannot be read.
pub fn first_since(
    view: &View<'_>,
    flow: &super::flows::Access,
    from: i64,
    time: Timestamp,
) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT number FROM messages WHERE flow_id = :flow AND number >= :from AND sent_at >= :time
         ORDER BY number LIMIT 1",
    )?;
    let params = named_params! {":flow": flow.id.0, ":from": from, ":time": time.0};
    let found = statement.query_row(params, |row| row.get(0)).optional()?;
    Ok(found.unwrap_or(flow.next_number))
}

/// How many messages there are.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT coalesce(SUM(next_number - first_number), 0) FROM flows")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn with_files(
    view: &View<'_>,
    mut message: Message,
    slots: i64,
    load: Load,
) -> Result<Message, StoreError> {
    if slots != 0 && load == Load::Content {
        message.files = files::of_message(view, message.id)?;
    }
    if slots != 0 {
        message.shown = files::shown_by(view, message.id)?;
    }
    Ok(message)
}

/// A message without its files, and the slots that it has files in.
///
/// By place: a page of history reads a thousand columns, and a name is compared with the name of
/// every column before it.
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<(Message, i64)> {
    let message = Message {
        id: MessageId(row.get(0)?),
        uuid: PublicId::from_bytes(row.get(1)?),
        flow: PublicId::from_bytes(row.get(2)?),
        number: row.get(3)?,
        author: PublicId::from_bytes(row.get(4)?),
        sent_at: Timestamp(row.get(5)?),
        text: row.get(6)?,
        files: Vec::new(),
        shown: Vec::new(),
        edited_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        is_deleted: row.get::<_, Option<i64>>(9)?.is_some(),
    };
    Ok((message, row.get(7)?))
}
