//! Matrix on a machine that fails, and over time that passes.

use serde_json::{Value, json};

use super::{Client, call, document, media, refused, together};
use crate::common::{
    PASSWORD, Server,
    health::{health, until},
    shim::{DATABASE, ENOSPC, Knob, LOG, OTHER, Shim},
};

const HOUR: i32 = 3_600;
const EROFS: u32 = 30;

fn shimmed() -> (Server, Shim) {
    let mut server = Server::initialised(
        "open",
        &[
            ("matrix.enabled", "on"),
            ("matrix.server_name", "example.org"),
        ],
    );
    let shim = Shim::before(&mut server);
    server.serve();
    shim.is_there();
    (server, shim)
}

/// A client that outlives a restart.
fn again<'a>(server: &'a Server, user: &str, token: &str) -> Client<'a> {
    Client {
        server,
        user: user.to_owned(),
        token: token.to_owned(),
        device: String::new(),
    }
}

#[test]
fn a_transaction_is_known_for_two_days_over_restarts() {
    let (mut server, shim) = shimmed();
    let (user, token, room, events) = {
        let ([anna, _], room) = together(&server, ["anna", "boris"]);
        let said = anna.say(&room, "words", "a");
        let about = json!({"rel_type": "m.annotation", "event_id": said, "key": "👍"});
        let reaction = json!({"m.relates_to": about});
        let liked = anna.send(&room, "m.reaction", "a", &reaction);
        let other = anna.say(&room, "other words", "b");
        let thing = anna.send(&room, "org.example.thing", "a", &json!({"n": 1}));
        (
            anna.user.clone(),
            anna.token.clone(),
            room,
            [said, liked, other, thing],
        )
    };
    let [said, liked, other, thing] = &events;
    let edit = json!({
        "msgtype": "m.text", "body": "* better", "m.new_content": {"msgtype": "m.text", "body": "better"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": said},
    });
    let edited = again(&server, &user, &token).send(&room, "m.room.message", "edit", &edit);
    let redact = |server: &Server, event: &str, txn: &str| {
        let client = again(server, &user, &token);
        let path = format!("{room}/redact/{}/{txn}", event.replace('$', "%24"));
        client.done("PUT", &path, &json!({}))["event_id"].clone()
    };
    let gone = redact(&server, other, "a");
    let all = |server: &Server| {
        let client = again(server, &user, &token);
        let reaction =
            json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": said, "key": "👍"}});
        assert_eq!(client.say(&room, "words", "a"), *said);
        assert_eq!(client.send(&room, "m.reaction", "a", &reaction), *liked);
        assert_eq!(
            client.send(&room, "org.example.thing", "a", &json!({"n": 1})),
            *thing
        );
        assert_eq!(client.send(&room, "m.room.message", "edit", &edit), edited);
        assert_eq!(redact(server, other, "a"), gone);
    };
    all(&server);
    server.restart();
    all(&server);
    server.kill();
    server.serve();
    all(&server);
    shim.set_clock_by(47 * HOUR);
    all(&server);
    // Of another event it is another redaction.
    let liked_gone = redact(&server, liked, "a");
    assert_ne!(liked_gone, gone);
    assert_eq!(redact(&server, liked, "a"), liked_gone);
    shim.set_clock_by(49 * HOUR);
    let client = again(&server, &user, &token);
    assert_ne!(client.say(&room, "words", "a"), *said);
}

/// A request that writes: its method, its path and its body.
type Write = (&'static str, String, Value);

/// What anna writes, with a room, an event in it, and boris.
fn writes(anna: &Client<'_>, (room, event): (&str, &str), boris: &Client<'_>) -> Vec<Write> {
    let (own, event) = (&anna.user, event.replace('$', "%24"));
    let text = json!({"msgtype": "m.text", "body": "words"});
    let who = json!({"user_id": boris.user});
    let reaction = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": event.replace("%24", "$"), "key": "👍"}});
    let id = room.strip_prefix("rooms/").expect("a room");
    let shown = json!({"type": "m.login.password", "user": "anna", "password": PASSWORD});
    let kept = format!("user/{own}/account_data/org.example");
    vec![
        ("PUT", format!("{room}/send/m.room.message/1"), text),
        ("PUT", format!("{room}/send/m.reaction/1"), reaction),
        ("PUT", format!("{room}/send/org.example.thing/1"), json!({})),
        ("PUT", format!("{room}/redact/{event}/1"), json!({})),
        (
            "PUT",
            format!("{room}/state/m.room.name"),
            json!({"name": "N"}),
        ),
        (
            "PUT",
            format!("{room}/state/org.example.x"),
            json!({"x": 1}),
        ),
        ("POST", format!("{room}/kick"), who.clone()),
        ("POST", format!("{room}/ban"), who.clone()),
        ("POST", format!("{room}/leave"), json!({})),
        (
            "POST",
            format!("{room}/receipt/m.fully_read/{event}"),
            json!({}),
        ),
        ("POST", "createRoom".to_owned(), json!({"name": "New"})),
        ("PUT", kept, json!({"a": 1})),
        (
            "PUT",
            format!("user/{own}/rooms/{id}/tags/m.favourite"),
            json!({}),
        ),
        (
            "POST",
            format!("user/{own}/filter"),
            json!({"room": {"rooms": ["!a:b"]}}),
        ),
        (
            "PUT",
            format!("profile/{own}/displayname"),
            json!({"displayname": "A"}),
        ),
        (
            "PUT",
            "pushrules/global/content/cake".to_owned(),
            json!({"pattern": "cake", "actions": []}),
        ),
        (
            "PUT",
            "directory/room/%23new:example.org".to_owned(),
            json!({"room_id": id.replace("%21", "!").replace("%3A", ":")}),
        ),
        (
            "PUT",
            format!("devices/{}", anna.device),
            json!({"display_name": "D"}),
        ),
        (
            "POST",
            "account/password".to_owned(),
            json!({"new_password": "another long password", "auth": shown}),
        ),
        (
            "POST",
            "account/deactivate".to_owned(),
            json!({"auth": shown}),
        ),
        (
            "POST",
            "delete_devices".to_owned(),
            json!({"devices": [anna.device], "auth": shown}),
        ),
    ]
}

#[test]
fn what_cannot_be_written_is_503_and_reading_goes_on() {
    let (server, shim) = shimmed();
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let said = anna.say(&room, "before", "0");
    for error in [ENOSPC, EROFS] {
        let since = anna.get("sync")["next_batch"].clone();
        let since = since.as_str().expect("a token");
        shim.set(Knob::Scope, DATABASE | LOG | OTHER);
        shim.set(Knob::WriteError, error);
        let mut wrong = Vec::new();
        let mut check = |what: &str, answer: crate::common::http::Answer| {
            let told = document(&answer);
            if answer.status != 503 || !told["errcode"].is_string() {
                wrong.push(format!("{what}: {} {told}", answer.status));
            }
        };
        for (method, path, body) in writes(&anna, (&room, &said), &boris) {
            check(&path, anna.call(method, &path, &body));
        }
        let login = json!({"type": "m.login.password", "user": "anna", "password": PASSWORD});
        check("login", call(&server, None, "POST", "v3/login", &login));
        let new =
            json!({"username": "new", "password": PASSWORD, "auth": {"type": "m.login.dummy"}});
        check("register", call(&server, None, "POST", "v3/register", &new));
        check(
            "upload",
            media::put(&anna, "POST", "v3/upload", "image/png", b"\x89PNG 0123"),
        );
        assert!(wrong.is_empty(), "{wrong:#?}");
        // Reading goes on, and so does what is kept in memory.
        anna.get(&format!("sync?since={since}"));
        assert_eq!(boris.texts(&room), ["before"]);
        let typing = format!("{room}/typing/{}", anna.user);
        anna.done("PUT", &typing, &json!({"typing": true}));
        shim.set(Knob::WriteError, 0);
        until("it is well again", || {
            (health(&server).0 == 200).then_some(())
        });
        // Nothing is half done.
        assert_eq!(boris.texts(&room), ["before"]);
        let rooms = boris.get("joined_rooms");
        assert_eq!(rooms["joined_rooms"].as_array().map(Vec::len), Some(1));
        let told = anna.get(&format!("sync?since={since}"));
        assert_eq!(told["rooms"]["leave"], json!({}));
        refused(
            anna.call("GET", "directory/room/%23new:example.org", &Value::Null),
            404,
            "M_NOT_FOUND",
        );
    }
    anna.say(&room, "after", "1");
    assert_eq!(boris.texts(&room), ["before", "after"]);
}

/// What one user is told of another's presence.
fn mood(client: &Client<'_>, of: &Client<'_>) -> Value {
    client.get(&format!("presence/{}/status", of.user))["presence"].clone()
}

/// The next presence of somebody that an answer of `/sync` tells, before it has waited in vain.
#[track_caller]
fn told(client: &Client<'_>, since: &mut String, of: &Client<'_>) -> Value {
    loop {
        let path = format!("sync?since={since}&timeout=20000&set_presence=offline");
        let told = client.get(&path);
        told["next_batch"]
            .as_str()
            .expect("a token")
            .clone_into(since);
        let list = told["presence"]["events"].as_array().expect("events");
        if let Some(event) = list.iter().rfind(|event| event["sender"] == of.user) {
            return event["content"]["presence"].clone();
        }
        assert_ne!(told["rooms"]["join"], json!({}), "nothing was told in time");
    }
}

#[test]
fn who_does_nothing_is_away_after_five_minutes_and_gone_after_thirty_seconds() {
    let (server, shim) = shimmed();
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let start = |client: &Client<'_>| {
        let told = client.get("sync?set_presence=offline");
        told["next_batch"].as_str().expect("a token").to_owned()
    };
    let mut since = start(&boris);
    let path = format!("presence/{}/status", anna.user);
    anna.done("PUT", &path, &json!({"presence": "online"}));
    assert_eq!(told(&boris, &mut since, &anna), "online");
    // A client that only asks what is new is there, and does nothing.
    let mut passed = 0;
    for _ in 0..11 {
        passed += 27;
        shim.set_uptime_by(passed);
        anna.get("sync");
        assert_eq!(mood(&boris, &anna), "online", "after {passed} s");
    }
    // Who waits is told when it happens.
    assert_eq!(told(&boris, &mut since, &anna), "unavailable");
    assert_eq!(mood(&boris, &anna), "unavailable");
    // Who writes is active again.
    anna.say(&room, "words", "1");
    anna.get("sync");
    assert_eq!(told(&boris, &mut since, &anna), "online");
    shim.set_uptime_by(passed + 26);
    assert_eq!(mood(&boris, &anna), "online");
    assert_eq!(told(&boris, &mut since, &anna), "offline");
    assert_eq!(mood(&boris, &anna), "offline");
}
