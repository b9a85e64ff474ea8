//! The documents of an export, as `export` writes them. Keys that are missing have their usual values, so that
//! documents of earlier versions and of other programs can be read too.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value};

use crate::model::PublicId;

/// How many messages are read before they are imported, and their approximate size in bytes.
const AT_ONCE: usize = 200;
const BYTES_AT_ONCE: usize = 4 << 20;

/// An id: a decimal number, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(pub(super) PublicId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = PublicId::parse(&text).filter(|id| *id != PublicId::NOTHING);
        id.map(Self)
            .ok_or_else(|| de::Error::custom(format!("{text:?} is no id: ids are decimal numbers")))
    }
}

/// Reads a value that may be null, as opposed to absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `users.json`
#[derive(Debug, Deserialize)]
pub(super) struct Users {
    pub(super) users: Vec<User>,
}

/// `user.json`
#[derive(Debug, Deserialize)]
pub(super) struct OneUser {
    pub(super) user: User,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) uuid: Id,
    pub(super) login: String,
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) bio: Option<String>,
    pub(super) avatar: Option<String>,
    #[serde(default)]
    pub(super) admin: bool,
    #[serde(default)]
    pub(super) bot: bool,
    #[serde(default)]
    pub(super) suspended: bool,
    #[serde(default)]
    pub(super) created: i64,
    pub(super) own: Option<Own>,
}

/// `own.json`, and part of `users.json`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Own {
    pub(super) blocked: Vec<Id>,
    pub(super) settings: HashMap<String, Settings>,
    pub(super) privacy: Option<Privacy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "as the document has them")]
pub(super) struct Settings {
    pub(super) muted_until: i64,
    pub(super) mentions_only: bool,
    pub(super) archived: bool,
    pub(super) pinned: i64,
    pub(super) unread: bool,
    pub(super) hidden: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Privacy {
    pub(super) ask_first: Option<bool>,
    pub(super) share_seen: Option<bool>,
    pub(super) share_read: Option<bool>,
    pub(super) push_content: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Flow {
    pub(super) uuid: Id,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) title: Option<String>,
    pub(super) info: Option<String>,
    pub(super) owner: Option<Id>,
    #[serde(default)]
    pub(super) members: Vec<Member>,
    #[serde(default)]
    pub(super) expire: i64,
    #[serde(default)]
    pub(super) protect: bool,
    pub(super) pin: Option<String>,
    #[serde(default)]
    pub(super) saved: bool,
    pub(super) picture: Option<Picture>,
    #[serde(default)]
    pub(super) created: i64,
    #[serde(default)]
    pub(super) pins: Vec<Pin>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) uuid: Id,
    #[serde(default)]
    pub(super) login: String,
    pub(super) username: Option<String>,
    #[serde(default)]
    pub(super) level: i64,
    #[serde(default, deserialize_with = "present")]
    pub(super) read: Option<Option<i64>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Picture {
    pub(super) path: Option<String>,
    pub(super) width: Option<i64>,
    pub(super) height: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pin {
    pub(super) message: Id,
    pub(super) by: Id,
    pub(super) time: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) id: Id,
    pub(super) after: i64,
    pub(super) time: i64,
    pub(super) by: Option<Id>,
    pub(super) by_login: Option<String>,
    pub(super) kind: String,
    pub(super) user: Option<Id>,
    pub(super) user_login: Option<String>,
    pub(super) message: Option<Id>,
    pub(super) title: Option<String>,
    pub(super) level: Option<i64>,
    pub(super) seconds: Option<i64>,
    pub(super) on: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) uuid: Id,
    pub(super) number: i64,
    pub(super) from_user: Id,
    #[serde(default)]
    pub(super) login: String,
    pub(super) time: i64,
    pub(super) text: Option<String>,
    pub(super) edited_time: Option<i64>,
    #[serde(default)]
    pub(super) deleted: bool,
    #[serde(default)]
    pub(super) about: About,
    pub(super) file_picture: Option<String>,
    pub(super) file_video: Option<String>,
    pub(super) file_audio: Option<String>,
    pub(super) file_document: Option<String>,
    pub(super) emoji: Option<String>,
}

