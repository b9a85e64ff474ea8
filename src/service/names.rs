//! Logins and names: no user can be mistaken for another.
//!
//! What belongs here: which names are free. What does not: which texts are valid names (see
//! [`crate::model::Login`] and [`clean_name`]).

use super::{Refusal, ServiceError};
use crate::model::{DELETED_LOGIN, Login, Looks, UserId, clean_name};
use crate::store::{View, names};

/// The login of the account with which the server writes. The account is created when it has something to say.
pub(super) const OF_SERVER: &str = "morelia";

/// Fails for a login that is taken, or that looks like one that is or like the server's own.
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

/// Returns the name to show for a new account, if it has any visible characters.
///
/// # Errors
/// [`Refusal::NameTaken`] if it could be mistaken for the login of another user.
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

/// Returns the name to show for an account: empty if there are no visible characters. An unchanged name
/// is always accepted, so that names from elsewhere stay valid.
///
/// # Errors
/// [`Refusal::NameTaken`] if it could be mistaken for the login of another user.
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
