//! Read marks, typing, presence, and what clients keep for themselves.

use serde_json::{Value, json};

use super::{Client, events, people, refused, room_of, server, state};
use crate::common::{Server, eventually};

/// What one sync tells, as the client asked for it with a token.
#[track_caller]
fn sync(client: &Client<'_>, since: &str, timeout: u32) -> Value {
    client.get(&format!("sync?since={since}&timeout={timeout}"))
}

#[track_caller]
fn token(told: &Value) -> String {
    told["next_batch"].as_str().expect("a token").to_owned()
}

/// The room of two who are both there by Matrix.
fn room(server: &Server) -> (Client<'_>, Client<'_>, String) {
    let [anna, boris] = people(server, ["anna", "boris"]);
    let room = anna.create(&json!({"name": "G"}));
    anna.done(
        "POST",
        &format!("{room}/invite"),
        &json!({"user_id": boris.user}),
    );
    boris.done("POST", &format!("{room}/join"), &json!({}));
    (anna, boris, room)
}

/// What a room has of passing events in an answer.
fn ephemeral(told: &Value, kind: &str) -> Option<Value> {
    let rooms = told["rooms"]["join"].as_object()?;
    let all = rooms
        .values()
        .flat_map(|room| events(&room["ephemeral"]["events"]));
    all.into_iter()
        .find(|event| event["type"] == kind)
        .map(|event| event["content"].clone())
}

#[test]
fn who_has_read_is_told_whichever_protocol_it_was() {
    let server = server();
    let mut carol = server.register("carol");
    let (anna, boris, room) = room(&server);
    anna.done(
        "POST",
        &format!("{room}/invite"),
        &json!({"user_id": "@carol:example.org"}),
    );
    let first = anna.say(&room, "one", "1");
    let second = anna.say(&room, "two", "2");
    let start = token(&anna.get("sync"));
    boris.done(
        "POST",
        &format!("{room}/receipt/m.read/{second}"),
        &json!({}),
    );
    let told = sync(&anna, &start, 20_000);
    let read = ephemeral(&told, "m.receipt").expect("a receipt");
    assert!(
        read[&second]["m.read"][&boris.user]["ts"].is_i64(),
        "{read}"
    );
    // Back it does not go.
    boris.done(
        "POST",
        &format!("{room}/receipt/m.read/{first}"),
        &json!({}),
    );
    let since = token(&told);
    assert_eq!(ephemeral(&sync(&anna, &since, 0), "m.receipt"), None);
    // In the other protocol somebody reads, and learns how far boris has.
    let flows = carol.ask("all_flow", &Value::Null).is(200);
    let flow = flows.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    let data = json!({"flow": [{"uuid": flow}]});
    let seen = carol.ask("seen_flow", &data).is(200).data()["meta"]["seen"].clone();
    assert_eq!(
        seen.as_object().map(serde_json::Map::len),
        Some(2),
        "{seen}"
    );
    let read = json!({"flow": [{"uuid": flow, "message_end": 1}]});
    carol.ask("read_flow", &read).is(200);
    let told = sync(&anna, &since, 20_000);
    let read = ephemeral(&told, "m.receipt").expect("a receipt");
    assert!(
        read[&second]["m.read"]["@carol:example.org"].is_object(),
        "{read}"
    );
    let since = token(&told);
    // What is private is told to nobody else, and counts.
    let third = anna.say(&room, "three", "3");
    let before = boris.get("sync");
    let count = |told: &Value| {
        let rooms = told["rooms"]["join"].as_object().expect("rooms");
        rooms.values().next().expect("a room")["unread_notifications"]["notification_count"].clone()
    };
    assert_eq!(count(&before), 1);
    boris.done(
        "POST",
        &format!("{room}/receipt/m.read.private/{third}"),
        &json!({"thread_id": "main"}),
    );
    let own = sync(&boris, &token(&before), 20_000);
    let read = ephemeral(&own, "m.receipt").expect("a receipt");
    assert_eq!(
        read[&third]["m.read.private"][&boris.user]["thread_id"],
        "main"
    );
    assert_eq!(count(&own), 0);
    assert_eq!(ephemeral(&sync(&anna, &since, 0), "m.receipt"), None);
    for (kind, event) in [("m.seen", &*third), ("m.read", "$0")] {
        let answer = boris.call(
            "POST",
            &format!("{room}/receipt/{kind}/{event}"),
            &json!({}),
        );
        assert!([400, 404].contains(&answer.status));
    }
    let marks = json!({"m.fully_read": third, "m.read": third});
    boris.done("POST", &format!("{room}/read_markers"), &marks);
    let told = sync(&boris, &token(&own), 20_000);
    let kept = &told["rooms"]["join"]
        .as_object()
        .expect("rooms")
        .values()
        .next()
        .expect("a room")["account_data"];
    assert_eq!(
        kept["events"],
        json!([{"type": "m.fully_read", "content": {"event_id": third}}])
    );
}

