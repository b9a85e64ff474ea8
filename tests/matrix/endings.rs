//! Accounts, rooms and old messages that end, as clients see it.

use serde_json::{Value, json};

use super::{Client, account::with_password, call, events, refused, server, together};
use crate::{
    common::{Server, health::until},
    roles::ask,
};

/// The most pages that anything here takes.
const PAGES: usize = 40;

/// All events of a room from a place on, page by page.
#[track_caller]
fn pages(client: &Client<'_>, room: &str, way: &str, from: Option<&str>) -> Vec<Value> {
    let mut from = from.map(str::to_owned);
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let place = from
            .as_ref()
            .map_or_else(String::new, |it| format!("&from={it}"));
        let page = client.get(&format!("{room}/messages?dir={way}&limit=5{place}"));
        found.extend(events(&page["chunk"]).cloned());
        let Some(end) = page["end"].as_str() else {
            return found;
        };
        assert_ne!(Some(end), from.as_deref(), "it stands still");
        from = Some(end.to_owned());
    }
    panic!("the pages have no end");
}

fn place_of(log: &[Value], wanted: impl Fn(&Value) -> bool) -> usize {
    log.iter()
        .position(wanted)
        .unwrap_or_else(|| panic!("not there: {log:#?}"))
}

/// Checks that a room passes on to its heir before its owner leaves it.
#[track_caller]
fn passed_on(heir: &Client<'_>, room: &str, owner: &str) {
    let log = pages(heir, room, "f", None);
    let levels = place_of(&log, |event| {
        event["type"] == "m.room.power_levels" && event["content"]["users"][&heir.user] == 100
    });
    let leave = place_of(&log, |event| {
        event["state_key"] == *owner && event["content"]["membership"] == "leave"
    });
    assert!(levels < leave, "{log:#?}");
    assert_eq!(log[levels]["sender"], *owner);
    let users = &log[levels]["content"]["users"];
    assert!(users[owner].is_null(), "{users}");
    let after = log[leave..]
        .iter()
        .filter(|it| it["type"] == "m.room.power_levels");
    assert_eq!(after.count(), 0, "{log:#?}");
    let present = heir.get(&format!("{room}/state/m.room.power_levels"));
    assert_eq!(present, log[levels]["content"]);
}

#[test]
fn an_owner_who_ends_passes_rooms_on_before_leaving_them() {
    let server = server();
    let ([anna, boris, _], room) = together(&server, ["anna", "boris", "carol"]);
    with_password(&anna, "POST", "account/deactivate", &json!({}));
    passed_on(&boris, &room, &anna.user);
    // The heir may do what an owner may.
    let name = json!({"name": "mine"});
    boris.done("PUT", &format!("{room}/state/m.room.name"), &name);
}

#[test]
fn an_owner_who_leaves_passes_the_room_on_before_too() {
    let server = server();
    let ([anna, boris, carol], room) = together(&server, ["anna", "boris", "carol"]);
    // The moderator inherits, not who came first.
    let mut levels = anna.get(&format!("{room}/state/m.room.power_levels"));
    levels["users"][&carol.user] = json!(50);
    anna.done("PUT", &format!("{room}/state/m.room.power_levels"), &levels);
    anna.done("POST", &format!("{room}/leave"), &json!({}));
    passed_on(&carol, &room, &anna.user);
    // By the other protocol it is the same.
    let mut old = server.sign_in("carol");
    let flow = ask(&mut old, "all_flow", &Value::Null).flows()[0]["uuid"].clone();
    ask(&mut old, "leave_flow", &json!({"flow": [{"uuid": flow}]})).is(200);
    passed_on(&boris, &room, &carol.user);
}

#[test]
fn the_operator_who_removes_an_owner_passes_the_room_on_before_too() {
    let server = server();
    let ([anna, boris, _], room) = together(&server, ["anna", "boris", "carol"]);
    let remove = ["user", "remove", "anna", "--yes"];
    server.command(remove).run().exits(0);
    passed_on(&boris, &room, &anna.user);
}

/// What a client is told of a room that it is no longer in.
#[track_caller]
fn left(client: &Client<'_>, since: &str) -> Value {
    let told = client.get(&format!("sync?since={since}"));
    let rooms = told["rooms"]["leave"].as_object().expect("rooms");
    assert_eq!(rooms.len(), 1, "{told:#}");
    assert_eq!(told["rooms"]["join"], json!({}));
    let news = rooms.values().next().expect("a room").clone();
    let next = told["next_batch"].as_str().expect("a token");
    let again = client.get(&format!("sync?since={next}"));
    assert_eq!(again["rooms"]["leave"], json!({}), "once only");
    news
}

fn token(client: &Client<'_>) -> String {
    let told = client.get("sync");
    told["next_batch"].as_str().expect("a token").to_owned()
}

