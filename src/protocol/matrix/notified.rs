//! Decides what notifies a user: during counting, and afterwards.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::events::{self, Teller};
use super::judging::{Case, Patience, actions, judge};
use super::names;
use super::push_rules::parsed;
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::model::{PublicId, SessionId, Timestamp};
use crate::service::{Judge, RoomContent, RoomEvent};

/// The number of events on a page, unless a request says otherwise.
const PAGE: usize = 20;

/// The rules by which events are judged, and the user.
#[derive(Clone)]
struct Court {
    /// The rules as they are stored, if the user has changed them.
    kept: Option<String>,
    /// The same, made when the first event is judged: they are large, and mostly there is none.
    rules: OnceLock<Value>,
    names: names::Names,
    session: SessionId,
    uuid: PublicId,
    own: String,
    now: Timestamp,
}

impl Court {
    /// Returns an event as rules see it.
    fn seen(&self, event: &RoomEvent) -> Option<Value> {
        let teller = Teller {
            names: &self.names,
            session: self.session,
            room: None,
            now: self.now,
        };
        let mut told = teller.tell(event).into_iter().next()?;
        if let RoomContent::Message(message) = &event.what
            && let Some(about) = message.about.as_deref()
        {
            let is_meant = about.mentions.contains(&self.uuid);
            let meant: Vec<_> = is_meant.then_some(&self.own).into_iter().collect();
            told["content"]["m.mentions"] = json!({"user_ids": meant, "room": about.everyone});
        }
        Some(told)
    }

    /// Returns what follows from an event in a room.
    fn follows<T>(
        &self,
        event: &RoomEvent,
        (room, members, levels): (PublicId, i64, Option<&RoomEvent>),
        patience: &Patience,
        say: impl FnOnce(&Value, &Case<'_>) -> T,
    ) -> Option<T> {
        let told = self.seen(event)?;
        let levels = levels.map(|levels| events::state_content(&self.names, levels));
        let case = Case {
            event: &told,
            room: &self.names.room(room),
            members,
            levels: &levels.unwrap_or_default(),
            patience,
        };
        let rules = self
            .rules
            .get_or_init(|| parsed(self.kept.as_deref(), &self.own));
        Some(say(rules, &case))
    }
}

impl Matrix {
    async fn court(&self, asked: &Asked) -> Result<Court, Trouble> {
        let (_, own) = self.service.device_of(&asked.user).await?;
        Ok(Court {
            kept: self.kept_rules(asked).await?,
            rules: OnceLock::new(),
            names: self.names.clone(),
            session: asked.user.session().id,
            uuid: asked.user.uuid(),
            own: self.names.user(&own.localpart),
            now: Timestamp::now(),
        })
    }

    /// Returns the function that decides which events notify, by the rules of the requesting user.
    pub(super) async fn judge(&self, asked: &Asked) -> Result<Box<Judge>, Trouble> {
        Ok(by(self.court(asked).await?))
    }

    pub(super) async fn notifications(&self, asked: &Asked) -> Result<Value, Trouble> {
        let only_highlights = match asked.parameter("only").as_deref() {
            None | Some("") => false,
            Some(only) => only.split(',').any(|word| word == "highlight"),
        };
        let (from, limit) = (self.token(asked, "from").await?, asked.limit(PAGE)?);
        let court = self.court(asked).await?;
        let wanted = (from, limit, only_highlights);
        let (found, next) = self
            .service
            .notified(&asked.user, by(court.clone()), wanted)
            .await?;
        let patience = Patience::new();
        let teller = self.teller(asked, None);
        let mut told = Vec::with_capacity(found.len());
        for it in &found {
            let place = (it.room, it.members, it.levels.as_ref());
            let done = court.follows(&it.event, place, &patience, |rules, case| {
                actions(rules, case).to_vec()
            });
            told.push(json!({
                "actions": done.unwrap_or_default(),
                "event": teller.tell(&it.event).into_iter().next(),
                "read": it.is_read,
                "room_id": self.names.room(it.room),
                "ts": it.event.at.0,
            }));
        }
        let mut told = json!({"notifications": told});
        if let Some(next) = next {
            told["next_token"] = json!(names::page_token(next));
        }
        Ok(told)
    }
}

fn by(court: Court) -> Box<Judge> {
    let patience = Patience::new();
    Box::new(move |event, room, members, levels| {
        let found = court.follows(event, (room, members, levels), &patience, judge);
        found.unwrap_or_default()
    })
}
