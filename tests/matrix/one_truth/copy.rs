//! The copy that a Matrix client keeps of its rooms, and what it shows of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    common::Server,
    matrix::{Client, address, events, room_of},
};

/// The most pages that a gap is filled with.
const PAGES: usize = 300;

/// A room as a client keeps it: from what it was told only.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) is_in: bool,
    pub(super) log: Vec<Value>,
    pub(super) state: BTreeMap<(String, String), Value>,
}

/// A message as clients show it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub(super) sender: String,
    pub(super) text: String,
    pub(super) is_deleted: bool,
    pub(super) is_edited: bool,
    /// How many files it has.
    pub(super) files: usize,
    /// The id, in the other protocol's form, of the message that it answers.
    pub(super) reply: Option<String>,
    pub(super) reactions: BTreeMap<String, BTreeSet<String>>,
    pub(super) poll: Option<Poll>,
}

/// A poll as clients show it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Poll {
    pub(super) is_closed: bool,
    /// The options that each voter chose; of a secret poll nobody's.
    pub(super) votes: BTreeMap<String, BTreeSet<usize>>,
}

const START: &str = "org.matrix.msc3381.poll.start";
const RESPONSE: &str = "org.matrix.msc3381.poll.response";
const END: &str = "org.matrix.msc3381.poll.end";

/// The id of a message in the other protocol.
pub(super) fn number(event: &str) -> String {
    let hex = bare(event).trim_start_matches('$');
    u128::from_str_radix(hex, 16)
        .unwrap_or_else(|_| panic!("{event} is no id"))
        .to_string()
}

