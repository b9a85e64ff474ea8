//! Tokens, what an answer waits for, and the state beside a timeline.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, call, events, people, refused, server, together};
use crate::backup::document;

#[test]
fn who_comes_with_a_token_of_a_replaced_file_knows_nothing() {
    let mut server = server();
    let [anna] = people(&server, ["anna"]);
    let room = anna.create(&json!({"name": "Club"}));
    anna.say(&room, "before", "1");
    let kept = anna.get("sync")["next_batch"].clone();
    let made = document(&server, ["backup", "--to", "copy.db"], 0);
    anna.say(&room, "lost", "2");
    let lost = anna.get("sync")["next_batch"].clone();
    let (user, token) = (anna.user.clone(), anna.token.clone());
    server.stop();
    let copy = made["file"].as_str().expect("a file");
    document(&server, ["restore", copy, "--yes"], 0);
    server.serve();
    let anna = Client {
        server: &server,
        user,
        token,
        device: String::new(),
    };
    let sync = |since: &Value| {
        let since = since.as_str().expect("a token");
        anna.get(&format!("sync?since={since}"))
    };
    let told = sync(&kept);
    assert_eq!(told["rooms"]["join"], json!({}), "{told:#}");
    // As without a token, whatever has happened since.
    for text in ["after", "later"] {
        anna.say(&room, text, text);
        let told = sync(&lost);
        let rooms = told["rooms"]["join"].as_object().expect("rooms");
        let timeline = &rooms.values().next().expect("the room")["timeline"];
        let types: Vec<_> = events(&timeline["events"]).map(|it| &it["type"]).collect();
        assert!(types.contains(&&json!("m.room.name")), "{timeline:#}");
        let from = lost.as_str().expect("a token");
        let page = anna.get(&format!("{room}/messages?dir=b&from={from}"));
        assert_eq!(page["chunk"][0]["content"]["body"], text);
    }
    refused(
        anna.call("GET", "sync?since=s99999999999999.0", &Value::Null),
        400,
        "M_INVALID_PARAM",
    );
}

#[test]
fn an_answer_does_not_wait_for_what_its_filter_leaves_out() {
    let server = server();
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let none = json!({"types": []});
    let filter = json!({
        "room": {"ephemeral": none, "account_data": none, "timeline": {"types": ["org.example"]}, "state": none},
        "account_data": none, "presence": none,
    });
    let path = format!("user/{}/filter", anna.user);
    let id = anna.done("POST", &path, &filter)["filter_id"].clone();
    let id = id.as_str().expect("an id");
    let since = anna.get("sync")["next_batch"].clone();
    let since = since.as_str().expect("a token");
    let last = boris.say(&room, "words", "1");
    boris.done(
        "PUT",
        &format!("{room}/typing/{}", boris.user),
        &json!({"typing": true}),
    );
    boris.done("POST", &format!("{room}/receipt/m.read/{last}"), &json!({}));
    for path in [
        "account_data/org.example",
        "rooms/ROOM/account_data/org.example",
    ] {
        let path = path.replace("ROOM", room.trim_start_matches("rooms/"));
        anna.done(
            "PUT",
            &format!("user/{}/{path}", anna.user),
            &json!({"n": 1}),
        );
    }
    // Nothing of that is told, and what comes while it waits is.
    let told = std::thread::scope(|scope| {
        let waits =
            scope.spawn(|| anna.get(&format!("sync?since={since}&filter={id}&timeout=60000")));
        std::thread::sleep(Duration::from_millis(300));
        boris.send(&room, "org.example", "2", &json!({"n": 1}));
        waits.join().expect("an answer")
    });
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let room = rooms.values().next().expect("the room");
    let types: Vec<_> = events(&room["timeline"]["events"])
        .map(|it| &it["type"])
        .collect();
    assert_eq!(types, ["org.example"]);
    assert_eq!(told["account_data"]["events"], json!([]));
    assert_eq!(room["ephemeral"]["events"], json!([]));
}

#[test]
fn the_state_after_a_timeline_is_that_of_its_end() {
    let server = server();
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let since = boris.get("sync")["next_batch"].clone();
    let since = since.as_str().expect("a token");
    anna.done(
        "PUT",
        &format!("{room}/state/m.room.name"),
        &json!({"name": "H"}),
    );
    anna.done(
        "PUT",
        &format!("{room}/state/org.example/k"),
        &json!({"n": 1}),
    );
    // Also of what the timeline leaves out.
    let filter = json!({"room": {"timeline": {"not_types": ["m.room.name"]}}}).to_string();
    let filter: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let sync = |more: &str| {
        let path = format!("sync?since={since}&use_state_after=true{more}");
        boris.get(&path)["rooms"].clone()
    };
    let only = |rooms: &Value| rooms.as_object().expect("rooms").values().next().cloned();
    let told = only(&sync(&format!("&filter={filter}"))["join"]).expect("the room");
    let types: Vec<_> = events(&told["state_after"]["events"])
        .map(|it| &it["type"])
        .collect();
    assert_eq!(types, ["m.room.name", "org.example"]);
    assert!(told["state"].is_null());
    let body = json!({"user_id": boris.user});
    anna.done("POST", &format!("{room}/kick"), &body);
    let told = only(&sync("")["leave"]).expect("the room");
    let left = events(&told["state_after"]["events"]).find(|it| it["state_key"] == boris.user);
    assert_eq!(left.expect("the end")["content"]["membership"], "leave");
}

#[test]
fn what_is_around_an_event_is_as_much_as_is_asked_for() {
    let server = server();
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let ids = ["1", "2", "3"].map(|text| anna.say(&room, text, text));
    let told = |more: &str| {
        let path = format!("v3/{room}/context/{}?{more}", ids[1]);
        let answer = call(&server, Some(&boris.token), "GET", &path, &Value::Null);
        super::document(&answer.is(200))
    };
    let alone = told("limit=0");
    assert_eq!(alone["event"]["event_id"], ids[1]);
    for list in ["events_before", "events_after"] {
        assert_eq!(alone[list], json!([]));
    }
    let from = alone["end"].as_str().expect("a token");
    let page = boris.get(&format!("{room}/messages?dir=f&from={from}"));
    assert_eq!(page["chunk"][0]["event_id"], ids[2]);
    let from = alone["start"].as_str().expect("a token");
    let page = boris.get(&format!("{room}/messages?dir=b&from={from}"));
    assert_eq!(page["chunk"][0]["event_id"], ids[0]);
    // Of members, those who have sent what is told, where a client loads them when it needs them.
    let lazy = told("limit=2&filter=%7B%22lazy_load_members%22%3Atrue%7D");
    let members: Vec<_> = events(&lazy["state"])
        .filter(|it| it["type"] == "m.room.member")
        .map(|it| &it["state_key"])
        .collect();
    assert_eq!(members, [&json!(anna.user)]);
}
