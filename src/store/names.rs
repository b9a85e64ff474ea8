//! Names by what they look like.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::View;
use crate::model::{DELETED_LOGIN, Login, Looks, UserId, clean_name};

/// Accounts that are looked at when one of them may be taken for a name. More can have the same skeleton
/// only among logins of ASCII alone, with their `l` and `1`.
const MAX_ALIKE: i64 = 64;

/// Tells whether a name could be taken for the login of an account, not deleted, other than `own`.
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

/// Tells whether a name could be taken for the login or the name of anybody, not deleted.
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

/// The name that others read of an account.
///
/// # Errors
/// The file cannot be read.
pub fn username(view: &View<'_>, id: UserId) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare("SELECT username FROM users WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get("username"));
    Ok(found.optional()?.flatten())
}

/// How a name that is there already can deceive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deceit {
    /// The login breaks a rule for new ones.
    Login,
    /// The login looks like another's.
    LoginAlike,
    /// The name has characters that cannot be seen, or nothing else.
    Name,
    /// The name looks like another's login.
    NameAlike,
}

/// Accounts, not deleted, whose login or name nobody could choose now; at most `most`, by their logins.
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
