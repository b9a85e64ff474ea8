//! Events in the form in which clients see them.

use serde_json::{Map, Value, json};

use super::attached;
use super::markup::{self, Pill};
use super::names::{self, Names};
use crate::model::{Kind, Message, Position, PublicId, SessionId, Timestamp};
use crate::service::{RoomContent, RoomEvent, RoomUser, Stored};

/// Converts events for one session, as of one time.
pub(super) struct Teller<'a> {
    pub(super) names: &'a Names,
    /// The session that asks.
    pub(super) session: SessionId,
    /// The room, if each event is to name it.
    pub(super) room: Option<PublicId>,
    pub(super) now: Timestamp,
}

/// The separator between a stored prefix and the transaction id.
pub(super) const BEFORE_TXN: char = '\n';

impl Teller<'_> {
    /// Returns an event, which is several events if a message has several files.
    pub(super) fn tell(&self, event: &RoomEvent) -> Vec<Value> {
        match &event.what {
            RoomContent::Stored(stored) => vec![self.stored(event, stored)],
            RoomContent::Message(message) => self.message(event, message),
        }
    }

    /// Returns the events that stand for a message sent over MTP, with the redacted ones.
    fn message(&self, event: &RoomEvent, message: &Message) -> Vec<Value> {
        let mut parts = Vec::new();
        if !message.is_deleted || event.gone.is_empty() {
            for (place, (kind, id, content)) in self.parts(message, event).into_iter().enumerate() {
                let mut told = self.whole(event, kind, &id, content);
                // Relations to a message belong to its first event.
                if place > 0
                    && let Some(relations) = told["unsigned"]
                        .get_mut("m.relations")
                        .and_then(Value::as_object_mut)
                {
                    relations.retain(|how, _| how == "m.replace");
                }
                let part = names::parse_event(&id).and_then(|(_, part)| part);
                parts.push((part, told));
            }
            leave_edit(&mut parts);
        }
        let gone: Vec<_> = event.gone.iter().map(gone_part).collect();
        parts.retain(|(part, _)| !gone.contains(part));
        for redaction in &event.gone {
            let part = gone_part(redaction);
            let id = part_id(message.uuid, part);
            let mut told = self.whole(event, "m.room.message", &id, json!({}));
            if let Some(unsigned) = told["unsigned"].as_object_mut() {
                unsigned.remove("m.relations");
            }
            told["unsigned"]["redacted_because"] = self.alone(redaction);
            parts.push((part, told));
        }
        parts.retain(|(part, _)| event.has_part(*part));
        parts.sort_by_key(|(part, _)| *part);
        parts.into_iter().map(|(_, told)| told).collect()
    }

    /// Returns events in order; with `back`, from the newest on.
    pub(super) fn all(&self, events: &[RoomEvent], back: bool) -> Vec<Value> {
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            let mut parts = self.tell(event);
            if back {
                parts.reverse();
            }
            told.append(&mut parts);
        }
        told
    }

    fn stored(&self, event: &RoomEvent, stored: &Stored) -> Value {
        let content = content(self.names, stored);
        let id = names::event(event.uuid);
        let mut told = self.whole(event, &stored.kind, &id, content);
        if let Some(key) = &stored.state_key {
            told["state_key"] = json!(self.names.told_key(key));
        }
        if stored.kind == "m.room.redaction" {
            told["redacts"] = told["content"]["redacts"].clone();
        }
        if let Some((session, txn)) = &stored.txn
            && *session == self.session
        {
            let txn = txn.split_once(BEFORE_TXN).map_or(txn.as_str(), |it| it.1);
            told["unsigned"]["transaction_id"] = json!(txn);
        }
        told
    }

    fn whole(&self, event: &RoomEvent, kind: &str, id: &str, content: Value) -> Value {
        let mut unsigned = json!({"age": (self.now.0 - event.at.0).max(0)});
        if let Some((id, content)) = &event.before {
            unsigned["prev_content"] = whole_ids(self.names, kind, content);
            unsigned["replaces_state"] = json!(names::event(*id));
        }
        if let Some(membership) = &event.membership {
            unsigned["membership"] = json!(membership);
        }
        if let Some(redaction) = &event.redaction {
            unsigned["redacted_because"] = self.alone(redaction);
        }
        if let Some(edit) = &event.edit {
            unsigned["m.relations"]["m.replace"] = self.alone(edit);
        }
        if let Some(bundle) = &event.bundle {
            if let Some(thread) = &bundle.thread {
                unsigned["m.relations"]["m.thread"] = json!({
                    "latest_event": self.alone(&thread.latest),
                    "count": thread.count,
                    "current_user_participated": thread.is_own,
                });
            }
            let referring = bundle.references.iter();
            let chunk: Vec<_> = referring
                .map(|uuid| json!({"event_id": names::event(*uuid)}))
                .collect();
            if !chunk.is_empty() {
                unsigned["m.relations"]["m.reference"] = json!({"chunk": chunk});
            }
        }
        let mut told = json!({
            "type": kind,
            "sender": self.names.user(&event.sender),
            "event_id": id,
            "origin_server_ts": event.at.0,
            "unsigned": unsigned,
        });
        told["content"] = content;
        if let Some(room) = self.room {
            told["room_id"] = json!(self.names.room(room));
        }
        told
    }

    fn alone(&self, event: &RoomEvent) -> Value {
        self.tell(event).into_iter().next().unwrap_or_default()
    }

    /// Returns the events that stand for a message sent over MTP: type, id and content of each.
    fn parts(&self, message: &Message, event: &RoomEvent) -> Vec<(&'static str, String, Value)> {
        let mentioned: &[RoomUser] = &event.mentioned;
        let id = names::event(message.uuid);
        if message.is_deleted {
            return vec![("m.room.message", id, json!({}))];
        }
        let text = message.plain_text().unwrap_or_default();
        let is_markup = message.about.as_ref().is_some_and(|about| about.is_markup);
        let format = |content: &mut Value| {
            let pills = mentioned.iter().map(|who| Pill {
                login: who.login.clone(),
                link: format!("https://matrix.to/#/{}", self.names.user(&who.localpart)),
                name: who.display_name.clone(),
            });
            markup::add(content, &text, is_markup, pills.collect());
        };
        let part = |place: usize| {
            let number = event
                .files
                .get(place)
                .and_then(|it| usize::try_from(*it).ok());
            part_id(message.uuid, Some(number.unwrap_or(place)))
        };
        let mut parts = Vec::new();
        let with_text = event.with_text.filter(|_| !text.is_empty());
        if with_text.is_none() && (!text.is_empty() || message.shown.is_empty()) {
            let mut content = json!({"msgtype": "m.text", "body": text});
            format(&mut content);
            parts.push(("m.room.message", id.clone(), content));
        }
        for (place, file) in message.shown.iter().enumerate() {
            let kind = if file.kind == Kind::Sticker {
                "m.sticker"
            } else {
                "m.room.message"
            };
            let mut content = attached::told(file, self.names);
            if with_text.is_some() && with_text == event.files.get(place).copied() {
                content["filename"] = content["body"].take();
                content["body"] = json!(text);
                format(&mut content);
            }
            parts.push((kind, part(place), content));
        }
        let about = message.about.as_deref();
        let everyone = about.is_some_and(|about| about.everyone);
        if (everyone || !mentioned.is_empty())
            && let Some((_, _, content)) = parts.first_mut()
        {
            let ids: Vec<_> = mentioned
                .iter()
                .map(|who| self.names.user(&who.localpart))
                .collect();
            content["m.mentions"] = json!({});
            if !ids.is_empty() {
                content["m.mentions"]["user_ids"] = json!(ids);
            }
            if everyone {
                content["m.mentions"]["room"] = json!(true);
            }
        }
        if let Some(quote) = about.and_then(|about| about.reply.as_ref())
            && let Some((_, _, content)) = parts.first_mut()
        {
            let part = event.replied.and_then(|part| usize::try_from(part).ok());
            let id = part_id(quote.uuid, part);
            content["m.relates_to"] = json!({"m.in_reply_to": {"event_id": id}});
        }
        parts
    }
}

