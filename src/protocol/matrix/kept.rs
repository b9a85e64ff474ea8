//! Account data that clients store, and presence.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::filter::Filter;
use super::input::{Body, require_short};
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::model::PublicId;
use crate::service::{AccountData, Mood, RoomPresence, Synced};

/// The most bytes of a tag and of a status.
const MOST_STATUS: usize = 1024;

/// Account data that clients have to change by other routes.
const FIXED: [&str; 2] = ["m.fully_read", "m.push_rules"];

/// Returns account data as events.
fn told<'a>(
    kept: impl Iterator<Item = &'a AccountData>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Value> {
    kept.filter(|(kind, _)| wanted(kind))
        .map(|(kind, content)| json!({"type": kind, "content": parsed(content)}))
        .collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({}))
}

/// Returns the account data of a room as events.
pub(super) fn of_room(kept: &[AccountData], filter: &Filter) -> Value {
    json!({"events": told(kept.iter(), |kind| filter.account_data.pass_kind(kind))})
}

impl Matrix {
    /// Returns the account data that belongs to no room, as events.
    pub(super) fn own_data(&self, synced: &Synced, filter: &Filter, is_first: bool) -> Vec<Value> {
        let wanted = |kind: &str| filter.own_data.pass_kind(kind);
        let others = synced
            .account_data
            .iter()
            .filter(|(kind, _)| kind != "m.direct" && kind != "m.push_rules");
        let mut events = told(others, wanted);
        if let Some(chats) = &synced.chats {
            let content = self.direct(synced.direct.as_deref(), chats);
            events.push(json!({"type": "m.direct", "content": content}));
        }
        let changed = synced
            .account_data
            .iter()
            .find(|(kind, _)| kind == "m.push_rules");
        if is_first || changed.is_some() {
            let rules = match changed {
                Some((_, kept)) => parsed(kept),
                None => super::push_rules::rules(&self.names.user(&synced.localpart)),
            };
            events.push(json!({"type": "m.push_rules", "content": rules}));
        }
        events.retain(|event| event["type"].as_str().is_some_and(wanted));
        events
    }

    /// Returns the users with whom there are chats: those that the client stored, and chats made over MTP.
    fn direct(&self, kept: Option<&str>, chats: &[(String, PublicId)]) -> Value {
        let mut direct = match kept.map(parsed) {
            Some(Value::Object(direct)) => direct,
            _ => Map::new(),
        };
        for (name, room) in chats {
            let room = json!(self.names.room(*room));
            let rooms = direct
                .entry(self.names.user(name))
                .or_insert_with(|| json!([]));
            if let Value::Array(rooms) = rooms
                && !rooms.contains(&room)
            {
                rooms.push(room);
            }
        }
        Value::Object(direct)
    }

