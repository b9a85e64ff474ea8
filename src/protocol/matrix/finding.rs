//! Finds events: relations of an event, threads, by words, by time.

use serde_json::{Value, json};

use super::input::Body;
use super::trouble::Trouble;
use super::{Asked, Matrix, names};
use crate::model::{Form, Position, PublicId, Timestamp};
use crate::service::{RELATION_DEPTH, Relations, RoomQuery, Search, Way};

/// The number of events on a page, unless a request says otherwise.
const PAGE: usize = 20;

/// The most pages of a room that are searched for an event near a time; each holds a few thousand events.
const MOST_PAGES: usize = 10;

impl Matrix {
    pub(super) async fn relations(&self, asked: &Asked) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.require_readable(&asked.user, room).await?;
        let text = |place: usize| asked.ids.get(place).cloned();
        let is_set = |name: &str| match asked.parameter(name).as_deref() {
            Some("true") => Ok(true),
            None | Some("" | "false") => Ok(false),
            Some(_) => Err(Trouble::invalid(format!("{name} is true or false"))),
        };
        let wanted = Relations {
            target: names::parse_event(asked.part(1)).map_or(PublicId::NOTHING, |(uuid, _)| uuid),
            relation: text(2),
            kind: text(3),
            is_deep: is_set("recurse")?,
            back: match asked.parameter("dir").as_deref() {
                None | Some("b") => true,
                Some("f") => false,
                Some(_) => return Err(Trouble::invalid("dir is b or f")),
            },
            from: self.token(asked, "from").await?,
        };
        let (limit, is_deep) = (asked.limit(PAGE)?, wanted.is_deep);
        let (events, next) = self
            .service
            .related(&asked.user, room, wanted, limit)
            .await?;
        let mut told = json!({"chunk": self.teller(asked, Some(room)).all(&events, false)});
        if is_deep {
            told["recursion_depth"] = json!(RELATION_DEPTH);
        }
        if let Some(next) = next {
            told["next_batch"] = json!(names::page_token(next));
        }
        Ok(told)
    }

    pub(super) async fn threads(&self, asked: &Asked) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.require_readable(&asked.user, room).await?;
        let is_own = match asked.parameter("include").as_deref() {
            None | Some("all") => false,
            Some("participated") => true,
            Some(_) => return Err(Trouble::invalid("include is all or participated")),
        };
        let (from, limit) = (self.token(asked, "from").await?, asked.limit(PAGE)?);
        let (roots, next) = self
            .service
            .room_threads(&asked.user, room, (from, limit))
            .await?;
        let teller = self.teller(asked, Some(room));
        let mut chunk: Vec<_> = roots
            .iter()
            .filter_map(|root| teller.tell(root).into_iter().next())
            .collect();
        chunk.retain(|root| {
            let thread = &root["unsigned"]["m.relations"]["m.thread"];
            thread["current_user_participated"] == true || !is_own
        });
        let mut told = json!({"chunk": chunk});
        if let Some(next) = next {
            told["next_batch"] = json!(names::page_token(next));
        }
        Ok(told)
    }

    pub(super) async fn event_at(&self, asked: &Asked) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.require_readable(&asked.user, room).await?;
        let at = asked
            .parameter("ts")
            .and_then(|text| text.parse::<i64>().ok());
        let at = Timestamp(at.ok_or_else(|| Trouble::missing("ts"))?);
        let way = match asked.parameter("dir").as_deref() {
            Some("f") => Way::Forward,
            Some("b") => Way::Back,
            _ => return Err(Trouble::invalid("dir is b or f")),
        };
        let mut from = None;
        for _ in 0..MOST_PAGES {
            let query = RoomQuery {
                way,
                from,
                to: None,
                limit: 1,
                wanted: Box::new(move |event| match way {
                    Way::Forward => event.at >= at,
                    Way::Back => event.at <= at,
                }),
            };
            let page = self.service.room_page(&asked.user, room, query).await?;
            if let Some(event) = page.events.first() {
                let told = self
                    .teller(asked, Some(room))
                    .tell(event)
                    .into_iter()
                    .next();
                let told = told.unwrap_or_default();
                return Ok(json!({
                    "event_id": told["event_id"], "origin_server_ts": told["origin_server_ts"],
                }));
            }
            match page.end {
                Some(end) if Some(end) != from => from = Some(end),
                _ => break,
            }
        }
        Err(Trouble::not_found("there is no such event near that time"))
    }

    pub(super) async fn search(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let categories = body.object("search_categories")?.unwrap_or_default();
        let Some(wanted) = categories.object("room_events")? else {
            return Ok(json!({"search_categories": {}}));
        };
        let words = wanted.needed("search_term")?.to_owned();
        let filter = wanted.object("filter")?.unwrap_or_default();
        let rooms = filter.list("rooms")?;
        let rooms: Vec<_> = rooms
            .iter()
            .filter_map(Value::as_str)
            .map(|id| self.names.parse_room(id))
            .collect();
        let has_rooms = filter.field("rooms").is_some();
        let before = match asked
            .parameter("next_batch")
            .filter(|text| !text.is_empty())
        {
            Some(_) => self.token(asked, "next_batch").await?,
            None => None,
        };
        let limit = filter.field("limit").and_then(Value::as_u64);
        let limit = limit
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(PAGE)
            .clamp(1, PAGE);
        let search = Search {
            text: words.clone(),
            flow: match rooms.as_slice() {
                [only] => Some(*only),
                _ => None,
            },
            before,
            form: Form::Rich,
            ..Search::default()
        };
        let hits = self.service.find_messages(&asked.user, search).await?;
        let mut next = hits.before;
        let mut ids: Vec<_> = hits
            .messages
            .iter()
            .map(|message| (message.uuid, message.id))
            .collect();
        if ids.len() > limit {
            ids.truncate(limit);
            next = ids.last().map(|(_, id)| Position(id.0));
        }
        let ids = ids.into_iter().map(|(uuid, _)| uuid).collect();
        let found = self.service.events_of(&asked.user, ids).await?;
        let results: Vec<_> = found
            .iter()
            .filter(|(room, _)| !has_rooms || rooms.contains(room))
            .filter_map(|(room, event)| {
                let told = self
                    .teller(asked, Some(*room))
                    .tell(event)
                    .into_iter()
                    .next()?;
                Some(json!({"rank": 1, "result": told}))
            })
            .collect();
        let highlights: Vec<_> = words.split_whitespace().collect();
        let mut told = json!({
            "count": results.len(), "results": results, "highlights": highlights, "state": {}, "groups": {},
        });
        if let Some(next) = next {
            told["next_batch"] = json!(names::page_token(next));
        }
        Ok(json!({"search_categories": {"room_events": told}}))
    }
}
