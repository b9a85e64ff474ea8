//! `/sync`: returns news, at once or when it happens.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::events::{self, Teller};
use super::filter::Filter;
use super::input::Body;
use super::names;
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::model::{Form, Position};
use crate::service::{Beside, MemberState, Mood, Refusal, RoomEvent, RoomNews, SyncQuery, Synced};

/// The longest that an answer is held back, in milliseconds.
const MAX_WAIT: u64 = 60_000;

/// The types of state that invited users see.
const STRIPPED: [&str; 7] = [
    "m.room.create",
    "m.room.join_rules",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.canonical_alias",
    "m.room.encryption",
];

/// What a request asks for.
struct Wish {
    since: Option<Position>,
    /// The last change of typing and presence that the client knows.
    count: Option<u64>,
    /// How long to wait for news.
    wait: Duration,
    filter: Filter,
    full_state: bool,
    is_after: bool,
}

impl Matrix {
    /// Everything that is done before and after waiting is boxed, and gone while a request waits.
    pub(super) async fn sync(&self, asked: &Asked) -> Result<Value, Trouble> {
        let wish = Box::pin(self.wish(asked)).await?;
        let synced = if wish.since.is_some() && !wish.full_state && !wish.wait.is_zero() {
            self.news(asked, &wish).await?
        } else {
            Box::pin(self.look(asked, &wish)).await?
        };
        let how = (wish.since.is_none(), wish.is_after);
        Ok(self.synced(asked, &synced, &wish.filter, how))
    }

