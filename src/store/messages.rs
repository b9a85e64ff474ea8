//! Messages.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, named_params};

use super::attachments::{self, Brought, NewFile};
use super::details::{self, DetailsEdit, NewDetails};
use super::error::StoreError;
use super::follower;
use super::history::fit;
pub use super::history::{Fitting, Load, Sent, by_number, whole};
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use super::{marks, removal, room_edits, room_keeper, room_leaving, search};
use crate::model::about::bits;
use crate::model::{
    By, DELETED_TEXT, FlowId, Level, Message, MessageId, News, Origin, Position, PublicId,
    Timestamp, UserId,
};

/// The content of a new message and its flow.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The flow.
    pub flow: FlowId,
    /// The id of the flow that clients know.
    pub flow_uuid: PublicId,
    /// The author.
    pub author: UserId,
    /// The id of the author that clients know.
    pub author_uuid: PublicId,
    /// The text.
    pub text: Option<String>,
    /// Files that come with it, at most one per slot.
    pub files: Vec<Brought>,
    /// Files that are stored already; they come after those.
    pub stored: Vec<NewFile>,
    /// Other details.
    pub details: NewDetails,
    /// The state of the flow, if this write has read it already.
    pub state: Option<FlowState>,
}

/// The state of a flow that a new message needs.
#[derive(Debug, Clone, Copy)]
pub struct FlowState {
    /// The number of its oldest message.
    pub first_number: i64,
    /// The number that its next message gets.
    pub next_number: i64,
    /// Seconds after which a new message disappears; 0: never.
    pub expire: i64,
}

/// Changes to a message; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct MessageEdit {
    /// New text.
    pub text: Option<String>,
    /// Files that replace those in their slots; empty content removes the file.
    pub files: Vec<Brought>,
    /// How many bytes of files a message carries, which decides what is in its slots.
    pub given_bytes: usize,
    /// All files in their order: each one is a present file or a new one.
    pub arranged: Option<Vec<Result<PublicId, NewFile>>>,
    /// Other details.
    pub details: DetailsEdit,
}

/// The query for messages, to which a clause that selects and orders them is appended. [`message`] reads
/// its columns by index.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.uuid, f.uuid AS flow_uuid, m.number - f.first_number AS number, u.uuid AS author_uuid, m.sent_at, m.text, m.slots, m.edited_at, m.deleted_at, m.change_position
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
    room_leaving::before_message(tx, new.flow)?;
    let position = tx.next_position();
    let id = MessageId(position.0);
    let logged_at = tx.log_time();
    let FlowState {
        first_number,
        next_number: number,
        expire,
    } = match new.state {
        Some(state) => state,
        None => state(tx, new.flow)?,
    };
    // By index and without RETURNING, here and below: every user waits for this, and names take a tenth of it.
    tx.prepare("UPDATE flows SET next_number = ?1, last_message_id = ?2 WHERE id = ?3")?
        .execute([number + 1, id.0, new.flow.0])?;
    let uuid = PublicId::generate();
    let expires_at = (expire > 0).then(|| Timestamp(tx.now().0 + expire * 1000));
    let slots = new
        .files
        .iter()
        .fold(new.details.slots(expires_at), |slots, file| {
            slots | file.attachment.slot.bit()
        });
    let slots = new
        .stored
        .iter()
        .fold(slots, |slots, file| slots | file.kind.bit());
    tx.prepare(
        "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text, slots, logged_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute((
        id.0,
        uuid.to_bytes(),
        new.flow.0,
        number,
        new.author.0,
        tx.now().0,
        &new.text,
        slots,
        (logged_at != tx.now()).then_some(logged_at.0),
    ))?;
    if slots & !bits::FILES != 0 {
        details::write(tx, id, (new.flow, number), &new.details, expires_at)?;
    }
    marks::read_own(tx, new.flow, new.author, number)?;
    let mut shown = Vec::with_capacity(new.files.len());
    for file in &new.files {
        shown.push(attachments::attach(tx, id, file, Some(new.author))?);
    }
    if !new.stored.is_empty() {
        for file in &new.stored {
            attachments::show(tx, id, file)?;
        }
        // Clients that need the bytes of these files read them.
        shown = attachments::shown_by(tx, id, 0)?;
    }
    tx.index_later();
    let message = Message {
        id,
        uuid,
        flow: new.flow_uuid,
        number: number - first_number,
        author: new.author_uuid,
        sent_at: tx.now(),
        text: new.text,
        files: new.files.into_iter().map(|file| file.attachment).collect(),
        shown,
        edited_at: None,
        is_deleted: false,
        about: None,
    };
    let message = if slots & !bits::FILES == 0 {
        message
    } else {
        by_id(tx, id)?.unwrap_or(message)
    };
    let message = Arc::new(message);
    tx.tell(
        position,
        origin,
        tx.audience_of(new.flow)?,
        News::Message(Arc::clone(&message)),
    );
    Ok(message)
}