/// The id of an event without the number of the part.
fn bare(event: &str) -> &str {
    event.split_once('_').map_or(event, |(id, _)| id)
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

fn redact(event: &mut Value, redaction: &Value) {
    event["content"] = json!({});
    event["unsigned"]["redacted_because"] = redaction.clone();
}

impl Room {
    pub(super) fn knows(&self, id: &str) -> bool {
        self.log.iter().any(|event| text(event, "event_id") == id)
    }

    /// Whether there is a message of which such an event is or was a part.
    fn has_message(&self, id: &str) -> bool {
        (self.log.iter()).any(|event| bare(text(event, "event_id")) == bare(id))
    }

    fn set(&mut self, event: &Value) {
        if let Some(key) = event["state_key"].as_str() {
            let key = (text(event, "type").to_owned(), key.to_owned());
            self.state.insert(key, event.clone());
        }
    }

    fn append(&mut self, event: &Value) {
        if self.knows(text(event, "event_id")) {
            return;
        }
        self.log.push(event.clone());
        if event["type"] == "m.room.redaction" {
            assert_eq!(event["redacts"], event["content"]["redacts"], "{event}");
            let target = self
                .log
                .iter_mut()
                .find(|it| it["event_id"] == event["redacts"]);
            let target = target.unwrap_or_else(|| panic!("what it redacts is not there: {event}"));
            redact(target, event);
        }
    }

    fn applied(&self) -> impl Iterator<Item = &Value> {
        let is_gone = |event: &Value| event["unsigned"]["redacted_because"].is_object();
        self.log.iter().filter(move |event| !is_gone(event))
    }

    /// What it shows of each message, by its id in the other protocol, and those ids in their order.
    pub(super) fn shown(&self) -> (BTreeMap<String, Shown>, Vec<String>) {
        let (mut shown, mut order) = (BTreeMap::<String, Shown>::new(), Vec::new());
        let mut parts = BTreeMap::<String, (usize, usize)>::new();
        for event in &self.log {
            let relates = &event["content"]["m.relates_to"];
            let is_message = ["m.room.message", START].contains(&text(event, "type"));
            if !is_message || relates["rel_type"] == "m.replace" {
                continue;
            }
            let reply = relates["m.in_reply_to"]["event_id"].as_str();
            if let Some(reply) = reply {
                assert!(
                    self.has_message(reply),
                    "an answer to what is not there: {event}"
                );
            }
            let id = number(text(event, "event_id"));
            if !shown.contains_key(&id) {
                order.push(id.clone());
            }
            let (all, gone) = parts.entry(id.clone()).or_default();
            *all += 1;
            let message = shown.entry(id).or_default();
            text(event, "sender").clone_into(&mut message.sender);
            message.reply = reply.map(number).or(message.reply.take());
            if event["unsigned"]["redacted_because"].is_object() {
                *gone += 1;
            } else {
                add_part(message, event);
            }
            message.is_deleted = all == gone;
            message.is_edited = *gone > 0 && !message.is_deleted;
        }
        for event in self.applied() {
            self.apply(event, &mut shown);
        }
        for poll in shown.values_mut().filter_map(|it| it.poll.as_mut()) {
            poll.votes.retain(|_, options| !options.is_empty());
        }
        (shown, order)
    }

    /// Adds to messages what an event says of one.
    fn apply(&self, event: &Value, shown: &mut BTreeMap<String, Shown>) {
        let relates = &event["content"]["m.relates_to"];
        let Some(id) = relates["event_id"].as_str() else {
            return;
        };
        assert!(
            self.has_message(id),
            "it is about what is not there: {event}"
        );
        let target = shown.get_mut(&number(id));
        let Some(target) = target.filter(|it| !it.is_deleted) else {
            return;
        };
        let sender = text(event, "sender");
        let about = self.log.iter().find(|it| text(it, "event_id") == id);
        let is_gone = about.is_some_and(|it| it["unsigned"]["redacted_because"].is_object());
        if relates["rel_type"] == "m.replace" && sender == target.sender && !is_gone {
            text(&event["content"]["m.new_content"], "body").clone_into(&mut target.text);
            target.is_edited = true;
        }
        if event["type"] == "m.reaction" {
            let who = target
                .reactions
                .entry(text(relates, "key").to_owned())
                .or_default();
            assert!(who.insert(sender.to_owned()), "twice: {event}");
        }
        let (Some(about), Some(poll)) = (about, target.poll.as_mut()) else {
            return;
        };
        let asked = &about["content"][START];
        if event["type"] == END && sender == target.sender {
            poll.is_closed = true;
        }
        let is_secret = text(asked, "kind").ends_with("undisclosed");
        if event["type"] == RESPONSE && !poll.is_closed && !is_secret {
            let chosen = events(&event["content"][RESPONSE]["answers"]);
            let place = |id: &Value| events(&asked["answers"]).position(|it| it["id"] == *id);
            let options: Option<_> = chosen.map(place).collect();
            poll.votes
                .insert(sender.to_owned(), options.unwrap_or_default());
        }
    }

    /// The content of a piece of state.
    pub(super) fn content(&self, kind: &str, key: &str) -> &Value {
        let found = self.state.get(&(kind.to_owned(), key.to_owned()));
        found.map_or(&Value::Null, |event| &event["content"])
    }

    /// Who is in the room.
    pub(super) fn members(&self) -> BTreeSet<String> {
        let joined = self.state.iter().filter(|((kind, _), event)| {
            kind == "m.room.member" && event["content"]["membership"] == "join"
        });
        joined.map(|((_, key), _)| key.clone()).collect()
    }
}

/// Adds to a message a part of it that is there.
fn add_part(message: &mut Shown, event: &Value) {
    let content = &event["content"];
    let is_file = content["url"].is_string();
    let is_named =
        is_file && (content["filename"].is_null() || content["filename"] == content["body"]);
    if event["type"] == START {
        message.poll = Some(Poll::default());
    } else if !is_named {
        text(content, "body").clone_into(&mut message.text);
    }
    message.files += usize::from(is_file);
}

/// A Matrix client, which is away most of the time.
pub(super) struct Follower {
    pub(super) user: String,
    pub(super) token: String,
    since: Option<String>,
    /// How many events of a room it asks for at a time.
    limit: usize,
    pub(super) rooms: BTreeMap<String, Room>,
    pub(super) invited: BTreeSet<String>,
}

impl Follower {
    pub(super) fn new(client: &Client<'_>, limit: usize) -> Self {
        Self {
            user: client.user.clone(),
            token: client.token.clone(),
            since: None,
            limit,
            rooms: BTreeMap::new(),
            invited: BTreeSet::new(),
        }
    }

    /// Its requests.
    pub(super) fn client<'a>(&self, server: &'a Server) -> Client<'a> {
        Client {
            server,
            user: self.user.clone(),
            token: self.token.clone(),
            device: String::new(),
        }
    }

    /// Learns what is new.
    #[track_caller]
    pub(super) fn sync(&mut self, server: &Server) {
        let client = self.client(server);
        let filter = format!(
            "%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A{}%7D%7D%7D",
            self.limit
        );
        let since = self.since.as_ref();
        let since = since.map_or_else(String::new, |it| format!("&since={it}"));
        let told = client.get(&format!("sync?filter={filter}{since}"));
        let rooms = |kind: &str| told["rooms"][kind].as_object().cloned().unwrap_or_default();
        for (id, news) in rooms("join") {
            self.invited.remove(&id);
            self.apply(&client, &id, &news, true);
        }
        for (id, news) in rooms("leave") {
            // Of a declined invitation there is no room.
            if !self.invited.remove(&id) || self.rooms.contains_key(&id) {
                self.apply(&client, &id, &news, false);
            }
        }
        for (id, _) in rooms("invite") {
            if let Some(room) = self.rooms.get_mut(&id) {
                room.is_in = false;
            }
            self.invited.insert(id);
        }
        self.since = told["next_batch"].as_str().map(str::to_owned);
    }

    fn apply(&mut self, client: &Client<'_>, id: &str, news: &Value, is_in: bool) {
        let room = self.rooms.entry(id.to_owned()).or_default();
        room.is_in = is_in;
        let timeline = &news["timeline"];
        if timeline["limited"] == true {
            for event in before(client, room, id, &timeline["prev_batch"]) {
                room.append(&event);
            }
        }
        for event in events(&news["state"]["events"]) {
            room.set(event);
        }
        for event in events(&timeline["events"]) {
            room.append(event);
            room.set(event);
        }
    }
}