impl Message {
    /// Returns the approximate number of bytes that it takes.
    fn size(&self) -> usize {
        let texts = [
            &self.text,
            &self.file_picture,
            &self.file_video,
            &self.file_audio,
            &self.file_document,
            &self.emoji,
        ];
        texts
            .iter()
            .map(|it| it.as_ref().map_or(0, String::len))
            .sum()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct About {
    pub(super) reply: Option<Reply>,
    pub(super) forward: Option<Forward>,
    pub(super) format: Option<i64>,
    pub(super) mentions: Vec<Id>,
    pub(super) everyone: bool,
    pub(super) preview: Option<Preview>,
    pub(super) bot: Option<Program>,
    pub(super) poll: Option<Poll>,
    pub(super) reactions: Map<String, Value>,
    pub(super) expires: Option<i64>,
    pub(super) deleted: Option<String>,
    pub(super) files: Vec<File>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    pub(super) uuid: Id,
}

#[derive(Debug, Deserialize)]
pub(super) struct Forward {
    pub(super) from_user: Option<Id>,
    pub(super) name: String,
    pub(super) time: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Preview {
    pub(super) url: String,
    pub(super) title: String,
    pub(super) text: Option<String>,
    pub(super) site: Option<String>,
    pub(super) thumbnail: Option<Picture>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Program {
    pub(super) name: Option<String>,
    pub(super) avatar: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Poll {
    pub(super) question: String,
    pub(super) options: Vec<String>,
    #[serde(default)]
    pub(super) many: bool,
    #[serde(default)]
    pub(super) anonymous: bool,
    #[serde(default)]
    pub(super) closed: bool,
    #[serde(default)]
    pub(super) counts: Vec<i64>,
    pub(super) voters: Option<Vec<Vec<Id>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) id: Option<String>,
    pub(super) kind: String,
    pub(super) name: Option<String>,
    pub(super) width: Option<i64>,
    pub(super) height: Option<i64>,
    pub(super) duration: Option<i64>,
    pub(super) blurhash: Option<String>,
    pub(super) waveform: Option<String>,
    pub(super) path: Option<String>,
    pub(super) thumbnail: Option<Picture>,
}

/// A part of a document about a flow.
#[derive(Debug)]
pub(super) enum Part {
    /// The flow with its events.
    Flow(Box<Flow>, Vec<Event>),
    /// The next of its messages.
    Messages(Vec<Message>),
}

/// Reads a document about a flow part by part, so that a history of any length takes little memory. `send` returns
/// `false` if nobody takes the parts any more.
pub(super) struct Whole<F>(pub(super) F);

impl<'de, F: FnMut(Part) -> bool> DeserializeSeed<'de> for Whole<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Part) -> bool> Visitor<'de> for Whole<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flow with its messages")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut flow: Option<Box<Flow>> = None;
        let mut events = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "flow" => flow = Some(map.next_value()?),
                "events" => events = map.next_value()?,
                "messages" => {
                    let flow = flow.take().ok_or_else(|| {
                        de::Error::custom("the flow has to come before its messages")
                    })?;
                    send(&mut self.0, Part::Flow(flow, std::mem::take(&mut events)))?;
                    map.next_value_seed(Messages(&mut self.0))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match flow {
            Some(flow) => send(&mut self.0, Part::Flow(flow, events)),
            None => Ok(()),
        }
    }
}

fn send<E: de::Error>(to: &mut impl FnMut(Part) -> bool, part: Part) -> Result<(), E> {
    if to(part) {
        Ok(())
    } else {
        Err(E::custom("the import has ended"))
    }
}

struct Messages<'f, F>(&'f mut F);

impl<'de, F: FnMut(Part) -> bool> DeserializeSeed<'de> for Messages<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Part) -> bool> Visitor<'de> for Messages<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (mut batch, mut size) = (Vec::new(), 0);
        while let Some(message) = list.next_element::<Message>()? {
            size += message.size();
            batch.push(message);
            if batch.len() >= AT_ONCE || size >= BYTES_AT_ONCE {
                size = 0;
                send(self.0, Part::Messages(std::mem::take(&mut batch)))?;
            }
        }
        send(self.0, Part::Messages(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<usize>, serde_json::Error> {
        let mut sizes = Vec::new();
        let mut reader = serde_json::Deserializer::from_str(text);
        let take = |part| {
            sizes.push(match part {
                Part::Flow(_, events) => events.len(),
                Part::Messages(batch) => batch.len(),
            });
            true
        };
        Whole(take).deserialize(&mut reader)?;
        Ok(sizes)
    }

    #[test]
    fn a_flow_comes_part_by_part() {
        let message = r#"{"uuid": "1", "number": 0, "from_user": "2", "time": 3}"#;
        let many = vec![message; 450].join(",");
        let text = format!(
            r#"{{"later": [1], "flow": {{"uuid": "5", "type": "group"}}, "events": [], "messages": [{many}]}}"#
        );
        assert_eq!(read(&text).unwrap(), [0, 200, 200, 50]);
        let early = r#"{"messages": [], "flow": {"uuid": "5", "type": "group"}}"#;
        let told = read(early).unwrap_err().to_string();
        assert!(told.contains("before its messages"), "{told}");
        let odd = r#"{"flow": {"uuid": "x", "type": "group"}}"#;
        assert!(read(odd).unwrap_err().to_string().contains("no id"));
    }
}
