//! Writing the details of a message besides its text and files: what it replies to, whom it mentions,
//! where it comes from, its format, and when it expires.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::polls;
use super::room_polls;
use super::tx::{Tx, View};
use crate::model::about::bits;
use crate::model::{
    FileId, FlowId, HookId, Loudness, MessageId, NewPoll, Preview, PublicId, Timestamp, UserId,
};

/// The details of a new message besides its text and files.
#[derive(Debug, Clone, Default)]
pub struct NewDetails {
    /// The message that it replies to.
    pub reply: Option<(MessageId, PublicId)>,
    /// The message that it forwards.
    pub forward: Option<MessageId>,
    /// Whether its text is markup.
    pub is_markup: bool,
    /// The users whom it mentions.
    pub mentions: Vec<UserId>,
    /// Whether it mentions everyone.
    pub everyone: bool,
    /// The preview of the page that it links to.
    pub preview: Option<Preview>,
    /// The picture of that preview: content, width and height in pixels.
    pub preview_thumbnail: Option<(FileId, Option<i64>, Option<i64>)>,
    /// The poll in it.
    pub poll: Option<NewPoll>,
    /// The hook that it comes from.
    pub hook: Option<ByHook>,
    /// How it notifies.
    pub loudness: Loudness,
}

/// What a message from a hook says about the program that writes it.
#[derive(Debug, Clone)]
pub struct ByHook {
    /// The hook.
    pub hook: HookId,
    /// The name of the program; `None`: the name of the bot.
    pub name: Option<String>,
    /// The emoji of the program.
    pub icon: Option<String>,
}

impl NewDetails {
    /// Returns its bits of `messages.slots`, for a message that expires at a time or never.
    pub(super) fn slots(&self, expires_at: Option<Timestamp>) -> i64 {
        let has_details = self.reply.is_some()
            || self.forward.is_some()
            || self.is_markup
            || self.preview.is_some()
            || self.hook.is_some()
            || self.loudness != Loudness::Usual
            || !self.mentions.is_empty()
            || expires_at.is_some();
        let bit = |on: bool, bit: i64| if on { bit } else { 0 };
        bit(has_details, bits::DETAILS)
            | bit(self.everyone, bits::EVERYONE)
            | bit(self.poll.is_some(), bits::AROUND)
    }
}

/// Writes the details of a message that was just written, before its files.
pub(super) fn write(
    tx: &Tx<'_>,
    message: MessageId,
    (flow, number): (FlowId, i64),
    new: &NewDetails,
    expires_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let preview = new.preview.as_ref();
    let hook = new.hook.as_ref();
    tx.prepare(
        "UPDATE messages SET reply_to_id = :reply, format = :format, expires_at = :expires,
                extra = nullif(json_patch('{}', json_object('reply', :answered, 'preview',
                    json(CASE WHEN :url IS NOT NULL
                         THEN json_object('url', :url, 'title', :title, 'text', :about, 'site', :site) END),
                    'bot', :bot, 'icon', :icon, 'hook', :hook, 'push', :push)), '{}')
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":reply": new.reply.map(|(id, _)| id.0),
        ":answered": new.reply.map(|(_, uuid)| uuid.to_string()),
        ":url": preview.map(|it| &it.url),
        ":title": preview.map(|it| &it.title),
        ":about": preview.and_then(|it| it.text.as_ref()),
        ":site": preview.and_then(|it| it.site.as_ref()),
        ":bot": hook.and_then(|it| it.name.as_ref()),
        ":icon": hook.and_then(|it| it.icon.as_ref()),
        ":hook": hook.map(|it| it.hook.0),
        ":push": new.loudness.number(),
        ":format": new.is_markup.then_some(1),
        ":expires": expires_at.map(|time| time.0),
        ":id": message.0,
    })?;
    if let Some((file, width, height)) = new.preview_thumbnail {
        tx.prepare(
            "INSERT INTO preview_thumbnails (message_id, file_id, width, height) VALUES (:id, :file, :width, :height)",
        )?
        .execute(named_params! {":id": message.0, ":file": file.0, ":width": width, ":height": height})?;
    }
    if let Some(original) = new.forward {
        forward(tx, message, original)?;
    }
    mention(tx, message, (flow, number), &new.mentions)?;
    if let Some(poll) = &new.poll {
        polls::insert(tx, message, poll)?;
        room_polls::started(tx, message)?;
    }
    Ok(())
}

/// Copies what a message forwards: its text, files and preview, and who wrote it first.
fn forward(tx: &Tx<'_>, message: MessageId, original: MessageId) -> Result<(), StoreError> {
    // If the original was forwarded itself, its first author is named.
    tx.prepare(
        "UPDATE messages SET text = o.text, format = o.format,
                forward_user_id = CASE WHEN o.forward IS NULL THEN o.author_id ELSE o.forward_user_id END,
                forward = coalesce(o.forward, json_object('name', coalesce(u.username, u.login), 'time', o.sent_at)),
                extra = CASE WHEN o.extra -> 'preview' IS NULL THEN messages.extra
                             ELSE json_set(coalesce(messages.extra, '{}'), '$.preview', json(o.extra -> 'preview')) END,
                slots = messages.slots | (o.slots & 255)
         FROM messages o JOIN users u ON u.id = o.author_id
         WHERE messages.id = :id AND o.id = :original",
    )?
    .execute(named_params! {":id": message.0, ":original": original.0})?;
    tx.prepare(
        "INSERT INTO attachments (message_id, ordinal, kind, file_id, encoding, name, type, width, height, duration,
                                  blurhash, waveform, thumb_file_id, thumb_public_id, thumb_width, thumb_height)
         SELECT :id, ordinal, kind, file_id, encoding, name, type, width, height, duration, blurhash, waveform,
                thumb_file_id, CASE WHEN thumb_file_id IS NULL THEN NULL ELSE randomblob(16) END, thumb_width, thumb_height
         FROM attachments WHERE message_id = :original",
    )?
    .execute(named_params! {":id": message.0, ":original": original.0})?;
    tx.prepare(
        "INSERT INTO preview_thumbnails (message_id, file_id, width, height)
         SELECT :id, file_id, width, height FROM preview_thumbnails WHERE message_id = :original",
    )?
    .execute(named_params! {":id": message.0, ":original": original.0})?;
    Ok(())
}

