//! Importing the database of another server, with its own ids and times.
//!
//! Each imported item gets a row in the log with the present time, because the times of the log never
//! decrease; so followers see the imported items in order. A running server notices them as it does the
//! changes of any other process.

mod rich;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::named_params;

pub use rich::{
    Choices, Details, Ending, Event, File, Terms, choose, end, event_ids, furnish, oldest_kept,
    present,
};

use super::error::StoreError;
use super::events::{self, Deed};
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use super::{attachments, flow_edits, membership, properties, users};
use crate::model::{
    Attachment, By, Content, DELETED_LOGIN, DELETED_TEXT, FlowId, FlowKind, Level, Login,
    MessageId, PublicId, Timestamp, UserId,
};

/// A user to import.
#[derive(Debug, Clone)]
pub struct User {
    /// The id that clients know.
    pub uuid: PublicId,
    /// The login; `None`: a deleted account.
    pub login: Option<Login>,
    /// Argon2id in PHC text; `None`: nobody can sign in.
    pub password_hash: Option<String>,
    /// The display name.
    pub username: Option<String>,
    /// The e-mail address, which only the user sees.
    pub email: Option<String>,
    /// A short text about the user.
    pub bio: Option<String>,
    /// Picture.
    pub avatar: Option<Content>,
    /// Set for bots.
    pub is_bot: bool,
    /// Set for a suspended account.
    pub is_suspended: bool,
    /// When the account was created, as far as is known.
    pub created_at: Timestamp,
}

/// A flow to import.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The id that clients know.
    pub uuid: PublicId,
    /// The kind, which decides who writes in it.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// The owner.
    pub owner: Option<UserId>,
    /// Members, in order, without repetition.
    pub members: Vec<UserId>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A message to import.
#[derive(Debug, Clone)]
pub struct Message {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Its row number in the source; later messages have larger ones.
    pub row: i64,
    /// The flow.
    pub flow: FlowId,
    /// The author.
    pub author: UserId,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The text.
    pub text: Option<String>,
    /// Its files, at most one per slot.
    pub files: Vec<Attachment>,
    /// When it was last edited or deleted.
    pub edited_at: Option<Timestamp>,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// What an export knows besides.
    pub details: Option<Box<Details>>,
}

/// Something of a flow to import, in order.
#[derive(Debug, Clone)]
pub enum Item {
    /// A message.
    Message(Message),
    /// An event.
    Event(Event),
}

/// Creates an account with its original values.
///
/// # Errors
/// [`StoreError::Conflict`] if the login or id is taken.
pub fn user(tx: &Tx<'_>, new: &User) -> Result<UserId, StoreError> {
    let localpart = match &new.login {
        Some(login) => users::localpart(tx, login, new.uuid)?,
        None => format!("u{}", new.uuid),
    };
    let login = new.login.as_ref().map(Login::as_str);
    let looks = new.login.as_ref().map(Login::looks);
    tx.prepare(
        "INSERT INTO users (uuid, login, login_key, login_skeleton, login_shape, localpart, password_hash, username, email,
                            bio, is_bot, created_at, suspended_at, deleted_at)
         VALUES (:uuid, :login, :login_key, :login_skeleton, :login_shape, :localpart, :password_hash, :username, :email, :bio, :is_bot,
                 :created_at, :suspended_at, :deleted_at)",
    )?
    .execute(named_params! {
        ":uuid": new.uuid.to_bytes(),
        ":login": login.unwrap_or(DELETED_LOGIN),
        ":login_key": looks.as_ref().map(|looks| &looks.key),
        ":login_skeleton": looks.as_ref().map(|looks| &looks.skeleton),
        ":login_shape": looks.as_ref().map(|looks| &looks.shape),
        ":localpart": localpart,
        ":password_hash": new.password_hash,
        ":username": new.username,
        ":email": new.email,
        ":bio": new.bio,
        ":is_bot": new.is_bot,
        ":created_at": new.created_at.min(tx.now().end_of_past()).0,
        ":suspended_at": new.is_suspended.then_some(tx.now().0),
        ":deleted_at": login.is_none().then_some(tx.now().0),
    })?;
    let id = UserId(tx.last_id());
    if new.avatar.is_some() {
        users::set_avatar(tx, id, new.avatar.as_ref())?;
    }
    let about = About {
        user: Some(id),
        ..About::default()
    };
    log::append(tx, Reach::Everyone, Kind::Registered, about)?;
    Ok(id)
}

/// The result of importing a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is imported.
    Taken,
    /// It exists here already.
    Present,
    /// It existed here and has been removed since by retention.
    Removed,
}

