//! What nobody gets by naming events and people of rooms that are not theirs, or are no longer.

use serde_json::{Value, json};

use super::{Client, call, document, events, people, refused, server};
use crate::common::Server;

/// Reads what the first version has.
#[track_caller]
fn first(server: &Server, client: &Client<'_>, path: &str) -> Value {
    let path = format!("v1/{path}");
    document(&call(server, Some(&client.token), "GET", &path, &Value::Null).is(200))
}

#[test]
fn a_relation_reaches_no_event_of_another_room() {
    let server = server();
    let [anna, mallory] = people(&server, ["anna", "mallory"]);
    let room = anna.create(&json!({"name": "Secret"}));
    let victim = anna.say(&room, "the secret", "1");
    let other = mallory.create(&json!({"name": "Mine"}));
    // What calls itself a redaction without being one takes nothing back.
    let about = |how: &str| json!({"m.relates_to": {"rel_type": how, "event_id": victim}, "body": "x", "msgtype": "m.text"});
    mallory.send(&other, "org.example", "1", &about("redaction"));
    mallory.send(&other, "m.room.message", "2", &about("redaction"));
    assert_eq!(anna.texts(&room), ["the secret"]);
    // Nor does a thread show with what it begins elsewhere.
    mallory.send(&other, "m.room.message", "3", &about("m.thread"));
    let threads = first(&server, &mallory, &format!("{other}/threads"));
    assert!(!threads.to_string().contains("the secret"), "{threads}");
    assert_eq!(threads["chunk"], json!([]), "{threads}");
    // In the room itself it does.
    anna.send(&room, "m.room.message", "4", &about("m.thread"));
    let threads = first(&server, &anna, &format!("{room}/threads"));
    assert_eq!(threads["chunk"][0]["event_id"], json!(victim), "{threads}");
}

#[test]
fn who_was_banned_reads_nothing_that_came_later() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let room = anna.create(&json!({"preset": "public_chat", "name": "Open"}));
    boris.done("POST", &format!("{room}/join"), &json!({}));
    let first_event = anna.say(&room, "before", "1");
    let thread = |text: &str| json!({"msgtype": "m.text", "body": text, "m.relates_to": {"rel_type": "m.thread", "event_id": first_event}});
    anna.send(&room, "m.room.message", "2", &thread("early"));
    let ban = json!({"user_id": boris.user});
    anna.done("POST", &format!("{room}/ban"), &ban);
    anna.send(&room, "m.room.message", "3", &thread("late"));
    let edit = json!({
        "msgtype": "m.text", "body": "* later", "m.new_content": {"msgtype": "m.text", "body": "later"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": first_event},
    });
    anna.send(&room, "m.room.message", "4", &edit);
    let id = first_event.replace('$', "%24");
    let now = boris.get("sync")["next_batch"].clone();
    let now = now.as_str().expect("a token");
    let filter = "%7B%22room%22%3A%7B%22include_leave%22%3Atrue%7D%7D";
    for told in [
        boris.get(&format!("{room}/event/{id}")),
        boris.get(&format!("{room}/messages?dir=b")),
        boris.get(&format!("sync?filter={filter}")),
        first(&server, &boris, &format!("{room}/threads")),
        first(&server, &boris, &format!("{room}/threads?from={now}")),
        first(&server, &boris, &format!("{room}/relations/{id}")),
    ] {
        assert!(!told.to_string().contains("late\""), "{told}");
        assert!(!told.to_string().contains("later"), "{told}");
    }
    let shown = boris.get(&format!("{room}/event/{id}"));
    assert_eq!(shown["content"]["body"], "before");
    let threads = first(&server, &boris, &format!("{room}/threads?from={now}"));
    let latest = &threads["chunk"][0]["unsigned"]["m.relations"]["m.thread"];
    assert_eq!(
        (&latest["count"], &latest["latest_event"]["content"]["body"]),
        (&json!(1), &json!("early"))
    );
}

#[test]
fn receipts_are_of_events_that_are_there() {
    let server = server();
    server.register("anna");
    let anna = Client::sign_in(&server, "anna");
    let room = anna.create(&json!({"name": "G"}));
    let one = anna.say(&room, "one", "1");
    let two = anna.say(&room, "two", "2");
    let set = |event: &str, thread: &str| {
        let path = format!("{room}/receipt/m.read/{}", event.replace('$', "%24"));
        anna.call("POST", &path, &json!({"thread_id": thread}))
    };
    refused(
        set(&two, &format!("${}", "0".repeat(32))),
        404,
        "M_NOT_FOUND",
    );
    set(&two, &one).is(200);
    // However an id is spelled, it is one event.
    for same in [
        format!("{two}_0"),
        format!("{two}_00"),
        format!("{two}_000"),
    ] {
        set(&same, &one).is(200);
    }
    let told = anna.get("sync").to_string();
    assert!(!told.contains("_00"), "{told}");
}

#[test]
fn who_blocks_somebody_is_not_seen_by_that_one() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    anna.group("Family", &[&boris]);
    let here = Client::sign_in(&server, "anna");
    let blocked = Client::sign_in(&server, "boris");
    let status = json!({"presence": "online", "status_msg": "at home"});
    here.done("PUT", "presence/@anna:example.org/status", &status);
    let seen = blocked.get("presence/@anna:example.org/status");
    assert_eq!(seen["status_msg"], "at home", "{seen}");
    assert!(seen["last_active_ago"].is_number(), "{seen}");
    let block = json!({"user": [{}, {"uuid": boris.id}], "meta": {"on": true}});
    anna.ask("block_user", &block).is(200);
    refused(
        blocked.call("GET", "presence/@anna:example.org/status", &Value::Null),
        403,
        "M_FORBIDDEN",
    );
    let told = blocked.get("sync");
    let told: Vec<_> = events(&told["presence"]["events"]).collect();
    assert!(
        told.iter().all(|it| it["sender"] != "@anna:example.org"),
        "{told:?}"
    );
}
