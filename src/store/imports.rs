//! Writing what another server's database held: with its own ids and times.
//!
//! The log gets a row for each thing, with the present time, since its times never fall; so those
//! who follow it see what was taken over, in order. A server beside notices as with any other
//! process.

use rusqlite::named_params;

use super::changes::{self, About, Kind, Reach};
use super::error::StoreError;
use super::tx::{Tx, View};
use super::{files, flows, members, users};
use crate::model::{
    Attachment, Content, DELETED_LOGIN, DELETED_TEXT, FlowId, FlowKind, Login, MessageId, PublicId,
    Timestamp, UserId,
};

/// A user that is taken over.
#[derive(Debug, Clone)]
pub struct User {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Login; `None`: a deleted account.
    pub login: Option<Login>,
    /// Argon2id in PHC text; `None`: nobody can log in.
    pub password_hash: Option<String>,
    /// The name that others read.
    pub username: Option<String>,
    /// Known to the user alone.
    pub email: Option<String>,
    /// A few words about oneself.
    pub bio: Option<String>,
    /// Picture.
    pub avatar: Option<Content>,
    /// Set for programs.
    pub is_bot: bool,
    /// When the account was made, as far as is known.
    pub created_at: Timestamp,
}

/// A flow that is taken over.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Who writes in it.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// Who owns it.
    pub owner: Option<UserId>,
    /// Members, in order, without repetition.
    pub members: Vec<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A message that is taken over.
#[derive(Debug, Clone)]
pub struct Message {
    /// The id that clients know.
    pub uuid: PublicId,
    /// The flow.
    pub flow: FlowId,
    /// Who wrote it.
    pub author: UserId,
    /// When.
    pub sent_at: Timestamp,
    /// What it says.
    pub text: Option<String>,
    /// Its files, at most one a slot.
    pub files: Vec<Attachment>,
    /// When it was last edited or deleted.
    pub edited_at: Option<Timestamp>,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

/// Makes an account as it was.
///
/// # Errors
/// [`StoreError::Conflict`] when the login or id is taken.
pub fn user(tx: &Tx<'_>, new: &User) -> Result<UserId, StoreError> {
    let localpart = match &new.login {
        Some(login) => users::localpart(tx, login, new.uuid)?,
        None => format!("u{}", new.uuid),
    };
    let login = new.login.as_ref().map(Login::as_str);
    tx.prepare(
        "INSERT INTO users (uuid, login, login_key, localpart, password_hash, username, email, bio, is_bot,
                            created_at, deleted_at)
         VALUES (:uuid, :login, :login_key, :localpart, :password_hash, :username, :email, :bio, :is_bot,
                 :created_at, :deleted_at)",
    )?
    .execute(named_params! {
        ":uuid": new.uuid.to_bytes(),
        ":login": login.unwrap_or(DELETED_LOGIN),
        ":login_key": new.login.as_ref().map(Login::key),
        ":localpart": localpart,
        ":password_hash": new.password_hash,
        ":username": new.username,
        ":email": new.email,
        ":bio": new.bio,
        ":is_bot": new.is_bot,
        ":created_at": new.created_at.0,
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
    changes::append(tx, Reach::Everyone, Kind::Registered, about)?;
    Ok(id)
}

/// Makes a flow as it was.
///
/// # Errors
/// [`StoreError::Conflict`] for a second chat of the same two.
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
        ":chat_key": flows::chat_key(new.kind, &new.members),
        ":created_at": new.created_at.0,
    })?;
    let id = FlowId(tx.last_id());
    for &member in &new.members {
        members::insert(tx, id, member)?;
    }
    let about = About {
        flow: Some(id),
        ..About::default()
    };
    changes::append(tx, Reach::Members(id), Kind::FlowCreated, about)?;
    Ok(id)
}

/// Tells whether there is a flow with an id, be it removed.
///
/// # Errors
/// The file cannot be read.
pub fn has_flow(view: &View<'_>, uuid: PublicId) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM flows WHERE uuid = :uuid")?;
    Ok(statement.exists(named_params! {":uuid": uuid.to_bytes()})?)
}

/// Tells whether there is a message with an id.
///
/// # Errors
/// The file cannot be read.
pub fn has_message(view: &View<'_>, uuid: PublicId) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM messages WHERE uuid = :uuid")?;
    Ok(statement.exists(named_params! {":uuid": uuid.to_bytes()})?)
}

/// Appends a message to a flow as it was. Returns `false`, having done nothing, when it is there.
///
/// # Errors
/// The file cannot be written.
pub fn message(tx: &Tx<'_>, new: &Message) -> Result<bool, StoreError> {
    if has_message(tx, new.uuid)? {
        return Ok(false);
    }
    let number: i64 = tx
        .prepare(
            "UPDATE flows SET next_number = next_number + 1 WHERE id = :flow RETURNING next_number - 1",
        )?
        .query_row(named_params! {":flow": new.flow.0}, |row| row.get(0))?;
    let position = changes::append(tx, Reach::Members(new.flow), Kind::Sent, About::default())?;
    let files: &[Attachment] = if new.is_deleted { &[] } else { &new.files };
    let slots = files.iter().fold(0, |slots, file| slots | file.slot.bit());
    tx.prepare(
        "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text, slots, edited_at, deleted_at)
         VALUES (:id, :uuid, :flow, :number, :author, :sent_at, :text, :slots, :edited_at, :deleted_at)",
    )?
    .execute(named_params! {
        ":id": position.0,
        ":uuid": new.uuid.to_bytes(),
        ":flow": new.flow.0,
        ":number": number,
        ":author": new.author.0,
        ":sent_at": new.sent_at.0,
        ":text": if new.is_deleted { Some(DELETED_TEXT) } else { new.text.as_deref() },
        ":slots": slots,
        ":edited_at": new.edited_at.map(|time| time.0),
        ":deleted_at": new.edited_at.filter(|_| new.is_deleted).map(|time| time.0),
    })?;
    for file in files {
        files::attach(tx, MessageId(position.0), file)?;
    }
    tx.index_later();
    Ok(true)
}

/// Marks everything in a flow as read by its members: they have read it on the other server.
///
/// # Errors
/// The file cannot be written.
pub fn mark_read(tx: &Tx<'_>, flow: FlowId) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE members SET read_number = (SELECT next_number - 1 FROM flows WHERE id = :flow)
         WHERE flow_id = :flow AND state = 'joined'
           AND (SELECT next_number FROM flows WHERE id = :flow) > 0",
    )?
    .execute(named_params! {":flow": flow.0})?;
    Ok(())
}