#[test]
fn who_writes_is_told_until_it_ends() {
    let server = server();
    let (anna, boris, room) = room(&server);
    let start = token(&anna.get("sync"));
    let path = format!("{room}/typing/{}", boris.user);
    boris.done("PUT", &path, &json!({"typing": true, "timeout": 30_000}));
    let told = sync(&anna, &start, 20_000);
    assert_eq!(
        ephemeral(&told, "m.typing"),
        Some(json!({"user_ids": [boris.user]}))
    );
    let since = token(&told);
    assert_eq!(ephemeral(&sync(&anna, &since, 0), "m.typing"), None);
    boris.done("PUT", &path, &json!({"typing": false}));
    let told = sync(&anna, &since, 20_000);
    assert_eq!(ephemeral(&told, "m.typing"), Some(json!({"user_ids": []})));
    let since = token(&told);
    // By itself it ends too.
    boris.done("PUT", &path, &json!({"typing": true, "timeout": 1}));
    let told = eventually(
        || sync(&anna, &since, 0),
        |told| ephemeral(told, "m.typing") == Some(json!({"user_ids": []})),
    );
    assert!(told["next_batch"].is_string());
    refused(
        boris.call(
            "PUT",
            &format!("{room}/typing/{}", anna.user),
            &json!({"typing": true}),
        ),
        403,
        "M_FORBIDDEN",
    );
}

#[test]
fn who_is_there_is_told_to_companions() {
    let server = server();
    server.register("carol");
    let (anna, boris, _) = room(&server);
    let carol = Client::sign_in(&server, "carol");
    let start = token(&anna.get("sync"));
    let status = json!({"presence": "unavailable", "status_msg": "asleep"});
    boris.done("PUT", &format!("presence/{}/status", boris.user), &status);
    let told = sync(&anna, &start, 20_000);
    let event = events(&told["presence"]["events"])
        .next()
        .expect("an event");
    assert_eq!(
        (&event["sender"], &event["content"]["presence"]),
        (&json!(boris.user), &json!("unavailable"))
    );
    let asked = anna.get(&format!("presence/{}/status", boris.user));
    assert_eq!(
        (&asked["presence"], &asked["status_msg"]),
        (&json!("unavailable"), &json!("asleep"))
    );
    refused(
        carol.call(
            "GET",
            &format!("presence/{}/status", boris.user),
            &Value::Null,
        ),
        403,
        "M_FORBIDDEN",
    );
    refused(
        carol.call("PUT", &format!("presence/{}/status", boris.user), &status),
        403,
        "M_FORBIDDEN",
    );
}

