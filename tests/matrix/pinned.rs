//! Pinned messages, by both protocols.

use serde_json::{Value, json};

use super::{Client, address, events, refused, room_of, server};
use crate::{common::Person, roles::ask};

fn event_of(message: &str) -> String {
    let number: u128 = message.parse().expect("an id");
    format!("${number:032x}")
}

fn pins(person: &mut Person, flow: &str) -> Vec<String> {
    let list = ask(person, "pins", &json!({"flow": [{"uuid": flow}]})).is(200);
    list.messages()
        .iter()
        .map(|it| it["uuid"].as_str().expect("an id").to_owned())
        .collect()
}

#[track_caller]
fn pin(person: &mut Person, message: &str, on: bool, code: u64) {
    let data = json!({"message": [{"uuid": message}], "meta": {"on": on}});
    ask(person, "pin_message", &data).is(code);
}

fn told(client: &Client<'_>, room: &str) -> Value {
    client.get(&format!("{room}/state/m.room.pinned_events"))["pinned"].clone()
}

#[test]
fn what_one_protocol_pins_the_other_shows() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("G", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "boris");
    let path = format!("{room}/state/m.room.pinned_events");
    refused(client.call("GET", &path, &Value::Null), 404, "M_NOT_FOUND");
    let messages: Vec<_> = (0..3).map(|n| anna.send(&flow, &n.to_string())).collect();
    let names: Vec<_> = messages.iter().map(|it| event_of(it)).collect();
    let since = client.get("sync")["next_batch"].clone();
    pin(&mut anna, &messages[0], true, 200);
    pin(&mut anna, &messages[1], true, 200);
    assert_eq!(told(&client, &room), json!([names[0], names[1]]));
    let since = since.as_str().expect("a token");
    let news = client.get(&format!("sync?since={since}"));
    let timeline = &news["rooms"]["join"][room_of(&flow)]["timeline"]["events"];
    let last = events(timeline).last().expect("an event");
    assert_eq!(last["type"], "m.room.pinned_events");
    assert_eq!(last["sender"], "@anna:example.org");
    // A member of a group may pin by Matrix as by MTP: all at once.
    let wanted = json!({"pinned": [names[2], names[0], "$elsewhere"], "x": 1});
    let made = client.done("PUT", &path, &wanted)["event_id"].clone();
    assert_eq!(pins(&mut anna, &flow), [&*messages[2], &*messages[0]]);
    assert_eq!(client.get(&path), wanted);
    assert_eq!(client.done("PUT", &path, &wanted)["event_id"], made);
    let page = client.get(&format!("{room}/messages?dir=b&limit=1"));
    assert_eq!(page["chunk"][0]["event_id"], made, "one event for all");
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": flow}]}),
    );
    let kinds: Vec<_> = page.data()["meta"]["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["message"].is_string())
        .map(|event| (event["kind"].clone(), event["message"].clone()))
        .collect();
    let expected = [("pinned", 0), ("pinned", 1), ("unpinned", 1), ("pinned", 2)];
    let expected = expected.map(|(kind, n)| (json!(kind), json!(messages[n])));
    assert_eq!(kinds, expected);
    // What is deleted is pinned no more; the state stays until somebody pins again.
    anna.delete(&messages[2]).is(200);
    assert_eq!(pins(&mut anna, &flow), [&*messages[0]]);
    assert_eq!(client.get(&path), wanted);
    pin(&mut anna, &messages[0], false, 200);
    assert_eq!(told(&client, &room), json!([]));
    refused(
        client.call("PUT", &path, &json!({"pinned": 1})),
        400,
        "M_BAD_JSON",
    );
}

#[test]
fn who_may_not_pin_may_not_by_matrix_either() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    server.register("carol");
    let flow = anna.group("G", &[&boris]);
    let message = anna.send(&flow, "text");
    let owners = json!({"flow": [{"uuid": flow}], "meta": {"pin": "owner"}});
    ask(&mut anna, "edit_flow", &owners).is(200);
    let path = format!("{}/state/m.room.pinned_events", address(&room_of(&flow)));
    let wanted = json!({"pinned": [event_of(&message)]});
    for login in ["boris", "carol"] {
        let client = Client::sign_in(&server, login);
        refused(client.call("PUT", &path, &wanted), 403, "M_FORBIDDEN");
    }
    Client::sign_in(&server, "anna").done("PUT", &path, &wanted);
    assert_eq!(pins(&mut anna, &flow), [message]);
}

#[test]
fn what_was_pinned_before_matrix_was_on_is_pinned_there() {
    let mut server = crate::common::Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("G", &[]);
    let message = anna.send(&flow, "text");
    pin(&mut anna, &message, true, 200);
    server.stop();
    server.set("matrix.enabled", "on");
    server.set("matrix.server_name", "example.org");
    server.serve();
    let client = Client::sign_in(&server, "anna");
    let room = address(&room_of(&flow));
    assert_eq!(told(&client, &room), json!([event_of(&message)]));
}