    /// Returns the type of the account data, and the room if there is one.
    async fn kept_place<'a>(
        &self,
        asked: &'a Asked,
        in_room: bool,
    ) -> Result<(Option<PublicId>, &'a str), Trouble> {
        self.require_own(asked).await?;
        if in_room {
            Ok((Some(self.names.parse_room(asked.part(1))), asked.part(2)))
        } else {
            Ok((None, asked.part(1)))
        }
    }

    pub(super) async fn put_account_data(
        &self,
        asked: &Asked,
        body: &Body,
        in_room: bool,
    ) -> Result<Value, Trouble> {
        let (room, kind) = self.kept_place(asked, in_room).await?;
        require_short("the type", kind)?;
        if FIXED.contains(&kind) {
            let words = format!("{kind} is changed in another way");
            return Err(Trouble::said(405, "M_BAD_JSON", words));
        }
        let content = Value::Object(body.0.clone()).to_string();
        let kept = (kind.to_owned(), content);
        self.service
            .keep_account_data(&asked.user, room, kept)
            .await?;
        Ok(json!({}))
    }

    pub(super) async fn account_data(
        &self,
        asked: &Asked,
        in_room: bool,
    ) -> Result<Value, Trouble> {
        let (room, kind) = self.kept_place(asked, in_room).await?;
        if !in_room && kind == "m.push_rules" {
            return self.push_rules(asked).await;
        }
        let found = self
            .service
            .account_data(&asked.user, room, kind.to_owned())
            .await?;
        if !in_room && kind == "m.direct" {
            let chats = self.service.room_chats(&asked.user).await?;
            if !chats.is_empty() || found.is_some() {
                return Ok(self.direct(found.as_deref(), &chats));
            }
        }
        let missing = || Trouble::not_found("nothing of this type is kept");
        found.map(|text| parsed(&text)).ok_or_else(missing)
    }

    pub(super) async fn tags(&self, asked: &Asked) -> Result<Value, Trouble> {
        let (room, _) = self.kept_place(asked, true).await?;
        let found = self
            .service
            .account_data(&asked.user, room, "m.tag".to_owned())
            .await?;
        let found = found.map_or_else(|| json!({}), |text| parsed(&text));
        Ok(json!({"tags": found.get("tags").cloned().unwrap_or_else(|| json!({}))}))
    }

    /// Sets or removes a tag.
    pub(super) async fn put_tag(
        &self,
        asked: &Asked,
        body: Option<&Body>,
    ) -> Result<Value, Trouble> {
        let (room, tag) = self.kept_place(asked, true).await?;
        require_short("the tag", tag)?;
        let (tag, new) = (
            tag.to_owned(),
            body.map(|body| Value::Object(body.0.clone())),
        );
        if new
            .as_ref()
            .is_some_and(|new| new.to_string().len() > MOST_STATUS)
        {
            return Err(Trouble::said(413, "M_TOO_LARGE", "the tag is too large"));
        }
        let change = move |before: Option<String>| {
            let mut content = before.map_or_else(|| json!({}), |text| parsed(&text));
            if !content["tags"].is_object() {
                content["tags"] = json!({});
            }
            if let Value::Object(tags) = &mut content["tags"] {
                match new {
                    Some(new) => {
                        tags.insert(tag, new);
                    }
                    None => {
                        tags.remove(&tag);
                    }
                }
            }
            Ok(content.to_string())
        };
        let user = &asked.user;
        self.service
            .change_account_data(user, room, "m.tag", change)
            .await?;
        Ok(json!({}))
    }

    pub(super) async fn presence(&self, asked: &Asked) -> Result<Value, Trouble> {
        let id = asked.part(0);
        let name = self.names.localpart(id).unwrap_or_default().to_owned();
        let found = self.service.room_presence(&asked.user, name).await;
        let mut told =
            presence(&found.map_err(|_| Trouble::forbidden("you share no room with this user"))?);
        Ok(told["content"].take())
    }

    pub(super) async fn put_presence(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        self.require_own(asked).await?;
        let mood = mood(body.needed("presence")?)?;
        let status = body.text("status_msg")?;
        if status.is_some_and(|status| status.len() > MOST_STATUS) {
            return Err(Trouble::invalid("status_msg is too long"));
        }
        let status = Some(status.map(str::to_owned));
        self.service
            .be_there(&asked.user, mood, status, Duration::ZERO)
            .await?;
        Ok(json!({}))
    }

    /// Returns presence as events.
    pub(super) fn people(&self, synced: &Synced) -> Vec<Value> {
        let event = |person: &RoomPresence| {
            let mut told = presence(person);
            told["sender"] = json!(self.names.user(&person.localpart));
            told
        };
        synced.presence.iter().map(event).collect()
    }
}

/// Returns the presence that a word stands for.
pub(super) fn mood(word: &str) -> Result<Mood, Trouble> {
    match word {
        "online" => Ok(Mood::Online),
        "unavailable" => Ok(Mood::Unavailable),
        "offline" => Ok(Mood::Offline),
        _ => Err(Trouble::invalid(
            "presence is online, unavailable or offline",
        )),
    }
}

fn presence(person: &RoomPresence) -> Value {
    let word = match person.mood {
        Mood::Online => "online",
        Mood::Unavailable => "unavailable",
        Mood::Offline => "offline",
    };
    let mut content = json!({"presence": word, "currently_active": person.mood == Mood::Online});
    if let Some(ago) = person.ago {
        content["last_active_ago"] = json!(u64::try_from(ago.as_millis()).unwrap_or(0));
    }
    if let Some(status) = &person.status {
        content["status_msg"] = json!(status);
    }
    json!({"type": "m.presence", "content": content})
}
