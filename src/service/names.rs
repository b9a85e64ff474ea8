//! Logins and names: nobody is taken for somebody else.
//!
//! What belongs here: which names are free. What does not: which texts are names at all (see
//! [`crate::model::Login`] and [`clean_name`]).

use super::{Refusal, ServiceError};
use crate::model::{DELETED_LOGIN, Login, Looks, UserId, clean_name};
use crate::store::{View, names};

/// The login of the account that the server speaks from, which is made when it has something to say.
pub(super) const OF_SERVER: &str = "morelia";

/// Fails for a login that somebody has, or that looks like somebody's or like the server's own.
///
/// # Errors
/// [`Refusal::LoginTaken`].
pub(super) fn require_free(view: &View<'_>, login: &Login) -> Result<(), ServiceError> {
    let looks = login.looks();
    if looks.are_like(&Looks::of(OF_SERVER)) || names::is_like_a_login(view, &looks, None)? {
        return Err(Refusal::LoginTaken.into());
    }
    Ok(())
}

/// The name that others are to read of a new account, if there is anything in it to be read.
///
/// # Errors
/// [`Refusal::NameTaken`] when it could be taken for the login of somebody else.
pub(super) fn of_new(
    view: &View<'_>,
    wanted: Option<&str>,
) -> Result<Option<String>, ServiceError> {
    let Some(name) = wanted.and_then(clean_name) else {
        return Ok(None);
    };
    require_own(view, &name, None)?;
    Ok(Some(name))
}

/// The name that others are to read of an account; empty when there is nothing in it to be read, and
/// what it was when that is what is wanted: names that came from elsewhere go on.
///
/// # Errors
/// [`Refusal::NameTaken`] when it could be taken for the login of somebody else.
pub(super) fn of_user(
    view: &View<'_>,
    user: UserId,
    wanted: Option<String>,
) -> Result<Option<String>, ServiceError> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    if names::username(view, user)?.as_ref() == Some(&wanted) {
        return Ok(Some(wanted));
    }
    let name = clean_name(&wanted).unwrap_or_default();
    if !name.is_empty() {
        require_own(view, &name, Some(user))?;
    }
    Ok(Some(name))
}

fn require_own(view: &View<'_>, name: &str, own: Option<UserId>) -> Result<(), ServiceError> {
    let looks = Looks::of(name);
    let is_reserved = [DELETED_LOGIN, OF_SERVER]
        .iter()
        .any(|reserved| looks.are_like(&Looks::of(reserved)));
    let is_taken = is_reserved || names::is_like_a_login(view, &looks, own)?;
    if is_taken {
        return Err(Refusal::NameTaken.into());
    }
    Ok(())
}
