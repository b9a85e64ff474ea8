//! What an export of this program knows of a message, a flow and an account, and the Python server does not.

use rusqlite::{OptionalExtension, named_params};

use super::super::attachments::{self, NewFile};
use super::super::details::{self, ByHook, NewDetails};
use super::super::error::StoreError;
use super::super::flows::{PROTECTED, RESTRICTED_PINS, SAVED, saved_key};
use super::super::log::Kind;
use super::super::shelf::{self, Ready};
use super::super::tx::{Tx, View};
use super::super::{blocks, files, pins, polls, reactions, settings};
use crate::model::about::bits;
use crate::model::{
    self, By, Content, Encoding, FlowId, FlowSettings, Forward, HookId, Level, Look, MessageId,
    NewPoll, Preview, PublicId, Timestamp, UserId,
};

/// The details of a message to import.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// The message that it replies to.
    pub reply: Option<PublicId>,
    /// Where it was forwarded from, and the author if it is a user here.
    pub forward: Option<(Forward, Option<UserId>)>,
    /// Whether its text is markup.
    pub is_markup: bool,
    /// The users whom it mentions.
    pub mentions: Vec<UserId>,
    /// Whether it mentions everyone.
    pub everyone: bool,
    /// The preview of the page that it links to.
    pub preview: Option<Preview>,
    /// The picture of that preview: content, width and height in pixels.
    pub preview_thumbnail: Option<(Ready, Option<i64>, Option<i64>)>,
    /// The name and the emoji of the program that wrote it.
    pub program: Option<(Option<String>, Option<String>)>,
    /// The poll in it, and whether it is closed.
    pub poll: Option<(NewPoll, bool)>,
    /// Votes: the users and the options of each.
    pub votes: Vec<(UserId, Vec<i64>)>,
    /// Reactions, in the order in which the emoji were first used.
    pub reactions: Vec<(String, Vec<UserId>)>,
    /// When it is deleted automatically.
    pub expires_at: Option<Timestamp>,
    /// Whether it was deleted automatically.
    pub is_expired: bool,
    /// Its files, in order.
    pub files: Vec<File>,
}

/// A file of a message to import.
#[derive(Debug, Clone)]
pub struct File {
    /// The id with which it is fetched; it gets another if this one is taken.
    pub id: Option<PublicId>,
    /// The kind of the file.
    pub kind: model::Kind,
    /// The content.
    pub ready: Ready,
    /// How it is sent within a message.
    pub encoding: Encoding,
    /// What its sender says about it.
    pub look: Look,
    /// A small picture that stands for it: content, width and height in pixels.
    pub thumbnail: Option<(Ready, Option<i64>, Option<i64>)>,
}

