//! Rows of the lists that devices and administrators get in `data.meta`.

use serde::Serialize;

use super::reply::Id;
use crate::model::{self, AccountInfo, SessionId, SessionInfo, Timestamp};

/// A device that is signed in.
#[derive(Serialize)]
pub(super) struct Session<'a> {
    id: String,
    label: Option<&'a str>,
    kind: &'static str,
    created: i64,
    used: i64,
    address: Option<&'a str>,
    current: bool,
}

impl<'a> Session<'a> {
    /// A session as the one that is `current` sees it.
    pub(super) fn of(info: &'a SessionInfo, current: SessionId) -> Self {
        Self {
            id: info.id.0.to_string(),
            label: info.label.as_deref(),
            kind: info.kind.as_str(),
            created: info.created_at.seconds(),
            used: info.last_used_at.seconds(),
            address: info.address.as_deref(),
            current: info.id == current,
        }
    }
}

/// An account, for administrators.
#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about an account"
)]
pub(super) struct Account<'a> {
    id: Id,
    login: &'a str,
    username: Option<&'a str>,
    bot: bool,
    admin: bool,
    suspended: bool,
    created: i64,
    seen: Option<i64>,
    quota: Option<i64>,
}

impl<'a> From<&'a AccountInfo> for Account<'a> {
    fn from(info: &'a AccountInfo) -> Self {
        Self {
            id: Id(info.uuid),
            login: &info.login,
            username: info.username.as_deref(),
            bot: info.is_bot,
            admin: info.is_admin,
            suspended: info.is_suspended,
            created: info.created_at.seconds(),
            seen: info.seen_at.map(Timestamp::seconds),
            quota: info.quota_bytes,
        }
    }
}

/// `data.meta` with accounts.
#[derive(Serialize)]
pub(super) struct Accounts<'a> {
    pub(super) users: Vec<Account<'a>>,
}

/// An invitation, for administrators.
#[derive(Serialize)]
pub(super) struct Invitation<'a> {
    id: String,
    hint: &'a str,
    note: Option<&'a str>,
    by: Option<Id>,
    created: i64,
    expires: i64,
    uses: i64,
    flow: Option<Id>,
    title: Option<&'a str>,
}

impl<'a> From<&'a model::Invitation> for Invitation<'a> {
    fn from(invitation: &'a model::Invitation) -> Self {
        Self {
            id: invitation.id.0.to_string(),
            hint: &invitation.hint,
            note: invitation.note.as_deref(),
            by: invitation.maker.map(Id),
            created: invitation.created_at.seconds(),
            expires: invitation.expires_at.map_or(0, Timestamp::seconds),
            uses: invitation.uses_left,
            flow: invitation.flow.map(Id),
            title: invitation.title.as_deref(),
        }
    }
}
