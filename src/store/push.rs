//! The push subscriptions of devices, and which devices are notified of what.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{
    FlowId, MessageId, PublicId, PushAddress, PushContent, SessionId, SubscriptionId, Timestamp,
    UserId,
};

/// A device that may have to be notified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its subscription.
    pub id: SubscriptionId,
    /// Its user.
    pub user: UserId,
    /// The endpoint of its push service.
    pub endpoint: String,
    /// Whether it is notified with high urgency.
    pub is_urgent: bool,
}

/// The flow of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Whether it is a chat of two users.
    pub is_chat: bool,
    /// Its name.
    pub title: Option<String>,
    /// Whether its texts are hidden on locked screens, because it is protected or its messages disappear.
    pub is_discreet: bool,
}

/// The message of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Its number as stored, as the read mark counts.
    pub number: i64,
    /// The text.
    pub text: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The display name of its author.
    pub author: String,
}

/// Sets the subscription of a session's device, in place of an earlier one. The oldest devices of a user
/// beyond `most` are removed; an endpoint belongs to the session that named it last.
///
/// # Errors
/// The file cannot be written.
pub fn set(
    tx: &Tx<'_>,
    session: SessionId,
    user: UserId,
    address: &PushAddress,
    most: i64,
) -> Result<(), StoreError> {
    tx.prepare(
        "DELETE FROM push_subscriptions WHERE session_id = :session OR endpoint = :endpoint",
    )?
    .execute(named_params! {":session": session.0, ":endpoint": address.endpoint})?;
    tx.prepare(
        "INSERT INTO push_subscriptions (session_id, user_id, endpoint, p256dh, auth, created_at)
         VALUES (:session, :user, :endpoint, :p256dh, :auth, :now)",
    )?
    .execute(named_params! {
        ":session": session.0,
        ":user": user.0,
        ":endpoint": address.endpoint,
        ":p256dh": address.p256dh,
        ":auth": address.auth,
        ":now": tx.now().0,
    })?;
    tx.prepare(
        "DELETE FROM push_subscriptions WHERE user_id = :user AND id NOT IN
         (SELECT id FROM push_subscriptions WHERE user_id = :user ORDER BY id DESC LIMIT :most)",
    )?
    .execute(named_params! {":user": user.0, ":most": most})?;
    Ok(())
}

/// Removes the subscription of a session's device. Returns whether there was one.
///
/// # Errors
/// The file cannot be written.
pub fn remove_of_session(tx: &Tx<'_>, session: SessionId) -> Result<bool, StoreError> {
    let removed = tx
        .prepare("DELETE FROM push_subscriptions WHERE session_id = :session")?
        .execute(named_params! {":session": session.0})?;
    Ok(removed > 0)
}

/// Returns the subscription of a session's device.
///
/// # Errors
/// The file cannot be read.
pub fn of_session(
    view: &View<'_>,
    session: SessionId,
) -> Result<Option<(SubscriptionId, PushAddress)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id, endpoint, p256dh, auth FROM push_subscriptions WHERE session_id = :session",
    )?;
    let found = statement.query_row(named_params! {":session": session.0}, |row| {
        Ok((SubscriptionId(row.get("id")?), address(row)?))
    });
    Ok(found.optional()?)
}

/// Returns the address of a device that may be notified now, and what its owner wants notifications to
/// say; `None`: as the server is configured.
///
/// # Errors
/// The file cannot be read.
pub fn address_of(
    view: &View<'_>,
    id: SubscriptionId,
    now: Timestamp,
) -> Result<Option<(PushAddress, Option<PushContent>)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT p.endpoint, p.p256dh, p.auth, u.push_content FROM push_subscriptions p
         JOIN sessions s ON s.id = p.session_id JOIN users u ON u.id = p.user_id
         WHERE p.id = :id AND s.expires_at > :now AND u.deleted_at IS NULL AND u.suspended_at IS NULL",
    )?;
    let found = statement.query_row(named_params! {":id": id.0, ":now": now.0}, |row| {
        let content: Option<String> = row.get("push_content")?;
        Ok((
            address(row)?,
            content.as_deref().and_then(PushContent::parse),
        ))
    });
    Ok(found.optional()?)
}

fn address(row: &Row<'_>) -> rusqlite::Result<PushAddress> {
    Ok(PushAddress {
        endpoint: row.get("endpoint")?,
        p256dh: row.get("p256dh")?,
        auth: row.get("auth")?,
    })
}