/// Writes the details of a message that was just imported.
pub(super) fn write(
    tx: &Tx<'_>,
    message: MessageId,
    (flow, number): (FlowId, i64),
    author: UserId,
    details: &Details,
) -> Result<(), StoreError> {
    let answered = match details.reply {
        Some(uuid) => message_of(tx, flow, uuid)?.map(|id| (id, uuid)),
        None => None,
    };
    let preview_thumbnail = match &details.preview_thumbnail {
        Some((ready, width, height)) => {
            Some((shelf::keep(tx, ready, Some(author))?, *width, *height))
        }
        None => None,
    };
    let new = NewDetails {
        preview_thumbnail,
        reply: answered,
        is_markup: details.is_markup,
        mentions: details.mentions.clone(),
        everyone: details.everyone,
        preview: details.preview.clone(),
        poll: details.poll.as_ref().map(|(poll, _)| poll.clone()),
        hook: details.program.as_ref().map(|(name, icon)| ByHook {
            hook: HookId(0),
            name: name.clone(),
            icon: icon.clone(),
        }),
        ..NewDetails::default()
    };
    details::write(tx, message, (flow, number), &new, details.expires_at)?;
    let mut slots = new.slots(details.expires_at);
    if let Some(gone) = details.reply.filter(|_| answered.is_none()) {
        slots |= bits::DETAILS;
        tx.prepare(
            "UPDATE messages SET extra = json_set(coalesce(extra, '{}'), '$.reply', :uuid) WHERE id = :id",
        )?
        .execute(named_params! {":uuid": gone.to_string(), ":id": message.0})?;
    }
    if let Some((forward, first)) = &details.forward {
        slots |= bits::DETAILS;
        tx.prepare(
            "UPDATE messages SET forward = json_object('name', :name, 'time', :time), forward_user_id = :first WHERE id = :id",
        )?
        .execute(named_params! {
            ":name": forward.name, ":time": forward.at.0, ":first": first.map(|user| user.0), ":id": message.0,
        })?;
    }
    // After the forward, whose files do not count for its author.
    for file in &details.files {
        attach(tx, message, file, author)?;
        slots |= file.kind.bit();
    }
    if let Some((_, true)) = details.poll {
        polls::close(tx, message)?;
    }
    for (user, options) in &details.votes {
        polls::vote(tx, message, *user, options)?;
    }
    let mut order = message.0;
    for (emoji, users) in &details.reactions {
        for user in users {
            slots |= bits::AROUND;
            reactions::set(tx, message, *user, emoji, true)?;
            order += 1;
            tx.prepare(
                "UPDATE reactions SET position = :order WHERE message_id = :id AND emoji = :emoji AND user_id = :user",
            )?
            .execute(named_params! {
                ":order": order, ":id": message.0, ":emoji": emoji, ":user": user.0,
            })?;
        }
    }
    if details.is_expired {
        slots |= bits::EXPIRED;
    }
    tx.prepare("UPDATE messages SET slots = slots | :slots WHERE id = :id")?
        .execute(named_params! {":slots": slots, ":id": message.0})?;
    Ok(())
}

fn attach(tx: &Tx<'_>, message: MessageId, file: &File, owner: UserId) -> Result<(), StoreError> {
    let thumbnail = match &file.thumbnail {
        Some((ready, width, height)) => {
            Some((shelf::keep(tx, ready, Some(owner))?, *width, *height))
        }
        None => None,
    };
    let new = NewFile {
        kind: file.kind,
        file: shelf::keep(tx, &file.ready, Some(owner))?,
        look: file.look.clone(),
        thumbnail,
    };
    attachments::show_as(tx, message, &new, file.encoding, file.id)
}

/// Returns the message of a flow with an id.
fn message_of(
    view: &View<'_>,
    flow: FlowId,
    uuid: PublicId,
) -> Result<Option<MessageId>, StoreError> {
    let mut statement =
        view.prepare("SELECT id FROM messages WHERE uuid = :uuid AND flow_id = :flow")?;
    let params = named_params! {":uuid": uuid.to_bytes(), ":flow": flow.0};
    let found = statement.query_row(params, |row| row.get(0).map(MessageId));
    Ok(found.optional()?)
}

/// What is imported of a flow besides its texts and members.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Seconds after which new messages disappear; 0: never.
    pub expire: i64,
    /// Whether its messages cannot be forwarded.
    pub is_protected: bool,
    /// Whether only its owner and moderators pin.
    pub pins_are_restricted: bool,
    /// The user whose saved messages it is.
    pub saved_by: Option<UserId>,
    /// Its moderators.
    pub levels: Vec<(UserId, Level)>,
    /// Its picture.
    pub picture: Option<Content>,
    /// The event of its creation.
    pub made: Option<Event>,
}