/// What came before a place and is not known, in order.
fn before(client: &Client<'_>, room: &Room, id: &str, from: &Value) -> Vec<Value> {
    let mut from = from.as_str().expect("a token").to_owned();
    let mut gap = Vec::new();
    for _ in 0..PAGES {
        let path = format!("{}/messages?dir=b&limit=7&from={from}", address(id));
        let page = client.get(&path);
        for event in events(&page["chunk"]) {
            if room.knows(text(event, "event_id")) {
                gap.reverse();
                return gap;
            }
            gap.push(event.clone());
        }
        let Some(end) = page["end"].as_str() else {
            gap.reverse();
            return gap;
        };
        end.clone_into(&mut from);
    }
    panic!("there is no end of {id}");
}

/// A room as the server shows it now to somebody who knows nothing.
pub(super) fn read(client: &Client<'_>, id: &str) -> Room {
    let mut room = Room {
        is_in: true,
        ..Room::default()
    };
    let mut from = String::new();
    for _ in 0..PAGES {
        let page = client.get(&format!("{}/messages?dir=f&limit=50{from}", address(id)));
        room.log.extend(events(&page["chunk"]).cloned());
        let Some(end) = page["end"].as_str() else {
            break;
        };
        from = format!("&from={end}");
    }
    let state = client.get(&format!("{}/state", address(id)));
    for event in events(&state) {
        room.set(event);
    }
    room
}

/// Compares a copy with the room as the server shows it.
pub(super) fn compare(copy: &Room, whole: &Room, which: &str) {
    let ids = |room: &Room| -> Vec<String> {
        room.log
            .iter()
            .map(|event| format!("{} {}", bare(text(event, "event_id")), text(event, "type")))
            .collect()
    };
    assert_eq!(ids(copy), ids(whole), "the log, {which}");
    for (mine, theirs) in copy.log.iter().zip(&whole.log) {
        // What is about a deleted message goes with it, without a redaction of its own.
        let because = &theirs["unsigned"]["redacted_because"];
        let is_own = bare(text(because, "redacts")) == bare(text(theirs, "event_id"));
        if because.is_object() && !is_own {
            assert_eq!(theirs["content"], json!({}), "{theirs:#}, {which}");
            continue;
        }
        for key in [
            "type",
            "sender",
            "content",
            "origin_server_ts",
            "state_key",
            "redacts",
        ] {
            // Of a message with files whose words are edited, the present ones are told in both places.
            let of_files =
                |event: &&Value| bare(text(event, "event_id")) == bare(text(theirs, "event_id"));
            let has_files =
                theirs[key]["url"].is_string() || whole.log.iter().filter(of_files).count() > 1;
            let is_edited_file = key == "content"
                && has_files
                && theirs["unsigned"]["m.relations"]["m.replace"].is_object();
            if !is_edited_file {
                assert_eq!(mine[key], theirs[key], "{key} of {theirs:#}, {which}");
            }
        }
        let why = |event: &Value| event["unsigned"]["redacted_because"]["event_id"].clone();
        assert_eq!(why(mine), why(theirs), "{theirs:#}, {which}");
    }
    let state = |room: &Room| -> BTreeMap<_, _> {
        room.state
            .iter()
            .map(|(key, event)| {
                (
                    key.clone(),
                    (event["event_id"].clone(), event["content"].clone()),
                )
            })
            .collect()
    };
    assert_eq!(state(copy), state(whole), "the state, {which}");
    // An edit that went with its message looks like a message.
    let shown = |room: &Room| -> BTreeMap<_, _> {
        let (shown, _) = room.shown();
        shown.into_iter().filter(|(_, it)| !it.is_deleted).collect()
    };
    let (mine, theirs) = (shown(copy), shown(whole));
    for (id, shown) in &theirs {
        assert_eq!(mine.get(id), Some(shown), "message {id}, {which}");
    }
    assert_eq!(mine.len(), theirs.len(), "messages, {which}");
}

/// The room of each flow.
pub(super) fn rooms<'a>(flows: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    flows.map(room_of).collect()
}