#[test]
fn clients_keep_things_for_themselves() {
    let server = server();
    let mut old = server.register("old");
    let (anna, boris, room) = room(&server);
    let start = token(&anna.get("sync"));
    let own = format!("user/{}/account_data", anna.user);
    let content = json!({"theme": "dark", "size": 1.5});
    anna.done("PUT", &format!("{own}/org.example"), &content);
    assert_eq!(anna.get(&format!("{own}/org.example")), content);
    let told = sync(&anna, &start, 20_000);
    assert_eq!(
        told["account_data"]["events"],
        json!([{"type": "org.example", "content": content}])
    );
    assert_eq!(sync(&boris, &start, 0)["account_data"]["events"], json!([]));
    refused(
        anna.call("GET", &format!("{own}/org.none"), &Value::Null),
        404,
        "M_NOT_FOUND",
    );
    refused(
        boris.call("PUT", &format!("{own}/x"), &json!({})),
        403,
        "M_FORBIDDEN",
    );
    refused(
        anna.call("PUT", &format!("{own}/m.push_rules"), &json!({})),
        405,
        "M_BAD_JSON",
    );
    assert!(anna.get(&format!("{own}/m.push_rules"))["global"].is_object());
    // Of a room, and its tags.
    let id = room.strip_prefix("rooms/").expect("a room").to_owned();
    let since = token(&told);
    let here = format!("user/{}/rooms/{id}", anna.user);
    anna.done(
        "PUT",
        &format!("{here}/tags/m.favourite"),
        &json!({"order": 0.25}),
    );
    assert_eq!(
        anna.get(&format!("{here}/tags")),
        json!({"tags": {"m.favourite": {"order": 0.25}}})
    );
    let told = sync(&anna, &since, 20_000);
    let kept = &told["rooms"]["join"]
        .as_object()
        .expect("rooms")
        .values()
        .next()
        .expect("a room")["account_data"];
    assert_eq!(kept["events"][0]["type"], "m.tag");
    anna.done("DELETE", &format!("{here}/tags/m.favourite"), &json!({}));
    assert_eq!(
        anna.get(&format!("{here}/account_data/m.tag")),
        json!({"tags": {}})
    );
    // What the client says of chats is joined to those that the other protocol makes.
    anna.done(
        "PUT",
        &format!("{own}/m.direct"),
        &json!({"@boris:example.org": ["!a:b"]}),
    );
    let other = server.sign_in("anna");
    let flow = old.add_flow("chat", "", &[&other]);
    let direct = anna.get(&format!("{own}/m.direct"));
    assert_eq!(
        direct,
        json!({"@boris:example.org": ["!a:b"], "@old:example.org": [room_of(&flow)]})
    );
}

#[test]
fn pictures_of_people_and_rooms_are_those_of_the_other_protocol() {
    let server = server();
    let (anna, boris, room) = room(&server);
    let bytes = crate::sent_files::picture(900, 4);
    let mxc = super::media::uploaded(&anna, "image/png", &bytes);
    let start = token(&boris.get("sync"));
    anna.done(
        "PUT",
        &format!("profile/{}/avatar_url", anna.user),
        &json!({"avatar_url": mxc}),
    );
    assert_eq!(
        anna.get(&format!("profile/{}", boris.user))["avatar_url"],
        Value::Null
    );
    assert_eq!(
        boris.get(&format!("profile/{}/avatar_url", anna.user)),
        json!({"avatar_url": mxc})
    );
    let told = sync(&boris, &start, 20_000);
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let news = rooms.values().next().expect("a room");
    assert_eq!(
        state(&news["timeline"]["events"], "m.room.member", &anna.user)["avatar_url"],
        json!(mxc)
    );
    let download = "client/v1/media/download";
    assert_eq!(
        super::media::fetch(&boris, download, &mxc).is(200).body,
        bytes
    );
    let other = super::media::uploaded(&anna, "image/png", &crate::sent_files::picture(800, 5));
    let content = json!({"url": other, "info": {"w": 2}});
    anna.done("PUT", &format!("{room}/state/m.room.avatar"), &content);
    assert_eq!(boris.get(&format!("{room}/state/m.room.avatar")), content);
    super::media::fetch(&boris, download, &other).is(200);
    anna.done(
        "PUT",
        &format!("profile/{}/avatar_url", anna.user),
        &json!({"avatar_url": ""}),
    );
    assert_eq!(
        boris.get(&format!("profile/{}/avatar_url", anna.user)),
        json!({})
    );
}