/// Creates a flow with its original values. Messages imported into it count as read until [`finish`].
///
/// # Errors
/// [`StoreError::Conflict`] for a second chat of the same two users.
pub fn flow(tx: &Tx<'_>, new: &Flow) -> Result<FlowId, StoreError> {
    tx.prepare(
        "INSERT INTO flows (uuid, kind, title, info, owner_id, chat_key, created_at)
         VALUES (:uuid, :kind, :title, :info, :owner, :chat_key, :created_at)",
    )?
    .execute(named_params! {
        ":uuid": new.uuid.to_bytes(),
        ":kind": new.kind.as_str(),
        ":title": new.title,
        ":info": new.info,
        ":owner": new.owner.map(|id| id.0),
        ":chat_key": flow_edits::chat_key(new.kind, &new.members),
        ":created_at": new.created_at.min(tx.now().end_of_past()).0,
    })?;
    let id = FlowId(tx.last_id());
    let by = By::OPERATOR;
    match new.owner {
        Some(owner) => flow_edits::enroll(tx, id, owner, &new.members, by)?,
        None => membership::insert(tx, id, &new.members, Level::MEMBER, by)?,
    }
    events::append(tx, id, Deed::Plain(Kind::Made), by)?;
    properties::set_number(tx, &unfinished_key(id), 1)?;
    Ok(id)
}

/// Returns whether the import of a flow has not been finished.
///
/// # Errors
/// The file cannot be read.
pub fn is_unfinished(view: &View<'_>, flow: FlowId) -> Result<bool, StoreError> {
    Ok(properties::number(view, &unfinished_key(flow))?.is_some())
}

/// Records that everything for a flow has been imported: later messages are new.
///
/// # Errors
/// The file cannot be written.
pub fn finish(tx: &Tx<'_>, flow: FlowId) -> Result<(), StoreError> {
    properties::forget(tx, &unfinished_key(flow))
}

/// The name of the property that marks a flow as not completely imported.
fn unfinished_key(flow: FlowId) -> String {
    format!("import_unfinished_{}", flow.0)
}

/// The name of the property with the largest imported row number of a flow in the source.
fn row_key(flow: FlowId) -> String {
    format!("import_row_{}", flow.0)
}

/// Returns whether a flow with an id exists, even a removed one.
///
/// # Errors
/// The file cannot be read.
pub fn has_flow(view: &View<'_>, uuid: PublicId) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM flows WHERE uuid = :uuid")?;
    Ok(statement.exists(named_params! {":uuid": uuid.to_bytes()})?)
}

/// The progress of importing a flow.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The largest row number in the source that was imported.
    row: i64,
    /// Whether its oldest messages have been removed here.
    is_pruned: bool,
    /// Whether imported messages count as read.
    is_unfinished: bool,
    /// The number that its next message gets.
    next_number: i64,
}

impl Progress {
    fn of(view: &View<'_>, flow: FlowId) -> Result<Self, StoreError> {
        let (first_number, next_number): (i64, i64) = view
            .prepare("SELECT first_number, next_number FROM flows WHERE id = :flow")?
            .query_row(named_params! {":flow": flow.0}, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok(Self {
            row: properties::number(view, &row_key(flow))?.unwrap_or(i64::MIN),
            is_pruned: first_number > 0,
            is_unfinished: is_unfinished(view, flow)?,
            next_number,
        })
    }

    /// Returns the result for a message. One that was imported before and no longer exists can only have
    /// been removed with the oldest of its flow: other deleted messages keep their row.
    fn fate(self, view: &View<'_>, message: &Message) -> Result<Fate, StoreError> {
        if has_message(view, message.uuid)? {
            Ok(Fate::Present)
        } else if self.is_pruned && message.row <= self.row {
            Ok(Fate::Removed)
        } else {
            Ok(Fate::Taken)
        }
    }
}

/// Returns the results for messages without importing them; if a flow does not exist yet, all are taken.
///
/// # Errors
/// The file cannot be read.
pub fn fates(
    view: &View<'_>,
    batch: &[(Option<FlowId>, Message)],
) -> Result<Vec<Fate>, StoreError> {
    let mut known: BTreeMap<FlowId, Progress> = BTreeMap::new();
    let mut fates = Vec::with_capacity(batch.len());
    for (flow, message) in batch {
        fates.push(match *flow {
            None if has_message(view, message.uuid)? => Fate::Present,
            None => Fate::Taken,
            Some(flow) => progress(&mut known, view, flow)?.fate(view, message)?,
        });
    }
    Ok(fates)
}

/// Returns the progress of importing a flow, which is looked up once.
fn progress<'k>(
    known: &'k mut BTreeMap<FlowId, Progress>,
    view: &View<'_>,
    flow: FlowId,
) -> Result<&'k Progress, StoreError> {
    Ok(match known.entry(flow) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(place) => place.insert(Progress::of(view, flow)?),
    })
}

