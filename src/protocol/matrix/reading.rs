//! Reads rooms: pages of events, single events, state, members.

use serde_json::{Map, Value, json};

use super::events::{self, Teller};
use super::filter::Events;
use super::input::Body;
use super::names;
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::model::{Position, PublicId, Timestamp};
use crate::service::{RoomEvent, RoomPage, RoomQuery, RoomReading, Way};

impl Matrix {
    /// Returns the converter for events of a room.
    pub(super) fn teller(&self, asked: &Asked, room: Option<PublicId>) -> Teller<'_> {
        Teller {
            names: &self.names,
            session: asked.user.session().id,
            room,
            now: Timestamp::now(),
        }
    }

    /// Returns the room in the path.
    pub(super) fn room(&self, asked: &Asked) -> PublicId {
        self.names.parse_room(asked.part(0))
    }

    /// Returns a parameter that is a position in the log.
    pub(super) async fn token(
        &self,
        asked: &Asked,
        name: &str,
    ) -> Result<Option<Position>, Trouble> {
        let Some(text) = asked.parameter(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let wrong = || Trouble::invalid(format!("{name} is no token of this server"));
        let at = names::parse_token(&text).ok_or_else(wrong)?;
        let is_own = self.service.gave_place(at).await?.ok_or_else(wrong)?;
        // Whoever read another file than this one knows nothing of it.
        Ok(Some(at).filter(|_| is_own))
    }

    pub(super) async fn joined_rooms(&self, asked: &Asked) -> Result<Value, Trouble> {
        let rooms = self.service.joined_rooms(&asked.user).await?;
        let rooms: Vec<_> = rooms.into_iter().map(|it| self.names.room(it)).collect();
        Ok(json!({"joined_rooms": rooms}))
    }

    /// Returns the filter of events in the query.
    fn events_filter(&self, asked: &Asked) -> Result<Events, Trouble> {
        match asked.parameter("filter").filter(|text| !text.is_empty()) {
            Some(text) => Events::read(&Body::read(text.as_bytes())?, &self.names),
            None => Ok(Events::default()),
        }
    }

    pub(super) async fn messages(&self, asked: &Asked) -> Result<Value, Trouble> {
        let way = match asked.parameter("dir").as_deref() {
            Some("b") => Way::Back,
            Some("f") => Way::Forward,
            Some(_) => return Err(Trouble::invalid("dir is b or f")),
            None => return Err(Trouble::missing("dir")),
        };
        let filter = self.events_filter(asked)?;
        let limit = asked.limit(filter.limit())?;
        let (from, to) = (
            self.token(asked, "from").await?,
            self.token(asked, "to").await?,
        );
        let (room, is_lazy) = (self.room(asked), filter.is_lazy);
        let query = RoomQuery {
            way,
            from,
            to,
            limit,
            wanted: Box::new(move |event| filter.pass(event)),
        };
        let page = self.service.room_page(&asked.user, room, query).await?;
        let teller = self.teller(asked, Some(room));
        let state = if is_lazy {
            self.members_of(asked, room, &page.events).await?
        } else {
            Vec::new()
        };
        let mut told = json!({
            "start": names::page_token(page.start),
            "chunk": teller.all(&page.events, way == Way::Back),
            "state": teller.all(&state, false),
        });
        if let Some(end) = page.end {
            told["end"] = json!(names::page_token(end));
        }
        Ok(told)
    }

    /// Returns the membership events of the senders of some events.
    async fn members_of(
        &self,
        asked: &Asked,
        room: PublicId,
        events: &[RoomEvent],
    ) -> Result<Vec<RoomEvent>, Trouble> {
        let all = RoomReading::State(None);
        let mut state = self.service.read_room(&asked.user, room, all).await?;
        state.retain(|it| {
            let key = it.state_key().and_then(|key| key.strip_prefix('@'));
            let is_sender = |key: &str| events.iter().any(|event| event.sender == key);
            it.kind() == "m.room.member" && key.is_some_and(is_sender)
        });
        Ok(state)
    }

    /// Returns the event with an id in the room in the path, and the part of it that the id names.
    pub(super) async fn find_event(
        &self,
        asked: &Asked,
        id: &str,
    ) -> Result<(RoomEvent, Value), Trouble> {
        let room = self.room(asked);
        let missing = || Trouble::not_found("there is no such event here");
        let uuid = names::parse_event(id).map_or(PublicId::NOTHING, |(uuid, _)| uuid);
        let what = RoomReading::Event(uuid);
        let found = self.service.read_room(&asked.user, room, what).await?;
        let teller = self.teller(asked, Some(room));
        let told = found.into_iter().map(|event| {
            let parts = teller.tell(&event);
            (event, parts)
        });
        let mut first = None;
        for (event, parts) in told {
            for part in parts {
                if part["event_id"] == id {
                    return Ok((event, part));
                }
                first.get_or_insert_with(|| (event.clone(), part));
            }
        }
        first.filter(|_| !id.contains('_')).ok_or_else(missing)
    }

    pub(super) async fn event(&self, asked: &Asked) -> Result<Value, Trouble> {
        Ok(self.find_event(asked, asked.part(1)).await?.1)
    }

    pub(super) async fn context(&self, asked: &Asked) -> Result<Value, Trouble> {
        let filter = self.events_filter(asked)?;
        // Of no events around it are there none.
        let limit = match asked.parameter("limit").as_deref() {
            Some("0") => 0,
            _ => asked.limit(filter.limit())?,
        };
        let (event, told) = self.find_event(asked, asked.part(1)).await?;
        let room = self.room(asked);
        let page = async |way: Way, from: Position, limit: usize| {
            let filter = filter.clone();
            let query = RoomQuery {
                way,
                from: Some(from),
                to: None,
                limit,
                wanted: Box::new(move |event| filter.pass(event)),
            };
            if limit == 0 {
                let (events, start, end) = (Vec::new(), from, Some(from));
                return Ok(RoomPage { events, start, end });
            }
            self.service.room_page(&asked.user, room, query).await
        };
        let before = Position(event.position.0 - 1);
        let earlier = page(Way::Back, before, limit / 2).await?;
        let later = page(Way::Forward, event.position, limit - limit / 2).await?;
        let teller = self.teller(asked, Some(room));
        let start = earlier.end.unwrap_or(Position(0));
        let end = events::last_position(&later.events).unwrap_or(event.position);
        let state = RoomReading::State(Some(end));
        let mut state = self.service.read_room(&asked.user, room, state).await?;
        if filter.is_lazy {
            let shown = earlier.events.iter().chain(&later.events).chain([&event]);
            state.retain(|it| {
                let key = it.state_key().and_then(|key| key.strip_prefix('@'));
                let is_sender = |key: &str| shown.clone().any(|event| event.sender == key);
                it.kind() != "m.room.member" || key.is_none_or(is_sender)
            });
        }
        Ok(json!({
            "event": told,
            "events_before": teller.all(&earlier.events, true),
            "events_after": teller.all(&later.events, false),
            "start": names::page_token(start),
            "end": names::page_token(end),
            "state": teller.all(&state, false),
        }))
    }

    pub(super) async fn state(&self, asked: &Asked) -> Result<Value, Trouble> {
        let (room, all) = (self.room(asked), RoomReading::State(None));
        let state = self.service.read_room(&asked.user, room, all).await?;
        Ok(Value::from(
            self.teller(asked, Some(room)).all(&state, false),
        ))
    }

    pub(super) async fn one_state(&self, asked: &Asked) -> Result<Value, Trouble> {
        let kind = asked.part(1).to_owned();
        let key = self.names.stored_key(asked.part(2));
        let room = self.room(asked);
        let what = RoomReading::OneState(kind, key);
        let found = self.service.read_room(&asked.user, room, what).await?;
        let event = found.first();
        let event = event.ok_or_else(|| Trouble::not_found("there is no such state here"))?;
        if asked.parameter("format").as_deref() == Some("event") {
            let told = self.teller(asked, Some(room)).tell(event);
            return Ok(told.into_iter().next().unwrap_or_default());
        }
        Ok(events::state_content(&self.names, event))
    }

    /// Returns the members of a room, as state events.
    async fn members_at(
        &self,
        asked: &Asked,
        at: Option<Position>,
    ) -> Result<Vec<RoomEvent>, Trouble> {
        let (room, all) = (self.room(asked), RoomReading::State(at));
        let mut state = self.service.read_room(&asked.user, room, all).await?;
        state.retain(|event| event.kind() == "m.room.member");
        Ok(state)
    }

    pub(super) async fn members(&self, asked: &Asked) -> Result<Value, Trouble> {
        let at = self.token(asked, "at").await?;
        let (only, not) = (
            asked.parameter("membership"),
            asked.parameter("not_membership"),
        );
        let members = self.members_at(asked, at).await?;
        let mut told = self
            .teller(asked, Some(self.room(asked)))
            .all(&members, false);
        told.retain(|event| {
            let is = |word: &String| event["content"]["membership"] == **word;
            only.as_ref().is_none_or(is) && !not.as_ref().is_some_and(is)
        });
        Ok(json!({"chunk": told}))
    }

    pub(super) async fn joined_members(&self, asked: &Asked) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.require_in_room(&asked.user, room).await?;
        let members = self.members_at(asked, None).await?;
        let mut joined = Map::new();
        for event in &members {
            let content = events::state_content(&self.names, event);
            if content["membership"] == "join"
                && let Some(key) = event.state_key()
            {
                let profile = json!({
                    "display_name": content["displayname"],
                    "avatar_url": content["avatar_url"],
                });
                joined.insert(self.names.told_key(key), profile);
            }
        }
        Ok(json!({"joined": joined}))
    }
}
