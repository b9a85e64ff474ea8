//! Writes answers: strict, always with the same five envelope keys.

mod message;

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::codes::Code;
use super::file::File;
use super::wire::Frames;
pub(super) use super::wire::{Id, Ids};
use super::{REVISION, VERSION};
use super::{about, rich};
use crate::model::{Content, Encoding};
use crate::service::Value;
pub(super) use message::Message;

/// An answer, or an unsolicited frame. `M` is the type of `data.meta`.
#[derive(Serialize)]
pub(super) struct Reply<'a, M = DataMeta> {
    #[serde(rename = "type")]
    pub(super) method: &'a str,
    pub(super) data: Option<Data<'a, M>>,
    pub(super) errors: Errors<'a>,
    jsonapi: JsonApi,
    pub(super) meta: Option<PushMeta>,
}

#[derive(Serialize)]
pub(super) struct Errors<'a> {
    code: u16,
    status: &'static str,
    time: i64,
    detail: &'a str,
}

#[derive(Serialize)]
struct JsonApi {
    version: &'static str,
    revision: &'static str,
}

impl Default for PushMeta {
    fn default() -> Self {
        Self {
            push: true,
            position: None,
            typing: None,
            presence: None,
            presences: None,
        }
    }
}

/// What an unsolicited frame says about itself.
#[derive(Serialize)]
pub(super) struct PushMeta {
    pub(super) push: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) typing: Option<Typing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence: Option<Presence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presences: Option<Vec<Presence>>,
}

#[derive(Serialize)]
pub(super) struct Typing {
    pub(super) flow: Id,
    pub(super) user: Id,
}

#[derive(Serialize)]
pub(super) struct Presence {
    pub(super) user: Id,
    pub(super) online: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seen_at: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct Data<'a, M = DataMeta> {
    pub(super) time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flow: Option<Vec<Flow<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Vec<Message<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<Vec<User<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<M>,
}

impl<M> Default for Data<'_, M> {
    fn default() -> Self {
        Self {
            time: 0,
            flow: None,
            message: None,
            user: None,
            meta: None,
        }
    }
}

#[derive(Default, Serialize)]
pub(super) struct Flow<'a> {
    pub(super) uuid: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<i64>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) users: Option<Vec<Id>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_start: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_end: Option<i64>,
}

#[derive(Default, Serialize)]
pub(super) struct User<'a> {
    pub(super) uuid: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) login: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_bot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) avatar: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bio: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_created: Option<i64>,
}

/// The keys of `data.meta` that several answers and unsolicited frames share. What only one method answers is
/// a struct beside that method, see [`Context::reply_with`](super::methods::Context::reply_with).
#[derive(Default, Serialize)]
pub(super) struct DataMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<BTreeMap<Id, rich::About>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reactions: Option<BTreeMap<Id, about::Reactions>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) polls: Option<BTreeMap<Id, about::Poll>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flows: Option<BTreeMap<Id, rich::FlowMeta>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) settings: Option<BTreeMap<Id, rich::Settings>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<BTreeMap<Id, BTreeMap<Id, i64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pins: Option<BTreeMap<Id, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pinned: Option<BTreeMap<Id, Vec<Id>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<BTreeMap<Id, Id>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) events: Option<Vec<rich::Event>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unread: Option<BTreeMap<Id, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unread_mentions: Option<BTreeMap<Id, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invited: Option<Vec<rich::Invited>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reset: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) numbers: Option<BTreeMap<Id, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<BTreeMap<Id, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read: Option<BTreeMap<Id, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<Vec<Id>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) online: Option<Ids>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) features: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) avatars: Option<rich::Avatars>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seen_at: Option<BTreeMap<Id, i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) me: Option<rich::Me>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blocked: Option<Vec<Id>>,
    /// The archive of the reader's own data; `null` if it is not available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) export: Option<Option<File>>,
}

impl DataMeta {
    /// Returns the pictures of the users beside it, and nothing else.
    pub(super) fn of_avatars(avatars: rich::Avatars) -> Self {
        Self {
            avatars: Some(avatars),
            ..Self::default()
        }
    }
}

/// The reason why a request was refused, for programs.
#[derive(Serialize)]
pub(super) struct Refusal {
    pub(super) key: &'static str,
    pub(super) values: BTreeMap<&'static str, RefusalValue>,
}

/// A value of a refusal.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum RefusalValue {
    Text(Cow<'static, str>),
    Number(u64),
}

impl Data<'_> {
    /// Returns the details of an error for clients that accept more.
    pub(super) fn refused(
        key: &'static str,
        values: Vec<(&'static str, Value)>,
        time: i64,
    ) -> Self {
        let values = values.into_iter().map(|(name, value)| match value {
            Value::Text(text) => (name, RefusalValue::Text(text)),
            Value::Number(number) => (name, RefusalValue::Number(number)),
        });
        let refusal = Refusal {
            key,
            values: values.collect(),
        };
        Self {
            time,
            meta: Some(DataMeta {
                refusal: Some(refusal),
                ..DataMeta::default()
            }),
            ..Self::default()
        }
    }
}

/// The content of a file as the client gets it.
pub(super) enum Blob<'a> {
    /// Stored content.
    Content(&'a Content),
    /// No content, where there was some.
    Emptied,
}

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Emptied => serializer.serialize_str(""),
            Self::Content(content) => match (content.encoding, std::str::from_utf8(&content.bytes))
            {
                (Encoding::Text, Ok(text)) => serializer.serialize_str(text),
                _ => serializer.collect_str(&Base64Display::new(&content.bytes, &STANDARD)),
            },
        }
    }
}

impl<'a, M: Serialize> Reply<'a, M> {
    /// Returns an answer; `time` is the present in Unix seconds.
    pub(super) fn new(method: &'a str, code: Code, detail: &'a str, time: i64) -> Self {
        Self {
            method,
            data: None,
            errors: Errors {
                code: code.0,
                status: code.1,
                time,
                detail,
            },
            jsonapi: JsonApi {
                version: VERSION,
                revision: REVISION,
            },
            meta: None,
        }
    }

    /// Returns a capacity in bytes that is enough for most frames of this content.
    fn size_hint(&self) -> usize {
        /// The envelope, and one object with its texts.
        const EACH: usize = 384;
        let lists = self.data.as_ref().map_or(0, |data| {
            data.message.as_ref().map_or(0, Vec::len)
                + data.flow.as_ref().map_or(0, Vec::len)
                + data.user.as_ref().map_or(0, Vec::len)
        });
        EACH * (1 + lists)
    }

    /// Returns the frame.
    pub(super) fn to_frame(&self) -> Bytes {
        let mut frame = Vec::with_capacity(self.size_hint());
        let mut writer = serde_json::Serializer::with_formatter(&mut frame, Frames::default());
        if let Err(err) = self.serialize(&mut writer) {
            // Writing to memory does not fail, and every key here is a string.
            log::error!("an answer could not be written: {err}");
        }
        frame.into()
    }
}
