//! What the rich form says beside the objects of the protocol, in `data.meta`.
//!
//! Source: extensions of this server, `accept`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::about::Details;
use super::file::File;
use super::wire::Id;
use crate::model::{
    Flow, FlowEvent, FlowKind, FlowSettings, Form, Happening, InvitedTo, Message, OwnAccount,
    PublicId, User,
};

/// What there is to say about a message besides the object of the protocol.
#[derive(Serialize)]
pub(super) struct About {
    #[serde(flatten)]
    details: Details,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<&'static str>,
}

/// Returns `data.meta.about` for those of some messages that have something to say.
pub(super) fn about<'m>(
    messages: impl IntoIterator<Item = &'m Message>,
) -> Option<BTreeMap<Id, About>> {
    let messages = messages.into_iter();
    let telling = messages.filter(|message| {
        message.is_deleted || !message.shown.is_empty() || message.about.is_some()
    });
    let about: BTreeMap<_, _> = telling
        .map(|message| {
            let details = message.about.as_deref();
            let is_expired = details.is_some_and(|details| details.is_expired);
            let how = if is_expired { "expired" } else { "deleted" };
            let about = About {
                details: details.map(Details::from).unwrap_or_default(),
                files: message.shown.iter().map(File::from).collect(),
                deleted: message.is_deleted.then_some(how),
            };
            (Id(message.uuid), about)
        })
        .collect();
    Some(about).filter(|about| !about.is_empty())
}

/// The pictures of users; `None` for a user without one.
pub(super) type Avatars = BTreeMap<Id, Option<File>>;

/// Returns `data.meta.avatars` of some users, for rich frames with users in them.
pub(super) fn avatars<'u>(
    form: Form,
    users: impl IntoIterator<Item = &'u User>,
) -> Option<Avatars> {
    let one = |user: &User| (Id(user.uuid), user.avatar.as_ref().map(File::from));
    form.is_rich().then(|| users.into_iter().map(one).collect())
}

/// The fields of an account that only its owner sees.
#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own of an account"
)]
pub(super) struct Me {
    admin: bool,
    can: Vec<&'static str>,
    ask_first: bool,
    share_seen: bool,
    share_read: bool,
    push_content: &'static str,
    quota: i64,
    used: i64,
}

impl From<&OwnAccount> for Me {
    fn from(account: &OwnAccount) -> Self {
        Self {
            admin: account.is_admin,
            can: [
                (account.may_invite, "invite"),
                (account.may_make_bots, "bots"),
                (account.may_preview, "preview"),
            ]
            .into_iter()
            .filter_map(|(may, word)| may.then_some(word))
            .collect(),
            ask_first: account.ask_first,
            share_seen: account.share_seen,
            share_read: account.share_read,
            push_content: account.push_content.as_str(),
            quota: account.quota.unwrap_or(0),
            used: account.used,
        }
    }
}

/// What there is to say about a flow besides the object of the protocol.
#[derive(Serialize)]
pub(super) struct FlowMeta {
    /// Members with a level above 0: 50 for moderators, 100 for the owner.
    levels: BTreeMap<Id, i64>,
    picture: Option<File>,
    expire: i64,
    protect: bool,
    pin: &'static str,
    members: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<bool>,
}

impl From<&Flow> for FlowMeta {
    fn from(flow: &Flow) -> Self {
        let levels = flow.levels.iter();
        Self {
            levels: levels.map(|(user, level)| (Id(*user), level.0)).collect(),
            picture: flow.picture.as_ref().map(File::from),
            expire: flow.expire,
            protect: flow.is_protected,
            pin: if flow.pins_are_restricted {
                "owner"
            } else {
                "members"
            },
            members: flow.member_count,
            saved: flow.is_saved.then_some(true),
        }
    }
}

/// A member's settings of a flow.
#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own of a conversation"
)]
pub(super) struct Settings {
    muted_until: i64,
    mentions_only: bool,
    archived: bool,
    pinned: i64,
    unread: bool,
    hidden: bool,
}

impl From<&FlowSettings> for Settings {
    fn from(settings: &FlowSettings) -> Self {
        Self {
            muted_until: settings.muted_until,
            mentions_only: settings.mentions_only,
            archived: settings.archived,
            pinned: settings.pinned,
            unread: settings.unread,
            hidden: settings.hidden,
        }
    }
}

/// Returns `data.meta.flows` of some flows.
pub(super) fn flows<'f>(flows: impl IntoIterator<Item = &'f Flow>) -> BTreeMap<Id, FlowMeta> {
    let flows = flows.into_iter();
    flows.map(|flow| (Id(flow.uuid), flow.into())).collect()
}

/// An event of a flow.
#[derive(Serialize)]
pub(super) struct Event {
    id: Id,
    flow: Id,
    after: i64,
    time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Id>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Id>,
    /// The number of events after the same message that are left out before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<i64>,
}

impl From<&FlowEvent> for Event {
    fn from(event: &FlowEvent) -> Self {
        let mut told = Self {
            id: Id(event.uuid),
            flow: Id(event.flow),
            after: event.after,
            time: event.at.seconds(),
            by: event.by.map(Id),
            kind: event.what.as_str(),
            user: None,
            title: None,
            level: None,
            seconds: None,
            on: None,
            message: None,
            more: None,
        };
        match &event.what {
            Happening::Made | Happening::Info | Happening::Picture => {}
            Happening::Title(title) => told.title = Some(title.clone()),
            Happening::Added(user)
            | Happening::Joined(user)
            | Happening::Left(user)
            | Happening::Removed(user)
            | Happening::Invited(user)
            | Happening::Declined(user)
            | Happening::Banned(user)
            | Happening::Owner(user) => told.user = Some(Id(*user)),
            Happening::Level(user, level) => {
                told.user = Some(Id(*user));
                told.level = Some(*level);
            }
            Happening::Expire(seconds) => told.seconds = Some(*seconds),
            Happening::Protect(on) => told.on = Some(*on),
            Happening::Pinned(message) | Happening::Unpinned(message) => {
                told.message = Some(Id(*message));
            }
        }
        told
    }
}

/// Returns `data.meta.events` of some events, with the number of events left out before them where
/// one is listed.
pub(super) fn events(events: &[FlowEvent], more: &[(PublicId, i64)]) -> Vec<Event> {
    let told = events.iter().map(|event| Event {
        more: more
            .iter()
            .find(|(first, _)| *first == event.uuid)
            .map(|(_, count)| *count),
        ..event.into()
    });
    told.collect()
}

/// An invitation to a flow that is waiting for an answer.
#[derive(Serialize)]
pub(super) struct Invited {
    flow: Id,
    title: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Id>,
    time: i64,
}

impl From<&InvitedTo> for Invited {
    fn from(invited: &InvitedTo) -> Self {
        Self {
            flow: Id(invited.flow),
            title: invited.title.clone(),
            kind: FlowKind::as_str(invited.kind),
            by: invited.by.map(Id),
            time: invited.at.seconds(),
        }
    }
}