/// An edit stays with the part that it names, else with the first.
fn leave_edit(parts: &mut [(Option<usize>, Value)]) {
    let edited = |told: &Value| {
        let edit = &told["unsigned"]["m.relations"]["m.replace"];
        edit["content"]["m.relates_to"]["event_id"].clone()
    };
    let has_named = parts
        .iter()
        .any(|(_, told)| told["event_id"] == edited(told));
    for (place, (_, told)) in parts.iter_mut().enumerate() {
        let is_edited = if has_named {
            told["event_id"] == edited(told)
        } else {
            place == 0
        };
        let unsigned = told["unsigned"].as_object_mut();
        if let Some(unsigned) = unsigned.filter(|_| !is_edited)
            && let Some(Value::Object(relations)) = unsigned.get_mut("m.relations")
        {
            relations.remove("m.replace");
            if relations.is_empty() {
                unsigned.remove("m.relations");
            }
        }
    }
}

/// Which part of a message a redaction has taken back: a file of a number, or the text.
fn gone_part(redaction: &RoomEvent) -> Option<usize> {
    match &redaction.what {
        RoomContent::Stored(stored) => stored.key.as_deref().and_then(|key| key.parse().ok()),
        RoomContent::Message(_) => None,
    }
}

/// Returns the id of a part of a message: of its text, or of the file with a number.
fn part_id(message: PublicId, part: Option<usize>) -> String {
    let id = names::event(message);
    match part {
        Some(number) => format!("{id}_{number}"),
        None => id,
    }
}