/// Completes a flow that was just created with its original settings.
///
/// # Errors
/// The file cannot be written.
pub fn furnish(tx: &Tx<'_>, flow: FlowId, terms: &Terms) -> Result<(), StoreError> {
    let bit = |on: bool, bit: i64| if on { bit } else { 0 };
    // A user has saved messages once: if they exist here, these are an ordinary group.
    let key = terms.saved_by.map(saved_key);
    let mut taken = tx.prepare("SELECT 1 FROM flows WHERE chat_key = :key")?;
    let is_saved = match &key {
        Some(key) => !taken.exists(named_params! {":key": key})?,
        None => false,
    };
    let picture = terms.picture.as_ref();
    let file = picture
        .map(|content| files::store(tx, content))
        .transpose()?;
    tx.prepare(
        "UPDATE flows SET expire = :expire, flags = :flags, chat_key = coalesce(:key, chat_key),
                picture_file_id = :file, picture_encoding = :encoding, picture_public_id = :public WHERE id = :id",
    )?
    .execute(named_params! {
        ":expire": terms.expire,
        ":flags": bit(terms.is_protected, PROTECTED) | bit(terms.pins_are_restricted, RESTRICTED_PINS) | bit(is_saved, SAVED),
        ":key": key.filter(|_| is_saved),
        ":file": file.map(|file| file.0),
        ":encoding": picture.map_or(0, |content| files::encoding_number(content.encoding)),
        ":public": file.map(|_| files::public_id()),
        ":id": flow.0,
    })?;
    let mut level = tx.prepare(
        "UPDATE members SET level = :level WHERE flow_id = :flow AND user_id = :user AND level < :level",
    )?;
    for (user, rank) in &terms.levels {
        level.execute(named_params! {":level": rank.0, ":flow": flow.0, ":user": user.0})?;
    }
    if let Some(made) = &terms.made {
        tx.prepare(
            "UPDATE changes SET uuid = :uuid, actor_id = :actor, happened_at = :at
             WHERE flow_id = :flow AND number = -1 AND kind = :made",
        )?
        .execute(named_params! {
            ":uuid": made.uuid.to_bytes(), ":actor": made.by.map(|user| user.0), ":at": made.at.0,
            ":flow": flow.0, ":made": Kind::Made as i64,
        })?;
    }
    Ok(())
}

/// An event of a flow to import.
#[derive(Debug, Clone)]
pub struct Event {
    /// The id that clients know.
    pub uuid: PublicId,
    /// When it happened.
    pub at: Timestamp,
    /// The user who did it; `None`: the operator.
    pub by: Option<UserId>,
    /// Its kind.
    pub kind: Kind,
    /// The user that it is about.
    pub user: Option<UserId>,
    /// The message that it is about.
    pub message: Option<PublicId>,
    /// The new title, level, seconds or switch.
    pub body: Option<String>,
}

/// Adds an event after the newest message of its flow, as it was. It changes nothing else: the flow is in
/// its present state already.
pub(super) fn event(tx: &Tx<'_>, flow: FlowId, event: &Event) -> Result<(), StoreError> {
    let message = match event.message {
        Some(uuid) => match message_of(tx, flow, uuid)? {
            Some(id) => Some(id.0),
            None => return Ok(()),
        },
        None => None,
    };
    let number: i64 = tx
        .prepare("SELECT next_number - 1 FROM flows WHERE id = :flow")?
        .query_row(named_params! {":flow": flow.0}, |row| row.get(0))?;
    tx.prepare(
        "INSERT INTO changes (position, at, audience, kind, actor_id, flow_id, message_id, user_id, number, uuid, body, happened_at)
         VALUES (:position, :at, :audience, :kind, :actor, :flow, :message, :user, :number, :uuid, :body, :happened)",
    )?
    .execute(named_params! {
        ":position": tx.next_position().0,
        ":at": tx.log_time().0,
        ":audience": flow.0,
        ":kind": event.kind as i64,
        ":actor": event.by.map(|user| user.0),
        ":flow": flow.0,
        ":message": message,
        ":user": event.user.map(|user| user.0),
        ":number": number,
        ":uuid": event.uuid.to_bytes(),
        ":body": event.body,
        ":happened": event.at.0,
    })?;
    Ok(())
}

