//! Finding events: those about another, threads, by words, by time.

use serde_json::{Value, json};

use super::{Client, call, document, events, people, refused, server};

#[track_caller]
fn get(client: &Client<'_>, path: &str) -> Value {
    document(
        &call(
            client.server,
            Some(&client.token),
            "GET",
            &format!("v1/{path}"),
            &Value::Null,
        )
        .is(200),
    )
}

#[test]
fn what_is_about_an_event_is_found_newest_first() {
    let server = server();
    let [anna, carol] = people(&server, ["anna", "carol"]);
    let room = anna.create(&json!({"name": "G"}));
    let first = anna.say(&room, "root", "0");
    let relate = |how: &str, txn: &str| {
        let about = json!({"rel_type": how, "event_id": first});
        let content = json!({"msgtype": "m.text", "body": txn, "m.relates_to": about});
        anna.send(&room, "m.room.message", txn, &content)
    };
    let threaded: Vec<_> = ["a", "b", "c"].map(|txn| relate("m.thread", txn)).into();
    let reference = relate("m.reference", "d");
    anna.send(
        &room,
        "m.reaction",
        "e",
        &json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}}),
    );
    anna.done(
        "PUT",
        &format!("{room}/redact/{}/f", threaded[1]),
        &json!({}),
    );
    let ids = |told: &Value| {
        events(&told["chunk"])
            .map(|event| event["event_id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    let path = format!("{room}/relations/{first}");
    assert_eq!(ids(&get(&anna, &path)).len(), 4);
    assert_eq!(
        ids(&get(&anna, &format!("{path}/m.reference"))),
        std::slice::from_ref(&reference)
    );
    assert_eq!(
        ids(&get(&anna, &format!("{path}/m.annotation/m.reaction"))).len(),
        1
    );
    assert!(ids(&get(&anna, &format!("{path}/m.annotation/m.room.message"))).is_empty());
    let page = get(&anna, &format!("{path}/m.thread?limit=1"));
    assert_eq!(ids(&page), [threaded[2].clone()]);
    let next = page["next_batch"].as_str().expect("more");
    let page = get(&anna, &format!("{path}/m.thread?limit=1&from={next}"));
    assert_eq!(ids(&page), [threaded[0].clone()]);
    assert_eq!(page["next_batch"], Value::Null);
    let threads = get(&anna, &format!("{room}/threads"));
    assert_eq!(ids(&threads), std::slice::from_ref(&first));
    let bundle = &threads["chunk"][0]["unsigned"]["m.relations"]["m.thread"];
    assert_eq!(
        (
            &bundle["count"],
            &bundle["latest_event"]["event_id"],
            &bundle["current_user_participated"]
        ),
        (&json!(2), &json!(threaded[2]), &json!(true))
    );
    for path in [path, format!("{room}/threads")] {
        let path = format!("v1/{path}");
        refused(
            call(&server, Some(&carol.token), "GET", &path, &Value::Null),
            403,
            "M_FORBIDDEN",
        );
    }
    let oldest = get(&anna, &format!("{room}/timestamp_to_event?ts=0&dir=f"));
    let created = anna.get(&format!("{room}/messages?dir=f&limit=1"));
    assert_eq!(oldest["event_id"], created["chunk"][0]["event_id"]);
    let path = format!("v1/{room}/timestamp_to_event?ts=0&dir=b");
    refused(
        call(&server, Some(&anna.token), "GET", &path, &Value::Null),
        404,
        "M_NOT_FOUND",
    );
}

#[test]
fn words_are_found_in_rooms_of_ones_own() {
    let server = server();
    let mut boris = server.register("boris");
    server.register("anna");
    let [anna] = ["anna"].map(|login| Client::sign_in(&server, login));
    let room = anna.create(&json!({"name": "G"}));
    anna.done(
        "POST",
        &format!("{room}/invite"),
        &json!({"user_id": "@boris:example.org"}),
    );
    let flows = boris.ask("all_flow", &Value::Null).is(200);
    let flow = flows.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    boris.send(&flow, "a needle of MTP");
    let event = anna.say(&room, "a needle of Matrix", "1");
    let other = boris.group("Other", &[]);
    boris.send(&other, "a needle elsewhere");
    let search = |rooms: Value| {
        let mut wanted = json!({"search_term": "needle"});
        if !rooms.is_null() {
            wanted["filter"] = json!({"rooms": rooms});
        }
        let body = json!({"search_categories": {"room_events": wanted}});
        anna.done("POST", "search", &body)["search_categories"]["room_events"].clone()
    };
    let found = search(Value::Null);
    assert_eq!(found["count"], 2);
    assert_eq!(found["results"][0]["result"]["event_id"], json!(event));
    assert_eq!(
        found["results"][1]["result"]["content"]["body"],
        "a needle of MTP"
    );
    let id = room
        .strip_prefix("rooms/")
        .expect("a room")
        .replace("%21", "!")
        .replace("%3A", ":");
    assert_eq!(search(json!([id]))["count"], 2);
    assert_eq!(search(json!([]))["count"], 0);
}