/// Returns how many subscriptions there are.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>) -> Result<i64, StoreError> {
    let mut statement = view.prepare("SELECT COUNT(*) FROM push_subscriptions")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Returns the devices to notify of a new message. Excluded are those of its author and of users who
/// muted the flow, want only mentions and are not mentioned, block the author or are suspended.
///
/// # Errors
/// The file cannot be read.
pub fn for_message(
    view: &View<'_>,
    message: MessageId,
    now: Timestamp,
) -> Result<Option<(FlowId, Vec<Candidate>)>, StoreError> {
    let flow: Option<i64> = view
        .prepare("SELECT flow_id FROM messages WHERE id = :id AND deleted_at IS NULL")?
        .query_row(named_params! {":id": message.0}, |row| row.get(0))
        .optional()?;
    let Some(flow) = flow else {
        return Ok(None);
    };
    let mut statement = view.prepare(
        "SELECT id, user_id, endpoint, is_named OR is_chat OR is_loud AS is_urgent FROM (
             SELECT p.id, p.user_id, p.endpoint, m.settings, f.kind = 'chat' AS is_chat,
                 coalesce(t.extra ->> 'push', 1) = 2 AS is_loud,
                 t.slots & 4096 <> 0
                 OR EXISTS (SELECT 1 FROM mentions WHERE message_id = t.id AND user_id = p.user_id)
                 OR EXISTS (SELECT 1 FROM messages r WHERE r.id = t.reply_to_id AND r.author_id = p.user_id)
                 AS is_named
             FROM push_subscriptions p
             JOIN sessions s ON s.id = p.session_id AND s.expires_at > :now
             JOIN users u ON u.id = p.user_id AND u.deleted_at IS NULL AND u.suspended_at IS NULL
             JOIN messages t ON t.id = :message
             JOIN flows f ON f.id = t.flow_id
             JOIN members m ON m.flow_id = t.flow_id AND m.user_id = p.user_id AND m.state = 'joined'
             WHERE p.user_id <> t.author_id AND coalesce(t.extra ->> 'push', 1) > 0 AND m.muted_until <> -1 AND m.muted_until <= :second
               AND NOT EXISTS (SELECT 1 FROM blocks WHERE user_id = p.user_id AND blocked_id = t.author_id)
         ) WHERE settings & 1 = 0 OR is_named OR is_loud",
    )?;
    let params = named_params! {":message": message.0, ":now": now.0, ":second": now.seconds()};
    let rows = statement.query_map(params, candidate)?;
    Ok(Some((FlowId(flow), rows.collect::<Result<_, _>>()?)))
}

/// Returns the messages after a position that were sent since a time, oldest first: the newest `most`.
///
/// # Errors
/// The file cannot be read.
pub fn sent_after(
    view: &View<'_>,
    position: i64,
    since: Timestamp,
    most: i64,
) -> Result<Vec<MessageId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id FROM (SELECT id, sent_at, deleted_at FROM messages WHERE id > :position
                         ORDER BY id DESC LIMIT :most)
         WHERE sent_at > :since AND deleted_at IS NULL ORDER BY id",
    )?;
    let params = named_params! {":position": position, ":since": since.0, ":most": most};
    let rows = statement.query_map(params, |row| Ok(MessageId(row.get("id")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns the devices of users to notify that they were added or invited to a flow by another
/// user.
///
/// # Errors
/// The file cannot be read.
pub fn for_users(
    view: &View<'_>,
    users: &[PublicId],
    by: Option<PublicId>,
    now: Timestamp,
) -> Result<Vec<Candidate>, StoreError> {
    let mut statement = view.prepare(
        "SELECT p.id, p.user_id, p.endpoint, 0 AS is_urgent FROM users u
         JOIN push_subscriptions p ON p.user_id = u.id
         JOIN sessions s ON s.id = p.session_id AND s.expires_at > :now
         WHERE u.uuid = :user AND u.uuid IS NOT :by AND u.deleted_at IS NULL AND u.suspended_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM blocks b JOIN users o ON o.id = b.blocked_id
                           WHERE b.user_id = u.id AND o.uuid = :by)",
    )?;
    let by = by.map(PublicId::to_bytes);
    let mut found = Vec::new();
    for user in users {
        let params = named_params! {":user": user.to_bytes(), ":by": by, ":now": now.0};
        for candidate in statement.query_map(params, candidate)? {
            found.push(candidate?);
        }
    }
    Ok(found)
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        id: SubscriptionId(row.get("id")?),
        user: UserId(row.get("user_id")?),
        endpoint: row.get("endpoint")?,
        is_urgent: row.get("is_urgent")?,
    })
}

