//! Creates rooms, and changes membership and state.

use serde_json::{Map, Value, json};

use super::events::state_content;
use super::input::{Body, require_plain_numbers, require_short};
use super::sending::state_draft;
use super::trouble::Trouble;
use super::{Asked, Matrix, names};
use crate::model::{FlowKind, PublicId};
use crate::service::{NewLevels, NewRoom, Refusal, RoomReading, RoomUser, ServiceError};

/// The version of every room.
const VERSION: &str = "11";

/// From this level on, users may send messages in a channel.
const CHANNEL: i64 = 50;

/// The most initial state events of a new room, and the most invited users.
const MOST_STATE: usize = 100;

/// Types of state that need the level of an owner.
const GUARDED: [&str; 5] = [
    "m.room.power_levels",
    "m.room.history_visibility",
    "m.room.tombstone",
    "m.room.encryption",
    "m.room.server_acl",
];

/// A change to a user's membership of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Invites the user.
    Invite,
    /// Removes the user.
    Kick,
    /// Keeps the user out.
    Ban,
    /// Lifts a ban.
    Unban,
}

/// Refuses state that no client may set here.
fn require_possible(kind: &str, content: &Value) -> Result<(), Trouble> {
    match kind {
        "m.room.create" => Err(Trouble::forbidden("a room is created once")),
        "m.room.encryption" => Err(Trouble::forbidden(
            "this server keeps no keys for clients yet, so that rooms are not encrypted",
        )),
        "m.room.history_visibility" if content["history_visibility"] != "shared" => {
            let words = "the history of a room is for its members, whenever they came";
            Err(Trouble::forbidden(words))
        }
        _ => Ok(()),
    }
}

impl Matrix {
    /// Finds a user by the Matrix id.
    pub(super) async fn somebody(&self, id: &str) -> Result<RoomUser, Trouble> {
        let missing = || Trouble::not_found("there is no such user here");
        let name = self.names.localpart(id).ok_or_else(missing)?;
        let found = self.service.named(name.to_owned()).await?;
        found.filter(|it| !it.is_deleted).ok_or_else(missing)
    }

    /// Returns the alias that a new room is to have, and the content of the event that sets it.
    fn new_alias(&self, body: &Body) -> Result<Option<(String, String)>, Trouble> {
        match body.text("room_alias_name")? {
            Some(name) if name.is_empty() || name.contains([':', '#', '\0']) => {
                Err(Trouble::invalid("this is no name of a room"))
            }
            Some(name) => {
                let whole = format!("#{name}:{}", self.names.server());
                require_short("the alias", &whole)?;
                let content = json!({"alias": whole}).to_string();
                Ok(Some((name.to_owned(), content)))
            }
            None => Ok(None),
        }
    }

    pub(super) async fn create_room(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        require_plain_numbers(&Value::Object(body.0.clone()))?;
        if body.text("room_version")?.is_some_and(|it| it != VERSION) {
            let words = "rooms are of version 11 here";
            return Err(Trouble::said(400, "M_UNSUPPORTED_ROOM_VERSION", words));
        }
        let is_published = body.text("visibility")? == Some("public");
        let is_public = is_published;
        let preset = body.text("preset")?;
        let mut is_public = preset.map_or(is_public, |it| it == "public_chat");
        let (mut title, mut topic) = (
            body.text("name")?.map(str::to_owned),
            body.text("topic")?.map(str::to_owned),
        );
        let mut levels = body
            .object("power_level_content_override")?
            .unwrap_or_default();
        let mut state = Vec::new();
        for entry in body.list("initial_state")?.iter().take(MOST_STATE) {
            let malformed =
                || Trouble::said(400, "M_INVALID_ROOM_STATE", "initial_state is malformed");
            let kind = entry["type"].as_str().ok_or_else(malformed)?;
            let Value::Object(fields) = &entry["content"] else {
                return Err(malformed());
            };
            let key = entry["state_key"].as_str().unwrap_or_default();
            require_short("the type", kind)?;
            require_short("the state key", key)?;
            require_possible(kind, &entry["content"])?;
            let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
            match kind {
                "m.room.name" => title = title.or_else(|| text("name")),
                "m.room.topic" => topic = topic.or_else(|| text("topic")),
                "m.room.join_rules" => is_public = text("join_rule").as_deref() == Some("public"),
                "m.room.history_visibility" | "m.room.member" => {}
                "m.room.power_levels" => {
                    if levels.0.is_empty() {
                        levels = Body(fields.clone());
                    }
                }
                _ => {
                    let content = entry["content"].to_string();
                    state.push((kind.to_owned(), self.names.stored_key(key), content));
                }
            }
        }
        let mut invite = Vec::new();
        for id in body.list("invite")?.iter().take(MOST_STATE) {
            let id = id.as_str();
            let id = id.ok_or_else(|| Trouble::bad_json("invite is no list of users"))?;
            invite.push(self.somebody(id).await?.uuid);
        }
        let alias = self.new_alias(body)?;
        let new = self.levels(&levels, 0)?;
        let mut users = Vec::new();
        for (key, level) in &new.users {
            let found = self.service.named(key.trim_start_matches('@').to_owned());
            if let Some(found) = found.await? {
                users.push((found.uuid, *level));
            }
        }
        let events_default = levels.0.get("events_default").and_then(Value::as_i64);
        let kind = if body.flag("is_direct")? && invite.len() == 1 && title.is_none() {
            FlowKind::Chat
        } else if events_default.is_some_and(|level| level >= CHANNEL) {
            FlowKind::Channel
        } else {
            FlowKind::Group
        };
        let mut create = body.object("creation_content")?.unwrap_or_default().0;
        create.remove("creator");
        let made = self.service.create_room(
            &asked.user,
            NewRoom {
                kind,
                title: title.filter(|title| !title.is_empty()),
                topic: topic.filter(|topic| !topic.is_empty()),
                invite,
                is_trusted: preset == Some("trusted_private_chat"),
                is_public,
                is_published,
                power_levels: new.content,
                levels: users,
                create: Value::Object(create).to_string(),
                state,
                alias,
            },
        );
        let made = made.await.map_err(|err| match err {
            ServiceError::Refused(Refusal::NameTaken) => {
                Trouble::said(400, "M_ROOM_IN_USE", "there is a room of this name")
            }
            err => err.into(),
        })?;
        Ok(json!({"room_id": self.names.room(made)}))
    }