/// Parses stored JSON.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({}))
}

/// Completes addresses of files that are stored without the server's name.
fn tell_media(names: &Names, content: &mut Value) {
    for place in [
        "/avatar_url",
        "/url",
        "/info/thumbnail_url",
        "/m.new_content/url",
        "/m.new_content/info/thumbnail_url",
    ] {
        if let Some(value) = content.pointer_mut(place)
            && let Some(id) = value.as_str().and_then(|url| url.strip_prefix("mxc:///"))
        {
            *value = json!(format!("mxc://{}/{id}", names.server()));
        }
    }
}

/// Returns the content of a stored event, with full user ids.
fn content(names: &Names, stored: &Stored) -> Value {
    whole_ids(names, &stored.kind, &stored.content)
}

/// Returns the content of an event of a type, with full user ids.
fn whole_ids(names: &Names, kind: &str, content: &str) -> Value {
    let mut content = parsed(content);
    tell_media(names, &mut content);
    if kind == "m.room.power_levels"
        && let Some(Value::Object(users)) = content.get_mut("users")
    {
        *users = std::mem::take(users)
            .into_iter()
            .map(|(key, level)| (names.told_key(&key), level))
            .collect::<Map<_, _>>();
    }
    content
}

/// Returns the part of a state event that a user outside the room sees.
pub(super) fn stripped(names: &Names, event: &RoomEvent) -> Value {
    let RoomContent::Stored(stored) = &event.what else {
        return json!({});
    };
    json!({
        "type": stored.kind,
        "state_key": names.told_key(stored.state_key.as_deref().unwrap_or_default()),
        "sender": names.user(&event.sender),
        "content": content(names, stored),
    })
}

/// Returns the content of a state event.
pub(super) fn state_content(names: &Names, event: &RoomEvent) -> Value {
    match &event.what {
        RoomContent::Stored(stored) => content(names, stored),
        RoomContent::Message(_) => json!({}),
    }
}

/// Returns the position in the log of the last of some events.
pub(super) fn last_position(events: &[RoomEvent]) -> Option<Position> {
    events.last().map(|event| event.position)
}
