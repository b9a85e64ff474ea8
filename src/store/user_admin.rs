//! Accounts as their administrators see and change them.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::View;
use crate::model::{AccountInfo, Page, PublicId, Timestamp, UserId};

/// The query for account infos, to which a clause that selects and orders them is appended.
macro_rules! select_accounts {
    ($rest:literal) => {
        concat!(
            "SELECT id, uuid, login, username, is_bot, is_admin, suspended_at, created_at, seen_at, quota, used
             FROM users WHERE deleted_at IS NULL ",
            $rest
        )
    };
}

/// Returns the accounts that are not deleted, oldest first; with `after`, the ones after that account.
///
/// # Errors
/// The file cannot be read.
pub fn page(view: &View<'_>, after: Option<UserId>) -> Result<Page<AccountInfo>, StoreError> {
    let mut statement =
        view.prepare(select_accounts!("AND id > :after ORDER BY id LIMIT :limit"))?;
    let params = named_params! {
        ":after": after.map_or(0, |id| id.0),
        ":limit": Page::<AccountInfo>::LIMIT,
    };
    let rows = statement.query_map(params, info)?;
    Ok(Page::of(rows.collect::<Result<_, _>>()?))
}

/// Returns an account that is not deleted.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(view: &View<'_>, id: UserId) -> Result<Option<AccountInfo>, StoreError> {
    let mut statement = view.prepare(select_accounts!("AND id = :id"))?;
    Ok(statement
        .query_row(named_params! {":id": id.0}, info)
        .optional()?)
}

/// Returns the row number for a public id, also of a deleted account, so that a list can continue there.
///
/// # Errors
/// The file cannot be read.
pub fn place(view: &View<'_>, uuid: PublicId) -> Result<Option<UserId>, StoreError> {
    let mut statement = view.prepare("SELECT id FROM users WHERE uuid = :uuid")?;
    Ok(statement
        .query_row(named_params! {":uuid": uuid.to_bytes()}, |row| {
            row.get("id").map(UserId)
        })
        .optional()?)
}

/// Returns whether an administrator besides this one can sign in.
///
/// # Errors
/// The file cannot be read.
pub fn has_other_administrator(view: &View<'_>, id: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM users WHERE is_admin AND id <> :id AND deleted_at IS NULL AND suspended_at IS NULL
           AND password_hash IS NOT NULL",
    )?;
    Ok(statement.exists(named_params! {":id": id.0})?)
}

fn info(row: &Row<'_>) -> rusqlite::Result<AccountInfo> {
    Ok(AccountInfo {
        id: UserId(row.get("id")?),
        uuid: PublicId::from_bytes(row.get("uuid")?),
        login: row.get("login")?,
        username: row.get("username")?,
        is_bot: row.get("is_bot")?,
        is_admin: row.get("is_admin")?,
        is_suspended: row.get::<_, Option<i64>>("suspended_at")?.is_some(),
        created_at: Timestamp(row.get("created_at")?),
        seen_at: row.get::<_, Option<i64>>("seen_at")?.map(Timestamp),
        quota_bytes: row.get("quota")?,
        used_bytes: row.get("used")?,
    })
}
