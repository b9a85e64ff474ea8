//! What is new: at first, later, and when it happens.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Client, address, events, people, refused, room_of, server, state};

#[test]
fn a_room_is_told_of_at_first_and_then_what_is_new() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    for number in 0..12 {
        anna.send(&flow, &format!("text {number}"));
    }
    let client = Client::sign_in(&server, "boris");
    let id = room_of(&flow);
    let first = client.get("sync");
    let room = &first["rooms"]["join"][&id];
    let timeline: Vec<_> = events(&room["timeline"]["events"]).collect();
    assert_eq!(timeline.len(), 10);
    assert_eq!(room["timeline"]["limited"], true);
    assert!(timeline.iter().all(|it| it["room_id"].is_null()));
    assert_eq!(
        state(&room["state"]["events"], "m.room.name", "")["name"],
        "Family"
    );
    assert_eq!(room["unread_notifications"]["notification_count"], 12);
    assert_eq!(room["summary"]["m.joined_member_count"], 2);
    assert_eq!(room["summary"]["m.heroes"], json!(["@anna:example.org"]));
    let since = first["next_batch"].as_str().expect("a token").to_owned();
    let path = format!("sync?since={since}");
    let nothing = client.get(&path);
    assert_eq!(nothing["rooms"]["join"], json!({}));
    for number in 0..3 {
        anna.send(&flow, &format!("more {number}"));
    }
    let news = client.get(&path);
    let room = &news["rooms"]["join"][&id];
    assert_eq!(events(&room["timeline"]["events"]).count(), 3);
    assert_eq!(room["timeline"]["limited"], false);
    assert_eq!(room["state"]["events"], json!([]));
    let again = client.get(&path);
    let bodies = |told: &Value| -> Vec<Value> {
        let list = &told["rooms"]["join"][&id]["timeline"]["events"];
        events(list)
            .map(|it| it["content"]["body"].clone())
            .collect()
    };
    assert_eq!(bodies(&again), bodies(&news));
    for wrong in ["s1", "x", "s-1.0", "s99999999.0", "t"] {
        let path = format!("sync?since={wrong}");
        refused(
            client.call("GET", &path, &Value::Null),
            400,
            "M_INVALID_PARAM",
        );
    }
    // Read, nothing counts any more.
    let last = events(&room["timeline"]["events"]).last().expect("one")["event_id"].as_str();
    let receipt = format!(
        "{}/receipt/m.read/{}",
        address(&id),
        last.expect("an id").replace('$', "%24")
    );
    client.done("POST", &receipt, &json!({}));
    let told = client.get("sync");
    let count = &told["rooms"]["join"][&id]["unread_notifications"]["notification_count"];
    assert_eq!(count, 0);
}

#[test]
fn an_answer_waits_until_something_happens() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let client = Client::sign_in(&server, "boris");
    let since = client.get("sync")["next_batch"]
        .as_str()
        .expect("a token")
        .to_owned();
    let begun = Instant::now();
    client.get(&format!("sync?since={since}&timeout=300"));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let told = thread::scope(|scope| {
        let parked = scope.spawn(|| client.get(&format!("sync?since={since}&timeout=30000")));
        thread::sleep(Duration::from_millis(200));
        anna.send(&flow, "now");
        parked.join().expect("an answer")
    });
    assert!(begun.elapsed() < Duration::from_secs(20));
    let room = &told["rooms"]["join"][&room_of(&flow)];
    assert_eq!(room["timeline"]["events"][0]["content"]["body"], "now");
    // A state of the room alone wakes too.
    let since = told["next_batch"].as_str().expect("a token").to_owned();
    let owner = Client::sign_in(&server, "anna");
    let path = format!("{}/state/org.example.x", address(&room_of(&flow)));
    let told = thread::scope(|scope| {
        let parked = scope.spawn(|| client.get(&format!("sync?since={since}&timeout=30000")));
        thread::sleep(Duration::from_millis(200));
        owner.done("PUT", &path, &json!({"a": 1}));
        parked.join().expect("an answer")
    });
    let room = &told["rooms"]["join"][&room_of(&flow)];
    assert_eq!(room["timeline"]["events"][0]["type"], "org.example.x");
}

#[test]
fn invitations_and_leaving_have_their_places() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let since = |told: &Value| told["next_batch"].as_str().expect("a token").to_owned();
    let mut token = since(&boris.get("sync"));
    let room = anna.create(&json!({"name": "Club", "invite": [boris.user]}));
    let told = boris.get(&format!("sync?since={token}"));
    let (id, invited) = told["rooms"]["invite"]
        .as_object()
        .expect("rooms")
        .iter()
        .next()
        .expect("it");
    let list = &invited["invite_state"]["events"];
    assert_eq!(state(list, "m.room.name", "")["name"], "Club");
    assert_eq!(
        state(list, "m.room.member", &boris.user)["membership"],
        "invite"
    );
    state(list, "m.room.member", &anna.user);
    assert!(
        events(list).all(|it| it.as_object().is_some_and(|it| it.len() == 4)),
        "{list}"
    );
    token = since(&told);
    anna.say(&room, "before", "1");
    boris.done("POST", &format!("{room}/join"), &json!({}));
    let told = boris.get(&format!("sync?since={token}"));
    let joined = &told["rooms"]["join"][id];
    let kinds: Vec<_> = events(&joined["timeline"]["events"])
        .map(|it| it["type"].clone())
        .collect();
    assert!(kinds.contains(&json!("m.room.message")), "{kinds:?}");
    token = since(&told);
    boris.done("POST", &format!("{room}/leave"), &json!({}));
    anna.say(&room, "after", "2");
    let told = boris.get(&format!("sync?since={token}"));
    let left = &told["rooms"]["leave"][id];
    let ending = events(&left["timeline"]["events"])
        .last()
        .expect("an event");
    assert_eq!(ending["content"]["membership"], "leave");
    let told = boris.get(&format!("sync?since={}", since(&told)));
    assert_eq!(
        told["rooms"],
        json!({"join": {}, "invite": {}, "leave": {}})
    );
    assert_eq!(boris.get("sync")["rooms"]["leave"], json!({}));
}