/// Returns the state of a flow.
fn state(view: &View<'_>, flow: FlowId) -> Result<FlowState, StoreError> {
    let mut statement =
        view.prepare("SELECT first_number, next_number, expire FROM flows WHERE id = :flow")?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| {
        Ok(FlowState {
            first_number: row.get(0)?,
            next_number: row.get(1)?,
            expire: row.get(2)?,
        })
    })?)
}

/// What is needed to decide whether a user may change a message.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Row number.
    pub id: MessageId,
    /// The flow that it belongs to.
    pub flow: FlowId,
    /// The id of that flow that clients know.
    pub flow_uuid: PublicId,
    /// The level of the requesting user in that flow; `None`: not a member.
    pub level: Option<Level>,
    /// The author.
    pub author: UserId,
    /// Set once it has been deleted.
    pub is_deleted: bool,
    /// The text.
    pub text: Option<String>,
    /// The slots that have files, one bit each.
    pub slots: i64,
    /// How many times it was edited.
    pub edits: i64,
    /// Whether it forwards another.
    pub is_forward: bool,
}

/// Finds a message by the id that clients know, with the level of the requesting user.
///
/// # Errors
/// The file cannot be read.
pub fn handle(view: &View<'_>, uuid: PublicId, user: UserId) -> Result<Option<Handle>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.id, m.flow_id, f.uuid AS flow_uuid, m.author_id, m.deleted_at, m.text, m.slots,
                coalesce(m.edits, 0) AS edits, m.forward IS NOT NULL AS is_forward, r.level
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
            is_forward: row.get("is_forward")?,
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
    let before = room_edits::before(tx, message.id)?;
    room_keeper::keep_original(tx, message.id)?;
    let mut slots = message.slots;
    for file in &edit.files {
        attachments::replace(tx, message.id, file, by.user, edit.given_bytes)?;
    }
    if let Some(arranged) = &edit.arranged {
        attachments::rearrange(tx, message.id, arranged)?;
    }
    if !edit.files.is_empty() || edit.arranged.is_some() {
        slots = slots & !attachments::KINDS | attachments::kinds(tx, message.id)?;
    }
    let slots = details::change(tx, message.id, message.flow, slots, &edit.details)?;
    let text = edit.text.as_ref().or(message.text.as_ref());
    tx.prepare(
        "UPDATE messages SET text = :text, slots = :slots, edited_at = :now, edits = coalesce(edits, 0) + 1
         WHERE id = :id",
    )?
    .execute(
        named_params! {":text": text, ":slots": slots, ":now": tx.now().0, ":id": message.id.0},
    )?;
    room_edits::after(tx, message.id, before, by)?;
    announce(tx, message, Kind::Edited, by)
}

/// Overwrites a message with the note that it was deleted, and tells the members of its flow.
///
/// # Errors
/// The file cannot be written.
pub fn delete(tx: &Tx<'_>, message: &Handle, by: By) -> Result<(), StoreError> {
    overwrite(tx, message, 0, by)
}

/// Overwrites a message in the same way because it has expired.
///
/// # Errors
/// The file cannot be written.
pub fn expire(tx: &Tx<'_>, message: &Handle, by: By) -> Result<(), StoreError> {
    overwrite(tx, message, bits::EXPIRED, by)
}

fn overwrite(tx: &Tx<'_>, message: &Handle, slots: i64, by: By) -> Result<(), StoreError> {
    search::outdate(tx, message.id)?;
    room_keeper::take_back(tx, message.id, None, by)?;
    removal::clear(tx, message.id)?;
    tx.prepare(
        "UPDATE messages SET text = :text, slots = :slots, edited_at = :now, deleted_at = :now, reply_to_id = NULL,
                             forward_user_id = NULL, forward = NULL, format = NULL, extra = NULL, expires_at = NULL
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":text": DELETED_TEXT, ":slots": slots, ":now": tx.now().0, ":id": message.id.0,
    })?;
    announce(tx, message, Kind::Deleted, by)
}

