//! Accounts as their owners see them: privacy, notifications, quota.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use crate::model::{AccountEdit, Audience, By, News, OwnAccount, PushContent, UserId};

/// Flag: last seen is hidden.
pub(super) const HIDES_SEEN: i64 = 1;
/// Flag: read marks are hidden.
pub(super) const HIDES_READ: i64 = 2;
/// The user has to agree before being added to flows.
const ASKS_FIRST: i64 = 4;

/// Returns an account as its owner sees it, without what depends on the configuration of the server.
///
/// # Errors
/// The file cannot be read.
pub fn own(view: &View<'_>, user: UserId) -> Result<Option<OwnAccount>, StoreError> {
    let mut statement = view.prepare(
        "SELECT is_admin, is_bot, privacy, push_content, quota,
                used + (SELECT coalesce(SUM(length), 0) FROM uploads
                        WHERE user_id = users.id AND shown_at IS NULL) AS used
         FROM users WHERE id = :id",
    )?;
    Ok(statement
        .query_row(named_params! {":id": user.0}, account)
        .optional()?)
}

/// The quota of a user for files, and the bytes that the user has attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfFiles {
    /// The quota in bytes; `None`: as configured.
    pub quota: Option<i64>,
    /// The bytes that the user has attached.
    pub used: i64,
}

/// Returns the quota of a user for files, and the bytes that the user has attached.
///
/// # Errors
/// The file cannot be read.
pub fn of_files(view: &View<'_>, user: UserId) -> Result<Option<OfFiles>, StoreError> {
    let mut statement = view.prepare("SELECT quota, used FROM users WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": user.0}, |row| {
        Ok(OfFiles {
            quota: row.get(0)?,
            used: row.get(1)?,
        })
    });
    Ok(found.optional()?)
}

/// Returns how many files the messages of a user show, except forwarded messages.
///
/// # Errors
/// The file cannot be read.
pub fn count_files(view: &View<'_>, user: UserId) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT count(*) FROM messages m JOIN attachments a ON a.message_id = m.id
         WHERE m.author_id = :id AND m.forward IS NULL",
    )?;
    Ok(statement.query_row(named_params! {":id": user.0}, |row| row.get(0))?)
}

/// Changes an account and tells its owner's devices if anything has changed. Returns the account
/// after the change.
///
/// # Errors
/// The file cannot be written.
pub fn edit(
    tx: &Tx<'_>,
    user: UserId,
    edit: &AccountEdit,
    by: By,
) -> Result<Option<OwnAccount>, StoreError> {
    let (set, clear) = bits(*edit);
    let push = edit.push_content.map(PushContent::as_str);
    let changed = tx
        .prepare(
            "UPDATE users SET privacy = privacy & ~:clear | :set, push_content = coalesce(:push, push_content)
             WHERE id = :id AND (privacy & ~:clear | :set <> privacy OR coalesce(:push, push_content) IS NOT push_content)",
        )?
        .execute(named_params! {":set": set, ":clear": clear, ":push": push, ":id": user.0})?;
    if changed > 0 {
        tell(tx, user, by)?;
    }
    own(tx, user)
}

/// Returns the privacy bits that a change sets, and those that it clears.
fn bits(edit: AccountEdit) -> (i64, i64) {
    let switches = [
        (edit.share_seen.map(|share| !share), HIDES_SEEN),
        (edit.share_read.map(|share| !share), HIDES_READ),
        (edit.ask_first, ASKS_FIRST),
    ];
    switches
        .into_iter()
        .fold((0, 0), |(set, clear), (switch, bit)| match switch {
            Some(true) => (set | bit, clear),
            Some(false) => (set, clear | bit),
            None => (set, clear),
        })
}

/// Logs a change of an account that its owner sees, and tells the owner's devices.
///
/// # Errors
/// The file cannot be written.
pub fn tell(tx: &Tx<'_>, user: UserId, by: By) -> Result<(), StoreError> {
    let about = About {
        actor: by.user,
        user: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Account, about)?;
    if let Some(account) = own(tx, user)? {
        let news = News::Account(Arc::new(account));
        tx.tell(position, by.origin, Audience::Users([user].into()), news);
    }
    Ok(())
}

/// Makes an account an administrator's or an ordinary one, and tells its owner.
///
/// # Errors
/// The file cannot be written.
pub fn set_admin(tx: &Tx<'_>, user: UserId, is_admin: bool, by: By) -> Result<(), StoreError> {
    let changed = tx
        .prepare("UPDATE users SET is_admin = :admin WHERE id = :id AND is_admin <> :admin")?
        .execute(named_params! {":admin": is_admin, ":id": user.0})?;
    if changed > 0 {
        tell(tx, user, by)?;
    }
    Ok(())
}

/// Sets the quota of an account in bytes of files, and tells its owner; `None`: as configured.
///
/// # Errors
/// The file cannot be written.
pub fn set_quota(tx: &Tx<'_>, user: UserId, quota: Option<i64>, by: By) -> Result<(), StoreError> {
    let changed = tx
        .prepare("UPDATE users SET quota = :quota WHERE id = :id AND quota IS NOT :quota")?
        .execute(named_params! {":quota": quota, ":id": user.0})?;
    if changed > 0 {
        tell(tx, user, by)?;
    }
    Ok(())
}

/// Returns those of these users who have to agree before being added to a flow.
///
/// # Errors
/// The file cannot be read.
pub fn who_asks_first(view: &View<'_>, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM users WHERE id = :id AND privacy & :bit <> 0")?;
    let mut found = Vec::new();
    for user in users {
        if statement.exists(named_params! {":id": user.0, ":bit": ASKS_FIRST})? {
            found.push(*user);
        }
    }
    Ok(found)
}

fn account(row: &Row<'_>) -> rusqlite::Result<OwnAccount> {
    let privacy: i64 = row.get("privacy")?;
    let push: Option<String> = row.get("push_content")?;
    Ok(OwnAccount {
        is_admin: row.get("is_admin")?,
        is_bot: row.get("is_bot")?,
        may_invite: false,
        may_make_bots: false,
        may_preview: false,
        ask_first: privacy & ASKS_FIRST != 0,
        share_seen: privacy & HIDES_SEEN == 0,
        share_read: privacy & HIDES_READ == 0,
        push_content: push
            .as_deref()
            .and_then(PushContent::parse)
            .unwrap_or_default(),
        quota: row.get("quota")?,
        used: row.get("used")?,
    })
}