    /// Returns the power levels from the content of an event.
    fn levels(&self, body: &Body, invite: i64) -> Result<NewLevels, Trouble> {
        let wrong = |what: &str| Trouble::bad_json(format!("{what} is no level"));
        let mut content = json!({
            "users_default": 0, "events_default": 0, "state_default": 50, "invite": invite,
            "kick": 50, "ban": 50, "redact": 50,
        });
        let mut events: Map<String, Value> = GUARDED
            .iter()
            .map(|it| ((*it).to_owned(), json!(100)))
            .collect();
        for (key, value) in &body.0 {
            match key.as_str() {
                "users" | "events" => {}
                "notifications" => content[key] = value.clone(),
                _ => {
                    if content.get(key).is_some() && !value.is_i64() {
                        return Err(wrong(key));
                    }
                    content[key] = value.clone();
                }
            }
        }
        if let Some(own) = body.object("events")? {
            events = own.0;
        }
        let mut users = Vec::new();
        for (id, level) in &body.object("users")?.unwrap_or_default().0 {
            let name = self.names.localpart(id);
            let name = name.ok_or_else(|| Trouble::bad_json(format!("{id} is no user here")))?;
            let level = level.as_i64().ok_or_else(|| wrong(id))?;
            users.push((format!("@{name}"), level));
        }
        let mut numbers = Vec::new();
        for (kind, level) in &events {
            let level = level.as_i64().ok_or_else(|| wrong(kind))?;
            numbers.push((format!("$.events.{kind}"), level));
        }
        content["events"] = Value::Object(events);
        for (key, value) in content.as_object().into_iter().flatten() {
            if let Some(level) = value.as_i64() {
                numbers.push((format!("$.{key}"), level));
            }
        }
        if let Some(room) = content["notifications"]["room"].as_i64() {
            numbers.push(("$.notifications.room".to_owned(), room));
        }
        numbers.extend(
            users
                .iter()
                .map(|(key, level)| (format!("$.users.{key}"), *level)),
        );
        Ok(NewLevels {
            content: content.to_string(),
            users,
            numbers,
        })
    }

    pub(super) async fn join(&self, asked: &Asked) -> Result<Value, Trouble> {
        let named = asked.part(0);
        let room = match self.names.alias(named) {
            Some(alias) => {
                let found = self.service.room_named(alias.to_owned()).await;
                found.map_err(|_| Trouble::not_found("there is no such room here"))?
            }
            None if named.starts_with('#') => {
                return Err(Trouble::not_found("there is no such room here"));
            }
            None => self.names.parse_room(named),
        };
        self.service.join_room(&asked.user, room).await?;
        Ok(json!({"room_id": self.names.room(room)}))
    }