#[test]
fn filters_are_stored_and_followed() {
    let server = server();
    let (mut anna, _) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[]);
    anna.send(&flow, "text");
    let (client, other) = (
        Client::sign_in(&server, "anna"),
        Client::sign_in(&server, "boris"),
    );
    let filter = json!({"room": {"timeline": {"limit": 1, "types": ["m.room.message"]}}});
    let path = format!("user/{}/filter", client.user);
    let id = client.done("POST", &path, &filter)["filter_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(client.get(&format!("{path}/{id}")), filter);
    refused(
        client.call("GET", &format!("{path}/999"), &Value::Null),
        404,
        "M_NOT_FOUND",
    );
    refused(other.call("POST", &path, &filter), 403, "M_FORBIDDEN");
    refused(
        other.call("GET", &format!("{path}/{id}"), &Value::Null),
        403,
        "M_FORBIDDEN",
    );
    let told = client.get(&format!("sync?filter={id}"));
    let list = &told["rooms"]["join"][&room_of(&flow)]["timeline"]["events"];
    assert_eq!(events(list).count(), 1);
    let nothing = client.get("sync?filter=%7B%22room%22%3A%7B%22rooms%22%3A%5B%5D%7D%7D");
    assert_eq!(nothing["rooms"]["join"], json!({}));
    refused(
        client.call("GET", "sync?filter=%7Bx", &Value::Null),
        400,
        "M_NOT_JSON",
    );
}

/// Whatever happens, a client that joins what `/sync` and pages tell it knows the log and the state.
#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn what_is_told_in_pieces_is_the_log() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let id = room_of(&flow);
    let room = address(&id);
    let (owner, client) = (
        Client::sign_in(&server, "anna"),
        Client::sign_in(&server, "boris"),
    );
    let (mut since, mut log, mut known) =
        (None::<String>, Vec::<Value>::new(), Vec::<Value>::new());
    let apply = |known: &mut Vec<Value>, event: &Value| {
        if event["state_key"].is_string() {
            known.retain(|it| it["type"] != event["type"] || it["state_key"] != event["state_key"]);
            known.push(event.clone());
        }
    };
    let mut seed = 12_345_u32;
    for round in 0..12 {
        for step in 0..(round * 7) % 16 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match seed >> 29 {
                0 => drop(owner.done(
                    "PUT",
                    &format!("{room}/state/m.room.name"),
                    &json!({"name": format!("n{seed}")}),
                )),
                1 => drop(owner.done(
                    "PUT",
                    &format!("{room}/state/org.x/{}", seed % 3),
                    &json!({"v": seed}),
                )),
                2 => drop(owner.say(&room, &format!("m{seed}"), &format!("{round}-{step}"))),
                3 => {
                    let message = anna.send(&flow, "to be edited");
                    anna.edit(&message, "edited").is(200);
                }
                4 => {
                    let message = anna.send(&flow, "to be deleted");
                    anna.delete(&message).is(200);
                }
                _ => drop(anna.send(&flow, &format!("text {seed}"))),
            }
        }
        let path = since
            .as_ref()
            .map_or_else(|| "sync".to_owned(), |it| format!("sync?since={it}"));
        let told = client.get(&path);
        let news = &told["rooms"]["join"][&id];
        if news.is_object() {
            if news["timeline"]["limited"] == true {
                let mut gap = Vec::new();
                let mut from = news["timeline"]["prev_batch"]
                    .as_str()
                    .expect("a token")
                    .to_owned();
                let to = since
                    .as_ref()
                    .map(|it| format!("&to={it}"))
                    .unwrap_or_default();
                for _ in 0..100 {
                    let page =
                        client.get(&format!("{room}/messages?dir=b&limit=7&from={from}{to}"));
                    gap.extend(events(&page["chunk"]).cloned());
                    let Some(end) = page["end"].as_str() else {
                        break;
                    };
                    end.clone_into(&mut from);
                }
                gap.reverse();
                log.append(&mut gap);
            }
            for event in events(&news["state"]["events"]) {
                apply(&mut known, event);
            }
            for event in events(&news["timeline"]["events"]) {
                apply(&mut known, event);
                log.push(event.clone());
            }
        }
        since = told["next_batch"].as_str().map(str::to_owned);
    }
    let mut whole = Vec::new();
    let mut from = String::new();
    for _ in 0..200 {
        let page = client.get(&format!("{room}/messages?dir=f&limit=9{from}"));
        whole.extend(events(&page["chunk"]).cloned());
        let Some(end) = page["end"].as_str() else {
            break;
        };
        from = format!("&from={end}");
    }
    let ids = |list: &[Value]| {
        list.iter()
            .map(|it| it["event_id"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&log), ids(&whole));
    let order = |list: &mut Vec<String>| list.sort();
    let (mut mine, mut theirs) = (
        ids(&known),
        ids(client
            .get(&format!("{room}/state"))
            .as_array()
            .expect("state")),
    );
    order(&mut mine);
    order(&mut theirs);
    assert_eq!(mine, theirs);
}
