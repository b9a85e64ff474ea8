//! Rows of the lists that users and administrators get in `data.meta`.

use serde::Serialize;

use super::file::File;
use super::reply::Id;
use crate::config::Word;
use crate::model::{self, AccountInfo, AuditEntry, FlowInfo, SessionId, SessionInfo, Timestamp};
use crate::service::{BackupCopy, CheckRow, ServerStatus};

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
    online: bool,
}

impl<'a> Session<'a> {
    /// Returns a session as seen by the session `current`, if there is one.
    pub(super) fn of(info: &'a SessionInfo, current: Option<SessionId>) -> Self {
        Self {
            id: info.id.0.to_string(),
            label: info.label.as_deref(),
            kind: info.kind.as_str(),
            created: info.created_at.seconds(),
            used: info.last_used_at.seconds(),
            address: info.address.as_deref(),
            current: Some(info.id) == current,
            online: info.is_online,
        }
    }
}

/// `data.meta` with devices.
#[derive(Serialize)]
pub(super) struct Sessions<'a> {
    pub(super) sessions: Vec<Session<'a>>,
}

/// An account, for administrators.
#[derive(Serialize)]
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
    used: i64,
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
            used: info.used_bytes,
        }
    }
}

/// `data.meta` with accounts.
#[derive(Serialize)]
pub(super) struct Accounts<'a> {
    pub(super) users: Vec<Account<'a>>,
}

/// An incoming hook, for users who manage its flow.
#[derive(Serialize)]
pub(super) struct Hook<'a> {
    id: String,
    name: &'a str,
    hint: &'a str,
    flow: Id,
    bot: Id,
    by: Option<Id>,
    created: i64,
    used: Option<i64>,
    uses: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<File>,
}

impl<'a> From<&'a model::Hook> for Hook<'a> {
    fn from(hook: &'a model::Hook) -> Self {
        Self {
            id: hook.id.0.to_string(),
            name: &hook.name,
            hint: &hook.hint,
            flow: Id(hook.flow),
            bot: Id(hook.bot),
            by: hook.maker.map(Id),
            created: hook.created_at.seconds(),
            used: hook.used_at.map(Timestamp::seconds),
            uses: hook.uses,
            picture: hook.picture.as_ref().map(Into::into),
        }
    }
}

/// An outgoing hook, for users who manage its flow.
#[derive(Serialize)]
pub(super) struct Outgoing<'a> {
    id: String,
    flow: Id,
    url: &'a str,
    events: Vec<&'static str>,
    bots: bool,
    trigger: Option<&'a str>,
    bot: Id,
    by: Option<Id>,
    failures: i64,
    next: Option<i64>,
    disabled: Option<i64>,
}

impl<'a> From<&'a model::Outgoing> for Outgoing<'a> {
    fn from(hook: &'a model::Outgoing) -> Self {
        Self {
            id: hook.id.0.to_string(),
            flow: Id(hook.flow),
            url: &hook.url,
            events: hook.topics.words(),
            bots: hook.has_bots,
            trigger: hook.trigger.as_deref(),
            bot: Id(hook.bot),
            by: hook.maker.map(Id),
            failures: hook.failures,
            next: (hook.next_at.0 > 0).then(|| hook.next_at.seconds()),
            disabled: hook.disabled_at.map(Timestamp::seconds),
        }
    }
}

/// A bot, for its owner.
#[derive(Serialize)]
pub(super) struct Bot<'a> {
    id: Id,
    login: &'a str,
    username: Option<&'a str>,
    owner: Option<&'a str>,
    created: i64,
    tokens: i64,
}

impl<'a> From<&'a model::Bot> for Bot<'a> {
    fn from(bot: &'a model::Bot) -> Self {
        Self {
            id: Id(bot.uuid),
            login: &bot.login,
            username: bot.username.as_deref(),
            owner: bot.owner.as_deref(),
            created: bot.created_at.seconds(),
            tokens: bot.tokens,
        }
    }
}

/// A token of a bot, for the bot's owner.
#[derive(Serialize)]
pub(super) struct BotToken<'a> {
    id: String,
    label: Option<&'a str>,
    scopes: Vec<&'static str>,
    created: i64,
    used: Option<i64>,
    expires: Option<i64>,
}