/// Appends those messages to their flows that do not exist here, with their original values, and records
/// the progress. Returns the result for each.
///
/// # Errors
/// The file cannot be written.
pub fn messages(tx: &Tx<'_>, batch: &[Message]) -> Result<Vec<Fate>, StoreError> {
    let mut known: BTreeMap<FlowId, Progress> = BTreeMap::new();
    let mut fates = Vec::with_capacity(batch.len());
    for message in batch {
        let fate = progress(&mut known, tx, message.flow)?.fate(tx, message)?;
        if fate == Fate::Taken {
            insert(tx, message)?;
        }
        fates.push(fate);
    }
    for (flow, progress) in known {
        let rows = batch
            .iter()
            .filter(|message| message.flow == flow)
            .map(|message| message.row);
        let row = rows.fold(progress.row, i64::max);
        properties::set_number(tx, &row_key(flow), row)?;
        if progress.is_unfinished {
            read_on(tx, flow, progress.next_number)?;
        }
    }
    Ok(fates)
}

/// Appends messages and events to a flow, those that do not exist here. Returns how many messages there were.
///
/// # Errors
/// The file cannot be written.
pub fn items(tx: &Tx<'_>, flow: FlowId, items: &[Item]) -> Result<usize, StoreError> {
    let progress = Progress::of(tx, flow)?;
    let mut count = 0;
    for item in items {
        match item {
            Item::Message(message) if has_message(tx, message.uuid)? => {}
            Item::Message(message) => {
                insert(tx, message)?;
                count += 1;
            }
            Item::Event(event) => rich::event(tx, flow, event)?,
        }
    }
    if progress.is_unfinished {
        read_on(tx, flow, progress.next_number)?;
    }
    Ok(count)
}

fn has_message(view: &View<'_>, uuid: PublicId) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM messages WHERE uuid = :uuid")?;
    Ok(statement.exists(named_params! {":uuid": uuid.to_bytes()})?)
}

fn insert(tx: &Tx<'_>, new: &Message) -> Result<(), StoreError> {
    let position = tx.next_position();
    let number: i64 = tx
        .prepare(
            "UPDATE flows SET next_number = next_number + 1, last_message_id = :id WHERE id = :flow
             RETURNING next_number - 1",
        )?
        .query_row(
            named_params! {":id": position.0, ":flow": new.flow.0},
            |row| row.get(0),
        )?;
    let files: &[Attachment] = if new.is_deleted { &[] } else { &new.files };
    let slots = files.iter().fold(0, |slots, file| slots | file.slot.bit());
    tx.prepare(
        "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, logged_at, text, slots, edited_at, deleted_at)
         VALUES (:id, :uuid, :flow, :number, :author, :sent_at, :logged_at, :text, :slots, :edited_at, :deleted_at)",
    )?
    .execute(named_params! {
        ":id": position.0,
        ":uuid": new.uuid.to_bytes(),
        ":flow": new.flow.0,
        ":number": number,
        ":author": new.author.0,
        // The other server's clock may have been ahead; the clock of this one may be in 1970.
        ":sent_at": new.sent_at.min(tx.now().end_of_past()).0,
        ":logged_at": tx.log_time().0,
        ":text": if new.is_deleted { Some(DELETED_TEXT) } else { new.text.as_deref() },
        ":slots": slots,
        ":edited_at": new.edited_at.map(|time| time.min(tx.now().end_of_past()).0),
        ":deleted_at": new.edited_at.filter(|_| new.is_deleted).map(|time| time.min(tx.now().end_of_past()).0),
    })?;
    for file in files {
        let brought = file.clone().into();
        attachments::attach(tx, MessageId(position.0), &brought, Some(new.author))?;
    }
    if let Some(details) = &new.details {
        let place = (new.flow, number);
        rich::write(tx, MessageId(position.0), place, new.author, details)?;
    }
    tx.index_later();
    Ok(())
}

/// Marks the messages of a flow from a number on as read by the members who have read all before: they
/// have read them on the other server.
fn read_on(tx: &Tx<'_>, flow: FlowId, from: i64) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE members SET read_number = (SELECT next_number - 1 FROM flows WHERE id = :flow)
         WHERE flow_id = :flow AND state = 'joined' AND coalesce(read_number, -1) >= :from - 1
           AND (SELECT next_number FROM flows WHERE id = :flow) > :from",
    )?
    .execute(named_params! {":flow": flow.0, ":from": from})?;
    Ok(())
}