fn mention(
    tx: &Tx<'_>,
    message: MessageId,
    (flow, number): (FlowId, i64),
    users: &[UserId],
) -> Result<(), StoreError> {
    let mut statement = tx.prepare(
        "INSERT OR IGNORE INTO mentions (user_id, flow_id, number, message_id)
         VALUES (:user, :flow, :number, :message)",
    )?;
    for user in users {
        statement.execute(named_params! {
            ":user": user.0, ":flow": flow.0, ":number": number, ":message": message.0,
        })?;
    }
    Ok(())
}

/// Changes to the details of a message; `None` leaves a detail as it is.
#[derive(Debug, Clone, Default)]
pub struct DetailsEdit {
    /// Whether its text is markup.
    pub is_markup: Option<bool>,
    /// The users whom it mentions.
    pub mentions: Option<Vec<UserId>>,
    /// Whether it mentions everyone.
    pub everyone: Option<bool>,
}

/// Changes the details of a message. Returns its bits of `slots` after the change.
pub(super) fn change(
    tx: &Tx<'_>,
    message: MessageId,
    flow: FlowId,
    slots: i64,
    edit: &DetailsEdit,
) -> Result<i64, StoreError> {
    let mut slots = slots;
    if let Some(is_markup) = edit.is_markup {
        tx.prepare("UPDATE messages SET format = :format WHERE id = :id")?
            .execute(named_params! {":format": is_markup.then_some(1), ":id": message.0})?;
        slots |= bits::DETAILS;
    }
    if let Some(users) = &edit.mentions {
        let number: i64 = tx
            .prepare("SELECT number FROM messages WHERE id = :id")?
            .query_row(named_params! {":id": message.0}, |row| row.get(0))?;
        tx.prepare("DELETE FROM mentions WHERE message_id = :id")?
            .execute(named_params! {":id": message.0})?;
        mention(tx, message, (flow, number), users)?;
        slots |= bits::DETAILS;
    }
    match edit.everyone {
        Some(true) => slots |= bits::EVERYONE,
        Some(false) => slots &= !bits::EVERYONE,
        None => {}
    }
    Ok(slots)
}

/// What is needed to decide whether a message may be forwarded.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding {
    /// Row number.
    pub id: MessageId,
    /// Set for a poll, for a message that expires, and in a flow that forbids forwarding.
    pub is_fixed: bool,
    /// Set once it has been deleted.
    pub is_deleted: bool,
}

/// Finds a message to forward that a user may read.
///
/// # Errors
/// The file cannot be read.
pub fn forwarding(
    view: &View<'_>,
    uuid: PublicId,
    user: UserId,
) -> Result<Option<Forwarding>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.id, f.flags & 1 <> 0 OR m.expires_at IS NOT NULL
                   OR EXISTS (SELECT 1 FROM polls p WHERE p.message_id = m.id), m.deleted_at IS NOT NULL
         FROM messages m JOIN flows f ON f.id = m.flow_id
         JOIN members r ON r.flow_id = m.flow_id AND r.user_id = :user AND r.state = 'joined'
         WHERE m.uuid = :uuid AND f.removed_at IS NULL",
    )?;
    let params = named_params! {":uuid": uuid.to_bytes(), ":user": user.0};
    let found = statement.query_row(params, |row| {
        Ok(Forwarding {
            id: MessageId(row.get(0)?),
            is_fixed: row.get(1)?,
            is_deleted: row.get(2)?,
        })
    });
    Ok(found.optional()?)
}

/// Returns how many unread messages of a flow mention a member, by name or with everyone.
///
/// # Errors
/// The file cannot be read.
pub fn unread_mentions(view: &View<'_>, flow: FlowId, user: UserId) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT (SELECT COUNT(*) FROM mentions n WHERE n.user_id = :user AND n.flow_id = :flow
                   AND n.number > coalesce(r.read_number, -1))
              + (SELECT COUNT(*) FROM messages m WHERE m.flow_id = :flow AND m.slots & 4096 <> 0
                   AND m.number > coalesce(r.read_number, -1) AND NOT EXISTS
                   (SELECT 1 FROM mentions n WHERE n.user_id = :user AND n.flow_id = :flow AND n.number = m.number))
         FROM members r WHERE r.flow_id = :flow AND r.user_id = :user AND r.state = 'joined'",
    )?;
    let params = named_params! {":flow": flow.0, ":user": user.0};
    let count = statement.query_row(params, |row| row.get(0)).optional()?;
    Ok(count.unwrap_or(0))
}