/// Returns a flow for a notification to a user who is in it or invited to it.
///
/// # Errors
/// The file cannot be read.
pub fn place(view: &View<'_>, flow: FlowId, user: UserId) -> Result<Option<Place>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.uuid, f.kind = 'chat' AS is_chat, f.title, f.flags & 1 <> 0 OR f.expire > 0 AS is_discreet
         FROM flows f JOIN members m ON m.flow_id = f.id AND m.user_id = :user
         WHERE f.id = :flow AND f.removed_at IS NULL AND m.state IN ('joined', 'invited')",
    )?;
    let found = statement.query_row(named_params! {":flow": flow.0, ":user": user.0}, |row| {
        Ok(Place {
            uuid: PublicId::from_bytes(row.get("uuid")?),
            is_chat: row.get("is_chat")?,
            title: row.get("title")?,
            is_discreet: row.get("is_discreet")?,
        })
    });
    Ok(found.optional()?)
}

/// Returns a message for a notification.
///
/// # Errors
/// The file cannot be read.
pub fn message(view: &View<'_>, id: MessageId) -> Result<Option<Told>, StoreError> {
    let mut statement = view.prepare(
        "SELECT t.uuid, t.number, t.text, t.sent_at, coalesce(t.extra ->> 'bot', nullif(u.username, ''), u.login) AS author
         FROM messages t JOIN users u ON u.id = t.author_id WHERE t.id = :id AND t.deleted_at IS NULL",
    )?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| {
        Ok(Told {
            uuid: PublicId::from_bytes(row.get("uuid")?),
            number: row.get("number")?,
            text: row.get("text")?,
            sent_at: Timestamp(row.get("sent_at")?),
            author: row.get("author")?,
        })
    });
    Ok(found.optional()?)
}

/// Returns how many unread messages a user has in all flows that are not muted.
///
/// # Errors
/// The file cannot be read.
pub fn badge(view: &View<'_>, user: UserId, now: Timestamp) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT coalesce(SUM(max(0, last - mark)
                - (SELECT COUNT(*) FROM messages WHERE flow_id = id AND number > mark AND deleted_at IS NOT NULL)), 0)
         FROM (SELECT f.id, f.next_number - 1 AS last, max(coalesce(m.read_number, -1), f.first_number - 1) AS mark
               FROM members m JOIN flows f ON f.id = m.flow_id
               WHERE m.user_id = :user AND m.state = 'joined' AND m.muted_until <> -1 AND m.muted_until <= :second)",
    )?;
    let params = named_params! {":user": user.0, ":second": now.seconds()};
    Ok(statement.query_row(params, |row| row.get(0))?)
}

/// Records that a device was notified; if nothing failed before, only once a day.
///
/// # Errors
/// The file cannot be written.
pub fn succeeded(tx: &Tx<'_>, id: SubscriptionId) -> Result<(), StoreError> {
    const DAY_MS: i64 = 86_400_000;
    tx.prepare(
        "UPDATE push_subscriptions SET ok_at = :now, failures = 0
         WHERE id = :id AND (failures > 0 OR coalesce(ok_at, 0) < :now - :day)",
    )?
    .execute(named_params! {":id": id.0, ":now": tx.now().0, ":day": DAY_MS})?;
    Ok(())
}

/// Removes a device that its push service no longer knows, unless it has subscribed again.
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, id: SubscriptionId, endpoint: &str) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM push_subscriptions WHERE id = :id AND endpoint = :endpoint")?
        .execute(named_params! {":id": id.0, ":endpoint": endpoint})?;
    Ok(())
}

/// Records that notifying a device failed. A device that failed `most` times in a row, or that could not
/// be notified since `silent_since`, is removed.
///
/// # Errors
/// The file cannot be written.
pub fn failed(
    tx: &Tx<'_>,
    id: SubscriptionId,
    endpoint: &str,
    most: i64,
    silent_since: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE push_subscriptions SET failures = failures + 1 WHERE id = :id AND endpoint = :endpoint",
    )?
    .execute(named_params! {":id": id.0, ":endpoint": endpoint})?;
    tx.prepare(
        "DELETE FROM push_subscriptions WHERE id = :id AND endpoint = :endpoint
           AND (failures >= :most OR coalesce(ok_at, created_at) < :since)",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":endpoint": endpoint,
        ":most": most,
        ":since": silent_since.0,
    })?;
    Ok(())
}