    /// Returns the news as soon as there are some, or nothing in the end.
    async fn news(&self, asked: &Asked, wish: &Wish) -> Result<Box<Synced>, Trouble> {
        // What happens after the first look is heard.
        let mut listener = self.service.connect();
        if !listener.sign_in(asked.user.session(), asked.user.epoch()) {
            return Err(Refusal::NoSession.into());
        }
        listener.listen(Form::Rich);
        let end = tokio::time::Instant::now() + wish.wait;
        let mut place = None;
        loop {
            let synced = Box::pin(self.look(asked, wish)).await?;
            if !synced.is_nothing() {
                return Ok(synced);
            }
            let place = place.get_or_insert_with(|| self.parked.enter(asked.user.session().id));
            // Typing ends at a time that no event announces.
            let next = synced.next.map_or(end, |next| end.min(next.into()));
            let happened = tokio::select! {
                happened = tokio::time::timeout_at(next, listener.next()) => happened,
                () = place.ended() => return Ok(synced),
            };
            match happened {
                Ok(Err(_)) => return Err(Refusal::NoSession.into()),
                Err(_) if next >= end => return Ok(synced),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    }

    async fn wish(&self, asked: &Asked) -> Result<Wish, Trouble> {
        let since = self.token(asked, "since").await?;
        let wait = match asked.parameter("timeout").filter(|text| !text.is_empty()) {
            Some(text) => text
                .parse::<u64>()
                .map_err(|_| Trouble::invalid("timeout is no number"))?
                .min(MAX_WAIT),
            None => 0,
        };
        let wait = Duration::from_millis(wait);
        let filter = self.sync_filter(asked).await?;
        let is_on = |name: &str| asked.parameter(name).as_deref() == Some("true");
        let mood = match asked.parameter("set_presence") {
            Some(word) => super::kept::mood(&word)?,
            None => Mood::Online,
        };
        if mood != Mood::Offline {
            self.service.be_there(&asked.user, mood, None, wait).await?;
        }
        let count = asked
            .parameter("since")
            .as_deref()
            .filter(|_| since.is_some())
            .and_then(names::parse_count);
        Ok(Wish {
            since,
            count,
            wait,
            filter,
            full_state: is_on("full_state"),
            is_after: is_on("use_state_after"),
        })
    }

    /// Returns the news that there are now. What is needed for that is made for each look.
    async fn look(&self, asked: &Asked, wish: &Wish) -> Result<Box<Synced>, Trouble> {
        let filter = &wish.filter;
        let (names, rooms) = (self.names.clone(), filter.clone());
        let (wanted, beside) = (filter.timeline.clone(), filter.clone());
        let query = SyncQuery {
            judge: self.judge(asked).await?,
            count: wish.count,
            has_presence: filter.presence.pass_kind("m.presence"),
            since: wish.since,
            limit: filter.timeline.limit(),
            full_state: wish.full_state,
            is_after: wish.is_after,
            beside: Box::new(move |what, kind| match what {
                Beside::Passing => beside.ephemeral.pass_kind(kind),
                Beside::OfRoom => beside.account_data.pass_kind(kind),
                Beside::OfUser => beside.own_data.pass_kind(kind),
            }),
            has_threads: filter.timeline.has_threads,
            include_left: filter.include_leave,
            rooms: Box::new(move |room| {
                let id = names.room(room);
                rooms.rooms.pass(&id) && rooms.timeline.rooms.pass(&id)
            }),
            wanted: Box::new(move |event| wanted.pass(event)),
        };
        let synced = self.service.sync_rooms(&asked.user, Arc::new(query));
        Ok(Box::new(synced.await?))
    }

    /// Returns the filter in a query: the id of a stored one, or JSON.
    async fn sync_filter(&self, asked: &Asked) -> Result<Filter, Trouble> {
        let Some(text) = asked.parameter("filter").filter(|text| !text.is_empty()) else {
            return Ok(Filter::default());
        };
        if text.starts_with('{') {
            return Filter::read(&Body::read(text.as_bytes())?, &self.names);
        }
        let stored = self.stored_filter(asked, &text).await?;
        Filter::read(&Body::read(stored.as_bytes())?, &self.names)
    }

    async fn stored_filter(&self, asked: &Asked, id: &str) -> Result<String, Trouble> {
        let found = match id.parse() {
            Ok(id) => self.service.filter(&asked.user, id).await?,
            Err(_) => None,
        };
        found.ok_or_else(|| Trouble::not_found("there is no such filter"))
    }

    /// Refuses access to another user's data.
    pub(super) async fn require_own(&self, asked: &Asked) -> Result<(), Trouble> {
        let (_, own) = self.service.device_of(&asked.user).await?;
        if asked.part(0) == self.names.user(&own.localpart) {
            Ok(())
        } else {
            Err(Trouble::forbidden("this is somebody else's"))
        }
    }

    pub(super) async fn add_filter(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        self.require_own(asked).await?;
        Filter::read(body, &self.names)?;
        let definition = Value::Object(body.0.clone()).to_string();
        let id = self.service.add_filter(&asked.user, definition).await?;
        Ok(json!({"filter_id": id.to_string()}))
    }

    pub(super) async fn get_filter(&self, asked: &Asked) -> Result<Value, Trouble> {
        self.require_own(asked).await?;
        let stored = self.stored_filter(asked, asked.part(1)).await?;
        Ok(Value::Object(Body::read(stored.as_bytes())?.0))
    }

    fn synced(
        &self,
        asked: &Asked,
        synced: &Synced,
        filter: &Filter,
        (is_first, after): (bool, bool),
    ) -> Value {
        let teller = self.teller(asked, None);
        let own = format!("@{}", synced.localpart);
        let (mut join, mut invite, mut leave) = (Map::new(), Map::new(), Map::new());
        for news in &synced.rooms {
            let id = self.names.room(news.room.uuid);
            match news.room.state {
                MemberState::Joined => {
                    let told = self.joined(&teller, news, filter, (&own, is_first, after));
                    join.insert(id, told);
                }
                MemberState::Invited => {
                    invite.insert(id, self.invited(news, &own));
                }
                MemberState::Left | MemberState::Banned => {
                    let mut told = json!({
                        "timeline": timeline(&teller, news),
                        "account_data": {"events": []},
                    });
                    let state = state(&teller, news, filter, (&own, is_first));
                    told[place(after)] = json!({"events": state});
                    leave.insert(id, told);
                }
            }
        }
        let account_data = self.own_data(synced, filter, is_first);
        json!({
            "next_batch": names::sync_token(synced.position, synced.count),
            "rooms": {"join": join, "invite": invite, "leave": leave},
            "account_data": {"events": account_data},
            "presence": {"events": self.people(synced)},
            "to_device": {"events": []},
            "device_lists": {"changed": [], "left": []},
            "device_one_time_keys_count": {"signed_curve25519": 50},
            "device_unused_fallback_key_types": [],
        })
    }

    fn joined(
        &self,
        teller: &Teller<'_>,
        news: &RoomNews,
        filter: &Filter,
        (own, is_first, after): (&str, bool, bool),
    ) -> Value {
        let mut told = json!({
            "timeline": timeline(teller, news),
            "ephemeral": {"events": self.ephemeral(news, filter)},
            "account_data": super::kept::of_room(&news.account_data, filter),
            "unread_notifications": counted(news.unread.count),
        });
        if filter.timeline.has_threads {
            let threads = news.unread.threads.iter();
            let threads = threads.map(|(root, count)| (names::event(*root), counted(*count)));
            told["unread_thread_notifications"] = Value::Object(threads.collect());
        }
        let state = state(teller, news, filter, (own, is_first));
        told[place(after)] = json!({"events": state});
        if let Some((joined, invited, heroes)) = &news.summary {
            let heroes: Vec<_> = heroes.iter().map(|name| self.names.user(name)).collect();
            told["summary"] = json!({
                "m.heroes": heroes,
                "m.joined_member_count": joined,
                "m.invited_member_count": invited,
            });
        }
        told
    }

    /// Returns typing notifications and read receipts.
    fn ephemeral(&self, news: &RoomNews, filter: &Filter) -> Vec<Value> {
        let mut events = Vec::new();
        if let Some(writers) = &news.writers {
            let users: Vec<_> = writers.iter().map(|name| self.names.user(name)).collect();
            events.push(json!({"type": "m.typing", "content": {"user_ids": users}}));
        }
        if !news.receipts.is_empty() {
            let mut content = json!({});
            for receipt in &news.receipts {
                let mut said = json!({"ts": receipt.at.0});
                if !receipt.thread.is_empty() {
                    said["thread_id"] = json!(receipt.thread);
                }
                let user = self.names.user(&receipt.localpart);
                content[&receipt.event][&receipt.kind][user] = said;
            }
            events.push(json!({"type": "m.receipt", "content": content}));
        }
        events.retain(|event| {
            event["type"]
                .as_str()
                .is_some_and(|kind| filter.ephemeral.pass_kind(kind))
        });
        events
    }

    fn invited(&self, news: &RoomNews, own: &str) -> Value {
        let mine =
            |event: &&RoomEvent| event.kind() == "m.room.member" && event.state_key() == Some(own);
        let inviter = news.state.iter().find(mine);
        let inviter = inviter.map(|event| format!("@{}", event.sender));
        let shown = |event: &&RoomEvent| {
            let is_people = event.kind() == "m.room.member"
                && event
                    .state_key()
                    .is_some_and(|key| key == own || inviter.as_deref() == Some(key));
            is_people || STRIPPED.contains(&event.kind())
        };
        let told = news.state.iter().filter(shown);
        let told: Vec<_> = told
            .map(|event| events::stripped(&self.names, event))
            .collect();
        json!({"invite_state": {"events": told}})
    }
}

/// Where the state of a room stands: as it was before the timeline, or as it is `after` it.
fn place(after: bool) -> &'static str {
    if after { "state_after" } else { "state" }
}

fn counted((notify, highlight): (i64, i64)) -> Value {
    json!({"notification_count": notify, "highlight_count": highlight})
}

fn timeline(teller: &Teller<'_>, news: &RoomNews) -> Value {
    json!({
        "events": teller.all(&news.timeline, false),
        "limited": news.is_limited,
        "prev_batch": names::page_token(news.before.max(Position(0))),
    })
}

/// Returns the state that accompanies a timeline. If a client loads members lazily, only the members
/// that it needs at once are included.
fn state(
    teller: &Teller<'_>,
    news: &RoomNews,
    filter: &Filter,
    (own, is_first): (&str, bool),
) -> Vec<Value> {
    let is_needed = |key: &str| {
        let Some(name) = key.strip_prefix('@') else {
            return true;
        };
        let heroes = news.summary.as_ref().map(|(_, _, heroes)| heroes);
        key == own
            || news.timeline.iter().any(|event| event.sender == name)
            || heroes.is_some_and(|heroes| heroes.iter().any(|hero| hero == name))
    };
    let is_whole = is_first || news.is_new;
    let shown = |event: &&RoomEvent| {
        let is_left_out = filter.state.is_lazy
            && is_whole
            && event.kind() == "m.room.member"
            && !event.state_key().is_none_or(is_needed);
        filter.state.pass(event) && !is_left_out
    };
    news.state
        .iter()
        .filter(shown)
        .flat_map(|event| teller.tell(event))
        .collect()
}