/// Logs that a message has changed, and reports its present state to the members of its flow.
pub(super) fn announce(tx: &Tx<'_>, of: &Handle, kind: Kind, by: By) -> Result<(), StoreError> {
    tx.scrub(); // the old text is in the write-ahead log until that is emptied
    let about = About {
        actor: by.user,
        message: Some(of.id),
        ..About::default()
    };
    let position = log::append(tx, Reach::Members(of.flow), kind, about)?;
    tx.prepare("UPDATE messages SET change_position = :position WHERE id = :id")?
        .execute(named_params! {":position": position.0, ":id": of.id.0})?;
    if let Some(state) = by_id(tx, of.id)? {
        tx.tell(
            position,
            by.origin,
            tx.audience_of(of.flow)?,
            News::Message(Arc::new(state)),
        );
    }
    Ok(())
}

/// Finds a message by row number, with what is known about its files.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(view: &View<'_>, id: MessageId) -> Result<Option<Message>, StoreError> {
    by_id_as(view, id, Load::Facts)
}

/// Finds a message by row number, with as much of its files as `load` says.
///
/// # Errors
/// The file cannot be read.
pub fn by_id_as(view: &View<'_>, id: MessageId, load: Load) -> Result<Option<Message>, StoreError> {
    without_files(view, id)?
        .map(|(message, slots)| whole(view, message, slots, load))
        .transpose()
}

/// Finds a message by row number, as of a row of the log; its files are read only if they fit into
/// `room_bytes`.
///
/// # Errors
/// The file cannot be read.
pub fn by_id_within(
    view: &View<'_>,
    id: MessageId,
    at: Position,
    load: Load,
    room_bytes: usize,
) -> Result<Option<Fitting>, StoreError> {
    let mut statement = view.prepare(select_messages!("WHERE m.id = :id"))?;
    let mut rows = statement.query(named_params! {":id": id.0})?;
    let Some(found) = rows.next()? else {
        return Ok(None);
    };
    let changed: Option<i64> = found.get(10)?;
    if changed.is_some_and(|position| position > at.0) {
        return Ok(Some(Fitting::Superseded));
    }
    let (message, slots) = message(found)?;
    fit(view, message, slots, load, room_bytes).map(Some)
}

/// Returns the size in bytes of the files that a message carries with a limit, without reading them.
///
/// # Errors
/// The file cannot be read.
pub fn size_of_given(
    view: &View<'_>,
    id: MessageId,
    max_bytes: usize,
) -> Result<usize, StoreError> {
    attachments::size_given(view, id, max_bytes)
}

/// Reads the files that a message carries, with a limit of bytes.
///
/// # Errors
/// The file cannot be read.
pub fn load_files(
    view: &View<'_>,
    message: &mut Message,
    max_bytes: usize,
) -> Result<(), StoreError> {
    message.files = attachments::of_message(view, message.id, max_bytes)?;
    message.shown = attachments::shown_by(view, message.id, max_bytes)?;
    Ok(())
}

/// Returns the last messages of a flow below a number, as clients count, without their files: each with
/// its slots. Oldest first.
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

/// Returns a message without its files, and its slots.
///
/// # Errors
/// The file cannot be read.
pub fn without_files(view: &View<'_>, id: MessageId) -> Result<Option<(Message, i64)>, StoreError> {
    let mut statement = view.prepare(select_messages!("WHERE m.id = :id"))?;
    Ok(statement
        .query_row(named_params! {":id": id.0}, message)
        .optional()?)
}

/// Returns the number of the first message of a flow that was sent after a position, or the number that
/// the next one will get.
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

/// Returns the number of the first message of a flow, from a number on, that was sent at or after a time,
/// or the number that the next one will get. Reads the messages that it skips, which are none if messages
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

/// Returns how many messages there are.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT coalesce(SUM(next_number - first_number), 0) FROM flows")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Reads a message without its files, and its slots.
///
/// By index: a page of history reads a thousand columns, and a name is compared with the name of every
/// column before it.
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
        about: None,
    };
    Ok((message, row.get(7)?))
}
