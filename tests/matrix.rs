//! Matrix: the client-server API over the conversations that MTP has.

mod account;
mod bounds;
mod chats;
mod clients;
mod counts;
mod directory;
mod door;
mod endings;
mod faults;
mod finding;
mod ignored;
mod marks;
mod media;
mod members;
mod messages;
mod names;
mod one_truth;
mod outsiders;
mod parsed;
mod part_edits;
mod parts;
mod pinned;
mod polled;
mod portraits;
mod registering;
mod rooms;
mod sync;
mod threads;
mod tokens;
mod transport;

use serde_json::{Value, json};

use crate::common::{
    PASSWORD, Server,
    http::{self, Answer},
};

/// A server on which Matrix is on, under this name.
pub(crate) fn server() -> Server {
    Server::with(&[
        ("matrix.enabled", "on"),
        ("matrix.server_name", "example.org"),
    ])
}

/// Somebody with a Matrix client.
pub(crate) struct Client<'a> {
    server: &'a Server,
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) device: String,
}

/// Sends a request, with JSON unless that is null.
#[track_caller]
pub(crate) fn call(
    server: &Server,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let mut headers = "Content-Type: application/json\r\n".to_owned();
    if let Some(token) = token {
        headers = format!("{headers}Authorization: Bearer {token}\r\n");
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let whole = format!("/_matrix/client/{path}");
    let answer = http::send(server, method, &whole, &headers, body.as_bytes());
    parsed::check(method, path, &answer);
    answer
}

/// The JSON of an answer.
#[track_caller]
pub(crate) fn document(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Checks a refusal.
#[track_caller]
pub(crate) fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let answer = answer.is(status);
    let told = document(&answer);
    assert_eq!(told["errcode"], code, "{told}");
    assert!(told["error"].is_string(), "{told}");
    told
}

impl<'a> Client<'a> {
    /// Signs in by a login that is registered.
    #[track_caller]
    pub(crate) fn sign_in(server: &'a Server, login: &str) -> Self {
        let body = json!({
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": login},
            "password": PASSWORD,
        });
        let told = document(&call(server, None, "POST", "v3/login", &body).is(200));
        let text = |key: &str| told[key].as_str().expect("text").to_owned();
        Self {
            server,
            user: text("user_id"),
            token: text("access_token"),
            device: text("device_id"),
        }
    }

    /// Sends a request below `v3`.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let path = format!("v3/{path}");
        call(self.server, Some(&self.token), method, &path, body)
    }

    /// Reads what is there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        document(&self.call("GET", path, &Value::Null).is(200))
    }

    /// Sends a request that is done, and returns what is told.
    #[track_caller]
    pub(crate) fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        document(&self.call(method, path, body).is(200))
    }

    /// Makes a room and returns the beginning of its addresses.
    #[track_caller]
    pub(crate) fn create(&self, body: &Value) -> String {
        let told = self.done("POST", "createRoom", body);
        address(told["room_id"].as_str().expect("an id"))
    }

    /// Sends a text, and returns the id of the event.
    #[track_caller]
    pub(crate) fn say(&self, room: &str, text: &str, txn: &str) -> String {
        let body = json!({"msgtype": "m.text", "body": text});
        self.send(room, "m.room.message", txn, &body)
    }

    /// Sends an event, and returns its id.
    #[track_caller]
    pub(crate) fn send(&self, room: &str, kind: &str, txn: &str, content: &Value) -> String {
        let told = self.done("PUT", &format!("{room}/send/{kind}/{txn}"), content);
        told["event_id"].as_str().expect("an id").to_owned()
    }

    /// The bodies of the newest messages of a room, oldest first.
    #[track_caller]
    pub(crate) fn texts(&self, room: &str) -> Vec<String> {
        let page = self.get(&format!("{room}/messages?dir=b&limit=100"));
        let mut texts: Vec<_> = events(&page["chunk"])
            .filter(|event| event["type"] == "m.room.message")
            .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned))
            .collect();
        texts.reverse();
        texts
    }
}

/// People who are registered, each with a Matrix client.
#[track_caller]
pub(crate) fn people<'a, const N: usize>(server: &'a Server, logins: [&str; N]) -> [Client<'a>; N] {
    for login in logins {
        server.register(login);
    }
    logins.map(|login| Client::sign_in(server, login))
}

/// People in one room, the first of whom has made it.
#[track_caller]
pub(crate) fn together<'a, const N: usize>(
    server: &'a Server,
    logins: [&str; N],
) -> ([Client<'a>; N], String) {
    let people = people(server, logins);
    let room = people[0].create(&json!({"name": "G"}));
    for other in &people[1..] {
        let body = json!({"user_id": other.user});
        people[0].done("POST", &format!("{room}/invite"), &body);
        other.done("POST", &format!("{room}/join"), &json!({}));
    }
    (people, room)
}

/// The beginning of the addresses of a room.
pub(crate) fn address(room: &str) -> String {
    format!("rooms/{}", room.replace('!', "%21").replace(':', "%3A"))
}

/// The room of a flow.
pub(crate) fn room_of(flow: &str) -> String {
    let number: u128 = flow.parse().expect("the id of a flow");
    format!("!{number:032x}:example.org")
}

/// The events of a list.
pub(crate) fn events(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("events").iter()
}

/// The content of a piece of state in a list.
#[track_caller]
pub(crate) fn state<'a>(list: &'a Value, kind: &str, key: &str) -> &'a Value {
    let found = events(list).filter(|it| it["type"] == kind && it["state_key"] == key);
    &found
        .last()
        .unwrap_or_else(|| panic!("no {kind} {key} in {list:#}"))["content"]
}