#[test]
fn a_removed_flow_is_left_by_all() {
    for by_operator in [false, true] {
        let server = server();
        let ([anna, boris, carol], room) = together(&server, ["anna", "boris", "carol"]);
        server.register("dmitri");
        let dmitri = Client::sign_in(&server, "dmitri");
        anna.done(
            "POST",
            &format!("{room}/invite"),
            &json!({"user_id": dmitri.user}),
        );
        boris.say(&room, "words", "1");
        let thing = json!({"said": "in confidence"});
        boris.send(&room, "org.example.thing", "2", &thing);
        let all = [&anna, &boris, &carol, &dmitri];
        let since = all.map(token);
        let mut old = server.sign_in("anna");
        let flow = ask(&mut old, "all_flow", &Value::Null).flows()[0]["uuid"].clone();
        if by_operator {
            let flow = flow.as_str().expect("an id");
            let remove = ["flow", "remove", flow, "--yes"];
            server.command(remove).run().exits(0);
        } else {
            let remove = json!({"meta": {"flow": flow}});
            ask(&mut old, "remove_flow", &remove).is(200);
        }
        for (client, since) in all.into_iter().zip(&since) {
            let news = left(client, since);
            let list = &news["timeline"]["events"];
            let ending = events(list).last().unwrap_or_else(|| panic!("{news:#}"));
            assert_eq!(ending["state_key"], client.user, "{news:#}");
            assert_eq!(ending["content"]["membership"], "leave", "{news:#}");
            assert_eq!(client.get("joined_rooms")["joined_rooms"], json!([]));
            assert_eq!(client.get("sync")["rooms"]["invite"], json!({}));
            let text = json!({"msgtype": "m.text", "body": "too late"});
            let path = format!("{room}/send/m.room.message/3");
            refused(client.call("PUT", &path, &text), 403, "M_FORBIDDEN");
        }
        // What was said there goes, for good.
        let mut said = Vec::new();
        until("what was said goes", || {
            said = pages(&boris, &room, "b", None);
            let is_said = |event: &Value| event["state_key"].is_null();
            (!said.iter().any(is_said)).then_some(())
        });
        let kept = |what: &[u8]| {
            let bytes = server.database_bytes();
            bytes.windows(what.len()).any(|it| it == what)
        };
        until("nothing of it is left", || {
            (!kept(b"in confidence")).then_some(())
        });
        boris.done("POST", &format!("{room}/forget"), &json!({}));
    }
}

#[test]
fn pages_end_where_retention_has_begun() {
    let server = Server::with(&[
        ("matrix.enabled", "on"),
        ("matrix.server_name", "example.org"),
        ("history.keep", "4s"),
    ]);
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let mut first = String::new();
    for n in 0..12 {
        first = boris.say(&room, &format!("text {n}"), &n.to_string());
    }
    let about =
        json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}});
    anna.send(&room, "m.reaction", "r", &about);
    let thing = json!({"said": "in confidence"});
    boris.send(&room, "org.example.thing", "t", &thing);
    let page = anna.get(&format!("{room}/messages?dir=b&limit=5"));
    let inside = page["end"].as_str().expect("a token").to_owned();
    let since = token(&anna);
    until("retention takes them", || {
        anna.texts(&room).is_empty().then_some(())
    });
    // From the end, from a place that is gone, from the beginning: no end stays for ever.
    let is_said = |event: &&Value| event["state_key"].is_null();
    for (way, from) in [
        ("b", None),
        ("b", Some(inside.as_str())),
        ("f", None),
        ("f", Some(inside.as_str())),
        ("f", Some("t0")),
        ("b", Some("t0")),
        ("b", Some(since.as_str())),
    ] {
        let found = pages(&anna, &room, way, from);
        let said = found.iter().filter(is_said).count();
        assert_eq!(said, 0, "{way} {from:?}: {found:#?}");
    }
    let first = first.replace('$', "%24");
    for path in ["event", "context"] {
        let path = format!("{room}/{path}/{first}");
        refused(anna.call("GET", &path, &Value::Null), 404, "M_NOT_FOUND");
    }
    let path = format!("v1/{room}/relations/{first}");
    let gone = call(&server, Some(&anna.token), "GET", &path, &Value::Null);
    refused(gone, 404, "M_NOT_FOUND");
    // The state stays, and what comes is there.
    let members = anna.get(&format!("{room}/joined_members"));
    assert_eq!(
        members["joined"].as_object().map(serde_json::Map::len),
        Some(2)
    );
    let next = boris.say(&room, "later", "later");
    let told = anna.get(&format!("sync?since={since}"));
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let news = rooms.values().next().expect("the room");
    let ids: Vec<_> = events(&news["timeline"]["events"])
        .map(|event| event["event_id"].clone())
        .collect();
    assert_eq!(ids, [json!(next)]);
    let before = news["timeline"]["prev_batch"].as_str();
    let found = pages(&anna, &room, "b", before);
    assert_eq!(found.iter().filter(is_said).count(), 0);
}