/// Returns the ids of the events of a flow.
///
/// # Errors
/// The file cannot be read.
pub fn event_ids(view: &View<'_>, flow: FlowId) -> Result<Vec<PublicId>, StoreError> {
    let mut statement =
        view.prepare("SELECT uuid FROM changes WHERE flow_id = :flow AND number IS NOT NULL")?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        row.get(0).map(PublicId::from_bytes)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns which of some messages exist here, in any flow.
///
/// # Errors
/// The file cannot be read.
pub fn present(view: &View<'_>, messages: &[PublicId]) -> Result<Vec<PublicId>, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM messages WHERE uuid = :uuid")?;
    let mut found = Vec::new();
    for uuid in messages {
        if statement.exists(named_params! {":uuid": uuid.to_bytes()})? {
            found.push(*uuid);
        }
    }
    Ok(found)
}

/// Returns when the oldest message of a flow was sent, if older ones have been removed by retention.
///
/// # Errors
/// The file cannot be read.
pub fn oldest_kept(view: &View<'_>, flow: FlowId) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = view.prepare(
        "SELECT coalesce((SELECT min(sent_at) FROM messages WHERE flow_id = :flow AND number = first_number), 0)
         FROM flows WHERE id = :flow AND first_number > 0",
    )?;
    let found = statement.query_row(named_params! {":flow": flow.0}, |row| row.get(0));
    Ok(found.optional()?.map(Timestamp))
}

/// What members had read, pinned and set in a flow.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// How far members have read: up to a message, or not at all.
    pub read: Vec<(UserId, Option<PublicId>)>,
    /// The pinned messages, first pinned first: who pinned them, and when.
    pub pins: Vec<(PublicId, UserId, Timestamp)>,
}

/// Completes a flow whose messages have been imported.
///
/// # Errors
/// The file cannot be written.
pub fn end(tx: &Tx<'_>, flow: FlowId, ending: &Ending) -> Result<(), StoreError> {
    let mut read = tx.prepare(
        "UPDATE members SET read_number = (SELECT number FROM messages WHERE uuid = :uuid AND flow_id = :flow)
         WHERE flow_id = :flow AND user_id = :user",
    )?;
    for (user, message) in &ending.read {
        let uuid = message.map(PublicId::to_bytes);
        read.execute(named_params! {":uuid": uuid, ":flow": flow.0, ":user": user.0})?;
    }
    for (uuid, user, at) in &ending.pins {
        let Some(message) = message_of(tx, flow, *uuid)? else {
            continue;
        };
        if pins::has(tx, flow, message)? {
            continue;
        }
        pins::set(tx, flow, message, *user, true)?;
        tx.prepare("UPDATE pins SET at = :at WHERE flow_id = :flow AND message_id = :message")?
            .execute(named_params! {":at": at.0, ":flow": flow.0, ":message": message.0})?;
    }
    Ok(())
}

/// What a user chose.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The users whom the user blocks.
    pub blocked: Vec<UserId>,
    /// Settings of flows.
    pub settings: Vec<(FlowId, FlowSettings)>,
}

/// Sets what a user chose on the other server: for flows always, and whom the user blocks only if nobody can sign in
/// to the account yet. Returns whether that is so.
///
/// # Errors
/// The file cannot be written.
pub fn choose(tx: &Tx<'_>, user: UserId, choices: &Choices) -> Result<bool, StoreError> {
    let is_new = tx
        .prepare("SELECT 1 FROM users WHERE id = :id AND password_hash IS NULL")?
        .exists(named_params! {":id": user.0})?;
    for blocked in choices.blocked.iter().filter(|_| is_new) {
        blocks::set(tx, user, *blocked, true, By::OPERATOR)?;
    }
    for (flow, chosen) in &choices.settings {
        settings::set(tx, *flow, user, *chosen, By::OPERATOR)?;
    }
    Ok(is_new)
}
