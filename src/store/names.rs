//! Names compared by their appearance.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::View;
use crate::model::{DELETED_LOGIN, Login, Looks, UserId, clean_name};

/// The maximum number of accounts that are compared with a name. More can have the same skeleton only among
/// ASCII logins, with their `l` and `1`.
const MAX_ALIKE: i64 = 64;

/// Returns whether a name could be mistaken for the login of an account, not deleted, other than `own`.
///
/// # Errors
/// The file cannot be read.
pub fn is_like_a_login(
    view: &View<'_>,
    looks: &Looks,
    own: Option<UserId>,
) -> Result<bool, StoreError> {
    let mut same = view.prepare("SELECT 1 FROM users WHERE login_key = :key AND id IS NOT :own")?;
    if same.exists(named_params! {":key": looks.key, ":own": own.map(|id| id.0)})? {
        return Ok(true);
    }
    let mut statement = view.prepare(
        "SELECT login FROM users WHERE (login_skeleton IN (:shape, :skeleton) OR login_shape IN (:shape, :skeleton))
           AND id IS NOT :own LIMIT :most",
    )?;
    let mut rows = statement.query(named_params! {
        ":shape": looks.shape,
        ":skeleton": looks.skeleton,
        ":own": own.map(|id| id.0),
        ":most": MAX_ALIKE,
    })?;
    while let Some(row) = rows.next()? {
        let login: String = row.get("login")?;
        if looks.are_like(&Looks::of(&login)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether a name could be mistaken for the login or the name of any account that is not deleted.
///
/// # Errors
/// The file cannot be read.
pub fn is_like_anybody(view: &View<'_>, looks: &Looks) -> Result<bool, StoreError> {
    if is_like_a_login(view, looks, None)? {
        return Ok(true);
    }
    let mut statement =
        view.prepare("SELECT username FROM users WHERE deleted_at IS NULL AND username <> ''")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get("username")?;
        if looks.are_like(&Looks::of(&name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the display name of an account.
///
/// # Errors
/// The file cannot be read.
pub fn username(view: &View<'_>, id: UserId) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare("SELECT username FROM users WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get("username"));
    Ok(found.optional()?.flatten())
}

/// How an existing name can deceive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deceit {
    /// The login breaks a rule for new ones.
    Login,
    /// The login looks like another login.
    LoginAlike,
    /// The name has invisible characters, or is empty without them.
    Name,
    /// The name looks like another user's login.
    NameAlike,
}

/// Returns accounts, not deleted, whose login or name would be refused now; at most `most`, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn deceiving(view: &View<'_>, most: usize) -> Result<Vec<(String, Deceit)>, StoreError> {
    let mut statement =
        view.prepare("SELECT id, login, username FROM users WHERE deleted_at IS NULL ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    let deleted = Looks::of(DELETED_LOGIN);
    while let Some(row) = rows.next()? {
        let id = Some(UserId(row.get("id")?));
        let login: String = row.get("login")?;
        let name: Option<String> = row.get("username")?;
        let name = name.filter(|name| !name.is_empty());
        if Login::new(&login).is_err() {
            found.push((login.clone(), Deceit::Login));
        } else if is_like_a_login(view, &Looks::of(&login), id)? {
            found.push((login.clone(), Deceit::LoginAlike));
        }
        if let Some(name) = name {
            let looks = Looks::of(&name);
            if clean_name(&name).as_ref() != Some(&name) {
                found.push((login, Deceit::Name));
            } else if looks.are_like(&deleted) || is_like_a_login(view, &looks, id)? {
                found.push((login, Deceit::NameAlike));
            }
        }
        if found.len() >= most {
            found.truncate(most);
            break;
        }
    }
    Ok(found)
}
