//! What the rich form tells beside the objects of the protocol, in `data.meta`.
//!
//! Source: extensions of this server, `accept`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::wire::Id;
use crate::model::{Flow, FlowEvent, FlowKind, Happening, InvitedTo, Picture, PublicId};

/// A file, by what is known of it without its bytes.
#[derive(Serialize)]
pub(super) struct File {
    /// 32 hexadecimal digits, for `/file/<id>`.
    id: String,
    kind: &'static str,
    size: i64,
}

impl From<Picture> for File {
    fn from(picture: Picture) -> Self {
        Self {
            id: format!("{:032x}", picture.id.0),
            kind: "picture",
            size: picture.size,
        }
    }
}

/// What there is to know of a flow besides the object of the protocol.
#[derive(Serialize)]
pub(super) struct FlowMeta {
    /// Members above 0: 50 moderators, 100 the owner.
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
            picture: flow.picture.map(File::from),
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

/// `data.meta.flows` of some flows.
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
    /// How many events after the same message are left out before this one.
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

/// `data.meta.events` of some events; of those listed, how many before them are left out.
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

/// An invitation to a flow that waits for an answer.
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