    pub(super) async fn leave(&self, asked: &Asked) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.leave_room(&asked.user, room).await?;
        Ok(json!({}))
    }

    pub(super) async fn forget(&self, asked: &Asked) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.forget_room(&asked.user, room).await?;
        Ok(json!({}))
    }

    pub(super) async fn deed(
        &self,
        asked: &Asked,
        deed: Deed,
        body: &Body,
    ) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.require_in_room(&asked.user, room).await?;
        let id = body.needed("user_id")?.to_owned();
        let mut content = json!({});
        if let Some(reason) = body.text("reason")? {
            content["reason"] = json!(reason);
        }
        self.do_to(asked, room, deed, (&id, &content)).await?;
        Ok(json!({}))
    }

    async fn do_to(
        &self,
        asked: &Asked,
        room: PublicId,
        deed: Deed,
        (id, content): (&str, &Value),
    ) -> Result<(), Trouble> {
        let who = self.somebody(id).await?.uuid;
        let (user, said) = (&asked.user, (who, content.to_string()));
        match deed {
            Deed::Invite => self.service.invite_to_room(user, room, said).await?,
            Deed::Kick => {
                self.service
                    .remove_from_room(user, room, said, false)
                    .await?;
            }
            Deed::Ban => {
                self.service
                    .remove_from_room(user, room, said, true)
                    .await?;
            }
            Deed::Unban => self.service.unban_in_room(user, room, said).await?,
        }
        Ok(())
    }

    pub(super) async fn put_state(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let (kind, key) = (asked.part(1), asked.part(2));
        let room = self.room(asked);
        require_plain_numbers(&Value::Object(body.0.clone()))?;
        require_short("the state key", key)?;
        if kind == "m.room.member" {
            return self.put_member(asked, room, key, body).await;
        }
        self.service.require_in_room(&asked.user, room).await?;
        let content = Value::Object(body.0.clone());
        require_possible(kind, &content)?;
        let (_, own) = self.service.device_of(&asked.user).await?;
        if key.starts_with('@') && key != self.names.user(&own.localpart) {
            return Err(Trouble::forbidden("this key is somebody else's"));
        }
        if kind == "m.room.canonical_alias" {
            self.require_aliases(room, body).await?;
        }
        let sent = if kind == "m.room.power_levels" {
            let new = self.levels(body, 0)?;
            self.service.set_room_levels(&asked.user, room, new).await?
        } else if (kind, key) == ("m.room.pinned_events", "") {
            let pinned = body.list("pinned")?.iter().filter_map(Value::as_str);
            let pinned = pinned.filter_map(names::parse_event);
            let pinned = pinned.map(|(uuid, _)| uuid).collect();
            let draft = state_draft((kind, key), body, &self.names)?;
            self.service
                .set_room_pins(&asked.user, room, pinned, draft)
                .await?
        } else {
            let draft = state_draft((kind, key), body, &self.names)?;
            let key = self.names.stored_key(key);
            self.service
                .set_room_state(&asked.user, room, key, draft)
                .await?
        };
        Ok(json!({"event_id": names::event(sent)}))
    }

    async fn require_aliases(&self, room: PublicId, body: &Body) -> Result<(), Trouble> {
        let others = body.list("alt_aliases")?.iter().map(Value::as_str);
        let aliases = body.text("alias")?.into_iter().map(Some).chain(others);
        for alias in aliases.take(MOST_STATE) {
            let bad = || Trouble::said(400, "M_BAD_ALIAS", "this is no name of this room");
            let name = alias.and_then(|it| self.names.alias(it)).ok_or_else(bad)?;
            let found = self.service.room_named(name.to_owned()).await;
            if found.map_err(|_| bad())? != room {
                return Err(bad());
            }
        }
        Ok(())
    }

    async fn is_banned(&self, asked: &Asked, room: PublicId, key: &str) -> Result<bool, Trouble> {
        let key = self.names.stored_key(key);
        let what = RoomReading::OneState("m.room.member".to_owned(), key);
        let found = self.service.read_room(&asked.user, room, what).await?;
        let content = found.first().map(|event| state_content(&self.names, event));
        Ok(content.is_some_and(|content| content["membership"] == "ban"))
    }

    async fn put_member(
        &self,
        asked: &Asked,
        room: PublicId,
        key: &str,
        body: &Body,
    ) -> Result<Value, Trouble> {
        let (_, own) = self.service.device_of(&asked.user).await?;
        let is_own = key == self.names.user(&own.localpart);
        let membership = body.needed("membership")?;
        let deed = match membership {
            "join" | "leave" if is_own => None,
            "invite" => Some(Deed::Invite),
            "ban" => Some(Deed::Ban),
            "leave" => Some(Deed::Kick),
            "join" => return Err(Trouble::forbidden("nobody joins for somebody else")),
            _ => return Err(Trouble::forbidden("this is no membership here")),
        };
        match deed {
            None if membership == "join" => self.service.join_room(&asked.user, room).await?,
            None => self.service.leave_room(&asked.user, room).await?,
            Some(deed) => {
                self.service.require_in_room(&asked.user, room).await?;
                let deed = match deed {
                    Deed::Kick if self.is_banned(asked, room, key).await? => Deed::Unban,
                    deed => deed,
                };
                let content = Value::Object(body.0.clone());
                self.do_to(asked, room, deed, (key, &content)).await?;
            }
        }
        let stored = self.names.stored_key(key);
        let what = RoomReading::OneState("m.room.member".to_owned(), stored);
        let found = self.service.read_room(&asked.user, room, what).await?;
        let id = found.first().map(|event| names::event(event.uuid));
        Ok(json!({"event_id": id.unwrap_or_default()}))
    }
}