impl<'a> From<&'a model::BotToken> for BotToken<'a> {
    fn from(token: &'a model::BotToken) -> Self {
        Self {
            id: token.id.0.to_string(),
            label: token.label.as_deref(),
            scopes: token.scopes.words(),
            created: token.created_at.seconds(),
            used: token.used_at.map(Timestamp::seconds),
            expires: token.expires_at.map(Timestamp::seconds),
        }
    }
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

/// A flow, for administrators.
#[derive(Serialize)]
pub(super) struct Flow<'a> {
    id: Id,
    #[serde(rename = "type")]
    kind: &'static str,
    title: Option<&'a str>,
    owner: Option<Id>,
    members: i64,
    messages: i64,
    created: i64,
}

impl<'a> From<&'a FlowInfo> for Flow<'a> {
    fn from(info: &'a FlowInfo) -> Self {
        Self {
            id: Id(info.uuid),
            kind: info.kind.as_str(),
            title: info.title.as_deref(),
            owner: info.owner.map(Id),
            members: info.members,
            messages: info.messages,
            created: info.created_at.seconds(),
        }
    }
}

/// An account in the list of what was done.
#[derive(Serialize)]
pub(super) struct Named<'a> {
    user: Id,
    login: Option<&'a str>,
}

impl<'a> From<&'a model::Named> for Named<'a> {
    fn from(named: &'a model::Named) -> Self {
        Self {
            user: Id(named.uuid),
            login: named.login.as_deref(),
        }
    }
}

/// Something that was done, for administrators.
#[derive(Serialize)]
pub(super) struct Audit<'a> {
    id: String,
    time: i64,
    by: Option<Named<'a>>,
    act: &'a str,
    of: Option<Named<'a>>,
    what: Option<&'a str>,
    detail: Option<&'a str>,
}

impl<'a> From<&'a AuditEntry> for Audit<'a> {
    fn from(entry: &'a AuditEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            time: entry.at.seconds(),
            by: entry.by.as_ref().map(Named::from),
            act: &entry.act,
            of: entry.user.as_ref().map(Named::from),
            what: entry.what.as_deref(),
            detail: entry.detail.as_deref(),
        }
    }
}

/// A copy of the database.
#[derive(Serialize)]
pub(super) struct Backup<'a> {
    id: &'a str,
    made: i64,
    size: u64,
    configuration: bool,
}

impl<'a> From<&'a BackupCopy> for Backup<'a> {
    fn from(copy: &'a BackupCopy) -> Self {
        Self {
            id: &copy.name,
            made: copy.made_at.seconds(),
            size: copy.size_bytes,
            configuration: copy.has_configuration,
        }
    }
}

/// A finding of a check.
#[derive(Serialize)]
pub(super) struct Check<'a> {
    id: String,
    topic: &'static str,
    result: &'static str,
    text: &'a str,
    remedy: Option<&'a str>,
}

impl<'a> From<(usize, &'a CheckRow)> for Check<'a> {
    fn from((number, row): (usize, &'a CheckRow)) -> Self {
        Self {
            id: (number + 1).to_string(),
            topic: row.topic,
            result: row.result,
            text: &row.text,
            remedy: row.remedy.as_deref(),
        }
    }
}

/// The state of the server.
#[derive(Serialize)]
pub(super) struct Status {
    version: &'static str,
    uptime: u64,
    connections: usize,
    online: usize,
    users: i64,
    sessions: i64,
    flows: i64,
    messages: i64,
    files: i64,
    size: u64,
    log: u64,
    free: Option<u64>,
    backup: Option<i64>,
    backup_failed: Option<i64>,
    backup_interval: u64,
    registration: &'static str,
}

impl From<&ServerStatus> for Status {
    fn from(status: &ServerStatus) -> Self {
        let ServerStatus {
            program, counts, ..
        } = status;
        Self {
            version: program.version,
            uptime: status.uptime.as_secs(),
            connections: program.connections,
            online: status.users_online,
            users: counts.users,
            sessions: counts.sessions,
            flows: counts.chats + counts.channels + counts.groups,
            messages: counts.messages,
            files: counts.files,
            size: status.sizes.0,
            log: status.sizes.1,
            free: program.free_bytes,
            backup: status.backup_at.map(Timestamp::seconds),
            backup_failed: status.backup_failed_at.map(Timestamp::seconds),
            backup_interval: program.backup_interval.as_secs(),
            registration: status.registration.word(),
        }
    }
}
